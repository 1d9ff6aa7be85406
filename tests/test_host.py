"""The machine's facts: macOS from replayed outputs, this machine as it is."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from harness import host
from harness.files import to_json
from harness.host.facts import power_source
from harness.types.host import sold_gigabytes

CARDS = """{"SPDisplaysDataType": [{"_name": "Apple M4 Pro", "sppci_model": "Apple M4 Pro", "sppci_cores": "20",
  "spdisplays_ndrvs": [{"_name": "Studio Display", "spdisplays_display-serial-number": "SECRET123"}]}]}"""
VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               12345.
Pages active:                            800000.
Pages inactive:                          700000.
Pages speculative:                         1000.
Pages throttled:                              0.
Pages wired down:                        330751.
Pages purgeable:                          20000.
"Translation faults":                 123456789.
Pages copy-on-write:                    5000000.
Anonymous pages:                         900000.
File-backed pages:                       600000.
Pages stored in compressor:               90000.
Pages occupied by compressor:             40000.
Swapins:                                      0.
Swapouts:                                     0.
"""
BATT = """Now drawing from 'AC Power'
 -InternalBattery-0 (id=4653155)\t80%; charged; 0:00 remaining present: true
"""
PMSET = """System-wide power settings:
 lowpowermode         1
Currently in use:
 standby              1
 Sleep On Power Button 1
 powermode            2
 lowpowermode         0
 sleep                0 (sleep prevented by caffeinate)
"""
COOL = """Note: No thermal warning level has been recorded
Note: No performance warning level has been recorded
Note: No CPU power status has been recorded
"""
HOT = """Note: No thermal warning level has been recorded
Note: No performance warning level has been recorded
2026-09-01 10:00:00 +0200 CPU Power notify
\tCPU_Scheduler_Limit \t= 100
\tCPU_Available_CPUs \t= 8
\tCPU_Speed_Limit \t= 72
"""
FOOTPRINT = """======================================================================
llama-server [4711]: 64-bit    Footprint: 33290000000 B (16384 bytes per page)
======================================================================

  Dirty      Clean  Reclaimable    Regions    Category
    ---        ---          ---        ---    ---
33290000000 B        0 B          0 B       1003    IOAccelerator

Auxiliary data:
    phys_footprint: 33290000000 B
    phys_footprint_peak: 35430000000 B
"""
IOREG = """+-o AGXAcceleratorG16X  <class AGXAcceleratorG16X, id 0x100000a1b, registered, matched, active>
    {
      "gpu-core-count" = 20
      "PerformanceStatistics" = {"Device Utilization %"=34,"In use system memory"=7688503296}
    }
"""
MAC: Mapping[str, str] = {
    "ioreg -r -c IOGPU -d 1 -f": IOREG,
    "sysctl -n iogpu.wired_limit_mb": "40960\n",
    "sw_vers -productVersion": "26.1\n",
    "sysctl -n machdep.cpu.brand_string": "Apple M4 Pro\n",
    "sysctl -n hw.logicalcpu": "14\n",
    "sysctl -n hw.memsize": "51539607552\n",
    "sysctl -n vm.swapusage": "total = 1024.00M  used = 1.50M  free = 1022.50M  (encrypted)\n",
    "system_profiler SPDisplaysDataType -json": CARDS,
    "pmset -g batt": BATT,
    "pmset -g": PMSET,
    "pmset -g therm": COOL,
    "vm_stat": VM_STAT,
    "lsof -nP -iTCP:8080 -sTCP:LISTEN -t": "4711\n",
    "pgrep -P 4711": "4712\n4713\n",
    "pgrep -P 4712,4713": "4714\n4711\n",
    "footprint -f bytes -p 4711": FOOTPRINT,
    "footprint -f bytes -p 4712": "Auxiliary data:\n    phys_footprint: 524288 B\n",
    "footprint -f bytes -p 4713": "Auxiliary data:\n    phys_footprint: 0 B\n",
    "footprint -f bytes -p 4714": "Auxiliary data:\n    phys_footprint: 20000000000 B\n",
}


