"""Watches replies while they are recorded: `watch_replies` tells how fast they come now and stops one that is a loop.

A thread of its own reads, once a second, the bytes that came since it last looked. It takes nothing out of the
recorder's queue. Counting events works a microsecond a read, and parsing them a few microseconds an event, so at most
one arrival a second of each reply is stamped late, by less than that.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from harness.apis import Api, Delta, EventParser, parse_object
from harness.read import REPETITIVE_CHARS, is_repetitive
from harness.record import Client

ReportRate = Callable[[float], None]
"""Receives how many events came in the last second, which are tokens on most servers."""
CHECK_S = 1.0
_EVENT = re.compile(rb"^data: *(\{.*\})\r?$", re.MULTILINE)
"""Events as they stand on the wire, between the frames of HTTP. One that a frame cuts is not seen; then the text has a
gap, and a loop shows a little later."""


def ignore_rate(_events_per_s: float) -> None:
    """Where nobody looks at the rate."""


@contextmanager
def watch_replies(clients: Sequence[Client], report: ReportRate, api: Api, *, stop_loops: bool) -> Iterator[None]:
    """Watch the clients' replies, one each, until the block ends; `stop_loops` stops one whose text is repetitive."""
    done = threading.Event()
    replies = [_Reply(client, api.event_parser(), stop_loops) for client in clients]
    thread = threading.Thread(target=_watch, args=(replies, report, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _watch(replies: Sequence[_Reply], report: ReportRate, done: threading.Event) -> None:
    looked_s = time.monotonic()
    while not done.wait(CHECK_S):
        before_s, looked_s = looked_s, time.monotonic()
        counts = [count for reply in replies if (count := reply.look()) is not None]
        if counts:
            report(sum(counts) / (looked_s - before_s))


@dataclass(slots=True)
class _Reply:
    """One reply as far as it has been looked at.

    `has_begun`: its first token came before the last look. Until then the server reads the prompt, though it may have
    sent events without a token, and the second in which that ends is not a whole one.
    """

    client: Client
    parse: EventParser
    stop_loops: bool
    seen: int = 0
    text: str = ""
    has_begun: bool = False

    def look(self) -> int | None:
        """The events since the last look; None if the reply had not begun by then. Stops a loop."""
        reads = self.client.received(self.seen)
        self.seen += len(reads)
        data, had_begun = b"".join(reads), self.has_begun
        if self.stop_loops or not had_begun:
            deltas = list(self._deltas(data))
            self.has_begun = had_begun or any(delta.kind == "token" for delta in deltas)
            new = "".join(delta.reasoning + delta.content for delta in deltas if not delta.is_message)
            self.text = (self.text + new)[-REPETITIVE_CHARS:]
            if self.stop_loops and is_repetitive(self.text):
                self.client.stop("repetition")
                self.stop_loops = False
        return data.count(b"data:") if had_begun else None

    def _deltas(self, data: bytes) -> Iterator[Delta]:
        for match in _EVENT.finditer(data):
            document = parse_object(match[1].decode("utf-8", "replace"))
            if document is not None:
                yield self.parse(document, None, 0)
