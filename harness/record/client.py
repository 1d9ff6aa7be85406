"""The connection, with the clock at its sockets: when a request's first byte left, when each read came back.

Stands directly on httpcore, the layer under httpx, because only there a socket's reads and writes can be stamped by a
public interface. Never follows a redirect, never uses a proxy, reads no environment.
"""

from __future__ import annotations

import socket
import ssl
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter_ns, sleep
from types import TracebackType
from typing import Any, Self

import httpcore

SETTLE_S = 0.02
"""How long a new connection rests before its request: until the server has taken it and waits for bytes."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long to wait: for a connection, for the next byte (a 200K prefill may take half an hour), for a turn.

    `fetch_s` is for questions about the server; a server that is asked to load a model needs more.
    """

    connect_s: float = 5.0
    read_s: float = 2400.0
    turn_s: float = 7200.0
    turn_bytes: int = 512 * 1024 * 1024
    fetch_s: float = 30.0


@dataclass(slots=True)
class SocketClock:
    """What the sockets of one client saw of the request that is on its way.

    `sent_ns` is the monotonic clock just before the first byte was written, None before that; `read_ns` just after
    the read whose bytes were handed on last. `closed` tells that the server ended the connection, `overdue` that
    `deadline_ns` was reached. `gathers` is set for a body that is listened to without a pause, of at most `left_bytes`.
    """

    sent_ns: int | None = None
    read_ns: int = 0
    deadline_ns: int | None = None
    gathers: bool = False
    left_bytes: int = 0
    closed: bool = False
    overdue: bool = False

    def start(self, deadline_ns: int | None, left_bytes: int = 0) -> None:
        """Forget the last request."""
        self.sent_ns, self.deadline_ns, self.left_bytes = None, deadline_ns, left_bytes
        self.gathers = self.closed = self.overdue = False


class _Heard:
    """Reads that wait to be handed on, oldest first; two queues, since pairs would be the garbage collector's work."""

    def __init__(self) -> None:
        self.times_ns: deque[int] = deque()
        self.pieces: deque[bytes | Exception] = deque()

    def add(self, at_ns: int, piece: bytes | Exception) -> None:
        self.times_ns.append(at_ns)
        self.pieces.append(piece)


class _Stream(httpcore.NetworkStream):
    """A socket that holds back what is written until the reply is awaited, and listens before it hands on.

    httpcore writes headers and body one after the other, and builds the second while the first is on its way; held
    back they leave in one write, so the start stamp stands before the whole request and none of that is in it.
    A body that is gathered is read and stamped to what may be its end, and only then handed on read by read: nothing
    takes its HTTP framing apart while it runs.
    """

    def __init__(self, inner: httpcore.NetworkStream, clock: SocketClock) -> None:
        self._inner = inner
        self._socket: socket.socket = inner.get_extra_info("socket")
        self._clock = clock
        self._unsent: list[bytes] = []
        self._heard = _Heard()
        self._tail = b""
        self._wait_s: float | None = -1.0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            self._send(timeout)
        if not self._heard.pieces:
            self._listen(max_bytes, timeout)
        self._clock.read_ns = self._heard.times_ns.popleft()
        piece = self._heard.pieces.popleft()
        if isinstance(piece, Exception):
            raise piece
        if not piece:
            self._clock.closed = True
        return piece

    def _listen(self, max_bytes: int, timeout: float | None) -> None:
        """Read once, or until what may be the end of a gathered body: a chunked one ends with two line ends."""
        clock, heard, at_ns = self._clock, self._heard, perf_counter_ns()
        try:
            while True:
                self._set_wait(timeout, at_ns)
                data = self._socket.recv(max_bytes)
                at_ns = perf_counter_ns()
                heard.add(at_ns, data)
                self._tail = data[-4:] if len(data) > 3 else (self._tail + data)[-4:]
                clock.left_bytes -= len(data)
                if not clock.gathers or not data or self._tail == b"\r\n\r\n" or clock.left_bytes < 0:
                    return
        except TimeoutError:
            at_ns = perf_counter_ns()
            clock.overdue = clock.deadline_ns is not None and at_ns >= clock.deadline_ns
            heard.add(at_ns, httpcore.ReadTimeout("no byte came in time"))
        except OSError as error:
            heard.add(perf_counter_ns(), httpcore.ReadError(str(error)))

    def _set_wait(self, timeout: float | None, now_ns: int) -> None:
        """Wait for a byte no longer than is left of the turn. The socket is told only what is new: telling costs."""
        deadline_ns, wait_s = self._clock.deadline_ns, timeout
        if deadline_ns is not None:
            left_s = (deadline_ns - now_ns) / 1e9
            if left_s <= 0:
                raise TimeoutError
            wait_s = left_s if timeout is None or left_s < timeout else timeout
        if wait_s != self._wait_s:
            self._socket.settimeout(wait_s)
            self._wait_s = wait_s

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer:
            self._unsent.append(buffer)

    def _send(self, timeout: float | None) -> None:
        request = b"".join(self._unsent)
        self._unsent.clear()
        self._wait_s, self._tail = -1.0, b""
        if self._clock.sent_ns is None:
            self._clock.sent_ns = perf_counter_ns()
        try:
            self._inner.write(request, timeout)
        except httpcore.WriteError:
            # A server may refuse a request before it has read all of it; its answer is still there to be read.
            return

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, clock: SocketClock) -> None:
        self._inner = httpcore.SyncBackend()
        self._clock = clock

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
        return _Stream(inner, self._clock)


class Client:
    """A connection of its own for every request, one request at a time.

    No connection is used twice: llama.cpp's server closes one a millisecond or two after a stream without saying so,
    and a request that is sent just then is lost; sent again it would be a hidden retry. The clock starts when a
    connection stands and the server has taken it, so a new one costs no time that is measured.
    """

    def __init__(self, waits: Waits | None = None) -> None:
        """Opens nothing yet."""
        self.waits = waits or Waits()
        self.clock = SocketClock()
        self.pool = httpcore.ConnectionPool(
            max_connections=1, max_keepalive_connections=0, network_backend=_Backend(self.clock)
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
