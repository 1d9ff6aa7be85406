"""`Hub`: what the connections of an exchange need of the proxy; server.py has it."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Protocol

from harness.proxy.bodies import FramingError
from harness.proxy.exchange_journal import ExchangeJournal
from harness.proxy.heads import RequestHead
from harness.proxy.relay import ResponseRelay
from harness.proxy.target_key import TargetKey
from harness.types import ExchangeEnd

if TYPE_CHECKING:
    from harness.proxy.client_connection import ClientConnection
    from harness.proxy.target_connection import TargetConnection


RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of a socket that is closed by a reset."""


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
        """Connect to the target. Raises OSError, TimeoutError or ValueError."""

    def can_relay(self) -> bool:
        """Whether a relay may run; any thread may ask."""

    def run_relay(self, relay: ResponseRelay) -> asyncio.Future[OSError | FramingError | None]:
        """Run a relay in a thread."""

    def finish(self, head: RequestHead, record: ExchangeJournal, reason: ExchangeEnd, error: str | None) -> None:
        """Note how an exchange ended."""

    def note(self, line: str) -> None:
        """Print a line about something that is no exchange."""

    def add(self, connection: ClientConnection) -> None:
        """A client has connected."""

    def discard(self, connection: ClientConnection) -> None:
        """A client has left."""
