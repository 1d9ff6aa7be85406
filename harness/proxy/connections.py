"""The two connections of an exchange: `ClientConnection` takes requests, `TargetConnection` passes one on and back.

Both are asyncio protocols, called with what was read. Each request has a connection of its own to the target, which is
asked to close it: llama.cpp's server closes idle connections unannounced, and a request sent in that moment is lost
(harness/record/client.py). The client's connection stays open between requests.

A read of the target is stamped first, then passed on, then recorded, so that recording delays nothing.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import suppress
from http import HTTPStatus
from time import perf_counter_ns
from typing import Protocol, cast

from harness.proxy.bodies import Body, FramingError, UnsizedBody
from harness.proxy.exchange_journal import ExchangeJournal
from harness.proxy.heads import (
    HEAD_END,
    MAX_HEAD_BYTES,
    HeadError,
    RequestHead,
    parse_request,
    parse_response,
)
from harness.proxy.target_key import KeylessBody, TargetKey
from harness.types import ExchangeEnd

_HTTP2_PREFACE = b"PRI * HTTP/2.0"
_LINGER_S = 2.0
"""How long a client may go on sending after its answer: closed with unread bytes, a socket drops what it had sent."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Hub(Protocol):
    """What the connections need of the proxy."""

    def begin(self, head: RequestHead) -> ExchangeJournal:
        """Number an exchange and begin its record."""

    target_key: TargetKey | None
    """The key that the target gets; None: the client's."""

    @property
    def needs_body(self) -> bool:
        """Whether `refusal` reads the body."""

    def refusal(self, head: RequestHead, body: bytes) -> tuple[int, str] | None:
        """The status and the reason with which the proxy itself answers a request; None: it is passed on."""

    async def connect(self, connection: TargetConnection) -> None:
        """Connect to the target. Raises OSError or TimeoutError."""

    def finish(self, head: RequestHead, record: ExchangeJournal, reason: ExchangeEnd, error: str | None) -> None:
        """Note how an exchange ended."""

    def note(self, line: str) -> None:
        """Print a line about something that is no exchange."""

    def add(self, connection: ClientConnection) -> None:
        """A client has connected."""

    def discard(self, connection: ClientConnection) -> None:
        """A client has left."""


class ClientConnection(asyncio.Protocol):
    """A client's connection: one request after the other."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.unread = b""
        self._exchange: TargetConnection | None = None
        self._closing = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)
        self._hub.add(self)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; bytes of a later request wait."""
        if self._closing:
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
        if size is not None and len(rest) < size:
            return
        self.unread = rest
        record = self._hub.begin(head)
        self._exchange = exchange = TargetConnection(self._hub, self, head, record)
        refusal = (411, "the request's body has no length") if size is None else self._hub.refusal(head, rest[:size])
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
        document = {"error": {"message": f"Lanebench: {message}", "type": "proxy_error"}}
        body = json.dumps(document).encode("utf-8")
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.transport.write(head.encode("ascii") + body)
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
        if self.transport.get_write_buffer_size():
            self._close()
            return
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()

    def refuse(self, status: int, message: str) -> None:
        """Answer the current request by the proxy itself."""
        self._exchange = None
        self._answer(status, message)

    def exchange_ended(self, *, persistent: bool, reset: bool) -> None:
        """The response is whole, or as much of it as there will be."""
        self._exchange = None
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
        if self._exchange is not None:
            self._exchange.pause_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._exchange is not None:
            self._exchange.resume_reading()


