"""The GPU: memory in use and its limit, utilization, and how many programs use it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.host.commands import CommandRunner, is_mac, run_command
from harness.host.parse import parse_ioreg, parse_nvidia, parse_wired_limit

_NVIDIA = ("nvidia-smi", "--query-gpu=memory.used,memory.total,utilization.gpu", "--format=csv,noheader,nounits")
_NVIDIA_USERS = ("nvidia-smi", "--query-compute-apps=pid", "--format=csv,noheader")


@dataclass(frozen=True, slots=True)
class GpuState:
    """Bytes in use, the limit of bytes, utilization in percent, and the number of programs that use the GPU."""

    memory_bytes: int | None = None
    limit_bytes: int | None = None
    utilization_percent: int | None = None
    users: int | None = None


def gpu_state(run: CommandRunner = run_command, system: str | None = None) -> GpuState:
    """Read the state of the GPU. macOS does not report the users; on Linux only NVIDIA cards are read."""
    return _mac_state(run) if is_mac(system) else _nvidia_state(run)


def _mac_state(run: CommandRunner) -> GpuState:
    memory, utilization = parse_ioreg(run(["ioreg", "-r", "-c", "IOGPU", "-d", "1", "-f"]))
    if memory is None and utilization is None:
        # The class of older macOS versions.
        memory, utilization = parse_ioreg(run(["ioreg", "-r", "-c", "IOAccelerator", "-d", "1", "-f"]))
    limit = parse_wired_limit(run(["sysctl", "-n", "iogpu.wired_limit_mb"]))
    return GpuState(memory, limit, utilization, None)


def _nvidia_state(run: CommandRunner) -> GpuState:
    found = parse_nvidia(run(_NVIDIA))
    if found is None:
        return GpuState()
    listed = run(_NVIDIA_USERS)
    users = None if listed is None else len({line for line in listed.split() if line.isdigit()})
    return GpuState(found[0], found[1], found[2], users)
