"""One trial as the result tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.types.common import Json, Outcome
from harness.types.reading import Counts, StreamError, Timings, ToolCall, Usage
from harness.types.scoring import Check


@dataclass(frozen=True, slots=True)
class TurnResult:
    """One turn of a trial in the result: what was said and how long it took.

    `started_ns` is on the trial's clock; `prompt_chars` the characters of everything that was asked, by which it can be
    seen whether the server counted all of it.
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


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One trial in the result; `facts` are what the scorer saw besides its checks."""

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
    rule: str | None
    checks: tuple[Check, ...]
    turns: tuple[TurnResult, ...]
    facts: Mapping[str, Json] = field(default_factory=dict)
