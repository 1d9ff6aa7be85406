"""One model over all its trials. Speeds of different prompts are put together only where a table needs one figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from harness.stats import Interval, drift_of, rate_on_tasks_like_these, rate_on_these_tasks, spread
from harness.summarize.cells import counted, is_whole, rate_of, was_skipped
from harness.summarize.warnings.timing import prefill_of
from harness.types import Cell, Drift, ModelInfo, ModelSummary, Rate, Result, SuiteRate


def _suite_rate(
    estimand: Literal["tasks_like_these", "exactly_these_tasks"],
    found: tuple[float | None, Interval | None],
    n_tasks: int,
) -> SuiteRate:
    rate, interval = found
    return SuiteRate(
        estimand, rate, interval.low if interval else None, interval.high if interval else None, n_tasks=n_tasks
    )


def _suite_s(result: Result, model: ModelInfo) -> float | None:
    """Seconds spent in trials; None while a planned trial is missing or has no times."""
    trials = counted(result, model.label)
    asked = sum(1 for task in result.tasks if not was_skipped(model, task))
    if len(trials) < asked * result.run.trials:
        return None
    spans = [(trial.started_ns, trial.ended_ns) for trial in trials]
    known = [end - start for start, end in spans if start is not None and end is not None]
    return sum(known) / 1e9 if known and len(known) == len(spans) else None


def _drift(result: Result, model: ModelInfo) -> Drift | None:
    """Decode rate against the moment of the trial; each turn of each task has a level of its own."""
    points: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for trial in counted(result, model.label):
        for index, turn in enumerate(trial.turns):
            rate = turn.timings.decode_tps
            if rate and is_whole(turn) and trial.started_ns is not None:
                points.setdefault((trial.task, index), []).append((trial.started_ns / 1e9, rate))
    seen = drift_of(list(points.values()))
    return None if seen is None else Drift(seen.change, seen.low, seen.high)


def model_summary(result: Result, model: ModelInfo, cells: Sequence[Cell]) -> ModelSummary:
    """A model over the scored tasks, its decode rate over every whole reply, and what it took."""
    own = [one.rate for one in cells if one.model == model.label and one.scored and one.rate.n]
    counts = [(rate.passed, rate.n) for rate in own]
    passed, n = sum(k for k, _ in counts), sum(n for _, n in counts)
    rates = [turn.timings.decode_tps for t in counted(result, model.label) for turn in t.turns if is_whole(turn)]
    return ModelSummary(
        model=model.label,
        solved=Rate(passed, n, passed / n if n else None, None, None),
        suite_rates=(
            _suite_rate("tasks_like_these", rate_on_tasks_like_these(counts), len(counts)),
            _suite_rate("exactly_these_tasks", rate_on_these_tasks(counts), len(counts)),
        ),
        decode_tps=spread([rate for rate in rates if rate is not None]),
        suite_s=_suite_s(result, model),
        memory=model.memory,
        load_s=model.load_s,
        solved_always=rate_of(sum(k == n for k, n in counts), len(counts)),
        solved_once=rate_of(sum(k > 0 for k, _ in counts), len(counts)),
        drift=_drift(result, model),
        prefill=prefill_of(result, model),
    )
