"""The connection, with the clock at its sockets: when a request's first byte left, when each read came back.

Stands directly on httpcore, the layer under httpx, because only there a socket's reads and writes can be stamped by a
public interface. Never follows a redirect, never uses a proxy, reads no environment.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter_ns
from types import TracebackType
from typing import Any, Self

import httpcore

KEEPALIVE_S = 600.0


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
    the last read. `closed` tells that the server ended the connection, `overdue` that `deadline_ns` was reached.
    """

    sent_ns: int | None = None
    read_ns: int = 0
    deadline_ns: int | None = None
    closed: bool = False
    overdue: bool = False

    def start(self, deadline_ns: int) -> None:
        """Forget the last request."""
        self.sent_ns, self.deadline_ns, self.read_ns = None, deadline_ns, perf_counter_ns()
        self.closed = self.overdue = False


class _Stream(httpcore.NetworkStream):
    """A socket that holds back what is written until the reply is awaited, and is read without any layer above it.

    httpcore writes headers and body one after the other, and builds the second while the first is on its way; held
    back they leave in one write, so the start stamp stands before the whole request and none of that is in it.
    """

    def __init__(self, inner: httpcore.NetworkStream, clock: SocketClock) -> None:
        self._inner = inner
        self._socket: socket.socket = inner.get_extra_info("socket")
        self._clock = clock
        self._unsent: list[bytes] = []
        self._wait_s: float | None = -1.0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        clock = self._clock
        if self._unsent:
            self._send(timeout)
        try:
            self._set_wait(timeout)
            data = self._socket.recv(max_bytes)
        except TimeoutError as error:
            clock.overdue = clock.deadline_ns is not None and perf_counter_ns() >= clock.deadline_ns
            raise httpcore.ReadTimeout("no byte came in time") from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error
        clock.read_ns = perf_counter_ns()
        if not data:
            clock.closed = True
        return data

    def _set_wait(self, timeout: float | None) -> None:
        """Wait for a byte no longer than is left of the turn. The socket is told only what is new: telling costs."""
        clock, wait_s = self._clock, timeout
        if clock.deadline_ns is not None:
            left_s = (clock.deadline_ns - clock.read_ns) / 1e9
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
        self._wait_s = -1.0
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
        return _Stream(inner, self._clock)


class Client:
    """One long-lived connection to a model server; one request at a time."""

    def __init__(self, waits: Waits | None = None) -> None:
        """Opens nothing yet."""
        self.waits = waits or Waits()
        self.clock = SocketClock()
        self.pool = httpcore.ConnectionPool(
            max_connections=1, keepalive_expiry=KEEPALIVE_S, network_backend=_Backend(self.clock)
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
