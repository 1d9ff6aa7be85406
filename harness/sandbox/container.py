"""One throwaway container: made, given one job, listened to, removed. Never reused, never stopped gently."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import EngineError
from harness.sandbox.container_config import ContainerKind, create_body
from harness.sandbox.engine import Engine, engine_errors
from harness.sandbox.engine_http import EngineHttp, EngineResponseError
from harness.types import Json

_HEADER = struct.Struct(">BxxxL")
_SETTLE_S = 5.0
_WRITE_S = 20.0
_LEAVE_S = 0.2
_KILLED = 137
_AT_ONCE_S = 2.0
STDOUT = 1


@dataclass(frozen=True, slots=True)
class ContainerExit:
    """How a container ended by itself; `running` means that it had not."""

    code: int
    out_of_memory: bool
    running: bool


class Container:
    """A container whose driver waits for its job."""

    def __init__(self, engine: Engine, kind: ContainerKind, labels: Mapping[str, str]) -> None:
        """Create, attach and start. Raises EngineError; nothing is left behind then."""
        self.kind = kind
        self._api, self._http, self._reports_oom = engine.api, engine.http, engine.capabilities.reports_oom
        self._left = bytearray()
        with engine_errors("creating a container"):
            self.id = self._http.create(create_body(kind, engine.capabilities, labels))
        try:
            self._socket = self._started()
        except BaseException:
            remove_container(self._http, self.id)
            raise

    def _started(self) -> socket.socket:
        with engine_errors("starting a container"):
            line = self._http.attach(self.id, stdin=True)
            try:
                self._http.start(self.id)
            except BaseException:
                line.close()
                raise
            return line

    def give(self, payload: bytes) -> None:
        """Hand the job over. A container that died takes nothing."""
        self._socket.settimeout(_WRITE_S)
        try:
            self._socket.sendall(length_prefixed(payload))
        except (BrokenPipeError, ConnectionResetError):
            return
        except OSError as error:
            raise EngineError(f"the container engine took no input for a container: {error}") from error

    def frame(self, deadline: float) -> tuple[int, bytes] | None:
        """The next (stream, bytes), None when its streams are over. Raises TimeoutError at the monotonic deadline."""
        while len(self._left) < _HEADER.size:
            if not self._receive(deadline):
                return None
        stream, size = _HEADER.unpack_from(self._left)
        end = _HEADER.size + size
        while len(self._left) < end:
            if not self._receive(deadline):
                return None
        data = bytes(self._left[_HEADER.size : end])
        del self._left[:end]
        return stream, data

    def _receive(self, deadline: float) -> bool:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            raise
        except ConnectionResetError:
            return False
        except OSError as error:
            raise EngineError(f"the container engine broke off: {error}; see that it runs: `docker info`") from error
        self._left += data
        return bool(data)

    def exit(self) -> ContainerExit:
        """How it ended: asked when its stream is over, given a moment to settle. Raises EngineError."""
        until = time.monotonic() + _SETTLE_S
        while True:
            with engine_errors("asking how a container ended"):
                state: Json = self._api.inspect_container(self.id)["State"]
            code = int(state.get("ExitCode") or 0)
            # Nothing inside can kill a container's first process by force: where no engine says why, it was memory.
            killed = bool(state.get("OOMKilled")) or (code == _KILLED and not self._reports_oom)
            # The news of a kill for want of memory comes by another way than that of the end, and may come later.
            settled = not state.get("Running") and (
                killed or code != _KILLED or time.monotonic() > until - _SETTLE_S + 0.5
            )
            if settled or time.monotonic() > until:
                return ContainerExit(code, killed, bool(state.get("Running")))
            time.sleep(0.01)

    def is_responsive(self) -> bool:
        """Whether the engine says at once that it runs; else a silence may be the engine's. Raises EngineError."""
        began = time.monotonic()
        with engine_errors("looking after a silent container"):
            state: Json = self._api.inspect_container(self.id)["State"]
        prompt = time.monotonic() - began < _AT_ONCE_S
        return prompt and bool(state.get("Running")) and not state.get("Paused")

    def wait_for_exit(self) -> None:
        """Wait a moment for the end of one whose driver has said its last word; what it still says is not read.

        One that still runs when it is removed costs the engine another process, to kill it: 7 ms of processor time.
        """
        until = time.monotonic() + _LEAVE_S
        try:
            while (left_s := until - time.monotonic()) > 0:
                self._socket.settimeout(left_s)
                if not self._socket.recv(65536):
                    return
        except OSError:
            # Late or broken off: removing it by force settles both.
            return

    def remove(self) -> None:
        """Take it away with whatever runs in it. Raises EngineError."""
        self._socket.close()
        remove_container(self._http, self.id)


def length_prefixed(payload: bytes) -> bytes:
    """What a driver reads: the length of its job in bytes on a line, then the job."""
    return b"%d\n" % len(payload) + payload


def remove_container(http: EngineHttp, name: str) -> None:
    """Remove by force; one that is gone, or is just being removed, is no fault."""
    with engine_errors("removing a container"):
        try:
            http.remove(name)
        except EngineResponseError as refused:
            if refused.status not in (404, 409):
                raise
