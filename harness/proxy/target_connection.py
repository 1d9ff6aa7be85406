"""The target's side of an exchange: `TargetConnection` passes a request on, and its response back.

It is an asyncio protocol, called with what was read. Each request has a connection of its own to the target, which is
asked to close it: llama.cpp's server closes idle connections unannounced, and a request sent in that moment is lost
(harness/record/client.py).

A read of the target is stamped first, then passed on, then looked at and recorded, so that recording delays nothing.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from time import perf_counter_ns
from typing import TYPE_CHECKING, cast

from harness.proxy.bodies import Body, FramingError, UnsizedBody
from harness.proxy.exchange_journal import ExchangeJournal
from harness.proxy.heads import HEAD_END, HeadError, RequestHead, parse_response, why_not_http1
from harness.proxy.hub import RESET_ON_CLOSE, Hub
from harness.proxy.relay import ResponseRelay
from harness.proxy.target_key import KeylessBody
from harness.types import ExchangeEnd

if TYPE_CHECKING:
    from harness.proxy.client_connection import ClientConnection


class TargetConnection(asyncio.Protocol):
    """One exchange: the connection to the target, and what is known of request and response."""

    def __init__(self, hub: Hub, client: ClientConnection, head: RequestHead, record: ExchangeJournal) -> None:
        self._hub, self._client, self._head, self._record = hub, client, head, record
        self._transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._unread = b""
        self._body: Body | None = None
        self._keyless: KeylessBody | None = None
        self._relay: ResponseRelay | None = None
        self._end_for_relay: tuple[ExchangeEnd, str | None] | None = None
        """How the exchange ends, unless the relay has already passed on all of the body."""
        self._verbatim: Body | None = None
        """The body while it is passed on as it comes."""
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
        except (OSError, TimeoutError, ValueError) as error:
            # ValueError: a host whose name the lookup cannot encode.
            reason = "no connection within the timeout" if isinstance(error, TimeoutError) else str(error)
            self._record_unsent(self._client.unread)
            self.refuse(502, f"the target does not answer: {reason}", "connect_failed")
            return
        # An earlier response may wait for the client; uvloop would start to read after connection_made in any case.
        if self._client.is_slow and not self._ended:
            self.pause_reading()

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
        """Pass on a part of the response. The read is stamped first, and sent before it is looked at.

        A process that has slept for the time of a token finds its code in no cache of the CPU any more, so that each
        step before the client has the bytes takes many times as long as in a loop.
        """
        at_ns = perf_counter_ns()
        if self._verbatim is not None:
            self._client.send(data)
            self._read_body(self._verbatim, at_ns, data)
        elif not self._ended:
            self._read_response(at_ns, data)

    def _read_response(self, at_ns: int, data: bytes) -> None:
        """Read heads, or a body that is changed on its way."""
        if self._body is None:
            self._unread += data
            data = self._read_heads(at_ns)
        body = self._body
        if body is not None and data:
            if self._keyless is None:
                self._client.send(data)
            self._read_body(body, at_ns, data)
        elif body is not None and body.complete:
            self.end("complete", None)

    def _read_body(self, body: Body, at_ns: int, data: bytes) -> None:
        """Follow the framing of the body and note its payload."""
        try:
            payload, used = body.feed(data)
        except FramingError as error:
            self.end("protocol_error", f"the response's body is broken: {error}")
            return
        if self._keyless is not None:
            self._client.send(self._keyless.feed(payload))
        if payload:
            self._record.add_chunk(at_ns, payload)
        if body.complete:
            self._end_body(has_surplus=used < len(data))
        elif self._keyless is None:
            self._start_relay(body)

    def _end_body(self, *, has_surplus: bool) -> None:
        # What stands behind the body must not become the response to the next request.
        self._persistent = self._persistent and not has_surplus
        self.end("complete", None)

    def _start_relay(self, body: Body) -> None:
        """Leave the rest of the response to a thread, if there is one and nothing waits to be sent from here."""
        target, client = self._transport, self._client.transport
        if target is None or not self._hub.can_relay() or not self._head.body.complete:
            return
        if target.is_closing() or target.get_write_buffer_size() or client.get_write_buffer_size():
            return
        target.pause_reading()
        sockets = target.get_extra_info("socket").dup(), client.get_extra_info("socket").dup()
        self._relay = ResponseRelay(sockets, body, self._record, self._hub.can_relay)
        self._hub.run_relay(self._relay).add_done_callback(self._end_relay)

    def _end_relay(self, done: asyncio.Future[OSError | FramingError | None]) -> None:
        relay, error, self._relay = self._relay, done.result(), None
        if relay is None or self._body is None:
            return
        if self._body.complete:
            self._end_body(has_surplus=relay.has_surplus)
        elif self._end_for_relay is not None:
            self.end(*self._end_for_relay)
        elif relay.client_left:
            self.end("client_closed", "the client closed the connection")
        elif isinstance(error, FramingError):
            self.end("protocol_error", f"the response's body is broken: {error}")
        elif relay.target_closed:
            self.connection_lost(error)
        else:
            self.resume_reading()

    def _read_heads(self, at_ns: int) -> bytes:
        """Pass on heads that are complete, interim ones too; returns what follows the final one."""
        key = self._hub.target_key
        while self._body is None and not self._ended:
            end = HEAD_END.search(self._unread)
            if end is None:
                self._refuse_target(why_not_http1(self._unread))
                return b""
            raw, self._unread = self._unread[: end.end()], self._unread[end.end() :]
            try:
                head = parse_response(key.hide(raw) if key else raw, self._head.method)
            except HeadError as error:
                self._refuse_target(str(error))
                return b""
            self._persistent = head.persistent and self._head.persistent and self._head.body.complete
            final = b"" if head.body is None or self._persistent else b"\r\nConnection: close"
            self._client.send(head.lines + final + b"\r\n\r\n")
            if head.body is not None:
                self._record.add_response(at_ns, head)
                self._body, self._keyless = head.body, KeylessBody(key, head) if key else None
                self._verbatim = None if key else head.body
        rest, self._unread = self._unread, b""
        return rest

    def _refuse_target(self, reason: str | None) -> None:
        if reason is not None:
            self.refuse(502, f"the target does not speak HTTP/1.1: {reason}", "protocol_error")

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
        """End the exchange on both sides.

        What a relay passes on at this moment counts, too: a client may leave with the last byte before that is noted.
        """
        if self._ended:
            return
        if self._relay is not None:
            self._end_for_relay = self._end_for_relay or (reason, error)
            self._relay.stop()
            return
        if reason == "complete" and self._keyless is not None:
            self._client.send(self._keyless.finish())
        self._close(reason, error)
        persistent = reason == "complete" and self._persistent and self._head.body.complete
        self._client.exchange_ended(persistent=persistent, reset=self._was_reset)

    def _close(self, reason: ExchangeEnd, error: str | None) -> None:
        self._ended, self._verbatim = True, None
        if self._connecting is not None and self._transport is None:
            self._connecting.cancel()
        if self._transport is not None:
            if reason == "client_closed" and not self._head.body.complete:
                # Behind what a target has not read of half a request it would not see the end.
                self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            # Not close(): it would first send what the client wanted to send, and a server would not see the end.
            self._transport.abort()
        self._hub.finish(self._head, self._record, reason, error)

    def pause_writing(self) -> None:
        """The target reads slower than the client writes."""
        self._client.hold()

    def resume_writing(self) -> None:
        """The target has caught up."""
        self._client.release()

    def pause_reading(self) -> None:
        """The client has too much to read."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """The client has caught up."""
        if self._transport is not None:
            self._transport.resume_reading()
