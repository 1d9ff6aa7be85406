"""`host_facts` describes this machine: hardware, system, power, memory and GPU, without naming it or its owner."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import Any

import psutil

from harness.host.commands import CommandRunner, is_mac, read_text, run_command
from harness.host.gpu import GpuState, gpu_state
from harness.host.parse import (
    parse_cpu_model,
    parse_gpu_cores,
    parse_integer,
    parse_line,
    parse_low_power,
    parse_os_release,
    parse_platform_mode,
    parse_platform_profile,
    parse_power_mode,
    parse_power_source,
    parse_swap_used,
    parse_thermal,
    parse_unevictable,
    parse_wired,
)
from harness.types import HostFacts


def _load_1m() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def _gpu_facts(state: GpuState) -> dict[str, int | None]:
    return {
        "gpu_wired_limit_bytes": state.limit_bytes,
        "gpu_memory_bytes": state.memory_bytes,
        "gpu_utilization_percent": state.utilization_percent,
        "gpu_processes": state.users,
    }


def mac_facts(run: CommandRunner) -> HostFacts:
    """Read the facts of a Mac by commands that need no password."""
    power = run(["pmset", "-g"])
    return HostFacts(
        system="macOS",
        system_version=parse_line(run(["sw_vers", "-productVersion"])),
        architecture=platform.machine(),
        chip=parse_line(run(["sysctl", "-n", "machdep.cpu.brand_string"])),
        cpu_cores=parse_integer(run(["sysctl", "-n", "hw.logicalcpu"])),
        gpu_cores=parse_gpu_cores(run(["system_profiler", "SPDisplaysDataType", "-json"])),
        memory_bytes=parse_integer(run(["sysctl", "-n", "hw.memsize"])),
        power_source=parse_power_source(run(["pmset", "-g", "batt"])),
        low_power_mode=parse_low_power(power),
        power_mode=parse_power_mode(power),
        thermal_state=parse_thermal(run(["pmset", "-g", "therm"])),
        swap_used_bytes=parse_swap_used(run(["sysctl", "-n", "vm.swapusage"])),
        load_1m=_load_1m(),
        python_version=platform.python_version(),
        wired_bytes=parse_wired(run(["vm_stat"])),
        **_gpu_facts(gpu_state(run, "Darwin")),
    )


def power_source(read_battery: Callable[[], Any]) -> str | None:
    """Return the power source by psutil's battery; None for a machine without one or a kernel without that class."""
    try:
        battery = read_battery()
    except OSError:
        return None
    if battery is None or battery.power_plugged is None:
        return None
    return "AC Power" if battery.power_plugged else "Battery Power"


def linux_facts(run: CommandRunner) -> HostFacts:
    """Read the facts of a Linux machine. No interface there counts GPU cores or reports thermal limits uniformly."""
    profile = read_text("/sys/firmware/acpi/platform_profile")
    return HostFacts(
        system="Linux",
        system_version=parse_os_release(read_text("/etc/os-release")),
        architecture=platform.machine(),
        chip=parse_cpu_model(read_text("/proc/cpuinfo")),
        cpu_cores=psutil.cpu_count(),
        gpu_cores=None,
        memory_bytes=psutil.virtual_memory().total,
        power_source=power_source(psutil.sensors_battery),
        low_power_mode=parse_platform_profile(profile),
        power_mode=parse_platform_mode(profile),
        thermal_state=None,
        swap_used_bytes=psutil.swap_memory().used,
        load_1m=_load_1m(),
        python_version=platform.python_version(),
        wired_bytes=parse_unevictable(read_text("/proc/meminfo")),
        **_gpu_facts(gpu_state(run, "Linux")),
    )


def boot_id(run: CommandRunner = run_command, system: str | None = None) -> str | None:
    """Return a random identifier that the kernel draws at every boot; the monotonic clock restarts with it."""
    if is_mac(system):
        return parse_line(run(["sysctl", "-n", "kern.bootsessionuuid"]))
    return parse_line(read_text("/proc/sys/kernel/random/boot_id"))


def host_facts(run: CommandRunner = run_command, system: str | None = None) -> HostFacts:
    """Describe this machine; `system` is a kernel name (`Darwin`, `Linux`), by default that of this machine."""
    return mac_facts(run) if is_mac(system) else linux_facts(run)
