"""Split the bytes of a body into server-sent events; `split_events` is the entry point.

The rules are those of the WHATWG HTML standard, "Event stream interpretation". Lines end with LF, CRLF or CR and with
nothing else: `str.splitlines` (and with it httpx's `iter_lines`) also splits at U+2028, U+2029 and U+0085, which may
occur unescaped inside JSON. The whole body is split in one pass, so it does not matter where the network cut it into
chunks; a chunk only gives an event its time, that of the chunk with the byte that ended the event.

Two rules go beyond the standard. An event that is not followed by an empty line is kept if its data is a complete JSON
object or `[DONE]`, since truncated data never is: a server that forgets the last newline would lose its usage
otherwise. And `error:` is a field: llama-server before October 2025 reported its errors this way
(ggml-org/llama.cpp#14566).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from harness.apis import parse_object
from harness.types import Chunk

DONE = "[DONE]"
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
    """What a body holds. `recognized` is False for a body in which no line looks like server-sent events."""

    events: tuple[Event, ...]
    comments: int
    unfinished_bytes: int
    recognized: bool


@dataclass(slots=True)
class _OpenEvent:
    """The event that is being read: its fields since the last empty line."""

    start: int | None = None
    name: str | None = None
    lines: list[bytes] = field(default_factory=list)

    @property
    def data(self) -> str:
        return b"\n".join(self.lines).decode("utf-8", "replace")


def _add_field(open_event: _OpenEvent, line: bytes, start: int) -> bool:
    """Add a line that is neither empty nor a comment; return whether it is a known field."""
    name, _, value = line.partition(b":")
    if name not in _FIELDS:
        return False
    if open_event.start is None:
        open_event.start = start
    value = value.removeprefix(b" ")
    if name == b"data":
        open_event.lines.append(value)
    elif name == b"error":
        open_event.name = "error"
        open_event.lines.append(value)
    elif name == b"event":
        open_event.name = value.decode("utf-8", "replace")
    return True


class _Splitter:
    """Collects the events of one body, line by line."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.ends = list(accumulate(len(chunk.data) for chunk in chunks))
        self.times = [chunk.at_ns for chunk in chunks]
        self.events: list[Event] = []
        self.comments = 0
        self.recognized = False
        self.open = _OpenEvent()

    def at_ns(self, offset: int) -> int:
        return self.times[bisect_right(self.ends, offset)]

    def close(self, offset: int) -> None:
        if self.open.lines:
            self.events.append(Event(self.open.name, self.open.data, self.at_ns(offset)))
        self.open = _OpenEvent()

    def add_line(self, line: bytes, start: int) -> None:
        """Add a line without its newline; `start` is its offset in the body."""
        if not line:
            self.close(start)
        elif line.startswith(b":"):
            self.comments += 1
            self.recognized = True
        elif _add_field(self.open, line, start):
            self.recognized = True

    def finish(self, rest: bytes, start: int) -> int:
        """Add what follows the last newline; return how many bytes after the last event were left out."""
        end = start + len(rest)
        is_comment = rest.startswith(b":")
        is_field = bool(rest) and not is_comment and _add_field(self.open, rest, start)
        self.recognized = self.recognized or is_field or is_comment
        event_start = start if self.open.start is None else self.open.start
        data = self.open.data
        if data.strip() == DONE or parse_object(data) is not None:
            self.close(end - 1)
            return 0 if is_field else end - start
        return end - event_start


def split_events(chunks: Sequence[Chunk]) -> Events:
    """Split a body into events in linear time. It never raises; bytes that are not UTF-8 become U+FFFD."""
    splitter = _Splitter(chunks)
    body = b"".join(chunk.data for chunk in chunks)
    start, rest = (len(_BOM) if body.startswith(_BOM) else 0), b""
    # Unlike `str.splitlines`, `bytes.splitlines` knows LF, CRLF and CR alone.
    for whole_line in body[start:].splitlines(keepends=True):
        line = whole_line.rstrip(b"\r\n")
        if len(line) == len(whole_line):
            rest = line
            break
        splitter.add_line(line, start)
        start += len(whole_line)
    unfinished_bytes = splitter.finish(rest, start)
    return Events(tuple(splitter.events), splitter.comments, unfinished_bytes, splitter.recognized)
