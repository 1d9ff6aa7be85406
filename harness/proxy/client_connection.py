"""The client's side of an exchange: `ClientConnection` takes one request after the other and answers them.

It is an asyncio protocol, called with what was read. It stays open between requests; each has a `TargetConnection`.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import select
import socket
import struct
import sys
import termios
from dataclasses import dataclass
from typing import cast

from harness.proxy.heads import HEAD_END, MAX_HEAD_BYTES, HeadError, RequestHead, error_response, parse_request
from harness.proxy.hub import RESET_ON_CLOSE, Hub
from harness.proxy.target_connection import TargetConnection

_HTTP2_PREFACE = b"PRI * HTTP/2.0"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LINGER_S = 2.0
"""How long a client may go on sending after its answer: closed with unread bytes, a socket drops what it had sent."""
_MAX_ADMITTED_BODY_BYTES = 64 * 1024 * 1024
"""A body that is admitted as a whole waits in memory. A model's whole context takes a few MB, its images tens of MB."""
_LOOK_EVERY_S = 0.1
_HANG_UP = getattr(select, "POLLRDHUP", 0)
"""What to ask poll() for beside POLLHUP and POLLERR, which it always tells; macOS has no POLLRDHUP."""
_SO_NWRITE = 0x1024
"""macOS, sys/socket.h: the option that returns how many bytes of a socket are not sent."""


@dataclass(slots=True)
class _PartialRequest:
    """A request that is admitted as a whole: its head, how many bytes its body has, and what has come of them.

    The bytes are in a buffer that grows in place: joined anew at each read, a body of many reads would be copied as
    often, and a client could keep the proxy's loop busy for seconds with one request.
    """

    head: RequestHead
    size: int
    data: bytearray