def replay(outputs: Mapping[str, str]) -> host.CommandRunner:
    def run(words: Sequence[str]) -> str | None:
        return outputs.get(" ".join(words))

    return run


def without(*commands: str) -> host.CommandRunner:
    return replay({command: text for command, text in MAC.items() if command not in commands})


def instead(command: str, text: str) -> host.CommandRunner:
    assert command in MAC
    return replay({**MAC, command: text})


THIS_MACHINE = {
    "127.0.0.1": True, "127.0.0.2": True, "::1": True, "::ffff:127.0.0.1": True, "localhost": True, "LOCALHOST.": True,
    "a.localhost": True, "0.0.0.0": False, "::": False,
}  # fmt: skip
"""Hosts that lead to this machine, and whether nobody else reaches a server that listens there."""


@pytest.mark.parametrize("name", THIS_MACHINE)
def test_a_host_that_leads_to_this_machine_is_known_however_it_is_written(name: str) -> None:
    assert host.is_this_machine(name)
    assert host.is_loopback(name) is THIS_MACHINE[name]


@pytest.mark.parametrize(
    "name", ["128.0.0.1", "10.0.0.1", "::2", "::ffff:10.0.0.1", "localhost.example.com", "notlocalhost", "studio", ""]
)
def test_any_other_host_is_another_machine(name: str) -> None:
    assert not host.is_this_machine(name)
    assert not host.is_loopback(name)


def test_a_mac_is_read_from_its_commands() -> None:
    facts = host.host_facts(replay(MAC), "Darwin")
    assert (facts.system, facts.system_version, facts.chip) == ("macOS", "26.1", "Apple M4 Pro")
    assert (facts.cpu_cores, facts.gpu_cores, facts.memory_bytes) == (14, 20, 48 * 1024**3)
    assert (facts.power_source, facts.low_power_mode) == ("AC Power", False)
    assert (facts.thermal_state, facts.swap_used_bytes) == ("no warning recorded", 1_572_864)
    assert facts.power_mode == "high"


def test_no_serial_number_is_kept() -> None:
    assert "SECRET123" not in to_json(host.host_facts(replay(MAC), "Darwin"))


def test_a_mac_whose_commands_are_all_missing_has_facts_that_are_none() -> None:
    facts = host.host_facts(replay({}), "Darwin")
    read = ("system_version", "chip", "cpu_cores", "gpu_cores", "memory_bytes", "power_source", "low_power_mode")
    assert [getattr(facts, name) for name in (*read, "thermal_state", "swap_used_bytes")] == [None] * 9
    assert host.memory_in_use(replay({}), "Darwin") is None
    assert host.server_memory(8080, replay({}), "Darwin") is None
    assert host.swap_used_bytes(replay({}), "Darwin") is None


@pytest.mark.parametrize(
    ("command", "text", "name"),
    [
        ("sw_vers -productVersion", "one\ntwo\n", "system_version"),
        ("sysctl -n hw.logicalcpu", "14 cores\n", "cpu_cores"),
        ("sysctl -n hw.memsize", "-1\n", "memory_bytes"),
        ("sysctl -n vm.swapusage", "used = some\n", "swap_used_bytes"),
        ("system_profiler SPDisplaysDataType -json", '{"SPDisplaysDataType": [{"sppci_cores": "many"}]}', "gpu_cores"),
        ("system_profiler SPDisplaysDataType -json", '{"SPDisplaysDataType": []}', "gpu_cores"),
        ("system_profiler SPDisplaysDataType -json", "{", "gpu_cores"),
        ("pmset -g batt", "Now drawing from 'Solar Power'\n", "power_source"),
        ("pmset -g", "System-wide power settings:\n lowpowermode         1\n", "low_power_mode"),
        ("pmset -g therm", "", "thermal_state"),
    ],
)
def test_unexpected_output_gives_none_and_never_a_guess(command: str, text: str, name: str) -> None:
    assert getattr(host.host_facts(instead(command, text), "Darwin"), name) is None
    assert getattr(host.host_facts(replay(MAC), "Darwin"), name) is not None


