"""A trial in the result: its turns as read, and its verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.types.agent import AgentSession, AgentWork
from harness.types.common import Json, Outcome
from harness.types.reading import Counts, StreamError, Timings, ToolCall, Usage
from harness.types.scoring import Check

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class TurnResult:
    """One turn of a trial: the response, its counts and its timings. Reasoning is kept as digest and length only.

    `started_ns` is on the same monotonic clock as the trial's. `prompt_chars` is the length of all messages in
    characters: a server that reports far fewer prompt tokens has truncated the prompt.
    """

    content: str
    content_sha256: str
    reasoning_sha256: str
    reasoning_chars: int
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None
    done: bool
    error: StreamError | None
    usage: Usage | None
    counts: Counts
    timings: Timings
    started_ns: int | None = None
    prompt_chars: int | None = None

    @property
    def is_withheld(self) -> bool:
        """Whether the answer is left out, of which the digest stays."""
        return not self.content and self.content_sha256 != EMPTY_SHA256


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One trial: when it ran, its outcome and checks, and its turns.

    `started_ns` and `ended_ns` are monotonic. `fraction` is the share of passed checks. `extraction_rule` names the
    rule that found the code in the answer. `metrics` are further values of the scorer. An agent's trial has its `work`,
    its requests as turns, and what they cost as `session`.
    """

    model: str
    task: str
    trial: int
    warmup: bool
    variant: int
    started_at: str
    started_ns: int | None
    ended_ns: int | None
    outcome: Outcome
    fraction: float
    extraction_rule: str | None
    checks: tuple[Check, ...]
    turns: tuple[TurnResult, ...]
    metrics: Mapping[str, Json] = field(default_factory=dict)
    work: AgentWork | None = None
    session: AgentSession | None = None

    @property
    def duration_s(self) -> float | None:
        """How long it took, in seconds; None where it has no start, or no end after that."""
        if self.started_ns is None or self.ended_ns is None or self.ended_ns < self.started_ns:
            return None
        return (self.ended_ns - self.started_ns) / 1e9
