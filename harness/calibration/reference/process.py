"""The truth server as a process: started, asked for its log, ended; and what its log says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from harness.errors import ServerError
from harness.record import Client
from harness.servers import fetch
from harness.types import Json


@dataclass(frozen=True, slots=True)
class Written:
    """One write: the monotonic clock before and after it, and how many token events and tokens it made whole."""

    before_ns: int
    after_ns: int
    events: int
    tokens: int
    usable: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """One request as the server saw it: when its last byte was there, and every write of the reply."""

    model: str
    whole_ns: int
    writes: tuple[Written, ...]

    @property
    def spoken(self) -> tuple[Written, ...]:
        """The writes that made token events whole."""
        return tuple(write for write in self.writes if write.events)

    @property
    def ttft_s(self) -> float:
        """From the whole request to the first token's write."""
        return (self.spoken[0].before_ns - self.whole_ns) / 1e9

    @property
    def ttfc_s(self) -> float | None:
        """From the whole request to the first write of something a user can use."""
        times = [write.before_ns for write in self.spoken if write.usable]
        return (times[0] - self.whole_ns) / 1e9 if times else None

    @property
    def e2e_s(self) -> float:
        """From the whole request to the last token's write."""
        return (self.spoken[-1].before_ns - self.whole_ns) / 1e9

    @property
    def decode_tps(self) -> float | None:
        """Tokens after the first write over the time between the first write and the last."""
        span_ns = self.spoken[-1].before_ns - self.spoken[0].before_ns
        tokens = sum(write.tokens for write in self.spoken[1:])
        return tokens / (span_ns / 1e9) if span_ns > 0 else None


def _heard(row: Json) -> Heard:
    return Heard(row["model"], row["whole_ns"], tuple(Written(*write) for write in row["writes"]))


@dataclass(slots=True)
class ReferenceServer:
    """A running truth server."""

    port: int
    process: subprocess.Popen[str]

    @property
    def base_url(self) -> str:
        """Up to and with /v1."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    def take(self) -> list[Heard]:
        """What was heard since the last time, in the order in which the replies ended. Raises ServerError."""
        with Client() as client:
            rows = fetch(client, "GET", f"http://127.0.0.1:{self.port}/truth").document
        return [_heard(row) for row in rows]

    def end(self) -> None:
        """End the process; it may have ended by itself."""
        self.process.kill()
        self.process.communicate()


def start(port: int = 0, prefix: Sequence[str] = ()) -> ReferenceServer:
    """Start a truth server on a port (0: a free one); `prefix` is put before its command. Raises ServerError."""
    words = [*prefix, sys.executable, "-m", "harness.calibration.reference.server", str(port)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline() if process.stdout else ""
    if not line.strip().isdigit():
        process.kill()
        process.communicate()
        raise ServerError(f"the truth server did not start on port {port}: is the port taken?")
    return ReferenceServer(int(line), process)


@contextmanager
def serving(port: int = 0, prefix: Sequence[str] = ()) -> Iterator[ReferenceServer]:
    """A truth server for the length of a block."""
    server = start(port, prefix)
    try:
        yield server
    finally:
        server.end()
