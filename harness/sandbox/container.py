"""One throwaway container: created, given one job over its standard input, read from, removed by force.

`Container` is made by the pool and used by the runner, once. It is never stopped with `docker stop`, which waits up to
10 s for a program that ignores SIGTERM, while a removal by force takes 5 ms (75 ms with a live process).
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import EngineError
from harness.sandbox.container_config import ContainerKind, create_body
from harness.sandbox.engine import CHECK_ENGINE, Engine, engine_errors
from harness.sandbox.engine_http import EngineHttp, EngineResponseError
from harness.types import Json

STDOUT = 1
SIGKILL_EXIT = 137

FRAME_HEADER = struct.Struct(">BxxxL")
"""The head of a frame of output: the number of the stream and the frame's size (Docker Engine API, ContainerAttach)."""
_WRITE_S = 20.0
_SETTLE_S = 5.0
_OOM_REPORT_S = 0.5
_POLL_S = 0.01
_EXIT_WAIT_S = 0.2
_RESPONSIVE_S = 2.0


@dataclass(frozen=True, slots=True)
class ContainerExit:
    """How a container ended by itself; `running` means that it had not."""

    code: int
    out_of_memory: bool
    running: bool


class Container:
    """A started container whose driver waits for its job."""

    def __init__(self, engine: Engine, kind: ContainerKind, labels: Mapping[str, str]) -> None:
        """Create, attach and start. Raises EngineError; nothing is left behind then."""
        self.kind = kind
        self._engine, self._http = engine, engine.http
        self._buffer = bytearray()
        self.id, self._socket = start_attached(self._http, create_body(kind, engine.capabilities, labels))

    def send(self, payload: bytes) -> None:
        """Write the job to the container's standard input; a container that has died ignores it.

        Its standard input and not an archive (`put_archive`) carries the job: the engine executes itself to unpack
        one, 43 ms of CPU time, and needs a root that can be written. A driver reads its job at once, so that one which
        is not taken is the engine's fault. Raises EngineError.
        """
        try:
            self.send_message(payload, time.monotonic() + _WRITE_S)
        except TimeoutError as error:
            raise EngineError("the container engine accepts no input for a container", fix=CHECK_ENGINE) from error

    def send_message(self, payload: bytes, deadline: float) -> None:
        """Write a message to standard input for a driver that has loaded an answer, which may keep it from reading.

        Raises TimeoutError at the monotonic deadline, EngineError.
        """
        timeout_s = deadline - time.monotonic()
        if timeout_s <= 0:
            raise TimeoutError
        self._socket.settimeout(timeout_s)
        try:
            self._socket.sendall(length_prefixed(payload))
        except TimeoutError:
            raise
        except (BrokenPipeError, ConnectionResetError):
            return
        except OSError as error:
            raise EngineError(
                f"the container engine accepts no input for a container: {error}", fix=CHECK_ENGINE
            ) from error

    def read_frame(self, deadline: float) -> tuple[int, bytes] | None:
        """The next (stream, bytes); None when the streams have ended. Raises TimeoutError at the monotonic deadline."""
        while len(self._buffer) < FRAME_HEADER.size:
            if not self._receive(deadline):
                return None
        stream, size = FRAME_HEADER.unpack_from(self._buffer)
        end = FRAME_HEADER.size + size
        while len(self._buffer) < end:
            if not self._receive(deadline):
                return None
        data = bytes(self._buffer[FRAME_HEADER.size : end])
        del self._buffer[:end]
        return stream, data

    def _receive(self, deadline: float) -> bool:
        """Add what comes next to the buffer; False when the streams have ended."""
        timeout_s = deadline - time.monotonic()
        if timeout_s <= 0:
            raise TimeoutError
        self._socket.settimeout(timeout_s)
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            raise
        except ConnectionResetError:
            return False
        except OSError as error:
            raise EngineError(f"the connection to the container engine broke: {error}", fix=CHECK_ENGINE) from error
        self._buffer += data
        return bool(data)

    def exit_status(self) -> ContainerExit:
        """How the container ended, asked after its streams have ended. Raises EngineError."""
        return wait_for_exit_status(self._engine, self.id)

    def is_responsive(self) -> bool:
        """Whether the engine says without delay that the container runs, neither ended nor paused. Raises EngineError.

        Else the engine or an operator may have held the container up, and a timeout says nothing about the answer.
        """
        began = time.monotonic()
        state = _state(self._engine, self.id, "checking a container that timed out")
        is_prompt = time.monotonic() - began < _RESPONSIVE_S
        return is_prompt and bool(state.get("Running")) and not state.get("Paused")

    def wait_for_exit(self) -> None:
        """Wait a moment for the exit of a container whose driver has finished; what it still writes is dropped.

        To remove a container that still runs, the engine must kill it, which takes another process of runc: 7 ms of
        CPU time.
        """
        deadline = time.monotonic() + _EXIT_WAIT_S
        try:
            while (timeout_s := deadline - time.monotonic()) > 0:
                self._socket.settimeout(timeout_s)
                if not self._socket.recv(65536):
                    return
        except OSError:
            # It runs on, or the connection broke: the removal by force copes with both.
            return

    def remove(self) -> None:
        """Remove it and whatever runs in it. Raises EngineError."""
        self._socket.close()
        remove_container(self._http, self.id)


