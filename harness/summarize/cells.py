"""One cell of the result: all trials of one model on one task, without the warm-ups.

`cell` computes its pass rate, speeds and throughput. The helpers below it decide which trials and turns count, and
are used by the other modules of this package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median

from harness.stats import LEVEL, spread, wilson
from harness.summarize.schedule import claim_level, schedule_of, trials_planned
from harness.types import (
    Cell,
    DistributionSummary,
    ModelInfo,
    Outcome,
    PassRate,
    Result,
    TaskInfo,
    Throughput,
    TrialResult,
    TurnResult,
    TurnSpeeds,
)

MAX_CACHED_SHARE = 0.1
MAX_CACHED_TOKENS = 32
"""A chat template puts the same tokens before every nonce, so a server may cache that much of a cold prompt."""


def non_warmup_trials(result: Result, model: str, task: str | None = None) -> tuple[TrialResult, ...]:
    """The trials of this model (on this task) without warm-ups."""
    return tuple(
        trial for trial in result.counted_trials if trial.model == model and (task is None or trial.task == task)
    )


Trials = Mapping[tuple[str, str], Sequence[TrialResult]]
"""(model, task) -> its trials without warm-ups."""


def by_cell(result: Result) -> Trials:
    """All trials without warm-ups, grouped in one pass: a large result has thousands."""
    groups: dict[tuple[str, str], list[TrialResult]] = {}
    for trial in result.counted_trials:
        groups.setdefault((trial.model, trial.task), []).append(trial)
    return groups


def served_from_cache(turn: TurnResult) -> bool:
    """Whether the server's cache held more of a cold prompt than the chat template before the nonce."""
    usage = turn.usage
    if usage is None or not usage.cached_tokens:
        return False
    return usage.cached_tokens > max(MAX_CACHED_TOKENS, MAX_CACHED_SHARE * (usage.prompt_tokens or 0))


def has_cache_hit_on_cold_turn(trial: TrialResult, *, separate: bool = False) -> bool:
    """Whether the server answered a cold turn from its cache despite the nonce.

    Cold turns are the first turn and, with `separate`, every turn, each being a conversation of its own. An agent's
    requests have no nonce: its system prompt is the same in each trial.
    """
    if trial.work is not None:
        return False
    return any(map(served_from_cache, trial.turns if separate else trial.turns[:1]))


def answer_identity(trial: TrialResult) -> tuple[object, ...] | None:
    """Equal for trials with the same text and tool calls in every turn, or final tree; None without any answer."""
    if trial.work is not None:
        return (trial.work.patch,)
    identity = tuple(
        (turn.content_sha256, tuple((call.name, call.arguments) for call in turn.tool_calls)) for turn in trial.turns
    )
    return identity if any(turn.content or turn.is_withheld or turn.tool_calls for turn in trial.turns) else None


def pass_rate_of(passed: int, n: int, planned: int, level: float = LEVEL) -> PassRate:
    """k of n with Wilson's interval; neither rate nor interval unless all that was planned was run."""
    interval = wilson(passed, n, level) if n >= planned else None
    if interval is None:
        return PassRate(passed, n, planned, None, None, None)
    return PassRate(passed, n, planned, passed / n, interval.low, interval.high)


def is_complete(turn: TurnResult) -> bool:
    """Whether the reply ended regularly; the timings of other replies are excluded."""
    return turn.error is None and (turn.done or turn.finish_reason is not None)


Groups = Sequence[Sequence[TurnResult]]
"""The turns of each trial that are summarized as one turn: that turn, or several requests of an agent."""


def _spread(groups: Groups, value_of: Callable[[TurnResult], float | int | None]) -> DistributionSummary | None:
    """The spread over the trials, each with its median."""
    values = [[value for value in map(value_of, group) if value is not None] for group in groups]
    return spread([median(found) for found in values if found])


def _turn_speeds(index: int, groups: Groups, *, cold: bool) -> TurnSpeeds:
    """Summarize one turn. Cache hits are left out of all times that include prefill, not of decode rates and counts."""
    complete = [list(filter(is_complete, group)) for group in groups]
    not_cached = [[turn for turn in group if not served_from_cache(turn)] for group in complete]
    uncached = not_cached if cold else complete
    return TurnSpeeds(
        turn=index,
        ttft_s=_spread(uncached, lambda turn: turn.timings.ttft_s),
        ttfc_s=_spread(uncached, lambda turn: turn.timings.ttfc_s),
        e2e_s=_spread(uncached, lambda turn: turn.timings.e2e_s),
        decode_tps=_spread(complete, lambda turn: turn.timings.decode_tps),
        e2e_tps=_spread(uncached, lambda turn: turn.timings.e2e_tps),
        apparent_prefill_tps=_spread(
            not_cached if cold or index == 0 else (), lambda turn: turn.timings.apparent_prefill_tps
        ),
        prompt_tokens=_spread(complete, lambda turn: turn.usage.prompt_tokens if turn.usage else None),
        completion_tokens=_spread(complete, lambda turn: turn.usage.completion_tokens if turn.usage else None),
    )


