"""Passes on the rest of a response: `ResponseRelay` runs in a thread of its own, which waits in recv() for one stream.

A process that has slept for the time of a token finds its code in no cache of the CPU any more, so each step before
the client has the bytes counts: an event loop asks which of its sockets have something and goes through its
transports, while a thread that wakes in recv() has the bytes and sends them. All else comes afterwards. Threads of
parallel streams would wait for each other's interpreter, so these stay in the event loop, or return to it.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter_ns

from harness.proxy.bodies import Body, FramingError
from harness.proxy.exchange_journal import ExchangeJournal

_READ_BYTES = 65_536


class ResponseRelay:
    """Passes the rest of a body from the target to the client, and notes it, as long as no other exchange is under way.

    `target_closed`, `client_left` and the body say why `run` ended; if none does, the event loop goes on.
    """

    def __init__(
        self,
        sockets: tuple[socket.socket, socket.socket],
        body: Body,
        record: ExchangeJournal,
        is_alone: Callable[[], bool],
    ) -> None:
        """The sockets of target and client are duplicates, which `run` closes; nobody else receives or sends."""
        (self._target, self._client), self._body, self._record, self._is_alone = sockets, body, record, is_alone
        self.target_closed = self.client_left = False
        self.has_surplus = False
        """Whether the target sent more than the body; that was passed on, too."""

    def run(self) -> OSError | FramingError | None:
        """Pass on until the body is complete or one side closes; returns what was wrong with the target."""
        with self._target, self._client:
            try:
                # The mode is one of the connection, which the transport shares.
                self._target.setblocking(True)
                self._pass_on()
                self._target.setblocking(False)
            except (OSError, FramingError) as error:
                self.target_closed = True
                return error
        return None

    def stop(self) -> None:
        """End `run`; the target sees at once that nobody listens any more."""
        for side in (self._target, self._client):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _pass_on(self) -> None:
        receive, send, body = self._target.recv, self._client.send, self._body
        while self._is_alone():
            data = receive(_READ_BYTES)
            at_ns = perf_counter_ns()
            if not data:
                self.target_closed = True
                return
            try:
                sent = send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.client_left = True
                sent = len(data)
            try:
                payload, used = body.feed(data)
                if payload:
                    self._record.add_chunk(at_ns, payload)
            finally:
                # Behind the record: a slow client may take minutes, in which a kill must not lose the read.
                if sent < len(data):
                    self._send_slowly(memoryview(data)[sent:])
            if body.complete or self.client_left:
                self.has_surplus = used < len(data)
                return

    def _send_slowly(self, rest: memoryview) -> None:
        """Wait for a client that reads slower than the target writes; so the target waits, too."""
        writable = select.poll()
        writable.register(self._client, select.POLLOUT)
        while rest and not self.client_left:
            writable.poll()
            try:
                rest = rest[self._client.send(rest) :]
            except BlockingIOError:
                continue
            except OSError:
                self.client_left = True
