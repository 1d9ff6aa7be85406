"""The host's end of an agent's container: `Tunnel` starts the job, carries connections to the proxy, takes the tree.

Whatever a frame says, a channel leads where the tunnel's `connect` does. All that comes out is bounded.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from harness.agents import forwarder as frames
from harness.record import Moment, read_moment
from harness.trees import MAX_ARCHIVE_BYTES, MAX_FILE_BYTES, MAX_FILES, MAX_TREE_BYTES, TOOL_FOLDERS
from harness.types import AgentEnd, Json

FORWARDER_PORT = 8123
MAX_OUTPUT_BYTES = 1024**2
_BOUNDS = {
    frames.STDOUT: MAX_OUTPUT_BYTES,
    frames.STDERR: MAX_OUTPUT_BYTES,
    frames.ENDED: MAX_OUTPUT_BYTES,
    frames.LEFT_OUT: MAX_OUTPUT_BYTES,
    frames.TRANSCRIPT: MAX_OUTPUT_BYTES,
    frames.TREE: MAX_ARCHIVE_BYTES,
    frames.NOT_STARTED: MAX_OUTPUT_BYTES,
}


class AgentStream(Protocol):
    """What a tunnel needs of its container: a `StreamContainer`."""

    def write(self, data: bytes) -> None:
        """Write to the forwarder; waits until it reads."""

    def read(self) -> tuple[int, bytes] | None:
        """The next piece of output with the number of its stream; None at the end."""

    def cpu_s(self) -> float:
        """The CPU time that the container has taken."""

    def close(self) -> None:
        """End the streams, so that nothing waits for them, and remove the container."""


@dataclass(slots=True)
class Tunnel:
    """One run in one container. `began` is when the agent was started, `end` the limit that ended it.

    After the agent's end its container may take `grace_s` to send the tree; then all that waits for it is cut off.
    """

    container: AgentStream
    connect: Callable[[], socket.socket]
    grace_s: float = 30.0
    began: Moment = field(default_factory=read_moment)
    end: AgentEnd | None = None
    ended_at_s: float | None = None
    cpu_s: float = 0.0
    is_whole: bool = False
    received: dict[int, bytearray] = field(default_factory=dict)
    _channels: dict[int, socket.socket] = field(default_factory=dict)
    _is_cut_off: bool = False
    _timers: list[threading.Timer] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, job: Json, archive: bytes, clock_s: float) -> float:
        """Run the job to its end; returns the seconds that the agent took. Raises EngineError."""
        for kind, data in ((frames.JOB, json.dumps(job).encode()), (frames.ARCHIVE, archive)):
            for start in range(0, len(data), frames.MAX_FRAME_BYTES):
                self.container.write(frames.pack_frame(kind, 0, data[start : start + frames.MAX_FRAME_BYTES]))
        self.container.write(frames.pack_frame(frames.GO))
        self.began, began_s = read_moment(), time.monotonic()
        self._after(clock_s, lambda: self.stop("clock"))
        try:
            self._read_frames()
        finally:
            for timer in self._timers:
                timer.cancel()
            for channel in list(self._channels.values()):
                _end(channel)
        return (self.ended_at_s or time.monotonic()) - began_s

    def stop(self, end: AgentEnd) -> None:
        """End the agent since this limit was reached; only the first counts. The tree is taken all the same.

        An agent that sends and reads nothing can fill every buffer between it and the proxy, so that each end waits for
        the other. Hence the order, and the thread for the write: the caller may be the loop of the proxy.
        """
        with self._lock:
            if self.end is not None or self.ended_at_s is not None:
                return
            self.end = end
        self._after(self.grace_s, self._cut_off)
        self._after(0, lambda: self.container.write(frames.pack_frame(frames.STOP)))

    def bytes_of(self, kind: int) -> bytes:
        """What came in frames of a kind, cut to its bound: of the agent's output the last, of all else the first."""
        return bytes(self.received.get(kind, b""))

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _cut_off(self) -> None:
        """End every wait: of a thread that sends to the proxy, writes to the container, or reads from it."""
        self._is_cut_off = True
        for channel in list(self._channels.values()):
            _end(channel)
        self.container.close()

    def _read_frames(self) -> None:
        reader = frames.FrameReader()
        while (piece := self.container.read()) is not None:
            stream, data = piece
            if stream != 1:
                # The forwarder's own errors.
                self._keep(frames.STDERR, data)
                continue
            with suppress(ValueError):
                for frame in reader.feed(data):
                    self._take(*frame)
                    if self.is_whole:
                        return
                continue
            return

    def _take(self, kind: int, channel: int, data: bytes) -> None:
        """Act on a frame of the container."""
        if kind == frames.OPEN and self._takes(channel):
            self._open(channel)
        elif kind == frames.DATA and channel in self._channels:
            with suppress(OSError):
                self._channels[channel].sendall(data)
        elif kind == frames.CLOSE and channel in self._channels:
            _end(self._channels.pop(channel))
        elif kind == frames.ENDED and self.ended_at_s is None:
            with self._lock:
                self.ended_at_s = time.monotonic()
            self.cpu_s = self.container.cpu_s()
            self._after(self.grace_s, self._cut_off)
        elif kind == frames.DONE:
            self.is_whole = True
        self._keep(kind, data)

    def _keep(self, kind: int, data: bytes) -> None:
        kept, bound = self.received.setdefault(kind, bytearray()), _BOUNDS.get(kind, 0)
        if kind in (frames.STDOUT, frames.STDERR):
            kept += data
            del kept[: max(0, len(kept) - bound)]
        else:
            kept += data[: max(0, bound - len(kept))]

    def _takes(self, channel: int) -> bool:
        """Whether a new channel may have this number."""
        return not self._is_cut_off and len(self._channels) < frames.MAX_CHANNELS and channel not in self._channels

    def _open(self, channel: int) -> None:
        try:
            connection = self.connect()
        except OSError:
            self.container.write(frames.pack_frame(frames.CLOSE, channel))
            return
        self._channels[channel] = connection
        threading.Thread(target=self._pump, args=(channel, connection), daemon=True).start()

    def _pump(self, channel: int, connection: socket.socket) -> None:
        """Carry what the proxy sends into the container until it closes."""
        with suppress(OSError):
            while data := connection.recv(frames.MAX_FRAME_BYTES):
                self.container.write(frames.pack_frame(frames.DATA, channel, data))
        self.container.write(frames.pack_frame(frames.CLOSE, channel))


def _end(connection: socket.socket) -> None:
    """Close a connection that another thread may be reading."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def job_of(command: list[str], environment: dict[str, str], files: dict[str, str], transcript: str) -> Json:
    """The job of a run, as the forwarder reads it."""
    return {
        "command": command,
        "environment": environment,
        "files": files,
        "transcript": transcript,
        "port": FORWARDER_PORT,
        "output_bytes": MAX_OUTPUT_BYTES,
        "max_tree_bytes": MAX_TREE_BYTES,
        "max_file_bytes": MAX_FILE_BYTES,
        "max_files": MAX_FILES,
        "tool_folders": sorted(TOOL_FOLDERS),
    }