class TargetConnection(asyncio.Protocol):
    """One exchange: the connection to the target, and what is known of request and response."""

    def __init__(self, hub: Hub, client: ClientConnection, head: RequestHead, record: ExchangeJournal) -> None:
        self._hub, self._client, self._head, self._record = hub, client, head, record
        self._transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._unread = b""
        self._body: Body | None = None
        self._keyless: KeylessBody | None = None
        self._persistent = False
        self._ended = self._was_reset = False

    @property
    def connected(self) -> bool:
        """Whether bytes can be passed on."""
        return self._transport is not None

    def start(self) -> None:
        """Connect to the target."""
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await self._hub.connect(self)
        except (OSError, TimeoutError) as error:
            reason = "no connection within the timeout" if isinstance(error, TimeoutError) else str(error)
            self._record_unsent(self._client.unread)
            self.refuse(502, f"the target does not answer: {reason}", "connect_failed")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass on the request's head, and what has come of its body in the same write."""
        self._transport = cast(asyncio.Transport, transport)
        if self._ended:
            self._transport.abort()
            return
        self._record.note_sent()
        key, lines = self._hub.target_key, self._head.lines
        self._transport.write((key.request_lines(lines) if key else lines) + b"\r\nConnection: close\r\n\r\n")
        self._client.transport.resume_reading()
        self._client.advance()

    def _record_unsent(self, data: bytes) -> None:
        """Keep what has come of a request that cannot be passed on."""
        with suppress(FramingError):
            payload, _ = self._head.body.feed(data)
            self._record.add_body(payload)

    def send_body(self, data: bytes) -> bytes:
        """Pass on the request's body; returns what does not belong to it."""
        body = self._head.body
        if body.complete or not data or self._transport is None:
            return data
        try:
            payload, used = body.feed(data)
        except FramingError as error:
            self.refuse(400, f"the request's body is broken: {error}", "protocol_error")
            return b""
        self._transport.write(data[:used] if used < len(data) else data)
        if payload:
            self._record.add_body(payload)
        return data[used:]

    def data_received(self, data: bytes) -> None:
        """Pass on a part of the response. The read is stamped before anything else is done."""
        at_ns = perf_counter_ns()
        if self._ended:
            return
        body = self._body
        if body is None:
            self._unread += data
            data = self._read_heads(at_ns)
            body = self._body
            if body is None:
                return
        try:
            payload, used = body.feed(data)
        except FramingError as error:
            if self._keyless is None:
                self._client.transport.write(data)
            self.end("protocol_error", f"the response's body is broken: {error}")
            return
        if self._keyless is not None:
            self._client.transport.write(self._keyless.feed(payload))
        elif used:
            self._client.transport.write(data if used == len(data) else data[:used])
        if payload:
            self._record.add_chunk(at_ns, payload)
        if body.complete:
            self.end("complete", None)

    def _read_heads(self, at_ns: int) -> bytes:
        """Pass on heads that are complete, interim ones too; returns what follows the final one."""
        key = self._hub.target_key
        while self._body is None and not self._ended:
            end = HEAD_END.search(self._unread)
            if end is None:
                self._check_start()
                return b""
            raw, self._unread = self._unread[: end.end()], self._unread[end.end() :]
            try:
                head = parse_response(key.hide(raw) if key else raw, self._head.method)
            except HeadError as error:
                self._refuse_protocol(str(error))
                return b""
            self._persistent = head.persistent and self._head.persistent and self._head.body.complete
            final = b"" if head.body is None or self._persistent else b"\r\nConnection: close"
            self._client.transport.write(head.lines + final + b"\r\n\r\n")
            if head.body is not None:
                self._record.add_response(at_ns, head)
                self._body, self._keyless = head.body, KeylessBody(key, head) if key else None
        rest, self._unread = self._unread, b""
        return rest

    def _check_start(self) -> None:
        """Refuse at once what can become no head of HTTP/1.1."""
        start = self._unread
        if start and not start.startswith(b"HTTP/"[: len(start)]):
            self._refuse_protocol("its first bytes are not those of an HTTP/1.1 response")
        elif len(start) > MAX_HEAD_BYTES:
            self._refuse_protocol("the head of its response does not end")

    def _refuse_protocol(self, message: str) -> None:
        hint = "it speaks HTTP/2 only" if _is_http2(self._unread) else message
        self.refuse(502, f"the target does not speak HTTP/1.1: {hint}", "protocol_error")

    def connection_lost(self, exc: Exception | None) -> None:
        """The target closed: the end of some bodies, and the loss of all others."""
        if self._body is not None:
            self._was_reset = exc is not None
            is_whole = exc is None and isinstance(self._body, UnsizedBody)
            reason = f"the target closed the connection{f': {exc}' if exc else ''}"
            self.end("complete" if is_whole else "reset", None if is_whole else reason)
        else:
            why = str(exc or "no response")
            self.refuse(502, f"the target closed the connection before its response: {why}", "reset")

    def refuse(self, status: int, message: str, reason: ExchangeEnd) -> None:
        """Answer by the proxy itself, if nothing of a response was passed on; then end."""
        if self._ended:
            return
        if self._body is not None:
            self.end("protocol_error", message)
            return
        self._close(reason, f"{status}: {message}")
        self._client.refuse(status, message)

    def end(self, reason: ExchangeEnd, error: str | None) -> None:
        """End the exchange on both sides."""
        if self._ended:
            return
        if reason == "complete" and self._keyless is not None:
            self._client.transport.write(self._keyless.finish())
        self._close(reason, error)
        persistent = reason == "complete" and self._persistent and self._head.body.complete
        self._client.exchange_ended(persistent=persistent, reset=self._was_reset)

    def _close(self, reason: ExchangeEnd, error: str | None) -> None:
        self._ended = True
        if self._connecting is not None and self._transport is None:
            self._connecting.cancel()
        if self._transport is not None:
            # Not close(): it would first send what the client wanted to send, and a server would not see the end.
            self._transport.abort()
        self._hub.finish(self._head, self._record, reason, error)

    def pause_writing(self) -> None:
        """The target reads slower than the client writes."""
        self._client.transport.pause_reading()

    def resume_writing(self) -> None:
        """The target has caught up."""
        self._client.transport.resume_reading()

    def pause_reading(self) -> None:
        """The client has too much to read."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """The client has caught up."""
        if self._transport is not None:
            self._transport.resume_reading()


def _is_http2(data: bytes) -> bool:
    """Whether the bytes begin with the SETTINGS or GOAWAY frame of a server that speaks HTTP/2 only."""
    return len(data) >= 9 and data[3] in (4, 7) and data[5:9] == bytes(4)
