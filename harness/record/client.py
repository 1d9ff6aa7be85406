"""The HTTP client of the timed path: it stamps when a request's first byte leaves and when each read returns.

`Client` holds an httpcore connection pool whose sockets report to a `RequestState`; `record` in turn.py drives it. The
client never follows a redirect, never uses a proxy and reads no environment variable.

Why the clock is at the socket, and why httpcore rather than httpx's client:

- httpx delegates every request to httpcore, its transport layer, and offers no public way to the socket below it.
  httpcore does: a `NetworkBackend` may be passed in. So the timed recorder uses httpx's own transport layer; it
  keeps httpx's HTTP and TLS implementation and leaves out only what would fall inside the timed span.
- What httpx does before the first byte costs 0.69 ms (median; 1.44 ms at p99) and would count as TTFT. Offsets of this
  size are under 1 % of a cold TTFT of 200 ms, but up to a fifth of a cached one of 10 ms.
- A read is stamped before anything is decoded. A client that parses while the stream runs falls behind it: at 5000
  tokens/s on a busy machine the OpenAI SDK understated the decode rate by 45 %; clients that only stamped were within
  0.6 %.

Source: this project's study of streaming clients against a reference server (November 2026, httpx 0.28.1, two cores of
a virtual machine). `lanebench bench-client` repeats the comparison on the machine at hand.
"""

from __future__ import annotations

import socket
import ssl
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter_ns, sleep, time_ns
from types import TracebackType
from typing import Any, Self

import httpcore

from harness.types import EndReason

SETTLE_S = 0.02
"""Delay between connect and request, so that the server has accepted the connection and waits for bytes. The clock
starts after the delay: accepting a connection is not part of TTFT."""
_MIN_WRITE_S = 0.001
"""Of a turn whose time is up: no seconds would mean not to wait at all, which is another error."""
_CHUNKED_END = b"\r\n\r\n"
_UNKNOWN_TIMEOUT_S = -1.0
"""Sentinel: timeout not set yet, or replaced by httpcore, which sets its own for a write."""
_CLOCK_READINGS = 5
_CLOCK_GAP_NS = 1_000_000
_MAX_TURN_BYTES = 64 * 1024 * 1024
"""260,000 events of the usual size. The line that stores them is up to half longer, and must be one that harness/files
still reads (MAX_JSON_BYTES there)."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait: for a connection, for the next byte, for a whole turn.

    `read_s` is long because nothing need arrive before the prefill is done: a user of oMLX measured a TTFT of 2028 s
    for 200K tokens on an M1 Max (jundot/omlx#3555).
    """

    connect_s: float = 5.0
    read_s: float = 2400.0
    turn_s: float = 7200.0


class _ReadQueue:
    """Reads that have not been delivered yet, oldest first; an error marks where the read failed.

    Times and data are two queues: pairs would be objects that the garbage collector has to scan during the stream.
    """

    def __init__(self) -> None:
        self._times_ns: deque[int] = deque()
        self._data: deque[bytes | Exception] = deque()

    def __bool__(self) -> bool:
        return bool(self._times_ns)

    def put(self, at_ns: int, data: bytes | Exception) -> None:
        self._times_ns.append(at_ns)
        self._data.append(data)

    def get(self) -> tuple[int, bytes | Exception]:
        return self._times_ns.popleft(), self._data.popleft()

    def copy(self, first: int) -> list[bytes]:
        # One call into C, so that no append of the recorder's thread comes between.
        reads = list(self._data)
        return [data for data in reads[first:] if isinstance(data, bytes)]


@dataclass(slots=True)
class RequestState:
    """State of the current request at the client's socket; times are of the monotonic clock, except for `sent_wall_ns`.

    `sent_ns` is the time just before the first byte was written (None: not yet), `sent_wall_ns` the same moment on the
    wall clock, in nanoseconds since 1970; `read_ns` just after the read whose bytes were delivered last. `deadline_ns`
    is when the turn has to end. `buffering` lets the socket read ahead of its caller to the end of the body, of which
    `remaining_bytes` may still come. `closed` says that the server ended the connection, `deadline_exceeded` that the
    turn had to be cut off, for the reason `stop_reason` if it was not its time. `reads` are those of the reply that
    have not been delivered: all of it while `buffering` is set. `connection` is the socket, open or closed.
    """

    sent_ns: int | None = None
    sent_wall_ns: int = 0
    read_ns: int = 0
    deadline_ns: int = 0
    buffering: bool = False
    remaining_bytes: int = 0
    closed: bool = False
    deadline_exceeded: bool = False
    stop_reason: EndReason | None = None
    reads: _ReadQueue | None = None
    connection: socket.socket | None = None

    def start(self, deadline_ns: int, max_bytes: int) -> None:
        """Reset the state for a new request."""
        self.sent_ns, self.deadline_ns, self.remaining_bytes = None, deadline_ns, max_bytes
        self.sent_wall_ns = time_ns()
        self.buffering = self.closed = self.deadline_exceeded = False
        self.stop_reason = self.reads = None


def read_clocks() -> tuple[int, int]:
    """The wall clock and the monotonic clock, read within a millisecond unless the machine is busy all the time."""
    for _ in range(_CLOCK_READINGS):
        wall_ns, monotonic_ns = time_ns(), perf_counter_ns()
        if abs(time_ns() - wall_ns) < _CLOCK_GAP_NS:
            break
    return wall_ns, monotonic_ns


