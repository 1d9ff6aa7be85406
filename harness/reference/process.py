"""The reference server as a process: `serving` runs it for a block, `ReferenceServer.take_log` returns what it did."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from harness.errors import ServerError
from harness.servers import fetch
from harness.types import Json


@dataclass(frozen=True, slots=True)
class LoggedWrite:
    """One write: the monotonic clock before and after it, and how many token events and tokens it completed.

    `due_ns` is when it was due after the request: writes of tokens that are due together belong to one step.
    """

    before_ns: int
    after_ns: int
    events: int
    tokens: int
    is_output: bool
    due_ns: int


@dataclass(frozen=True, slots=True)
class LoggedReply:
    """One reply as the server saw it: when the request was complete, and every write. Its times are the true ones."""

    model: str
    request_ns: int
    writes: tuple[LoggedWrite, ...]

    @property
    def token_writes(self) -> tuple[LoggedWrite, ...]:
        """The writes that completed token events."""
        return tuple(write for write in self.writes if write.events)

    @property
    def ttft_s(self) -> float:
        """From the complete request to the write of the first token."""
        return (self.token_writes[0].before_ns - self.request_ns) / 1e9

    @property
    def ttfc_s(self) -> float | None:
        """From the complete request to the first write with content or a tool call."""
        times_ns = [write.before_ns for write in self.token_writes if write.is_output]
        return (times_ns[0] - self.request_ns) / 1e9 if times_ns else None

    @property
    def e2e_s(self) -> float:
        """From the complete request to the write of the last token."""
        return (self.token_writes[-1].before_ns - self.request_ns) / 1e9

    @property
    def decode_tps(self) -> float | None:
        """Tokens after the first step over the time between the first token write and the last."""
        first, last = self.token_writes[0], self.token_writes[-1]
        span_ns = last.before_ns - first.before_ns
        later = sum(write.tokens for write in self.token_writes if write.due_ns != first.due_ns)
        return later / (span_ns / 1e9) if span_ns > 0 else None


def _parse_row(row: Json) -> LoggedReply:
    return LoggedReply(row["model"], row["request_ns"], tuple(LoggedWrite(*write) for write in row["writes"]))


@dataclass(slots=True)
class ReferenceServer:
    """A running reference server."""

    port: int
    process: subprocess.Popen[str]

    @property
    def base_url(self) -> str:
        """The URL up to and with /v1."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self.process.pid

    def take_log(self) -> list[LoggedReply]:
        """Return and forget the replies since the last call, in the order of their ends. Raises ServerError."""
        rows = fetch("GET", f"http://127.0.0.1:{self.port}/log").document
        return [_parse_row(row) for row in rows]

    def end(self) -> None:
        """End the process, which may have ended by itself."""
        self.process.kill()
        self.process.communicate()


def start(port: int = 0, prefix: Sequence[str] = ()) -> ReferenceServer:
    """Start a reference server on a port (0: a free one); `prefix` precedes its command. Raises ServerError."""
    command = [*prefix, sys.executable, "-m", "harness.reference.server", str(port)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline() if process.stdout else ""
    if not line.strip().isdigit():
        process.kill()
        process.communicate()
        raise ServerError(f"the reference server did not start on port {port}", fix="check that the port is free")
    return ReferenceServer(int(line), process)


@contextmanager
def serving(port: int = 0, prefix: Sequence[str] = ()) -> Iterator[ReferenceServer]:
    """Run a reference server for the length of a block."""
    server = start(port, prefix)
    try:
        yield server
    finally:
        server.end()
