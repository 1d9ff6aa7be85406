"""Summary of one model over all its trials: pass rates over the suite, decode rate, drift, prefill, suite time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median

from harness.stats import Interval, estimate_drift, rate_on_tasks_like_these, rate_on_these_tasks, spread
from harness.summarize.cells import (
    has_cache_hit_on_cold_turn,
    is_complete,
    non_warmup_trials,
    pass_rate_of,
    planned_trials,
)
from harness.summarize.prefill_samples import prefill_of
from harness.summarize.schedule import claim_level
from harness.types import Cell, Drift, Estimand, ModelInfo, ModelSummary, PassRate, Result, SuiteRate, TrialResult


def _suite_rate(estimand: Estimand, estimate: tuple[float | None, Interval | None], n_tasks: int) -> SuiteRate:
    rate, interval = estimate
    low, high = interval or (None, None)
    return SuiteRate(estimand, rate, low, high, n_tasks)


def _total_trial_s(result: Result, model: ModelInfo) -> float | None:
    """Seconds spent in trials; None while a planned trial is missing or has no times."""
    trials = non_warmup_trials(result, model.label)
    if len(trials) < sum(planned_trials(result, model, task) for task in result.tasks):
        return None
    spans = [(trial.started_ns, trial.ended_ns) for trial in trials]
    durations_ns = [end - start for start, end in spans if start is not None and end is not None]
    return sum(durations_ns) / 1e9 if durations_ns and len(durations_ns) == len(spans) else None


def _drift(result: Result, model: ModelInfo) -> Drift | None:
    """Drift of the decode rate over the run; each turn of each task has its own level. Agents' turns have none."""
    points: dict[tuple[str, int], list[tuple[float, float]]] = {}
    trials = [each for each in non_warmup_trials(result, model.label) if each.work is None]
    for trial, start_s in zip(trials, _starts_s(trials), strict=True):
        for index, turn in enumerate(trial.turns):
            rate = turn.timings.decode_tps
            if rate and is_complete(turn) and start_s is not None:
                points.setdefault((trial.task, index), []).append((start_s, rate))
    return estimate_drift(list(points.values()))


def _starts_s(trials: Sequence[TrialResult]) -> list[float | None]:
    """When each trial started, all on one clock, in seconds; the trials are in the order in which they ran.

    The monotonic clock, unless it goes back: it restarts with the machine, so a run that was resumed after a reboot has
    its later trials before the earlier ones. Their wall-clock times are in order.
    """
    starts_ns = [trial.started_ns for trial in trials]
    known = [start for start in starts_ns if start is not None]
    if all(before <= after for before, after in pairwise(known)):
        return [None if start is None else start / 1e9 for start in starts_ns]
    return [datetime.fromisoformat(trial.started_at).timestamp() for trial in trials]


def _unpooled(rates: Sequence[PassRate]) -> PassRate:
    """k of n over several tasks, without an interval: trials of different tasks are not one sample."""
    passed, n = sum(rate.passed for rate in rates), sum(rate.n for rate in rates)
    planned = sum(rate.planned for rate in rates)
    return PassRate(passed, n, planned, passed / n if n and n >= planned else None, None, None)


def _decode_rates(result: Result, model: ModelInfo) -> list[float]:
    """The median decode rate of each trial's complete turns; of single clients only: concurrent ones share the rate."""
    concurrent = {task.name for task in result.tasks if task.clients}
    trials = (trial for trial in non_warmup_trials(result, model.label) if trial.task not in concurrent)
    return _medians([turn.timings.decode_tps for turn in trial.turns if is_complete(turn)] for trial in trials)


def _ttfts(result: Result, model: ModelInfo, *, is_warm: bool) -> list[float]:
    """The median TTFT of each trial's complete turns that begin a conversation, or that follow another one.

    Trials of several clients are left out.
    """
    tasks = {task.name: task for task in result.tasks}
    values = []
    for trial in non_warmup_trials(result, model.label):
        # A result from elsewhere may have trials of tasks that it does not list; `verify` names them.
        task = tasks.get(trial.task)
        if task is None or task.clients or (not is_warm and has_cache_hit_on_cold_turn(trial, separate=task.separate)):
            continue
        turns = [turn for index, turn in enumerate(trial.turns) if (index > 0 and not task.separate) == is_warm]
        values.append([turn.timings.ttft_s for turn in turns if is_complete(turn)])
    return _medians(values)


def _medians(trials: Iterable[Sequence[float | None]]) -> list[float]:
    """One value for each trial that has any: turns of a trial share its conditions, so they are no replicates."""
    known = ([value for value in values if value is not None] for values in trials)
    return [median(values) for values in known if values]


def model_summary(result: Result, model: ModelInfo, cells: Sequence[Cell]) -> ModelSummary:
    """Summarize a model: its scored cells, its speeds over all trials, each with its median, and what it cost.

    Over the suite there is no rate while a planned trial is missing.
    """
    rates = [cell.pass_rate for cell in cells if cell.model == model.label and cell.scored and cell.pass_rate.planned]
    complete = [(rate.passed, rate.n) for rate in rates if rate.is_complete]
    counts, level = complete if len(complete) == len(rates) else [], claim_level(result)
    return ModelSummary(
        model=model.label,
        pass_rate=_unpooled(rates),
        suite_rates=(
            _suite_rate("tasks_like_these", rate_on_tasks_like_these(counts, level), len(counts)),
            _suite_rate("exactly_these_tasks", rate_on_these_tasks(counts, level), len(counts)),
        ),
        decode_tps=spread(_decode_rates(result, model)),
        total_trial_s=_total_trial_s(result, model),
        memory=model.memory,
        load_s=model.load_s,
        passed_every_trial=pass_rate_of(sum(k == n for k, n in complete), len(complete), len(rates), level),
        passed_any_trial=pass_rate_of(sum(k > 0 for k, _ in complete), len(complete), len(rates), level),
        drift=_drift(result, model),
        prefill=prefill_of(result, model),
        cold_ttft_s=spread(_ttfts(result, model, is_warm=False)),
        warm_ttft_s=spread(_ttfts(result, model, is_warm=True)),
    )