class _TimedStream(httpcore.NetworkStream):
    """A socket that coalesces the writes of a request and timestamps each recv.

    Writes: httpcore writes the headers, then builds and writes the body. Held back until the reply is awaited, both
    leave in one write, so that one stamp precedes the whole request and no request building is inside the span.

    Reads: while `state.buffering` is set, a body is read and stamped up to what may be its end and only then delivered
    read by read. Taking HTTP chunks apart between two reads doubled the CPU time per chunk; now it happens afterwards.
    The end may be a false one (an event that ends with CRLF CRLF at the end of a read): then httpcore asks for more.
    """

    def __init__(self, inner: httpcore.NetworkStream, state: RequestState) -> None:
        self._inner = inner
        self._socket: socket.socket = inner.get_extra_info("socket")
        state.connection = self._socket
        self._state = state
        self._unsent: list[bytes] = []
        self._reads = state.reads = _ReadQueue()
        self._tail = b""
        self._timeout_s = _UNKNOWN_TIMEOUT_S

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            self._send(timeout)
        if not self._reads:
            self._fill(max_bytes, timeout)
        self._state.read_ns, data = self._reads.get()
        if isinstance(data, Exception):
            raise data
        if not data:
            self._state.closed = True
        return data

    def _fill(self, max_bytes: int, timeout: float | None) -> None:
        """Queue one read, or all reads of a buffered body; a failure is queued behind what came before it."""
        try:
            self._receive(max_bytes, timeout)
        except TimeoutError:
            at_ns = perf_counter_ns()
            self._state.deadline_exceeded = at_ns >= self._state.deadline_ns
            self._reads.put(at_ns, httpcore.ReadTimeout("no data within the read timeout"))
        except OSError as error:
            self._reads.put(perf_counter_ns(), httpcore.ReadError(str(error)))

    def _receive(self, max_bytes: int, timeout: float | None) -> None:
        """The timing loop. No code runs between recv() and its timestamp; all bookkeeping comes after the timestamp."""
        put, now_ns = self._reads.put, perf_counter_ns()
        while True:
            self._set_timeout(timeout, now_ns)
            data = self._socket.recv(max_bytes)
            now_ns = perf_counter_ns()
            put(now_ns, data)
            # The read of the headers is looked at, too: it may hold the body up to a part of its end.
            if self._may_be_last(data) or not self._state.buffering:
                return

    def _may_be_last(self, data: bytes) -> bool:
        """Whether the body may end with this read: end of file, the end of a chunked body, or too many bytes.

        A chunked body ends with an empty line (RFC 9112, section 7.1), which may be split over several reads.
        """
        self._tail = data[-4:] if len(data) > 3 else (self._tail + data)[-4:]
        self._state.remaining_bytes -= len(data)
        return not data or self._tail == _CHUNKED_END or self._state.remaining_bytes < 0

    def _set_timeout(self, timeout: float | None, now_ns: int) -> None:
        """Limit the read timeout to the time left in the turn. settimeout makes a system call: only for a new value."""
        left_s = (self._state.deadline_ns - now_ns) / 1e9
        if left_s <= 0:
            raise TimeoutError
        timeout_s = left_s if timeout is None or left_s < timeout else timeout
        if timeout_s != self._timeout_s:
            self._socket.settimeout(timeout_s)
            self._timeout_s = timeout_s

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer:
            self._unsent.append(buffer)

    def _send(self, timeout: float | None) -> None:
        request = b"".join(self._unsent)
        self._unsent.clear()
        self._timeout_s, self._tail = _UNKNOWN_TIMEOUT_S, b""
        if self._state.sent_ns is None:
            self._state.sent_wall_ns, self._state.sent_ns = read_clocks()
        left_s = (self._state.deadline_ns - perf_counter_ns()) / 1e9
        try:
            self._inner.write(request, max(_MIN_WRITE_S, left_s if timeout is None else min(timeout, left_s)))
        except httpcore.WriteTimeout:
            # A server may read no more than its buffers hold: the turn's time ends that, too.
            self._state.deadline_exceeded = perf_counter_ns() >= self._state.deadline_ns
            raise
        except httpcore.WriteError:
            # A server may refuse a request before it has read all of it; its response can still be read.
            return

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._state)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _TimedBackend(httpcore.NetworkBackend):
    def __init__(self, state: RequestState) -> None:
        self._inner = httpcore.SyncBackend()
        self._state = state

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        inner = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        sleep(SETTLE_S)
        return _TimedStream(inner, self._state)


class Client:
    """One request at a time, each on a new connection.

    A connection is never reused: llama.cpp's server closes it one or two milliseconds after a stream without announcing
    that, and a request sent in this moment is lost. With reuse 45 of 150 turns in a row were lost, in httpx as well;
    sending one again would be a hidden retry. A new connection costs no measured time (see `SETTLE_S`).
    """

    def __init__(self, timeouts: Timeouts | None = None, max_turn_bytes: int = _MAX_TURN_BYTES) -> None:
        """Create a client; it connects with its first request. A reply longer than `max_turn_bytes` is cut off."""
        self.timeouts = timeouts or Timeouts()
        self.max_turn_bytes = max_turn_bytes
        self.state = RequestState()
        self.pool = httpcore.ConnectionPool(
            max_connections=1, max_keepalive_connections=0, network_backend=_TimedBackend(self.state)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.pool.close()

    def received(self, first: int = 0) -> list[bytes]:
        """The reads of the reply that is being recorded, from the one with this number. For another thread."""
        return self.state.reads.copy(first) if self.state.reads is not None else []

    def stop(self, reason: EndReason) -> None:
        """End the turn at its next read, for this reason. For another thread."""
        self.state.stop_reason, self.state.deadline_ns = reason, 0

    def abort(self) -> None:
        """End the turn now, also while it waits for a read; its recording is of no use. For another thread."""
        self.state.deadline_ns = 0
        if self.state.connection is not None:
            # It may be closed already.
            with suppress(OSError):
                self.state.connection.shutdown(socket.SHUT_RDWR)