@pytest.mark.parametrize(("mode", "low"), [("0", False), ("1", True), ("2", False)])
def test_a_mac_with_three_power_modes_is_low_in_the_first_only(mode: str, low: bool) -> None:
    text = f"Currently in use:\n powermode            {mode}\n"
    assert host.parse_low_power(text) is low


def test_battery_and_thermal_limits_are_read() -> None:
    assert host.parse_power_source("Now drawing from 'Battery Power'\n") == "Battery Power"
    assert host.parse_thermal(HOT) == "CPU_Scheduler_Limit=100 CPU_Available_CPUs=8 CPU_Speed_Limit=72"


COOL_LINES = COOL.splitlines()
WARM = "2026-11-28 19:00:00 +0100 Thermal Warning Level = 1"


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        (COOL_LINES, "no warning recorded"),
        (COOL_LINES[:1], "no warning recorded"),
        ([WARM, *COOL_LINES[1:]], "Thermal_Warning_Level=1"),
        ([COOL_LINES[0], "Performance Warning Level = 2", COOL_LINES[2]], "Performance_Warning_Level=2"),
        ([COOL_LINES[0], "Error: No performance warning level with error code 0xe00002c2"], None),
        ([WARM, *HOT.splitlines()[2:5]], "Thermal_Warning_Level=1 CPU_Scheduler_Limit=100 CPU_Available_CPUs=8"),
    ],
)
def test_a_recorded_warning_level_is_neither_lost_nor_denied(lines: list[str], state: str | None) -> None:
    assert host.parse_thermal("\n".join(lines) + "\n") == state


def test_memory_in_use_is_anonymous_wired_and_compressed() -> None:
    pages = 900_000 - 20_000 + 330_751 + 40_000
    assert host.memory_in_use(replay(MAC), "Darwin") == pages * 16_384


def test_memory_in_use_needs_every_line_and_the_page_size() -> None:
    assert host.parse_memory_in_use(VM_STAT.replace("Pages wired down", "Pages wired up")) is None
    assert host.parse_memory_in_use(VM_STAT.replace("page size of 16384 bytes", "pages")) is None


def test_a_mac_servers_memory_is_its_footprint_with_all_its_descendants() -> None:
    assert host.server_memory(8080, replay(MAC), "Darwin") == 33_290_000_000 + 524_288 + 20_000_000_000


@pytest.mark.parametrize(("size", "size_bytes"), [("31 GB", 31 * 1024**3), ("512 KB", 524_288), ("99 B", 99)])
def test_a_footprint_is_read_with_and_without_a_rounding_unit(size: str, size_bytes: int) -> None:
    assert host.parse_footprint(f"Auxiliary data:\n    phys_footprint: {size}\n") == size_bytes


def test_a_partly_unknown_footprint_is_none() -> None:
    assert host.server_memory(8080, without("footprint -f bytes -p 4712"), "Darwin") is None
    assert host.server_memory(8080, without("pgrep -P 4711"), "Darwin") == 33_290_000_000
    assert host.server_memory(8081, replay(MAC), "Darwin") is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n', "Debian GNU/Linux 13 (trixie)"),
        ("PRETTY_NAME=Alpine\n", "Alpine"),
        ("NAME=x\n", None),
        (None, None),
    ],
)
def test_linux_distributions_are_named(text: str | None, name: str | None) -> None:
    assert host.parse_os_release(text) == name


def test_a_cpu_without_a_name_has_none() -> None:
    assert host.parse_cpu_model("processor\t: 0\nmodel name\t: AMD EPYC 7B13 \n") == "AMD EPYC 7B13"
    assert host.parse_cpu_model("processor\t: 0\nBogoMIPS\t: 48.00\n") is None


def test_this_machine_has_facts_without_its_name() -> None:
    facts = host.host_facts()
    assert facts.memory_bytes
    assert facts.cpu_cores
    assert facts.system in ("Linux", "macOS")
    assert os.uname().nodename not in to_json(facts) or len(os.uname().nodename) < 4
    assert (host.memory_in_use() or 0) > 0
    assert host.swap_used_bytes() is not None


def test_the_memory_of_a_server_is_that_of_the_process_that_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        memory_bytes = host.server_memory(port)
    assert memory_bytes is not None
    assert memory_bytes > 1_000_000
    assert host.server_memory(port) is None


