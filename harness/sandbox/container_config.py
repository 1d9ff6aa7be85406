"""What a container is created with: its kind, what the engine accepts, and the body of the create call.

`create_body` is the entry point. No safety setting here costs anything measurable: with each of them changed alone, a
container took 139 to 149 ms of CPU time against 144 ms, which is noise (60 containers each, Docker 20.10.24, runc
1.1.5). The network is the exception: `NetworkDisabled` isolates as `NetworkMode: none` does (a network namespace with
`lo` alone) and saves 107 ms of 251, since the engine then skips libnetwork's prestart hook, which executes dockerd
twice.
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
"""User ids, one at random for each container, named in the image; no distribution assigns these numbers.

The kernel counts some things per user and not per container: inotify watches, queued signals, descriptors in flight.
With one user for all, an answer that takes all 128 watches makes an honest answer beside it fail.
"""

_MAX_CPU_S = 300
"""More than a trial may take, compilation included. It ends what still computes when the kit was killed."""


MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
    # The engine masks those above; these tell of the machine, and what an answer returns is published.
    "/proc/bus",
    "/proc/cmdline",
    "/proc/config.gz",
    "/proc/diskstats",
    "/proc/modules",
    "/proc/partitions",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/kernel/version",
    "/proc/version",
    "/sys/devices/virtual",
    "/sys/kernel",
)
"""Runtimes need none of these. A folder costs a file system in memory, so that only those are here which tell the most.

Readable stay /proc/cpuinfo, meminfo and stat, which Node reads and which tell what each result says of its machine;
/proc/uptime, which any clock tells; and /sys/devices/system, where runtimes count CPUs. The mountinfo of a process is
at another path for each, and cannot be masked.
"""


@dataclass(frozen=True, slots=True)
class ContainerKind:
    """Containers of one kind are interchangeable: a pre-started one serves any job of its kind."""

    image: str
    language: str
    driver: str
    limits: Limits
    runtime: str | None = None


@dataclass(frozen=True, slots=True)
class EngineCapabilities:
    """What one engine accepts in the create call, and what it reports.

    `seccomp_profile` is None if the engine's own profile applies. `masked_paths` is empty if its own list applies.
    `nproc_limit` is a limit of processes per user.
    `reports_oom` says whether the engine reports that the kernel killed a container because it was out of memory (OOM
    kill).
    """

    seccomp_profile: str | None
    tmpfs_options: str = "nr_inodes={inodes},mode=0700,uid={user},gid={user}"
    nproc_limit: int | None = None
    reports_oom: bool = True
    masked_paths: tuple[str, ...] = ()


def engine_capabilities(engine: str, architecture: str) -> EngineCapabilities:
    """The capabilities of an engine by its name.

    Podman 4 takes a seccomp profile only as the path of a file on its own machine and refuses `nr_inodes`. Unless a
    limit of processes per user is given, it sets a high one itself, which it may not be permitted to do.
    """
    return (
        EngineCapabilities(seccomp_profile(architecture), masked_paths=MASKED_PATHS)
        if engine == "docker"
        else EngineCapabilities(None, "mode=1777", 4096, reports_oom=False)
    )


def _tmpfs_mounts(runtime: Runtime, limits: Limits, options: str) -> dict[str, str]:
    """The folders that can be written: all in memory, all gone with the container."""

    def mount_options(size_bytes: int, *, executes: bool) -> str:
        return f"rw,nosuid,nodev,{'exec' if executes else 'noexec'},size={size_bytes},{options}"

    work = mount_options(limits.disk_bytes, executes=runtime.executes)
    build = {BUILD: mount_options(runtime.build_bytes, executes=True)} if runtime.build_bytes else {}
    return {WORK: work, "/tmp": work, **build}  # noqa: S108


def memory_limit_bytes(kind: ContainerKind) -> int:
    """Bytes of memory that a container of this kind may use, swap and folders included."""
    return max(kind.limits.memory_bytes, runtime_of(kind.language).memory_bytes)


def _ulimits(kind: ContainerKind, capabilities: EngineCapabilities) -> list[dict[str, Json]]:
    max_file_bytes = max(kind.limits.disk_bytes, runtime_of(kind.language).build_bytes)
    limits = {"core": 0, "nofile": 256, "fsize": max_file_bytes, "cpu": _MAX_CPU_S}
    if capabilities.nproc_limit is not None:
        limits["nproc"] = capabilities.nproc_limit
    return [{"Name": name, "Soft": limit, "Hard": limit} for name, limit in limits.items()]


def _host_config(kind: ContainerKind, capabilities: EngineCapabilities, user: int) -> dict[str, Json]:
    tmpfs_options = capabilities.tmpfs_options.format(user=user, inodes=4096)
    return {
        **isolation(capabilities, memory_limit_bytes(kind)),
        "PidsLimit": kind.limits.pids,
        "NanoCpus": 1_000_000_000,
        "Tmpfs": _tmpfs_mounts(runtime_of(kind.language), kind.limits, tmpfs_options),
        "Ulimits": _ulimits(kind, capabilities),
        **({"Runtime": kind.runtime} if kind.runtime else {}),
    }


def isolation(capabilities: EngineCapabilities, memory_bytes: int) -> dict[str, Json]:
    """The part of a container's HostConfig that every container has: no network, no writable root, no privileges."""
    profile = capabilities.seccomp_profile
    return {
        "NetworkMode": "none",
        # No log: a flood of output would fill the disk of the host.
        "LogConfig": {"Type": "none", "Config": {}},
        "ReadonlyRootfs": True,
        **({"MaskedPaths": list(capabilities.masked_paths)} if capabilities.masked_paths else {}),
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges", *([f"seccomp={profile}"] if profile else [])],
        # The same limit for memory and for memory with swap: none of it may be swapped out.
        "Memory": memory_bytes,
        "MemorySwap": memory_bytes,
        "IpcMode": "private",
        "ShmSize": 1024 * 1024,
    }


def create_body(kind: ContainerKind, capabilities: EngineCapabilities, labels: Mapping[str, str]) -> dict[str, Json]:
    """The body of the engine's create call. Raises EngineError for a language without an image."""
    language_env, user = runtime_of(kind.language).env, secrets.choice(USERS)
    return {
        **attached_process(user, labels),
        "Image": kind.image,
        "Cmd": driver_command(kind.language, kind.driver, kind.limits),
        "Env": [f"HOME={WORK}", "LANG=C.UTF-8", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", *language_env],
        "HostConfig": _host_config(kind, capabilities, user),
    }


def attached_process(user: int, labels: Mapping[str, str]) -> dict[str, Json]:
    """The part of a create body that every container has: one process of this user, attached to by its streams."""
    return {
        "Entrypoint": [],
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
    }
