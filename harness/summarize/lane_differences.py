"""Differences of two models' pass rates on a lane's tasks, and which of them all comparisons of the run withdraw.

In a run with a fixed number of trials each difference stands for itself. In a sequential run a false "better" of any
pair in any lane may end the run for a model, so Holm's correction covers all of them.
"""

from __future__ import annotations

from itertools import combinations

from harness.stats import Difference, difference_on_these_tasks, holm
from harness.summarize.cells import Trials, by_cell
from harness.summarize.lane_requirements import cells_of
from harness.summarize.pairwise import SIGNIFICANCE, contingency_table, passes_of
from harness.summarize.schedule import adjusted_p, claim_level
from harness.types import Lane, ModelInfo, Result

LaneModels = tuple[str, frozenset[str]]
"""A lane and two models."""


def lane_difference(result: Result, lane: Lane, models: tuple[ModelInfo, ModelInfo], trials: Trials) -> Difference:
    """The difference of the first model to the second on the lane's tasks that both ran in full, paired by trial."""
    cells = [cells_of(result, lane, model.label) for model in models]
    tasks = [task for task in result.tasks if task.scored and all(task.name in found for found in cells)]
    passes = [[passes_of(result, model, task, trials) for model in models] for task in tasks]
    tables = [contingency_table(passed, other_passed) for passed, other_passed in passes]
    return difference_on_these_tasks(tables, claim_level(result), [lane.tasks[task.name] for task in tasks])


def withdrawn_pairs(result: Result) -> frozenset[LaneModels]:
    """The pairs of a sequential run that Holm's correction over all lanes and pairs does not leave significant."""
    if result.run.design is None:
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
