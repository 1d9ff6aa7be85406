"""The graphics processor: what it holds, how busy it is, who else uses it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.host.commands import CommandRunner, is_mac, run_command
from harness.host.parse import parse_ioreg, parse_nvidia, parse_wired_limit

_NVIDIA = ("nvidia-smi", "--query-gpu=memory.used,memory.total,utilization.gpu", "--format=csv,noheader,nounits")
_NVIDIA_USERS = ("nvidia-smi", "--query-compute-apps=pid", "--format=csv,noheader")


@dataclass(frozen=True, slots=True)
class GpuState:
    """Bytes in use, bytes that it may hold, how busy it is, how many programs use it."""

    memory_bytes: int | None = None
    limit_bytes: int | None = None
    utilization_percent: int | None = None
    users: int | None = None


def _mac(run: CommandRunner) -> GpuState:
    memory, busy = parse_ioreg(run(["ioreg", "-r", "-c", "IOGPU", "-d", "1", "-f"]))
    if memory is None and busy is None:
        memory, busy = parse_ioreg(run(["ioreg", "-r", "-c", "IOAccelerator", "-d", "1", "-f"]))
    limit = parse_wired_limit(run(["sysctl", "-n", "iogpu.wired_limit_mb"]))
    return GpuState(memory, limit, busy, None)


def _nvidia(run: CommandRunner) -> GpuState:
    found = parse_nvidia(run(_NVIDIA))
    if found is None:
        return GpuState()
    listed = run(_NVIDIA_USERS)
    users = None if listed is None else len({line for line in listed.split() if line.isdigit()})
    return GpuState(found[0], found[1], found[2], users)


def gpu_state(run: CommandRunner = run_command, system: str | None = None) -> GpuState:
    """The graphics processor now; macOS tells no users, Linux only NVIDIA's cards."""
    return _mac(run) if is_mac(system) else _nvidia(run)