def turn_groups(task: TaskInfo, trial: TrialResult) -> Groups:
    """The replies of a trial that count as one turn each.

    Of an agent there are two groups, its first request and all later ones: it decides how many.
    """
    if task.for_agents:
        return [group for group in (trial.turns[:1], trial.turns[1:]) if group]
    return [(turn,) for turn in trial.turns]


def turn_values(
    task: TaskInfo, trial: TrialResult, value_of: Callable[[TurnResult], float | None]
) -> Iterator[tuple[int, float]]:
    """(turn, value) of a trial: of each group of replies the median of the complete ones that have the value."""
    for index, group in enumerate(turn_groups(task, trial)):
        values = [value for turn in group if is_complete(turn) and (value := value_of(turn))]
        if values:
            yield index, median(values)


def _turns(task: TaskInfo, trials: Sequence[TrialResult]) -> tuple[TurnSpeeds, ...]:
    """The turns of a cell."""
    grouped = [turn_groups(task, trial) for trial in trials]
    return tuple(
        _turn_speeds(
            index,
            [turns for groups in grouped for turns in groups[index : index + 1]],
            cold=not task.for_agents and (index == 0 or task.separate),
        )
        for index in range(max(map(len, grouped), default=0))
    )


def _group_throughput(turns: Sequence[TurnResult], clients: int) -> tuple[float, float] | None:
    """Tokens per second and longest TTFT of one group; None unless every client got a complete, timed reply."""
    if len(turns) < clients or not all(is_complete(turn) for turn in turns):
        return None
    tokens = [turn.usage.completion_tokens for turn in turns if turn.usage and turn.usage.completion_tokens]
    starts_ns = [turn.started_ns for turn in turns if turn.started_ns is not None]
    ttft_s = [turn.timings.ttft_s for turn in turns if turn.timings.ttft_s is not None]
    ends_ns = [turn.started_ns + turn.timings.e2e_s * 1e9 for turn in turns if turn.started_ns and turn.timings.e2e_s]
    if not len(tokens) == len(starts_ns) == len(ttft_s) == len(ends_ns) == clients:
        return None
    return sum(tokens) / ((max(ends_ns) - min(starts_ns)) / 1e9), max(ttft_s)


def throughput(trials: Sequence[TrialResult], groups: Sequence[int]) -> tuple[Throughput, ...]:
    """Aggregate speed of each group of clients over the trials; `groups` has the number of clients in each.

    The turns of a trial are numbered through all groups.
    """
    speeds = []
    for number, clients in enumerate(groups):
        first = sum(groups[:number])
        measured = [_group_throughput(trial.turns[first : first + clients], clients) for trial in trials]
        complete = [pair for pair in measured if pair is not None]
        speeds.append(Throughput(clients, spread([tps for tps, _ in complete]), spread([s for _, s in complete])))
    return tuple(speeds)


def was_skipped(model: ModelInfo, task: TaskInfo) -> bool:
    """Whether the run skipped the task because it does not fit into the model's context."""
    return any(skipped.task == task.name for skipped in model.skipped)


def planned_trials(result: Result, model: ModelInfo, task: TaskInfo) -> int:
    """The denominator of a cell: every planned trial, whether it was run or not; none of a skipped task.

    So far, of a run whose number of trials its looks decide.
    """
    return 0 if was_skipped(model, task) else trials_planned(schedule_of(result), model, task)


def cell(
    result: Result, model: ModelInfo, task: TaskInfo, trials: Sequence[TrialResult], drifted: Mapping[int, float]
) -> Cell:
    """The statistics of one model on one task. There is no rate while a planned trial is missing.

    The keys of `drifted` are the numbers of the trials in blocks whose canary was off.
    """
    passed = sum(trial.outcome is Outcome.PASSED for trial in trials)
    rate = pass_rate_of(passed, len(trials), planned_trials(result, model, task), claim_level(result))
    answers = {answer for answer in map(answer_identity, trials) if answer is not None}
    return Cell(
        model=model.label,
        task=task.name,
        scored=task.scored,
        pass_rate=rate,
        fraction=sum(trial.fraction for trial in trials) / rate.n if rate.rate is not None else None,
        outcomes=dict(sorted(Counter(trial.outcome.value for trial in trials).items())),
        distinct_answers=len(answers),
        cache_hits=sum(has_cache_hit_on_cold_turn(trial, separate=task.separate) for trial in trials),
        turns=_turns(task, trials),
        throughput=throughput(trials, task.clients),
        drifted_trials=tuple(sorted({trial.trial for trial in trials} & drifted.keys())),
    )
