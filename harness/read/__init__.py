"""Stage 2: `read` turns a recording into a reading: text per channel, tool calls, usage, errors, counts and timings.

Everything here is a pure function of the recorded bytes and times; no byte sequence makes it raise.
"""

from harness.read.fold import read
from harness.read.loading_messages import count_loading_events
from harness.read.repetition import REPETITIVE_CHARS, is_repetitive
from harness.read.sse import split_events
from harness.read.stream_parts import stream_parts
from harness.read.timing import count_tokens
from harness.read.work import work_reading

__all__ = [
    "REPETITIVE_CHARS",
    "count_loading_events",
    "count_tokens",
    "is_repetitive",
    "read",
    "split_events",
    "stream_parts",
    "work_reading",
]