def test_a_missing_a_failing_and_a_working_command_are_told_apart() -> None:
    assert host.run_command(["no-such-command-here"]) is None
    assert host.run_command([sys.executable, "-c", "raise SystemExit(3)"]) is None
    assert host.run_command([sys.executable, "-c", "print('well')"]) == "well\n"


def test_a_macs_gpu_is_read_from_ioreg_and_its_limit_from_sysctl() -> None:
    facts = host.host_facts(replay(MAC), "Darwin")
    assert (facts.gpu_memory_bytes, facts.gpu_utilization_percent) == (7_688_503_296, 34)
    assert (facts.gpu_wired_limit_bytes, facts.gpu_processes) == (40 * 1024**3, None)
    assert facts.wired_bytes == 330_751 * 16_384


def test_older_macs_list_their_gpu_under_another_class() -> None:
    outputs = {**MAC, "ioreg -r -c IOAccelerator -d 1 -f": IOREG}
    del outputs["ioreg -r -c IOGPU -d 1 -f"]
    assert host.gpu_state(replay(outputs), "Darwin").utilization_percent == 34


def test_a_wired_limit_of_zero_is_the_systems_default_and_unknown() -> None:
    assert host.host_facts(instead("sysctl -n iogpu.wired_limit_mb", "0\n"), "Darwin").gpu_wired_limit_bytes is None


def test_two_gpus_or_none_are_unknown() -> None:
    assert host.parse_ioreg(IOREG + IOREG) == (None, None)
    assert host.parse_ioreg(None) == (None, None)


NVIDIA: Mapping[str, str] = {
    "nvidia-smi --query-gpu=memory.used,memory.total,utilization.gpu --format=csv,noheader,nounits": (
        "1024, 24576, 3\n512, 24576, 97\n"
    ),
    "nvidia-smi --query-compute-apps=pid --format=csv,noheader": "4711\n4712\n4711\n",
}


def test_nvidia_cards_are_summed_and_their_users_counted() -> None:
    state = host.gpu_state(replay(NVIDIA), "Linux")
    assert state == host.GpuState(1536 * 1024**2, 49_152 * 1024**2, 97, 2)


def test_linux_without_a_card_or_with_unexpected_output_has_no_gpu_facts() -> None:
    assert host.gpu_state(replay({}), "Linux") == host.GpuState()
    assert host.parse_nvidia("[N/A], 24576, 3\n") is None
    assert host.parse_nvidia("1, 2, 3\nUnknown error\n") is None


@pytest.mark.parametrize(
    ("text", "low"),
    [
        ("low-power\n", True),
        ("balanced\n", False),
        ("performance\n", False),
        ("custom\n", None),
        ("", None),
        (None, None),
    ],
)
def test_a_linux_low_power_profile_is_recognized(text: str | None, low: bool | None) -> None:
    assert host.parse_platform_profile(text) is low


def test_unevictable_memory_of_linux_is_read_in_kilobytes() -> None:
    assert host.parse_unevictable("MemFree:   1 kB\nUnevictable:        3072 kB\n") == 3072 * 1024
    assert host.parse_unevictable("MemFree:   1 kB\n") is None


def test_a_process_is_identified_by_its_start_time_and_can_be_terminated() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        began = host.process_start_time(process.pid)
        assert began is not None
        other = host.process_start_time(os.getpid())
        assert other is not None
        assert not host.is_same_process(process.pid, other)
        assert host.terminate_process(process.pid, other, 1.0)
        assert process.poll() is None
        assert host.terminate_process(process.pid, began, 5.0)
        process.wait(5)
    assert host.process_start_time(process.pid) is None


def test_a_start_time_of_an_older_state_file_still_identifies_a_process() -> None:
    created_s = psutil.Process().create_time()
    assert host.is_same_process(os.getpid(), created_s)
    assert not host.is_same_process(os.getpid(), created_s - 5)


