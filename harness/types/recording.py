"""A recording: one turn of a trial as the bytes that were received, with their arrival times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.types.agent import AgentOutput, AgentWork
from harness.types.common import Json
from harness.types.model import TrialKey

EndReason = Literal[
    "complete", "reset", "read_timeout", "connect_failed", "protocol_error", "limit_exceeded", "repetition"
]
"""How a response ended. `limit_exceeded`: the recorder stopped it at the turn's limit of time or bytes; `repetition`:
because the output had become a loop."""
REPETITION = "repetition"
"""The finish reason of a reading whose turn was stopped because its output had become a loop."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The bytes of one socket read; `at_ns` counts from just before the request's first byte was written."""

    at_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """One turn: the request as sent, every chunk of the response body with its arrival time, and how it ended.

    `sent_ns` is the monotonic clock at which `headers_ns`, `at_ns` and `ended_ns` start; None when no connection was
    made. `sent_at` is the same moment on the wall clock (ISO 8601, UTC). `last_turn` marks the trial's last turn: a
    trial without one was interrupted, and is recorded again on resume. `min_prompt_tokens` is a lower bound of the
    prompt's tokens; the reader uses it to detect a truncated prompt. Headers that may hold a key are not stored.

    The last turn of an agent's trial is no request: it has its `work` and `output`, and begins and ends with the agent.
    """

    key: TrialKey
    turn: int
    variant: int
    sent_at: str
    sent_ns: int | None
    url: str
    request: Mapping[str, Json]
    status: int | None
    headers: Mapping[str, str]
    headers_ns: int | None
    chunks: tuple[Chunk, ...]
    end_reason: EndReason
    ended_ns: int | None
    error: str | None = None
    last_turn: bool = True
    min_prompt_tokens: int | None = None
    work: AgentWork | None = None
    output: AgentOutput | None = None
