"""Stage 2: a recording becomes a reading. Pure: no input or output, no clock, and no byte sequence makes it raise."""

from harness.read.dialects import REASONING_KEYS, delta_of, text_of
from harness.read.fold import read
from harness.read.json_text import object_of
from harness.read.loading import loading_events
from harness.read.sse import split

__all__ = ["REASONING_KEYS", "delta_of", "loading_events", "object_of", "read", "split", "text_of"]
