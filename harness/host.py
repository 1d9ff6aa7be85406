"""Facts of this machine, each by a command whose output can be replayed; what cannot be read is None, never a guess.

Serial numbers, host names and home folders are in what some commands print; nothing of them is kept.
Sources of the macOS formats: the man pages of sysctl, vm_stat, pmset, sw_vers, lsof and footprint, and outputs that
users published.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from harness.types import HostFacts

Run = Callable[[Sequence[str]], str | None]
"""Runs a command; its standard output, None when it is missing, fails or hangs."""

COMMAND_S = 20.0
_UNITS = {"B": 1, "KB": 1024, "K": 1024, "MB": 1024**2, "M": 1024**2, "GB": 1024**3, "G": 1024**3, "T": 1024**4}


def run_command(words: Sequence[str]) -> str | None:
    """The standard output of a command in the C locale; None when it is missing, fails or takes too long."""
    try:
        done = subprocess.run(
            words, capture_output=True, timeout=COMMAND_S, check=False, env=os.environ | {"LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


# --- parsers: text of one command -> one fact -----------------------------------------------------------------


def parse_whole(text: str | None) -> int | None:
    """The number that is all of the text."""
    stripped = (text or "").strip()
    return int(stripped) if re.fullmatch(r"\d+", stripped) else None


def parse_line(text: str | None) -> str | None:
    """The text's only line; None where it is empty or has several."""
    stripped = (text or "").strip()
    return stripped if stripped and "\n" not in stripped else None


def parse_gpu_cores(text: str | None) -> int | None:
    """GPU cores from `system_profiler SPDisplaysDataType -json`, where they stand as text beside display serials."""
    try:
        cards = json.loads(text or "")["SPDisplaysDataType"]
        cores = [card["sppci_cores"] for card in cards if "sppci_cores" in card]
    except (ValueError, KeyError, TypeError):
        return None
    return parse_whole(str(cores[0])) if len(cores) == 1 else None


def parse_swap_used(text: str | None) -> int | None:
    """Bytes from `sysctl -n vm.swapusage`: `total = 1024.00M  used = 0.00M  free = 1024.00M  (encrypted)`."""
    found = re.search(r"\bused = (\d+(?:\.\d+)?)([KMGT])\b", text or "")
    return int(float(found[1]) * _UNITS[found[2]]) if found else None


def parse_vm_stat(text: str | None) -> dict[str, int] | None:
    """Bytes of each line of `vm_stat`: pages times the page size of its first line; None without a page size."""
    size = re.search(r"page size of (\d+) bytes", text or "")
    if size is None:
        return None
    lines = re.findall(r'^"?([A-Za-z][A-Za-z -]*?)"?:\s+(\d+)\.\s*$', text or "", re.MULTILINE)
    return {name: int(pages) * int(size[1]) for name, pages in lines}


def parse_memory_in_use(text: str | None) -> int | None:
    """Bytes in use from `vm_stat` as Activity Monitor counts them: anonymous less purgeable, wired, compressed."""
    pages = parse_vm_stat(text)
    names = ("Anonymous pages", "Pages purgeable", "Pages wired down", "Pages occupied by compressor")
    if pages is None or any(name not in pages for name in names):
        return None
    anonymous, purgeable, wired, compressed = (pages[name] for name in names)
    return anonymous - purgeable + wired + compressed


def parse_power_source(text: str | None) -> str | None:
    """`AC Power`, `Battery Power` or `UPS Power` from the first line of `pmset -g batt`."""
    found = re.match(r"Now drawing from '((?:AC|Battery|UPS) Power)'", text or "")
    return found[1] if found else None


def parse_low_power(text: str | None) -> bool | None:
    """From `pmset -g`: `lowpowermode` 0 or 1, else `powermode` 0, 1 (low) or 2, of what is in use now."""
    _, found, block = (text or "").partition("Currently in use:")
    rows = dict(re.findall(r"^ (lowpowermode|powermode)\s+([0-2])\s*$", block, re.MULTILINE)) if found else {}
    mode = rows.get("lowpowermode", rows.get("powermode"))
    return None if mode is None else mode == "1"


def parse_thermal(text: str | None) -> str | None:
    """From `pmset -g therm`: its limits as `NAME=VALUE`, or `no warning recorded`, which is no proof of coolness."""
    limits = re.findall(r"^\s*(CPU_[A-Za-z_]+)\s*=\s*(\d+)\s*$", text or "", re.MULTILINE)
    if limits:
        return " ".join(f"{name}={value}" for name, value in limits)
    quiet = "No thermal warning level has been recorded" in (text or "")
    return "no warning recorded" if quiet else None


def parse_footprint(text: str | None) -> int | None:
    """Bytes from `footprint PID`: its line `phys_footprint: 99 MB`."""
    found = re.search(r"^\s*phys_footprint:\s+(\d+(?:\.\d+)?)\s*(B|KB|MB|GB)\s*$", text or "", re.MULTILINE)
    return int(float(found[1]) * _UNITS[found[2]]) if found else None


