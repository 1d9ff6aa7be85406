"""Memory around a model: what was in use when, whether a model fits, and waiting until it is given back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.errors import ServerError
from harness.host import gpu_state, host_facts, memory_in_use, server_memory, swap_used_bytes, wired_bytes
from harness.servers import ServerHandle, read_fact
from harness.types import MemoryUse, Model

GIB = 2**30
SLACK_BYTES = 256 * 1024**2
SLACK_SHARE = 0.02
POLL_S = 0.25
SETTLED_POLLS = 4
LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class MemorySnapshot:
    """What was in use at one moment, in bytes; `how` says what `used_bytes` counts."""

    how: str | None = None
    used_bytes: int | None = None
    machine_bytes: int | None = None
    wired_bytes: int | None = None
    gpu_bytes: int | None = None
    swap_bytes: int | None = None
    gpu_utilization_percent: int | None = None


NOTHING = MemorySnapshot()


def is_here(model: Model) -> bool:
    """Whether the model's server runs on this machine."""
    return urlsplit(model.base_url).hostname in LOCAL and model.tunnel is None and not model.simulated


def port_of(model: Model) -> int:
    """The port at which the model's server listens."""
    parts = urlsplit(model.base_url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def take_snapshot(model: Model) -> MemorySnapshot:
    """Memory in use now; everything None for a server that is elsewhere, or simulated."""
    if not is_here(model):
        return MemorySnapshot()
    own, used = server_memory(port_of(model)), memory_in_use()
    graphics = gpu_state()
    how = "server process" if own is not None else "machine in use" if used is not None else None
    return MemorySnapshot(
        how=how,
        used_bytes=own if own is not None else used,
        machine_bytes=used,
        wired_bytes=wired_bytes(),
        gpu_bytes=graphics.memory_bytes,
        swap_bytes=swap_used_bytes(),
        gpu_utilization_percent=graphics.busy_percent,
    )


def memory_use(before: MemorySnapshot, loaded: MemorySnapshot, after: MemorySnapshot = NOTHING) -> MemoryUse:
    """Three snapshots put together; what was not measured the same way each time is left out."""
    how = loaded.how

    def same(one: MemorySnapshot) -> int | None:
        return one.used_bytes if one.how == how else None

    return MemoryUse(
        method=how,
        before_bytes=same(before),
        loaded_bytes=loaded.used_bytes,
        after_bytes=same(after),
        wired_before_bytes=before.wired_bytes,
        wired_loaded_bytes=loaded.wired_bytes,
        wired_after_bytes=after.wired_bytes,
        gpu_before_bytes=before.gpu_bytes,
        gpu_loaded_bytes=loaded.gpu_bytes,
        gpu_after_bytes=after.gpu_bytes,
        gpu_utilization_percent=before.gpu_utilization_percent,
    )


def wait_until_back(before: MemorySnapshot, wait_s: float) -> bool | None:
    """Wait until the machine uses no more than before, but for some slack; None where that is not known."""
    if before.machine_bytes is None:
        return None
    enough = before.machine_bytes + max(SLACK_BYTES, int(SLACK_SHARE * before.machine_bytes))
    until = time.monotonic() + wait_s
    while (now := memory_in_use()) is not None and now > enough:
        if time.monotonic() > until:
            return False
        time.sleep(POLL_S)
    return True


def wait_settled(wait_s: float) -> bool | None:
    """Wait until memory in use no longer falls: what was stopped gives it back a while after it says that it ended.

    None where that is not known.
    """
    until = time.monotonic() + wait_s
    readings: list[int] = []
    while (now := memory_in_use()) is not None:
        readings.append(now)
        if len(readings) > SETTLED_POLLS and readings[-1 - SETTLED_POLLS] - now < SLACK_BYTES:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(POLL_S)
    return None


def size_of(asked: ServerHandle) -> tuple[int, str] | None:
    """What a model takes in bytes and who says so; None where nobody does."""
    model = asked.model
    if model.lifecycle is not None and model.lifecycle.memory_bytes is not None:
        return model.lifecycle.memory_bytes, "lifecycle.memory_bytes"
    stated = model.facts.get("file_bytes")
    if isinstance(stated, int):
        return stated, "facts.file_bytes"
    place = asked.kind.lifecycle.model_size
    try:
        told = read_fact(asked, place) if place is not None else None
    except ServerError:
        return None
    return (told, "its server") if isinstance(told, int) and told > 0 else None


def memory_limit() -> tuple[int, str] | None:
    """What a model may take on this machine in bytes, and which limit that is."""
    facts = host_facts()
    if facts.system == "macOS" and facts.gpu_wired_limit_bytes:
        return facts.gpu_wired_limit_bytes, "iogpu.wired_limit_mb"
    return (facts.memory_bytes, "the machine's memory") if facts.memory_bytes else None


def why_too_large(asked: ServerHandle, limit: tuple[int, str] | None) -> str | None:
    """Why a model cannot be loaded here; None where it fits, or where nobody can tell."""
    size = size_of(asked) if is_here(asked.model) else None
    if size is None or limit is None or size[0] <= limit[0]:
        return None
    return (
        f"model {asked.model.label!r} does not fit: {size[0] / GIB:.1f} GiB by {size[1]}, and {limit[1]} is "
        f"{limit[0] / GIB:.1f} GiB; nothing was stopped for it: choose a smaller one, or correct that figure"
    )
