"""The events of a recorded stream as a time line: when each came, on which channel, and how many characters it had.

`stream_parts` is the entry point. It shows what the bytes say, before the rules of fold.py that need the whole stream.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.apis import Delta, find_api
from harness.read.fold import parse_event
from harness.read.loading_messages import without_loading
from harness.read.sse import split_events
from harness.types import Recording, StreamChannel, StreamPart


def stream_parts(recording: Recording) -> tuple[StreamPart, ...]:
    """Role-only and token events in the order in which they came; empty for a body that is no stream."""
    parse = find_api(recording.url).event_parser()
    deltas = without_loading([parse_event(event, parse) for event in split_events(recording.chunks).events])
    return tuple(part for delta in deltas for part in _parts(delta))


def _parts(delta: Delta) -> Iterator[StreamPart]:
    if delta.kind == "role_only":
        yield StreamPart(delta.at_ns, "role", 0)
    if delta.kind != "token":
        return
    tool_chars = sum(len(call.name or "") + len(call.arguments or "") for call in delta.tool_calls)
    lengths: tuple[tuple[StreamChannel, int], ...] = (
        ("reasoning", len(delta.reasoning)),
        ("content", len(delta.content)),
        ("tool", tool_chars),
    )
    yield from (StreamPart(delta.at_ns, channel, chars) for channel, chars in lengths if chars)