class ClientConnection(asyncio.Protocol):
    """A client's connection: one request after the other."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.unread = b""
        self._exchange: TargetConnection | None = None
        self._partial: _PartialRequest | None = None
        self._closing = False
        self._next_look: asyncio.TimerHandle | None = None
        self.is_slow = False
        """Whether the client has too much to read: the transport says so once, however many exchanges follow."""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)
        self._fd: int = transport.get_extra_info("socket").fileno()
        self._hub.add(self)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; bytes of a later request wait."""
        if self._closing:
            return
        if self._partial is not None:
            self._add_to_body(self._partial, data)
            return
        self.unread = self.unread + data if self.unread else data
        self.advance()

    def advance(self) -> None:
        """Pass on what was read as far as it can be."""
        if self._exchange is None:
            self._begin()
        elif self._exchange.connected:
            self.unread = self._exchange.send_body(self.unread)
            if len(self.unread) > MAX_HEAD_BYTES:
                self.transport.pause_reading()

    def hold(self) -> None:
        """Read no more until `release`, and look meanwhile whether the client is still there.

        A connection that is not read does not tell: the target would wait for the rest of a request that nobody sends.
        """
        self.transport.pause_reading()
        self._look()

    def release(self) -> None:
        """Read again."""
        self._stop_looking()
        self.transport.resume_reading()

    def _look(self) -> None:
        self._stop_looking()
        if self.transport.is_closing():
            return
        connection = select.poll()
        connection.register(self._fd, _HANG_UP)
        if connection.poll(0):
            self.transport.abort()
        else:
            self._next_look = asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look)

    def _stop_looking(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None

    def send(self, data: bytes) -> None:
        """Send at once what the kernel takes; `transport.write` alone sends when all other sockets were read, too.

        The transport keeps its file descriptor until `connection_lost` was called, which ends the exchange.
        """
        sent = 0
        if not self.transport.get_write_buffer_size():
            try:
                sent = os.write(self._fd, data)
            except OSError:
                # The client is slow, which the transport waits for, or gone, which the transport finds out itself.
                sent = 0
        if sent < len(data):
            self.transport.write(data[sent:])

    def _begin(self) -> None:
        self.unread = self.unread.lstrip(b"\r\n")
        end = HEAD_END.search(self.unread)
        if self.unread.startswith(_HTTP2_PREFACE):
            self._refuse_client(505, "the proxy speaks HTTP/1.1, not HTTP/2 without TLS")
        elif end is None:
            if len(self.unread) > MAX_HEAD_BYTES:
                self._refuse_client(431, "the request's head does not end")
        else:
            self._begin_exchange(self.unread[: end.end()], self.unread[end.end() :])

    def _begin_exchange(self, raw: bytes, rest: bytes) -> None:
        try:
            head = parse_request(raw)
        except HeadError as error:
            self._refuse_client(400, str(error))
            return
        size = head.content_length if self._hub.needs_body else 0
        if size is None:
            self._start_exchange(head, rest, (411, "the request's body has no length"))
        elif size > _MAX_ADMITTED_BODY_BYTES:
            reason = f"the request's body has more than {_MAX_ADMITTED_BODY_BYTES} bytes"
            self._start_exchange(head, rest, (413, reason))
        elif len(rest) < size:
            self.unread, self._partial = b"", _PartialRequest(head, size, bytearray(rest))
            if not rest and any(value.lower() == b"100-continue" for value in head.values(b"expect")):
                # The target, which would say so otherwise, is not asked before the body is here.
                self.transport.write(_CONTINUE)
        else:
            self._start_exchange(head, rest, self._hub.refusal(head, rest[:size]))

    def _add_to_body(self, partial: _PartialRequest, data: bytes) -> None:
        """Begin the exchange once its body has come as a whole."""
        partial.data += data
        if len(partial.data) >= partial.size:
            self._partial, rest = None, bytes(partial.data)
            self._start_exchange(partial.head, rest, self._hub.refusal(partial.head, rest[: partial.size]))

    def _start_exchange(self, head: RequestHead, rest: bytes, refusal: tuple[int, str] | None) -> None:
        self.unread = rest
        record = self._hub.begin(head)
        self._exchange = exchange = TargetConnection(self._hub, self, head, record)
        if refusal is not None:
            exchange.refuse(*refusal, "refused")
        elif head.upgrade is not None:
            exchange.refuse(501, f"the proxy does not upgrade a connection to {head.upgrade}", "refused")
        else:
            # Until the target is connected nothing more is read: a large request waits in the client.
            self.transport.pause_reading()
            exchange.start()

    def _refuse_client(self, status: int, message: str) -> None:
        """Answer what is no request that could be recorded."""
        self._hub.note(f"{status}: {message}")
        self._answer(status, message)

    def _answer(self, status: int, message: str) -> None:
        """Answer by the proxy itself and close."""
        self.transport.write(error_response(status, message))
        self._close()

    def _close(self) -> None:
        """Close once the client has what was written to it."""
        self.unread, self._closing = b"", True
        if self.transport.is_closing():
            return
        self.transport.write_eof()
        self.transport.resume_reading()
        asyncio.get_running_loop().call_later(_LINGER_S, self.transport.close)

    def _reset(self) -> None:
        """Close as the target did, by a reset, unless the client would lose bytes by it."""
        sock = self.transport.get_extra_info("socket")
        if self.transport.get_write_buffer_size() or has_unsent_bytes(sock):
            self._close()
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.transport.abort()

    def refuse(self, status: int, message: str) -> None:
        """Answer the current request by the proxy itself."""
        self._exchange = None
        self._stop_looking()
        self._answer(status, message)

    def exchange_ended(self, *, persistent: bool, reset: bool) -> None:
        """The response is whole, or as much of it as there will be."""
        self._exchange = None
        self._stop_looking()
        if self.transport.is_closing():
            return
        if reset:
            self._reset()
        elif not persistent:
            self._close()
        else:
            self.transport.resume_reading()
            if self.unread:
                self.advance()

    def stop(self) -> None:
        """End the connection since the proxy stops."""
        if self._exchange is not None:
            self._exchange.end("stopped", "the proxy was stopped")
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left: the server must see it at once, so that it stops generating.

        A client that only ends its sending side counts as gone, too: HTTP clients do so when they close.
        """
        self._hub.discard(self)
        if self._exchange is not None:
            self._exchange.end("client_closed", "the client closed the connection")

    def pause_writing(self) -> None:
        """The client reads slower than the target writes."""
        self.is_slow = True
        if self._exchange is not None:
            self._exchange.pause_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.is_slow = False
        if self._exchange is not None:
            self._exchange.resume_reading()


def has_unsent_bytes(sock: socket.socket) -> bool:
    """Whether the kernel holds bytes that the other side has not acknowledged; True where the kernel does not say.

    A reset drops them: the kernel takes megabytes for a client that reads slowly.
    """
    try:
        if sys.platform == "darwin":
            return sock.getsockopt(socket.SOL_SOCKET, _SO_NWRITE) > 0
        count: int
        (count,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))
    except (OSError, ValueError):
        return True
    return count > 0
