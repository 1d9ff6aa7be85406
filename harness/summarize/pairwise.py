"""Pairwise comparisons of all models of a run, paired by task and trial, and the ranks that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from harness.stats import (
    ContingencyTable,
    Difference,
    difference_on_tasks_like_these,
    difference_on_these_tasks,
    holm,
    tie_groups,
)
from harness.summarize.cells import Trials, by_cell, planned_trials
from harness.summarize.schedule import adjusted_p, claim_level, power_level
from harness.types import SIGNIFICANCE, Comparison, Estimand, ModelInfo, ModelSummary, Outcome, Rank, Result, TaskInfo

Passes = Mapping[int, bool]
"""Trial number -> whether it passed."""


def passes_of(result: Result, model: ModelInfo, task: TaskInfo, trials: Trials) -> Passes:
    """The trials of one cell, from `by_cell`; none unless every planned trial was run."""
    recorded = {trial.trial: trial.outcome is Outcome.PASSED for trial in trials.get((model.label, task.name), ())}
    return recorded if len(recorded) >= planned_trials(result, model, task) else {}


def contingency_table(model: Passes, baseline: Passes) -> ContingencyTable:
    """Pair the trials by number: both models were given the same variant of the task."""
    pairs = [(model[number], baseline[number]) for number in sorted(model.keys() & baseline.keys())]
    combinations_in_order = ((True, True), (True, False), (False, True), (False, False))
    return ContingencyTable(*(pairs.count(combination) for combination in combinations_in_order))


@dataclass(frozen=True, slots=True)
class _PassMatrix:
    """The passes of every model on every scored task."""

    tasks: tuple[TaskInfo, ...]
    passes: Mapping[tuple[str, str], Passes]

    def pair(self, model: str, baseline: str) -> list[tuple[Passes, Passes]]:
        """The passes of both models on each task that both ran."""
        both = ((self.passes[model, task.name], self.passes[baseline, task.name]) for task in self.tasks)
        return [(passes, baseline_passes) for passes, baseline_passes in both if passes and baseline_passes]


def _pass_matrix(result: Result) -> _PassMatrix:
    tasks = tuple(task for task in result.tasks if task.scored)
    trials = by_cell(result)
    return _PassMatrix(
        tasks,
        {(model.label, task.name): passes_of(result, model, task, trials) for model in result.models for task in tasks},
    )


def _differences(
    pairs: Sequence[tuple[Passes, Passes]], level: float, power_level: float
) -> dict[Estimand, Difference]:
    counts = [((sum(a.values()), len(a)), (sum(b.values()), len(b))) for a, b in pairs]
    return {
        "tasks_like_these": difference_on_tasks_like_these(counts, level, power_level),
        "exactly_these_tasks": difference_on_these_tasks(
            [contingency_table(a, b) for a, b in pairs], level, power_level=power_level
        ),
    }


def _comparison(names: tuple[str, str], estimand: Estimand, n_tasks: int, difference: Difference) -> Comparison:
    low, high = difference.interval or (None, None)
    return Comparison(
        model=names[0],
        baseline=names[1],
        estimand=estimand,
        n_tasks=n_tasks,
        difference=difference.difference,
        low=low,
        high=high,
        p=difference.p,
        p_holm=difference.p,
        verdict=difference.verdict,
        mde=difference.mde,
        tasks_to_decide=difference.tasks_to_decide,
        trials_to_decide=difference.trials_to_decide,
    )


def _adjusted(result: Result, comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Adjust the p-values for the run's looks and by Holm; withdraw verdicts that are no longer significant."""
    p_values = holm([1.0 if item.p is None else adjusted_p(result, item.p) for item in comparisons])
    return [
        comparison if comparison.p is None else _with_adjusted_p(comparison, p)
        for comparison, p in zip(comparisons, p_values, strict=True)
    ]


def _with_adjusted_p(comparison: Comparison, p: float) -> Comparison:
    if p > SIGNIFICANCE:
        return replace(comparison, p_holm=p, verdict="can't tell")
    if comparison.verdict == "can't tell":
        return replace(comparison, p_holm=p)
    return replace(comparison, p_holm=p, tasks_to_decide=None, trials_to_decide=None)


def comparisons(result: Result, summaries: Sequence[ModelSummary]) -> tuple[Comparison, ...]:
    """Each pair of models under both estimands; the later model of the config against the earlier one.

    A model that lacks planned trials is compared with none.
    """
    matrix = _pass_matrix(result)
    complete = [summary.model for summary in summaries if summary.pass_rate.is_complete]
    by_estimand: dict[Estimand, list[Comparison]] = {"tasks_like_these": [], "exactly_these_tasks": []}
    both = [(model, baseline, matrix.pair(model, baseline)) for baseline, model in combinations(complete, 2)]
    compared = [row for row in both if row[2]]
    levels = claim_level(result), power_level(result, len(compared))
    for model, baseline, pairs in compared:
        for estimand, difference in _differences(pairs, *levels).items():
            by_estimand[estimand].append(_comparison((model, baseline), estimand, len(pairs), difference))
    return tuple(comparison for group in by_estimand.values() for comparison in _adjusted(result, group))


def ranks(
    models: Sequence[ModelInfo], summaries: Sequence[ModelSummary], found: Sequence[Comparison]
) -> tuple[Rank, ...]:
    """Rank the models in groups by their rate on tasks like these; a model without a rate has no rank.

    Models alone and models with an agent are asked other tasks, so that each have ranks of their own.
    """
    with_agent = {model.label for model in models if model.agent is not None}
    alone = [summary for summary in summaries if summary.model not in with_agent]
    others = [summary for summary in summaries if summary.model in with_agent]
    return (*_ranks(alone, found), *_ranks(others, found))


def _ranks(summaries: Sequence[ModelSummary], found: Sequence[Comparison]) -> tuple[Rank, ...]:
    rates = {summary.model: summary.suite_rates[0].rate for summary in summaries}
    known = [(model, rate) for model, rate in rates.items() if rate is not None]
    order = [model for model, _ in sorted(known, key=lambda pair: -pair[1])]
    decided = [comparison for comparison in found if comparison.estimand == "tasks_like_these"]
    worse = {(pair.model, pair.baseline) for pair in decided if pair.verdict == "worse"}
    worse |= {(pair.baseline, pair.model) for pair in decided if pair.verdict == "better"}
    groups = tie_groups(order, lambda name, first: (name, first) in worse)
    ranked, rank = [], 1
    for group in groups:
        ranked.append(Rank(rank, group))
        rank += len(group)
    return tuple(ranked)
