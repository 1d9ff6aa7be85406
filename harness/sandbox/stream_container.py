"""A throwaway container with a stream in both directions: for a program that runs long and is talked to meanwhile.

`StreamContainer` is isolated like the containers that run answers, with the limits of an agent's run. One thread reads,
others write; nothing here has a timeout, since `close` ends a read that waits.
"""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from harness.sandbox.container import (
    FRAME_HEADER,
    ContainerExit,
    remove_container,
    start_attached,
    wait_for_exit_status,
)
from harness.sandbox.container_config import USERS, EngineCapabilities, attached_process, isolation
from harness.sandbox.engine import Engine, engine_errors
from harness.types import AgentLimits, Json

_INODES = 65_536
_OPEN_FILES = 4096
_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class StreamContainerSpec:
    """What runs in the container: image, command, environment and the folders that it may write to, all in memory."""

    image: str
    command: tuple[str, ...]
    environment: tuple[str, ...]
    folders: tuple[str, ...]
    limits: AgentLimits


def stream_body(
    spec: StreamContainerSpec, capabilities: EngineCapabilities, labels: Mapping[str, str]
) -> dict[str, Json]:
    """The body of the engine's create call."""
    limits, user = spec.limits, secrets.choice(USERS)
    options = capabilities.tmpfs_options.format(user=user, inodes=_INODES)
    ulimits = {"core": 0, "nofile": _OPEN_FILES, "fsize": limits.disk_bytes}
    if capabilities.nproc_limit is not None:
        ulimits["nproc"] = capabilities.nproc_limit
    host_config = {
        **isolation(capabilities, limits.memory_bytes),
        "PidsLimit": limits.pids,
        "NanoCpus": int(limits.cpus * _NANO),
        "Tmpfs": dict.fromkeys(spec.folders, f"rw,nosuid,nodev,exec,size={limits.disk_bytes},{options}"),
        "Ulimits": [{"Name": name, "Soft": limit, "Hard": limit} for name, limit in ulimits.items()],
    }
    return {
        **attached_process(user, labels),
        "Image": spec.image,
        "Cmd": list(spec.command),
        "Env": list(spec.environment),
        "HostConfig": host_config,
    }


class StreamContainer:
    """A started container. Raises EngineError from its constructor; nothing is left behind then."""

    def __init__(self, engine: Engine, spec: StreamContainerSpec, labels: Mapping[str, str]) -> None:
        self._engine, self._http, self._lock = engine, engine.http, threading.Lock()
        self._unread = bytearray()
        self.id, self._socket = start_attached(self._http, stream_body(spec, engine.capabilities, labels))
        self._socket.settimeout(None)

    def write(self, data: bytes) -> None:
        """Write to the program's standard input; what a program that has ended does not read is dropped."""
        with self._lock, suppress(OSError):
            self._socket.sendall(data)

    def read(self) -> tuple[int, bytes] | None:
        """The next piece of output with the number of its stream (1 or 2); None when the program has ended."""
        while True:
            if len(self._unread) >= FRAME_HEADER.size:
                stream, size = FRAME_HEADER.unpack_from(self._unread)
                end = FRAME_HEADER.size + size
                if len(self._unread) >= end:
                    data = bytes(self._unread[FRAME_HEADER.size : end])
                    del self._unread[:end]
                    return stream, data
            try:
                data = self._socket.recv(65536)
            except OSError:
                return None
            if not data:
                return None
            self._unread += data

    def cpu_s(self) -> float:
        """The CPU time that the whole container has taken, as the engine counts it. Raises EngineError."""
        with engine_errors("reading a container's CPU time"):
            stats: Json = self._engine.api.stats(self.id, stream=False, one_shot=True)
        return float(stats.get("cpu_stats", {}).get("cpu_usage", {}).get("total_usage", 0)) / _NANO

    def exit_status(self) -> ContainerExit:
        """How the container ended, asked after `read` gave None and before `close`. Raises EngineError."""
        return wait_for_exit_status(self._engine, self.id)

    def close(self) -> None:
        """End the streams and remove the container with whatever runs in it. Raises EngineError."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        remove_container(self._http, self.id)
