"""Every model against every other, by task and trial, and the ranks that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from harness.stats import Difference, Table, difference_on_tasks_like_these, difference_on_these_tasks, holm, tie_groups
from harness.summarize.cells import Trials, by_cell, planned_trials
from harness.types import Comparison, ModelInfo, ModelSummary, Outcome, Rank, Result, TaskInfo

Estimand = Literal["tasks_like_these", "exactly_these_tasks"]
Passes = Mapping[int, bool]
"""Whether a trial passed, by its number."""
SIGNIFICANT = 0.05


def passes_of(result: Result, model: ModelInfo, task: TaskInfo, trials: Trials) -> Passes:
    """The trials of one cell by number, out of `by_cell`; a planned trial that is missing did not pass."""
    there = {trial.trial: trial.outcome is Outcome.PASSED for trial in trials.get((model.label, task.name), ())}
    n = planned_trials(result, model, task, len(there))
    return there if len(there) >= n else {at: there.get(at, False) for at in range(n)}


def table_of(model: Passes, baseline: Passes) -> Table:
    """The pairs of trials with the same number: the same variant was asked of both."""
    pairs = [(model[at], baseline[at]) for at in sorted(model.keys() & baseline.keys())]
    return Table(*(pairs.count(cell) for cell in ((True, True), (True, False), (False, True), (False, False))))


@dataclass(frozen=True, slots=True)
class _Field:
    """What every contender did on every scored task."""

    tasks: tuple[TaskInfo, ...]
    passes: Mapping[tuple[str, str], Passes]

    def pair(self, model: str, baseline: str) -> list[tuple[Passes, Passes]]:
        """Both models' trials on each task that both were asked."""
        both = ((self.passes[model, task.name], self.passes[baseline, task.name]) for task in self.tasks)
        return [(a, b) for a, b in both if a and b]


def _field(result: Result) -> _Field:
    tasks = tuple(task for task in result.tasks if task.scored)
    trials = by_cell(result)
    return _Field(
        tasks,
        {(model.label, task.name): passes_of(result, model, task, trials) for model in result.models for task in tasks},
    )


def _differences(pairs: Sequence[tuple[Passes, Passes]]) -> dict[Estimand, Difference]:
    counts = [((sum(a.values()), len(a)), (sum(b.values()), len(b))) for a, b in pairs]
    return {
        "tasks_like_these": difference_on_tasks_like_these(counts),
        "exactly_these_tasks": difference_on_these_tasks([table_of(a, b) for a, b in pairs]),
    }


def _comparison(names: tuple[str, str], estimand: Estimand, n_tasks: int, seen: Difference) -> Comparison:
    return Comparison(
        model=names[0],
        baseline=names[1],
        estimand=estimand,
        n_tasks=n_tasks,
        difference=seen.difference,
        low=seen.interval.low if seen.interval else None,
        high=seen.interval.high if seen.interval else None,
        p=seen.p,
        p_holm=seen.p,
        verdict=seen.word,
        smallest_gap=seen.smallest_gap,
        tasks_to_decide=seen.tasks_to_decide,
        trials_to_decide=seen.trials_to_decide,
    )


def _adjusted(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same after all of them were looked at: p by Holm, and no verdict that it does not carry."""
    ps = holm([1.0 if one.p is None else one.p for one in comparisons])
    return [
        one if one.p is None else replace(one, p_holm=p, verdict=one.verdict if p <= SIGNIFICANT else "can't tell")
        for one, p in zip(comparisons, ps, strict=True)
    ]


def comparisons(result: Result) -> tuple[Comparison, ...]:
    """Each pair of models under both estimands; the later model of the result against the earlier one."""
    field = _field(result)
    by_estimand: dict[Estimand, list[Comparison]] = {"tasks_like_these": [], "exactly_these_tasks": []}
    for baseline, model in combinations([one.label for one in result.models], 2):
        pairs = field.pair(model, baseline)
        if not pairs:
            continue
        for estimand, seen in _differences(pairs).items():
            by_estimand[estimand].append(_comparison((model, baseline), estimand, len(pairs), seen))
    return tuple(one for found in by_estimand.values() for one in _adjusted(found))


def ranks(summaries: Sequence[ModelSummary], found: Sequence[Comparison]) -> tuple[Rank, ...]:
    """The models in groups by their rate on tasks like these; a model without a rate has no rank."""
    rates = {one.model: one.suite_rates[0].rate for one in summaries}
    known = [(model, rate) for model, rate in rates.items() if rate is not None]
    order = [model for model, _ in sorted(known, key=lambda pair: -pair[1])]
    worse = {(one.model, one.baseline) for one in found if _is(one, "worse")}
    worse |= {(one.baseline, one.model) for one in found if _is(one, "better")}
    groups = tie_groups(order, lambda name, anchor: (name, anchor) in worse)
    out, rank = [], 1
    for group in groups:
        out.append(Rank(rank, group))
        rank += len(group)
    return tuple(out)


def _is(comparison: Comparison, verdict: str) -> bool:
    return comparison.estimand == "tasks_like_these" and comparison.verdict == verdict
