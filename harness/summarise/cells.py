"""One cell: all trials of one model on one task, without the warm-ups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from harness.stats import spread, wilson
from harness.types import Cell, ModelInfo, Outcome, Rate, Result, Spread, TaskInfo, TrialResult, TurnResult, TurnSpeeds

SPEED = "speed"
CACHED_SHARE = 0.1
CACHED_TOKENS = 32


def counted(result: Result, model: str, task: str | None = None) -> tuple[TrialResult, ...]:
    """The trials that count: of this model (on this task), no warm-ups."""
    return tuple(
        trial
        for trial in result.trials
        if trial.model == model and not trial.warmup and (task is None or trial.task == task)
    )


def served_from_cache(turn: TurnResult) -> bool:
    """Whether a prompt that should have been cold was partly known to the server.

    What a chat template puts before the nonce may be cached by right: few tokens, or a small share.
    """
    usage = turn.usage
    if usage is None or not usage.cached_tokens:
        return False
    return usage.cached_tokens > max(CACHED_TOKENS, CACHED_SHARE * (usage.prompt_tokens or 0))


def cold_but_cached(trial: TrialResult) -> bool:
    """Whether the first turn, cold by its nonce, was served from the cache all the same."""
    return bool(trial.turns) and served_from_cache(trial.turns[0])


def answer_of(trial: TrialResult) -> tuple[object, ...] | None:
    """What tells two answers apart: text and calls of every turn; None where nothing was answered."""
    said = tuple(
        (turn.content_sha256, tuple((call.name, call.arguments) for call in turn.tool_calls)) for turn in trial.turns
    )
    return said if any(turn.content or turn.tool_calls for turn in trial.turns) else None


def rate_of(passed: int, n: int) -> Rate:
    """k of n trials of one task."""
    interval = wilson(passed, n)
    if interval is None:
        return Rate(passed, n, None, None, None)
    return Rate(passed, n, passed / n, interval.low, interval.high)


def is_whole(turn: TurnResult) -> bool:
    """Whether the reply came to its own end: only then do its times measure a reply."""
    return turn.error is None and (turn.done or turn.finish_reason is not None)


def _spread(turns: Iterable[TurnResult], value_of: Callable[[TurnResult], float | int | None]) -> Spread | None:
    values = [value for value in map(value_of, turns) if value is not None]
    return spread(values)


def _turn_speeds(index: int, trials: Sequence[TrialResult]) -> TurnSpeeds:
    """Decode rates and counts of tokens do not depend on the cache; everything before the first token does."""
    there = [trial for trial in trials if index < len(trial.turns) and is_whole(trial.turns[index])]
    whole = [trial.turns[index] for trial in there]
    fair = [trial.turns[index] for trial in there if index > 0 or not cold_but_cached(trial)]
    cold = fair if index == 0 else []
    return TurnSpeeds(
        turn=index,
        ttft_s=_spread(fair, lambda turn: turn.timings.ttft_s),
        ttfc_s=_spread(fair, lambda turn: turn.timings.ttfc_s),
        e2e_s=_spread(fair, lambda turn: turn.timings.e2e_s),
        decode_tps=_spread(whole, lambda turn: turn.timings.decode_tps),
        e2e_tps=_spread(fair, lambda turn: turn.timings.e2e_tps),
        apparent_prefill_tps=_spread(cold, lambda turn: turn.timings.apparent_prefill_tps),
        prompt_tokens=_spread(whole, lambda turn: turn.usage.prompt_tokens if turn.usage else None),
        completion_tokens=_spread(whole, lambda turn: turn.usage.completion_tokens if turn.usage else None),
    )


def planned_trials(result: Result, model: ModelInfo, there: int) -> int:
    """The denominator of a cell: every planned trial, unless the model was stopped before it could be asked."""
    return there if model.stopped is not None else max(there, result.run.trials)


def cell(result: Result, model: ModelInfo, task: TaskInfo) -> Cell:
    """The numbers of one model on one task. A planned trial that is not there did not pass."""
    trials = counted(result, model.label, task.name)
    n = planned_trials(result, model, len(trials))
    answers = {answer for answer in map(answer_of, trials) if answer is not None}
    return Cell(
        model=model.label,
        task=task.name,
        scored=task.scorer != SPEED,
        rate=rate_of(sum(trial.outcome is Outcome.PASSED for trial in trials), n),
        fraction=sum(trial.fraction for trial in trials) / n if n else None,
        outcomes=dict(sorted(Counter(trial.outcome.value for trial in trials).items())),
        distinct_answers=len(answers),
        cache_hits=sum(map(cold_but_cached, trials)),
        turns=tuple(_turn_speeds(index, trials) for index in range(max((len(t.turns) for t in trials), default=0))),
    )