SET_CLOCK = """
import os, pathlib, sys
import psutil
from harness import host
pid, folder, step_s = int(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
text = pathlib.Path("/proc/stat").read_text()
btime = next(line for line in text.splitlines() if line.startswith("btime"))
(folder / "stat").write_text(text.replace(btime, f"btime {int(btime.split()[1]) + step_s}"))
for number in (pid, os.getpid()):
    (folder / str(number)).symlink_to(f"/proc/{number}")
psutil.PROCFS_PATH = str(folder)
print(psutil.Process(pid).create_time())
print(host.is_same_process(pid, sys.argv[4]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux computes start times from a clock that can be set")
def test_a_process_stays_the_same_when_the_wall_clock_is_set(tmp_path: Path) -> None:
    created_s, start = psutil.Process().create_time(), host.process_start_time(os.getpid())
    command = [sys.executable, "-c", SET_CLOCK, str(os.getpid()), str(tmp_path), "2", str(start)]
    seen_s, is_same = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert float(seen_s) == pytest.approx(created_s + 2, abs=0.1)
    assert is_same == "True"


@pytest.mark.skipif(sys.platform != "linux", reason="a process can give itself a name only on Linux")
def test_the_memory_of_a_forwarder_is_not_that_of_a_server() -> None:
    """As for a server in a container, for whose published port docker-proxy listens."""
    listen = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); "
    code = f"{listen}open('/proc/self/comm', 'w').write('docker-proxy'); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        process.stdout.readline()
        found = host.server_memory(port)
        process.kill()
    assert found is None


def test_a_forwarder_on_a_mac_hides_the_memory_of_the_server() -> None:
    names = {"ps -o comm= -p 4711": "/Applications/Docker.app/Contents/MacOS/com.docker.backend\n"}
    assert host.server_memory(8080, replay({**MAC, **names}), "Darwin") is None


def test_a_process_that_ignores_sigterm_is_killed() -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert host.terminate_process(process.pid, host.process_start_time(process.pid) or 0.0, 0.2)
        assert host.process_start_time(process.pid) is None


def test_the_home_folder_is_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/Users/jane")
    assert host.redact_home("its log is /Users/jane/results/a.log") == "its log is ~/results/a.log"
    monkeypatch.setenv("HOME", "/")
    assert host.redact_home("its log is /tmp/a.log") == "its log is /tmp/a.log"


def test_a_port_in_use_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert host.is_port_in_use(port) is True
    assert host.is_port_in_use(port) is False


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_seen_on_a_mac_that_hides_the_sockets_of_others(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listening:
        port = listening.getsockname()[1]
        assert host.is_port_in_use(port, "Darwin") is True
    assert host.is_port_in_use(port, "Darwin") is False


def test_a_kernel_without_power_supplies_has_an_unknown_power_source() -> None:
    def none_known() -> None:
        raise FileNotFoundError("/sys/class/power_supply")

    assert power_source(none_known) is None
    assert power_source(lambda: None) is None


@pytest.mark.parametrize(
    ("rows", "mode"),
    [
        (" powermode            0\n", "automatic"),
        (" powermode            1\n", "low"),
        (" lowpowermode         1\n", "low"),
        (" lowpowermode         1\n powermode            2\n", "low"),
        (" lowpowermode         0\n", None),
        ("", None),
    ],
)
def test_a_macs_power_mode_is_read_where_its_rows_decide_it(rows: str, mode: str | None) -> None:
    assert host.parse_power_mode(f"Currently in use:\n{rows}") == mode
    assert host.parse_power_mode(None) is None


@pytest.mark.parametrize(("text", "mode"), [("balanced\n", "automatic"), ("performance\n", "high"), ("odd", None)])
def test_a_linux_power_profile_maps_to_the_same_modes(text: str, mode: str | None) -> None:
    assert host.parse_platform_mode(text) == mode


@pytest.mark.parametrize(
    ("gib", "sold"),
    [(64, 64), (62.4, 64), (29.9, 32), (36, 36), (18, 18), (15, 16), (5, 5), (28, 28), (3000, 3000), (0.2, 0)],
)
def test_memory_counts_as_the_size_that_was_sold(gib: float, sold: int) -> None:
    assert sold_gigabytes(round(gib * 2**30)) == sold


def test_unknown_memory_stays_unknown() -> None:
    assert sold_gigabytes(None) is None
