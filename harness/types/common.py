"""Types that the others use: JSON values, the channels of a response, the source of a fact, the outcome of a trial."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal

Json = Any
"""A JSON value: None, bool, int, float, str, list, or dict with string keys."""

Log = Callable[[str], None]
"""Takes a line about what is being done, to be shown to the user."""

Channel = Literal["content", "reasoning", "tool_calls"]
"""Where a model's text goes in a response."""

Source = Literal["measured", "server_reported", "declared", "unknown"]
"""Where a fact comes from: measured by the kit, reported by the server, or declared by the user in bench.toml."""


class Outcome(StrEnum):
    """How a trial ended. Every outcome counts in the denominator of a pass rate.

    `truncated_in`: the server cut the prompt; `truncated_out`: the output reached its budget; `repetitive`: it had
    become a loop and was stopped. Of an agent's trial, `no_edit`: it changed nothing that it may change; `turn_limit`,
    `time_limit`, `token_limit`, `context_exceeded`: this limit ended it before its work was done.
    """

    PASSED = "passed"
    FAILED = "failed"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    TRUNCATED_IN = "truncated_in"
    TRUNCATED_OUT = "truncated_out"
    REPETITIVE = "repetitive"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    SERVER_ERROR = "server_error"
    NO_EDIT = "no_edit"
    TURN_LIMIT = "turn_limit"
    TIME_LIMIT = "time_limit"
    TOKEN_LIMIT = "token_limit"  # noqa: S105 - no password
    CONTEXT_EXCEEDED = "context_exceeded"
