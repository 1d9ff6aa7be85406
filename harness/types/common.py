"""Words that every noun uses: JSON values, channels, where a fact comes from, how a trial ended."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

Json = Any
"""A value that came from JSON or goes there: None, bool, int, float, str, list, dict with str keys."""


Channel = Literal["content", "reasoning", "tool_calls"]


Source = Literal["measured", "server_reported", "declared", "unknown"]


class Outcome(StrEnum):
    """How a trial ended; every one counts in the denominator."""

    PASSED = "passed"
    FAILED = "failed"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    TRUNCATED_IN = "truncated_in"
    TRUNCATED_OUT = "truncated_out"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    SERVER_ERROR = "server_error"
