"""One cell: all trials of one model on one task, without the warm-ups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from harness.stats import spread, wilson
from harness.types import (
    Cell,
    ModelInfo,
    Outcome,
    Rate,
    Result,
    Spread,
    TaskInfo,
    Throughput,
    TrialResult,
    TurnResult,
    TurnSpeeds,
)

CACHED_SHARE = 0.1
CACHED_TOKENS = 32


def counted(result: Result, model: str, task: str | None = None) -> tuple[TrialResult, ...]:
    """The trials that count: of this model (on this task), no warm-ups."""
    return tuple(
        trial
        for trial in result.trials
        if trial.model == model and not trial.warmup and (task is None or trial.task == task)
    )


Trials = Mapping[tuple[str, str], Sequence[TrialResult]]
"""(model, task) -> its trials that count."""


def by_cell(result: Result) -> Trials:
    """All trials that count, in one pass: a large result has thousands."""
    found: dict[tuple[str, str], list[TrialResult]] = {}
    for trial in result.trials:
        if not trial.warmup:
            found.setdefault((trial.model, trial.task), []).append(trial)
    return found


def served_from_cache(turn: TurnResult) -> bool:
    """Whether a prompt that should have been cold was partly known to the server.

    What a chat template puts before the nonce may be cached by right: few tokens, or a small share.
    """
    usage = turn.usage
    if usage is None or not usage.cached_tokens:
        return False
    return usage.cached_tokens > max(CACHED_TOKENS, CACHED_SHARE * (usage.prompt_tokens or 0))


def cold_but_cached(trial: TrialResult, *, separate: bool = False) -> bool:
    """Whether a turn that is cold by its nonce was served from the cache all the same.

    That is the first turn, and every turn of a task whose turns are conversations of their own.
    """
    return any(map(served_from_cache, trial.turns if separate else trial.turns[:1]))


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


def _turn_speeds(index: int, trials: Sequence[TrialResult], *, cold: bool) -> TurnSpeeds:
    """Decode rates and counts of tokens do not depend on the cache; everything before the first token does."""
    there = [trial.turns[index] for trial in trials if index < len(trial.turns)]
    whole = [turn for turn in there if is_whole(turn)]
    fair = [turn for turn in whole if not (cold and served_from_cache(turn))]
    return TurnSpeeds(
        turn=index,
        ttft_s=_spread(fair, lambda turn: turn.timings.ttft_s),
        ttfc_s=_spread(fair, lambda turn: turn.timings.ttfc_s),
        e2e_s=_spread(fair, lambda turn: turn.timings.e2e_s),
        decode_tps=_spread(whole, lambda turn: turn.timings.decode_tps),
        e2e_tps=_spread(fair, lambda turn: turn.timings.e2e_tps),
        apparent_prefill_tps=_spread(fair if cold else (), lambda turn: turn.timings.apparent_prefill_tps),
        prompt_tokens=_spread(whole, lambda turn: turn.usage.prompt_tokens if turn.usage else None),
        completion_tokens=_spread(whole, lambda turn: turn.usage.completion_tokens if turn.usage else None),
    )


def _together(trial: TrialResult, first: int, clients: int) -> tuple[float, float] | None:
    """Tokens a second and the longest wait of one group; None where a client of it got no whole reply."""
    turns = trial.turns[first : first + clients]
    if len(turns) < clients or not all(is_whole(turn) for turn in turns):
        return None
    tokens = [turn.usage.completion_tokens for turn in turns if turn.usage and turn.usage.completion_tokens]
    starts = [turn.started_ns for turn in turns if turn.started_ns is not None]
    waits = [turn.timings.ttft_s for turn in turns if turn.timings.ttft_s is not None]
    ends = [turn.started_ns + turn.timings.e2e_s * 1e9 for turn in turns if turn.started_ns and turn.timings.e2e_s]
    if not len(tokens) == len(starts) == len(waits) == len(ends) == clients:
        return None
    return sum(tokens) / ((max(ends) - min(starts)) / 1e9), max(waits)


def throughput(trials: Sequence[TrialResult], groups: Sequence[int]) -> tuple[Throughput, ...]:
    """What each group of clients got together, over the trials; turns are numbered through all groups."""
    out = []
    for at, clients in enumerate(groups):
        found = [_together(trial, sum(groups[:at]), clients) for trial in trials]
        known = [one for one in found if one is not None]
        out.append(Throughput(clients, spread([tps for tps, _ in known]), spread([wait for _, wait in known])))
    return tuple(out)


def was_skipped(model: ModelInfo, task: TaskInfo) -> bool:
    """Whether the task was not asked because it does not fit into the model's context."""
    return any(skipped.task == task.name for skipped in model.skipped)


def planned_trials(result: Result, model: ModelInfo, task: TaskInfo, there: int) -> int:
    """The denominator of a cell: every planned trial, unless the model was stopped or the task does not fit it."""
    return there if model.stop_reason is not None or was_skipped(model, task) else max(there, result.run.trials)


def cell(
    result: Result, model: ModelInfo, task: TaskInfo, trials: Sequence[TrialResult], moved: Mapping[int, float]
) -> Cell:
    """The numbers of one model on one task. A planned trial that is not there did not pass.

    `moved` has the numbers of the trials whose block's canary was off.
    """
    n = planned_trials(result, model, task, len(trials))
    answers = {answer for answer in map(answer_of, trials) if answer is not None}
    return Cell(
        model=model.label,
        task=task.name,
        scored=task.scored,
        rate=rate_of(sum(trial.outcome is Outcome.PASSED for trial in trials), n),
        fraction=sum(trial.fraction for trial in trials) / n if n else None,
        outcomes=dict(sorted(Counter(trial.outcome.value for trial in trials).items())),
        distinct_answers=len(answers),
        cache_hits=sum(cold_but_cached(trial, separate=task.separate) for trial in trials),
        turns=tuple(
            _turn_speeds(index, trials, cold=index == 0 or task.separate)
            for index in range(max((len(trial.turns) for trial in trials), default=0))
        ),
        throughput=throughput(trials, task.clients),
        moved_trials=tuple(sorted({trial.trial for trial in trials} & moved.keys())),
    )
