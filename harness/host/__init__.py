"""Facts of this machine, each by a command whose output can be replayed; what cannot be read is None, never a guess.

Serial numbers, host names and home folders are in what some commands print; nothing of them is kept.
"""

from harness.host.commands import Run, run_command, without_home
from harness.host.cpu_time import Work, largest_memory_bytes, share_of_others, work
from harness.host.facts import host_facts, linux_facts, mac_facts
from harness.host.gpu import GpuState, gpu_state
from harness.host.memory import memory_in_use, server_memory, swap_used_bytes, wired_bytes
from harness.host.parse import (
    parse_cpu_model,
    parse_footprint,
    parse_gpu_cores,
    parse_ioreg,
    parse_line,
    parse_low_power,
    parse_memory_in_use,
    parse_nvidia,
    parse_os_release,
    parse_platform_mode,
    parse_platform_profile,
    parse_power_mode,
    parse_power_source,
    parse_swap_used,
    parse_thermal,
    parse_unevictable,
    parse_vm_stat,
    parse_whole,
    parse_wired,
    parse_wired_limit,
)
from harness.host.processes import began_at, end_process, is_same, listens

__all__ = [
    "GpuState",
    "Run",
    "Work",
    "began_at",
    "end_process",
    "gpu_state",
    "host_facts",
    "is_same",
    "largest_memory_bytes",
    "linux_facts",
    "listens",
    "mac_facts",
    "memory_in_use",
    "parse_cpu_model",
    "parse_footprint",
    "parse_gpu_cores",
    "parse_ioreg",
    "parse_line",
    "parse_low_power",
    "parse_memory_in_use",
    "parse_nvidia",
    "parse_os_release",
    "parse_platform_mode",
    "parse_platform_profile",
    "parse_power_mode",
    "parse_power_source",
    "parse_swap_used",
    "parse_thermal",
    "parse_unevictable",
    "parse_vm_stat",
    "parse_whole",
    "parse_wired",
    "parse_wired_limit",
    "run_command",
    "server_memory",
    "share_of_others",
    "swap_used_bytes",
    "wired_bytes",
    "without_home",
    "work",
]
