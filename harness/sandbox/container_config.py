"""What a container is created with. Every safety setting here costs nothing that was measurable; the network does.

`NetworkDisabled` gives the same isolation as a network of none (a namespace with `lo` alone) and saves the engine two
executions of itself a container: 107 ms of processor time of 251 where it was measured.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from harness.languages import Runtime
from harness.sandbox.runtimes import driver_command, runtime_of
from harness.sandbox.seccomp import seccomp_profile
from harness.types import Json, Limits

WORK, BUILD = "/work", "/build"
USERS = range(60_600, 61_100)
"""A container has a user of its own, named in the image: what the kernel counts for each user, such as watches, queued
signals and files in flight, one answer could use up for those beside it. No system gives these numbers to anybody."""

_LONGEST_S = 3600


@dataclass(frozen=True, slots=True)
class ContainerKind:
    """Containers of one kind are alike: one made ahead serves any job of its kind."""

    image: str
    language: str
    driver: str
    limits: Limits
    runtime: str | None = None


@dataclass(frozen=True, slots=True)
class EngineCapabilities:
    """What one engine takes and tells that another does not: a list of system calls in the call itself, mount options.

    Without a list the engine's own holds. `tells_memory`: it says when the kernel killed for want of memory.
    """

    seccomp: str | None
    mount: str = "nr_inodes=4096,mode=0700,uid={user},gid={user}"
    processes: int | None = None
    reports_oom: bool = True


def engine_capabilities(engine: str, architecture: str) -> EngineCapabilities:
    """Docker takes both. Podman takes a list only as a file of its own, and no count of files.

    Podman also sets a limit of processes of a user that it may not be allowed to set, unless it is told a lower one.
    """
    return (
        EngineCapabilities(seccomp_profile(architecture))
        if engine == "docker"
        else EngineCapabilities(None, "mode=1777", 4096, reports_oom=False)
    )


def _folders(runtime: Runtime, limits: Limits, mount: str) -> dict[str, str]:
    """The folders that can be written: all in memory, all gone with the container."""

    def room(size_bytes: int, *, executes: bool) -> str:
        return f"rw,nosuid,nodev,{'exec' if executes else 'noexec'},size={size_bytes},{mount}"

    work = room(limits.disk_bytes, executes=runtime.executes)
    build = {BUILD: room(runtime.build_bytes, executes=True)} if runtime.build_bytes else {}
    return {WORK: work, "/tmp": work, **build}  # noqa: S108


def memory_limit_bytes(kind: ContainerKind) -> int:
    """Bytes of memory that a container of this kind may use, swap and folders included."""
    return max(kind.limits.memory_bytes, runtime_of(kind.language).memory_bytes)


def _ulimits(kind: ContainerKind, capabilities: EngineCapabilities) -> list[dict[str, Json]]:
    largest_file = max(kind.limits.disk_bytes, runtime_of(kind.language).build_bytes)
    limits = {"core": 0, "nofile": 256, "fsize": largest_file, "cpu": _LONGEST_S}
    if capabilities.processes is not None:
        limits["nproc"] = capabilities.processes
    return [{"Name": name, "Soft": limit, "Hard": limit} for name, limit in limits.items()]


def _host_config(kind: ContainerKind, capabilities: EngineCapabilities, user: int) -> dict[str, Json]:
    return {
        "NetworkMode": "none",
        "LogConfig": {"Type": "none", "Config": {}},
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges", *([f"seccomp={capabilities.seccomp}"] if capabilities.seccomp else [])],
        "Memory": memory_limit_bytes(kind),
        "MemorySwap": memory_limit_bytes(kind),
        "PidsLimit": kind.limits.pids,
        "NanoCpus": 1_000_000_000,
        "IpcMode": "private",
        "ShmSize": 1024 * 1024,
        "Tmpfs": _folders(runtime_of(kind.language), kind.limits, capabilities.mount.format(user=user)),
        "Ulimits": _ulimits(kind, capabilities),
        **({"Runtime": kind.runtime} if kind.runtime else {}),
    }


def create_body(kind: ContainerKind, capabilities: EngineCapabilities, labels: Mapping[str, str]) -> dict[str, Json]:
    """The body of the engine's create call. Raises EngineError for a language that is not there."""
    more, user = runtime_of(kind.language).env, secrets.choice(USERS)
    return {
        "Image": kind.image,
        "Cmd": driver_command(kind.language, kind.driver, kind.limits),
        "Entrypoint": [],
        "Env": [f"HOME={WORK}", "LANG=C.UTF-8", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", *more],
        "User": f"{user}:{user}",
        "WorkingDir": WORK,
        "Labels": dict(labels),
        "Hostname": "scorer",
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "NetworkDisabled": True,
        "HostConfig": _host_config(kind, capabilities, user),
    }
