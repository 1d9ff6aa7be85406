"""Watches a reply while it is recorded: `watch_reply` tells how fast it comes now and stops it once it is a loop.

A thread of its own reads, once a second, the bytes that came since it last looked. It takes nothing out of the
recorder's queue. Counting events works a microsecond a read, and looking for a loop a few microseconds an event, so at
most one arrival a second is stamped late, by less than that.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.apis import Api, EventParser, parse_object
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
def watch_reply(client: Client, report: ReportRate, stop_loops: Api | None = None) -> Iterator[None]:
    """Watch the client's reply until the block ends; with an API, stop it once its text is repetitive."""
    done = threading.Event()
    parse = None if stop_loops is None else stop_loops.event_parser()
    thread = threading.Thread(target=_watch, args=(client, report, parse, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _watch(client: Client, report: ReportRate, parse: EventParser | None, done: threading.Event) -> None:
    seen, text, looked_s = 0, "", time.monotonic()
    while not done.wait(CHECK_S):
        reads, has_begun = client.received(seen), seen > 0
        seen += len(reads)
        data, before_s, looked_s = b"".join(reads), looked_s, time.monotonic()
        # Until the first byte the server reads the prompt, and the second in which it comes is not a whole one.
        if has_begun:
            report(data.count(b"data:") / (looked_s - before_s))
        if parse is None:
            continue
        text = (text + _text_of(data, parse))[-REPETITIVE_CHARS:]
        if is_repetitive(text):
            client.stop("repetition")
            return


def _text_of(data: bytes, parse: EventParser) -> str:
    deltas = (
        parse(document, None, 0)
        for match in _EVENT.finditer(data)
        if (document := parse_object(match[1].decode("utf-8", "replace"))) is not None
    )
    return "".join(delta.reasoning + delta.content for delta in deltas if not delta.is_message)