def parse_os_release(text: str | None) -> str | None:
    """PRETTY_NAME of Linux's os-release."""
    found = re.search(r'^PRETTY_NAME="?([^"\n]+)"?$', text or "", re.MULTILINE)
    return found[1] if found else None


def parse_cpu_model(text: str | None) -> str | None:
    """The processor's name from Linux's /proc/cpuinfo; ARM kernels do not write one."""
    found = re.search(r"^model name\s*:\s*(\S.*?)\s*$", text or "", re.MULTILINE)
    return found[1] if found else None


# --- facts ----------------------------------------------------------------------------------------------------


def _text_of(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _load_1m() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def mac_facts(run: Run) -> HostFacts:
    """The facts of a Mac by commands that need no password."""
    return HostFacts(
        system="macOS",
        system_version=parse_line(run(["sw_vers", "-productVersion"])),
        architecture=platform.machine(),
        chip=parse_line(run(["sysctl", "-n", "machdep.cpu.brand_string"])),
        cpu_cores=parse_whole(run(["sysctl", "-n", "hw.logicalcpu"])),
        gpu_cores=parse_gpu_cores(run(["system_profiler", "SPDisplaysDataType", "-json"])),
        memory_bytes=parse_whole(run(["sysctl", "-n", "hw.memsize"])),
        power_source=parse_power_source(run(["pmset", "-g", "batt"])),
        low_power_mode=parse_low_power(run(["pmset", "-g"])),
        thermal=parse_thermal(run(["pmset", "-g", "therm"])),
        swap_used_bytes=parse_swap_used(run(["sysctl", "-n", "vm.swapusage"])),
        load_1m=_load_1m(),
        python=platform.python_version(),
    )


def _plugged() -> str | None:
    battery = psutil.sensors_battery()
    if battery is None or battery.power_plugged is None:
        return None
    return "AC Power" if battery.power_plugged else "Battery Power"


def linux_facts() -> HostFacts:
    """The facts of a Linux machine; nothing there counts GPU cores or tells a power mode the same way everywhere."""
    return HostFacts(
        system="Linux",
        system_version=parse_os_release(_text_of("/etc/os-release")),
        architecture=platform.machine(),
        chip=parse_cpu_model(_text_of("/proc/cpuinfo")),
        cpu_cores=psutil.cpu_count(),
        gpu_cores=None,
        memory_bytes=psutil.virtual_memory().total,
        power_source=_plugged(),
        low_power_mode=None,
        thermal=None,
        swap_used_bytes=psutil.swap_memory().used,
        load_1m=_load_1m(),
        python=platform.python_version(),
    )


def _is_mac(system: str | None) -> bool:
    return (system or platform.system()) == "Darwin"


def host_facts(run: Run = run_command, system: str | None = None) -> HostFacts:
    """What this machine is; `system` is the kernel's name (`Darwin`, `Linux`), by default the one that runs."""
    return mac_facts(run) if _is_mac(system) else linux_facts()


def swap_used_bytes(run: Run = run_command, system: str | None = None) -> int | None:
    """Bytes of swap in use now; growth during a run spoils its speeds."""
    return parse_swap_used(run(["sysctl", "-n", "vm.swapusage"])) if _is_mac(system) else psutil.swap_memory().used


def memory_in_use(run: Run = run_command, system: str | None = None) -> int | None:
    """Bytes of the machine's memory that cannot be given to a program without paging."""
    if _is_mac(system):
        return parse_memory_in_use(run(["vm_stat"]))
    memory = psutil.virtual_memory()
    return memory.total - memory.available


# --- a server's process ---------------------------------------------------------------------------------------


def _listeners(port: int) -> set[int]:
    rows = psutil.net_connections(kind="tcp")
    heard = [row for row in rows if row.status == psutil.CONN_LISTEN and row.laddr and row.laddr.port == port]
    return {row.pid for row in heard if row.pid}


def _family(pids: set[int]) -> set[psutil.Process]:
    found: set[psutil.Process] = set()
    for pid in pids:
        process = psutil.Process(pid)
        found |= {process, *process.children(recursive=True)}
    return found


def _mac_server_memory(port: int, run: Run) -> int | None:
    listed = run(["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t"])
    pids = {int(line) for line in (listed or "").split() if line.isdigit()}
    children = run(["pgrep", "-P", ",".join(map(str, sorted(pids)))]) if pids else None
    pids |= {int(line) for line in (children or "").split() if line.isdigit()}
    sizes = [parse_footprint(run(["footprint", str(pid)])) for pid in sorted(pids)]
    known = [size for size in sizes if size is not None]
    return sum(known) if known and len(known) == len(sizes) else None


def server_memory(port: int, run: Run = run_command, system: str | None = None) -> int | None:
    """Bytes of the processes that listen on a local port and of their children; None where they cannot be seen.

    On Linux the resident set; on macOS the physical footprint, since mapped weights mislead there.
    """
    if _is_mac(system):
        return _mac_server_memory(port, run)
    try:
        processes = _family(_listeners(port))
        return sum(process.memory_info().rss for process in processes) or None
    except psutil.Error:
        return None
