"""What a container is created with. Every safety setting here costs nothing that was measurable; the network does.

`NetworkDisabled` gives the same isolation as a network of none (a namespace with `lo` alone) and saves the engine two
executions of itself a container: 107 ms of processor time of 251 where it was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import EngineError
from harness.sandbox.seccomp import profile_of
from harness.types import Json, Limits

WORK = "/work"
_LONGEST_S = 3600
_PYTHON = ("python3", "-S", "-s", "-P")
_HOME = "/opt/lanebench"
_QUIET = "--disable-warning=ExperimentalWarning"
_NODE = f"exec 9>&1 1>/dev/null; exec node --max-old-space-size=$1 {_QUIET}"


@dataclass(frozen=True, slots=True)
class Kind:
    """Containers of one kind are alike: one made ahead serves any job of its kind."""

    image: str
    language: str
    driver: str
    limits: Limits
    runtime: str | None = None


_CALLS = {"python": "python_calls.py", "bash": "bash_calls.py", "sql": "sql_calls.py"}
_NODE_FLAGS = {"javascript": "", "typescript": "--experimental-transform-types"}


def _command(kind: Kind) -> list[str]:
    if kind.driver == "program":
        return [*_PYTHON, f"{_HOME}/program.py"]
    if kind.language in _CALLS:
        return [*_PYTHON, f"{_HOME}/{_CALLS[kind.language]}"]
    if kind.language in _NODE_FLAGS:
        heap = kind.limits.memory_bytes * 3 // 4 // 1024 // 1024
        return ["sh", "-c", f"{_NODE} {_NODE_FLAGS[kind.language]} {_HOME}/node_calls.js", "sh", str(heap)]
    raise EngineError(f"language {kind.language!r} has no driver for calls: score it with kind `program`")


def _tmpfs(size_bytes: int) -> str:
    return f"rw,nosuid,nodev,size={size_bytes},nr_inodes=4096,mode=0700,uid=65534,gid=65534"


def _security(architecture: str) -> list[str]:
    profile = profile_of(architecture)
    return ["no-new-privileges"] + ([f"seccomp={profile}"] if profile else [])


def create_body(kind: Kind, architecture: str, labels: Mapping[str, str]) -> dict[str, Json]:
    """The body of the engine's create call. Raises EngineError for a language that has no driver."""
    limits = kind.limits
    host: dict[str, Json] = {
        "NetworkMode": "none",
        "LogConfig": {"Type": "none", "Config": {}},
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": _security(architecture),
        "Memory": limits.memory_bytes,
        "MemorySwap": limits.memory_bytes,
        "PidsLimit": limits.pids,
        "NanoCpus": 1_000_000_000,
        "IpcMode": "private",
        "ShmSize": 1024 * 1024,
        "Tmpfs": {WORK: _tmpfs(limits.disk_bytes), "/tmp": _tmpfs(limits.disk_bytes)},  # noqa: S108
        "Ulimits": [
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "nofile", "Soft": 256, "Hard": 256},
            {"Name": "fsize", "Soft": limits.disk_bytes, "Hard": limits.disk_bytes},
            {"Name": "cpu", "Soft": _LONGEST_S, "Hard": _LONGEST_S},
        ],
    }
    if kind.runtime:
        host["Runtime"] = kind.runtime
    return {
        "Image": kind.image,
        "Cmd": _command(kind),
        "Entrypoint": [],
        "Env": [f"HOME={WORK}", "LANG=C.UTF-8", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1"],
        "User": "65534:65534",
        "WorkingDir": WORK,
        "Labels": dict(labels),
        "Hostname": "scorer",
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "NetworkDisabled": True,
        "HostConfig": host,
    }
