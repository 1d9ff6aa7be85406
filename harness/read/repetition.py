"""When a model's output has become a loop: `is_repetitive` decides it by the end of the text.

A small model that has written the same words several times in a row goes on until its budget is used up. The recorder
stops such a turn (`harness/run/reply_watch.py`), `verify` holds a stopped turn to the same rule.
"""

from __future__ import annotations

REPETITIVE_CHARS = 2_048
MAX_PERIOD_CHARS = 256
"""About 64 tokens: a loop of them has then come eight times. Rows of a table or of data are shorter than that, or
differ."""


def is_repetitive(text: str) -> bool:
    """Whether the last REPETITIVE_CHARS characters are one part, of at most MAX_PERIOD_CHARS, again and again."""
    tail = text[-REPETITIVE_CHARS:]
    if len(tail) < REPETITIVE_CHARS:
        return False
    return any(tail[period:] == tail[:-period] for period in range(1, MAX_PERIOD_CHARS + 1))
