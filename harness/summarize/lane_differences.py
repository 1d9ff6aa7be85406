"""Differences of two models' pass rates on a lane's tasks, and which of them all comparisons of the run withdraw.

In a run with a fixed number of trials each difference stands for itself. In a sequential run a false "better" of any
pair in any lane may end the run for a model, so each of them has its share of the error, over all looks; in a run that
its time ends, without looks on the way, Holm's correction covers all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from harness.stats import (
    Difference,
    PairLook,
    SequentialVerdict,
    difference_on_these_tasks,
    holm,
    predictive_power,
    sequential_verdict,
)
from harness.summarize.cells import Trials, by_cell
from harness.summarize.futility import FutilityRule
from harness.summarize.lane_requirements import cells_of
from harness.summarize.pairwise import Passes, contingency_table, passes_of
from harness.summarize.schedule import ERROR, adjusted_p, claim_level
from harness.types import SIGNIFICANCE, DifferenceVerdict, Lane, ModelInfo, Result

LaneModels = tuple[str, frozenset[str]]
"""A lane and two models."""
WeightedPasses = tuple[float, Passes, Passes]
"""The weight of a task in a lane, and the passes of two models on it."""


def lane_difference(result: Result, lane: Lane, models: tuple[ModelInfo, ModelInfo], trials: Trials) -> Difference:
    """The difference of the first model to the second on the lane's tasks that both ran in full, paired by trial.

    What would decide it is at the level of one look for one of the design's pairs. Plans with the first rule of
    futility were published when it was at that of one look.
    """
    pairs = _passes_of_both(result, lane, models, trials)
    tables = [contingency_table(passed, other_passed) for _, passed, other_passed in pairs]
    design = result.run.design
    needed = None if design is None or design.rule == 1 else 1 - design.nominal_level / design.hypotheses
    found = difference_on_these_tasks(tables, claim_level(result), [weight for weight, *_ in pairs], needed)
    if design is None or not design.is_looked_at_on_the_way:
        return found
    return _at_all_looks(found, _verdict(result, lane, pairs).verdict)


def can_be_told_apart(result: Result, lane: Lane, models: tuple[ModelInfo, ModelInfo], trials: Trials) -> bool:
    """Whether the rest of a sequential run may well find one of two models, so far undecided, better on the lane."""
    design = result.run.design
    assert design is not None
    pairs, rule = _passes_of_both(result, lane, models, trials), FutilityRule.of(design)
    if rule.is_final(len(result.models), lane):
        return not _verdict(result, lane, pairs).given_up
    return predictive_power(pair_looks(pairs, design.looks), rule.level(design)) >= rule.min_power


def _verdict(result: Result, lane: Lane, pairs: Sequence[WeightedPasses]) -> SequentialVerdict:
    """The verdict of all looks together."""
    design = result.run.design
    assert design is not None
    rule = FutilityRule.of(design)
    min_power = rule.min_power if rule.is_final(len(result.models), lane) else 0.0
    return sequential_verdict(pair_looks(pairs, design.looks), ERROR / design.hypotheses, min_power)


def _passes_of_both(
    result: Result, lane: Lane, models: tuple[ModelInfo, ModelInfo], trials: Trials
) -> list[WeightedPasses]:
    cells = [cells_of(result, lane, model.label) for model in models]
    tasks = [task for task in result.tasks if task.scored and all(task.name in found for found in cells)]
    first, second = ([passes_of(result, model, task, trials) for task in tasks] for model in models)
    weights = [lane.tasks[task.name] for task in tasks]
    return list(zip(weights, first, second, strict=True))


def pair_looks(pairs: Sequence[WeightedPasses], planned: Sequence[int]) -> list[PairLook]:
    """The looks at two models' trials so far, on the tasks that both ran in full.

    A look that the run's time ended stands between two planned ones.
    """
    pairs = [(weight, passed, other) for weight, passed, other in pairs if passed and other]
    trials = min((len(passes) for _, *both in pairs for passes in both), default=0)
    ends = [*(look for look in planned if look < trials), *([trials] if trials else [])]
    looks, start = list[PairLook](), 0
    for end in ends:
        steps = [
            weight * (passed.get(at, False) - other.get(at, False))
            for weight, passed, other in pairs
            for at in range(start, end)
        ]
        looks.append(PairLook(end / planned[-1], tuple(step for step in steps if step)))
        start = end
    return looks


def _at_all_looks(found: Difference, verdict: DifferenceVerdict) -> Difference:
    """The difference with the verdict of all looks together; an interval that it does not share is left out."""
    low, high = found.interval or (0.0, 0.0)
    agrees = verdict == "can't tell" or not low <= 0 <= high
    trials = found.trials_to_decide if verdict == "can't tell" else None
    return replace(found, verdict=verdict, interval=found.interval if agrees else None, trials_to_decide=trials)


def withdrawn_pairs(result: Result) -> frozenset[LaneModels]:
    """The pairs of a sequential run that Holm's correction over all lanes and pairs does not leave significant."""
    design = result.run.design
    if design is None or design.is_looked_at_on_the_way:
        return frozenset()
    trials = by_cell(result)
    p_values: dict[LaneModels, float] = {}
    for lane in result.lanes:
        for models in combinations(result.models, 2):
            p = lane_difference(result, lane, models, trials).p
            p_values[lane.name, frozenset(model.label for model in models)] = (
                1.0 if p is None else adjusted_p(result, p)
            )
    adjusted = holm(list(p_values.values()))
    return frozenset(pair for pair, p in zip(p_values, adjusted, strict=True) if p > SIGNIFICANCE)
