"""Assembly of one trial of the result from its recordings, their readings and its score."""

from __future__ import annotations

from collections.abc import Sequence

from harness.apis import find_api
from harness.files import sha256_of
from harness.types import Reading, Recording, ScoredTrial, TrialResult, TurnResult


def _turn(recording: Recording, reading: Reading) -> TurnResult:
    return TurnResult(
        content=reading.content,
        content_sha256=sha256_of(reading.content),
        reasoning_sha256=sha256_of(reading.reasoning),
        reasoning_chars=len(reading.reasoning),
        tool_calls=reading.tool_calls,
        finish_reason=reading.finish_reason,
        done=reading.done,
        error=reading.error,
        usage=reading.usage,
        counts=reading.counts,
        timings=reading.timings,
        started_ns=recording.sent_ns,
        prompt_chars=find_api(recording.url).prompt_chars(recording.request),
    )


def _ended_ns(turn: Recording) -> int | None:
    if turn.sent_ns is None or turn.ended_ns is None:
        return None
    return turn.sent_ns + turn.ended_ns


def trial_result(turns: Sequence[Recording], readings: Sequence[Reading], scored: ScoredTrial) -> TrialResult:
    """Combine recordings, readings and score. Raises ValueError when they belong to different trials.

    `started_ns` and `ended_ns` are on one monotonic clock: first byte out of the first turn, end of the last turn. An
    agent's trial begins and ends with the agent.
    """
    if len(turns) != len(readings) or any(turn.key != scored.key for turn in turns):
        raise ValueError(f"{scored.key}: {len(turns)} recordings and {len(readings)} readings do not make this trial")
    key, score, work = scored.key, scored.score, turns[-1].work
    first = turns[0] if work is None else turns[-1]
    return TrialResult(
        model=key.model,
        task=key.task,
        trial=key.trial,
        warmup=key.warmup,
        variant=scored.variant,
        started_at=first.sent_at,
        started_ns=first.sent_ns,
        ended_ns=_ended_ns(turns[-1]),
        outcome=score.outcome,
        fraction=score.fraction,
        extraction_rule=score.extraction_rule,
        checks=score.checks,
        turns=tuple(_turn(turn, reading) for turn, reading in zip(turns, readings, strict=True) if turn.work is None),
        metrics=score.metrics,
        work=work,
    )
