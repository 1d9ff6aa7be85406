"""Bytes to events: server-sent events split on LF, CRLF and CR only. Knows nothing of what the events mean.

Source of the rules: the WHATWG HTML standard, "Event stream interpretation". The whole body is split at once, so
where the network cut it into chunks cannot change an event; a chunk only gives an event its time, the time of the
chunk with the byte that ended the event. One rule goes beyond the standard, which throws an event away that is not
followed by a blank line: it is kept when its data is a whole JSON object or `[DONE]`, since what is cut off is never
whole. No captured stream needs this; a server that forgets the last line end would lose its usage without it. And
`error:` is a field here, though not in the standard: llama-server before October 2025 told its errors so.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from harness.read.json_text import object_of
from harness.types import Chunk

DONE = "[DONE]"
_LINE_END = re.compile(rb"\r\n?|\n")
_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"data", b"event", b"id", b"retry", b"error")


@dataclass(frozen=True, slots=True)
class Event:
    """One record with data: the name from `event:`, the data lines joined by LF, and when its last byte came."""

    name: str | None
    data: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Events:
    """What a body holds. `recognised` is False for a body in which no line looks like server-sent events."""

    events: tuple[Event, ...]
    comments: int
    unfinished_bytes: int
    recognised: bool


@dataclass(slots=True)
class _Open:
    """The event that is being read: its field lines since the last blank line."""

    start: int | None = None
    name: str | None = None
    lines: list[bytes] = field(default_factory=list)

    @property
    def data(self) -> str:
        return b"\n".join(self.lines).decode("utf-8", "replace")


def _take(open_event: _Open, line: bytes, start: int) -> bool:
    """Add one line that is neither blank nor a comment; returns whether it is a field of the standard."""
    name, _, value = line.partition(b":")
    if name not in _FIELDS:
        return False
    if open_event.start is None:
        open_event.start = start
    value = value[1:] if value.startswith(b" ") else value
    if name == b"data":
        open_event.lines.append(value)
    elif name == b"error":
        open_event.name = "error"
        open_event.lines.append(value)
    elif name == b"event":
        open_event.name = value.decode("utf-8", "replace")
    return True


class _Splitter:
    """Walks over the lines of one body."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.body = b"".join(chunk.data for chunk in chunks)
        self.ends = list(accumulate(len(chunk.data) for chunk in chunks))
        self.times = [chunk.at_ns for chunk in chunks]
        self.events: list[Event] = []
        self.comments = 0
        self.recognised = False
        self.open = _Open()

    def at_ns(self, offset: int) -> int:
        return self.times[bisect_right(self.ends, offset)]

    def close(self, offset: int) -> None:
        if self.open.lines:
            self.events.append(Event(self.open.name, self.open.data, self.at_ns(offset)))
        self.open = _Open()

    def line(self, start: int, end: int) -> None:
        if start == end:
            self.close(end)
        elif self.body.startswith(b":", start):
            self.comments += 1
            self.recognised = True
        elif _take(self.open, self.body[start:end], start):
            self.recognised = True

    def finish(self, start: int) -> int:
        """Deal with what stands after the last line end; returns how many bytes since the last event stay unread."""
        end = len(self.body)
        is_comment = self.body.startswith(b":", start)
        taken = start < end and not is_comment and _take(self.open, self.body[start:end], start)
        self.recognised = self.recognised or taken or is_comment
        begun = start if self.open.start is None else self.open.start
        data = self.open.data
        if data.strip() == DONE or object_of(data) is not None:
            self.close(end - 1)
            return 0 if taken else end - start
        return end - begun


def split(chunks: Sequence[Chunk]) -> Events:
    """The events of a body. Time is linear in its bytes; bytes that are not UTF-8 become U+FFFD. Never raises."""
    splitter = _Splitter(chunks)
    start = len(_BOM) if splitter.body.startswith(_BOM) else 0
    for match in _LINE_END.finditer(splitter.body, start):
        splitter.line(start, match.start())
        start = match.end()
    unfinished_bytes = splitter.finish(start)
    return Events(tuple(splitter.events), splitter.comments, unfinished_bytes, splitter.recognised)
