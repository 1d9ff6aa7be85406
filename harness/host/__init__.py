"""Facts of this machine: hardware, memory, GPU, CPU time, power, processes and addresses; macOS and Linux.

On macOS each fact is parsed from the output of one command, so that tests replay outputs of other machines. What
cannot be read is None, never a guess. Serial numbers and host names in those outputs are not kept.
"""

from harness.host.addresses import is_loopback, is_this_machine
from harness.host.commands import CommandRunner, redact_home, run_command
from harness.host.cpu_time import CpuTimes, cpu_times, other_cpu_share, peak_rss_bytes
from harness.host.facts import boot_id, host_facts, linux_facts, mac_facts
from harness.host.gpu import GpuState, gpu_state
from harness.host.memory import memory_in_use, server_memory, swap_used_bytes, wired_bytes
from harness.host.parse import (
    parse_cpu_model,
    parse_footprint,
    parse_gpu_cores,
    parse_integer,
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
    parse_wired,
    parse_wired_limit,
)
from harness.host.processes import StartTime, is_port_in_use, is_same_process, process_start_time, terminate_process

__all__ = [
    "CommandRunner",
    "CpuTimes",
    "GpuState",
    "StartTime",
    "boot_id",
    "cpu_times",
    "gpu_state",
    "host_facts",
    "is_loopback",
    "is_port_in_use",
    "is_same_process",
    "is_this_machine",
    "linux_facts",
    "mac_facts",
    "memory_in_use",
    "other_cpu_share",
    "parse_cpu_model",
    "parse_footprint",
    "parse_gpu_cores",
    "parse_integer",
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
    "parse_wired",
    "parse_wired_limit",
    "peak_rss_bytes",
    "process_start_time",
    "redact_home",
    "run_command",
    "server_memory",
    "swap_used_bytes",
    "terminate_process",
    "wired_bytes",
]