def start_attached(http: EngineHttp, body: Json) -> tuple[str, socket.socket]:
    """Create a container of this create body, attach to its streams and start it; its id and the streams' socket.

    It is attached first: with no log, what a container writes before somebody is attached is lost. Raises EngineError;
    nothing is left behind then.
    """
    with engine_errors("creating a container"):
        name = http.create(body)
    try:
        with engine_errors("starting a container"):
            stream = http.attach(name, stdin=True)
            try:
                http.start(name)
            except BaseException:
                stream.close()
                raise
    except BaseException:
        remove_container(http, name)
        raise
    return name, stream


def wait_for_exit_status(engine: Engine, name: str) -> ContainerExit:
    """How a container ended, asked after its streams have ended. Raises EngineError.

    The streams end before the engine has noted the exit, and that it was out of memory (OOM kill) is reported
    separately, by the cgroup's event, and may be noted later still: both are waited for.
    """
    began = time.monotonic()
    while True:
        status = _read_exit(engine, name)
        waited_s = time.monotonic() - began
        may_be_oom = status.code == SIGKILL_EXIT and not status.out_of_memory
        is_settled = not status.running and (not may_be_oom or waited_s > _OOM_REPORT_S)
        if is_settled or waited_s > _SETTLE_S:
            return status
        time.sleep(_POLL_S)


def _read_exit(engine: Engine, name: str) -> ContainerExit:
    state = _state(engine, name, "reading a container's exit status")
    code = int(state.get("ExitCode") or 0)
    # No process can kill PID 1 of its own PID namespace by SIGKILL (pid_namespaces(7)): if the
    # engine does not report the reason, it was the kernel, because it was out of memory.
    killed_for_memory = bool(state.get("OOMKilled")) or (code == SIGKILL_EXIT and not engine.capabilities.reports_oom)
    return ContainerExit(code, killed_for_memory, bool(state.get("Running")))


def _state(engine: Engine, name: str, action: str) -> Json:
    with engine_errors(action):
        return engine.api.inspect_container(name)["State"]


def length_prefixed(payload: bytes) -> bytes:
    """What a driver reads: the length of its job in bytes on a line, then the job.

    With a length, the driver does not depend on the end of its input, which takes a connection that can be closed in
    one direction only.
    """
    return b"%d\n" % len(payload) + payload


def remove_container(http: EngineHttp, name: str) -> None:
    """Remove by force. A container that is gone (404) or is being removed already (409) is no error."""
    with engine_errors("removing a container"):
        try:
            http.remove(name)
        except EngineResponseError as error:
            if error.status not in (404, 409):
                raise
