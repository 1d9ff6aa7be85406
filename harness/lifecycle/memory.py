"""Memory around a model: snapshots, whether a model fits, and waiting until stopped programs have returned theirs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.errors import Problem, ServerError
from harness.host import (
    gpu_state,
    host_facts,
    is_this_machine,
    memory_in_use,
    server_memory,
    swap_used_bytes,
    wired_bytes,
)
from harness.servers import ServerHandle, count_of, read_property
from harness.types import GIB, SERVER_PROCESS, Log, MemoryUse, Model

SLACK_BYTES = 256 * 1024**2
FREED_TOLERANCE = 0.02
POLL_S = 0.25
STABLE_POLLS = 4


@dataclass(frozen=True, slots=True)
class MemorySnapshot:
    """Memory in use at one moment, in bytes; `method` says what `used_bytes` counts."""

    method: str | None = None
    used_bytes: int | None = None
    machine_bytes: int | None = None
    wired_bytes: int | None = None
    gpu_bytes: int | None = None
    swap_bytes: int | None = None
    gpu_utilization_percent: int | None = None


UNKNOWN = MemorySnapshot()


def is_local(model: Model) -> bool:
    """Whether the model's server runs on this machine."""
    host = urlsplit(model.base_url).hostname
    return host is not None and is_this_machine(host) and model.tunnel is None and not model.simulated


def port_of(model: Model) -> int:
    """Return the port on which the model's server listens."""
    parts = urlsplit(model.base_url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def take_snapshot(model: Model) -> MemorySnapshot:
    """Read the memory in use now; everything is None for a server that is remote or simulated."""
    if not is_local(model):
        return UNKNOWN
    process_bytes, machine_bytes = server_memory(port_of(model)), memory_in_use()
    gpu = gpu_state()
    is_process = process_bytes is not None
    method = SERVER_PROCESS if is_process else "machine in use" if machine_bytes is not None else None
    return MemorySnapshot(
        method=method,
        used_bytes=process_bytes if is_process else machine_bytes,
        machine_bytes=machine_bytes,
        wired_bytes=wired_bytes(),
        gpu_bytes=gpu.memory_bytes,
        swap_bytes=swap_used_bytes(),
        gpu_utilization_percent=gpu.utilization_percent,
    )


def memory_use(before: MemorySnapshot, loaded: MemorySnapshot, after: MemorySnapshot = UNKNOWN) -> MemoryUse:
    """Combine three snapshots; a value that was measured by another method than the loaded one is dropped."""

    def comparable(snapshot: MemorySnapshot) -> int | None:
        return snapshot.used_bytes if snapshot.method == loaded.method else None

    return MemoryUse(
        method=loaded.method,
        before_bytes=comparable(before),
        loaded_bytes=loaded.used_bytes,
        after_bytes=comparable(after),
        wired_before_bytes=before.wired_bytes,
        wired_loaded_bytes=loaded.wired_bytes,
        wired_after_bytes=after.wired_bytes,
        gpu_before_bytes=before.gpu_bytes,
        gpu_loaded_bytes=loaded.gpu_bytes,
        gpu_after_bytes=after.gpu_bytes,
        gpu_utilization_percent=before.gpu_utilization_percent,
    )


def await_memory(label: str, before: MemorySnapshot, timeout_s: float, log: Log) -> None:
    """Wait until a stopped model's memory is given back, and say for how long.

    Who stopped the run with Ctrl-C would else wonder why it does not end.
    """

    def say() -> None:
        log(f"waiting until the memory of {label} is given back, for {timeout_s:.0f} s at most; Ctrl-C ends the wait")

    if wait_until_freed(before, timeout_s, say) is False:
        log(f"the memory of {label} was not freed within {timeout_s:.0f} s")


def wait_until_freed(
    before: MemorySnapshot, timeout_s: float, on_wait: Callable[[], None] = lambda: None
) -> bool | None:
    """Wait until the machine uses about as much memory as before. False on timeout, None if it is unknown.

    The slack is for what the machine's other programs took meanwhile. `on_wait` is called once if there is a wait.
    """
    if before.machine_bytes is None:
        return None
    target_bytes = before.machine_bytes + max(SLACK_BYTES, int(FREED_TOLERANCE * before.machine_bytes))
    deadline_s, waited = time.monotonic() + timeout_s, False
    while (used_bytes := memory_in_use()) is not None and used_bytes > target_bytes:
        if not waited:
            on_wait()
        waited = True
        if time.monotonic() > deadline_s:
            return False
        time.sleep(POLL_S)
    return True


def wait_until_stable(timeout_s: float, log: Log) -> bool | None:
    """Wait until the memory in use no longer falls, and say for how long. False on timeout, None if it is unknown.

    Stopping is over before its memory is back: `launchctl bootout` returns while the process still ends, and a server
    unlists a model before the GPU driver has released it. Loading the next model then would put both in memory, as
    tests/test_story.py shows on a fake Mac with room for one.
    """
    log(f"waiting until memory is given back, for {timeout_s:.0f} s at most")
    deadline_s = time.monotonic() + timeout_s
    readings: list[int] = []
    while (used_bytes := memory_in_use()) is not None:
        readings.append(used_bytes)
        if len(readings) > STABLE_POLLS and readings[-1 - STABLE_POLLS] - used_bytes < SLACK_BYTES:
            return True
        if time.monotonic() > deadline_s:
            return False
        time.sleep(POLL_S)
    return None


def model_size(server: ServerHandle) -> tuple[int, str] | None:
    """Return the bytes that a model takes and where the figure is from; None if nothing states it."""
    model = server.model
    if model.lifecycle is not None and model.lifecycle.memory_bytes is not None:
        return model.lifecycle.memory_bytes, "lifecycle.memory_bytes"
    stated = count_of(model.facts.get("file_bytes"))
    if stated is not None:
        return stated, "facts.file_bytes"
    location = server.kind.lifecycle.model_size
    try:
        reported = count_of(read_property(server, location)) if location is not None else None
    except ServerError:
        return None
    return None if reported is None else (reported, "its server")


def memory_limit() -> tuple[int, str] | None:
    """Return the bytes that a model may take on this machine, and which limit that is.

    On a Mac a model must fit what the GPU may wire, which is less than the memory if `iogpu.wired_limit_mb` is set.
    """
    facts = host_facts()
    if facts.system == "macOS" and facts.gpu_wired_limit_bytes:
        return facts.gpu_wired_limit_bytes, "iogpu.wired_limit_mb"
    return (facts.memory_bytes, "the machine's memory") if facts.memory_bytes else None


def why_too_large(server: ServerHandle, limit: tuple[int, str] | None) -> Problem | None:
    """Return why a model does not fit this machine; None if it fits or its size is unknown."""
    size = model_size(server) if is_local(server.model) else None
    if size is None or limit is None or size[0] <= limit[0]:
        return None
    message = (
        f"model {server.model.label!r} does not fit: {size[0] / GIB:.1f} GiB by {size[1]}, and {limit[1]} is "
        f"{limit[0] / GIB:.1f} GiB; nothing was stopped for it"
    )
    return Problem(message, "choose a smaller model, or correct the size")
