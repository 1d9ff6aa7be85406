"""Stops a turn whose output has become a loop: `stop_at_repetition` watches the reply while it is recorded.

A thread of its own reads, once a second, the bytes that came since it last looked. It works a few microseconds an event
and takes nothing out of the recorder's queue, so at most one arrival a second is stamped late, by less than that.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from harness.apis import Api, EventParser, parse_object
from harness.read import REPETITIVE_CHARS, is_repetitive
from harness.record import Client

CHECK_S = 1.0
_EVENT = re.compile(rb"^data: *(\{.*\})\r?$", re.MULTILINE)
"""Events as they stand on the wire, between the frames of HTTP. One that a frame cuts is not seen; then the text has a
gap, and a loop shows a little later."""


@contextmanager
def stop_at_repetition(client: Client, api: Api) -> Iterator[None]:
    """Watch the client's reply until the block ends, and stop it once it is repetitive."""
    done = threading.Event()
    thread = threading.Thread(target=_watch, args=(client, api.event_parser(), done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _watch(client: Client, parse: EventParser, done: threading.Event) -> None:
    seen, text = 0, ""
    while not done.wait(CHECK_S):
        reads = client.received(seen)
        seen += len(reads)
        text = (text + _text_of(b"".join(reads), parse))[-REPETITIVE_CHARS:]
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
