"""Readings of the answers in a task's folder: `readings_of` gives what would be read if a server had sent them."""

from __future__ import annotations

from collections.abc import Sequence

from harness.tasks.replies import split_reply
from harness.types import Counts, Reading, Timings


def readings_of(replies: Sequence[str], finish_reason: str = "stop") -> list[Reading]:
    """What would be read if a server had sent these replies, the last with `finish_reason`.

    Raises ValueError for a reply with an invalid tool_calls block.
    """
    last = len(replies) - 1
    return [_reading(reply, finish_reason if turn == last else "stop") for turn, reply in enumerate(replies)]


def _reading(reply: str, finish_reason: str) -> Reading:
    content, calls = split_reply(reply)
    return Reading(
        content=content,
        reasoning="",
        tool_calls=calls,
        finish_reason="tool_calls" if calls and finish_reason == "stop" else finish_reason,
        done=True,
        usage=None,
        error=None,
        counts=Counts(),
        timings=Timings(),
    )
