"""Runs against a baseline, across machines, people and server versions: what differs, cell by cell and overall.

Calls what summarize calls on the trials of both; measures nothing and looks at no number that a file states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.compare.comparability import common_tasks, pair_models, refuse_unfit
from harness.compare.differences import unlike_models, unlike_runs
from harness.compare.lanes import lane_changes
from harness.compare.models import CellPair, Compared, LaneChange, ModelPair, Quantity, Unlike
from harness.compare.quantities import LEVEL, Side, Sides, pass_rates, speeds, tables
from harness.compare.sections import sections_of
from harness.stats import holm, mcnemar_p, wilson
from harness.summarize import by_cell, summarize
from harness.types import Rate, Result, TaskInfo

__all__ = ["CellPair", "Compared", "LaneChange", "ModelPair", "Quantity", "Unlike", "compare", "sections_of"]

ONE_START = (
    "speeds are of one start of each server: their intervals hold for asking again, not for starting or building again"
)


def _rate(k: int, n: int) -> Rate:
    interval = wilson(k, n)
    return Rate(k, n, k / n, *interval) if interval else Rate(k, n, None, None, None)


def _pooled(k: int, n: int) -> Rate:
    return Rate(k, n, k / n if n else None, None, None)


def _cell(sides: Sides, task: TaskInfo, level: float) -> CellPair:
    is_scored = task.scored
    (table,) = tables(sides, [task])
    counts = [side.passes(task) for side in sides]
    return CellPair(
        task=task.name,
        baseline=_rate(sum(counts[0].values()), len(counts[0])),
        other=_rate(sum(counts[1].values()), len(counts[1])),
        regressed=_rate(table.baseline_only, table.n) if is_scored else _rate(0, 0),
        quantities=(*(pass_rates(sides, [task]) if is_scored else ()), *speeds(sides, [task], level)),
    )


def _after_all(cells: Sequence[CellPair], sides: Sides, tasks: Sequence[TaskInfo]) -> tuple[CellPair, ...]:
    """The same cells after all of them were looked at: a verdict on a pass rate must bear Holm's p."""
    scored = [task for task in tasks if task.scored]
    ps = [mcnemar_p(table.model_only, table.baseline_only) for table in tables(sides, scored)]
    adjusted = dict(zip((task.name for task in scored), holm(ps), strict=True))

    def careful(cell: CellPair, one: Quantity) -> Quantity:
        undecided = not one.is_ratio and adjusted[cell.task] > 1 - LEVEL
        return replace(one, word="can't tell") if undecided else one

    return tuple(replace(cell, quantities=tuple(careful(cell, one) for one in cell.quantities)) for cell in cells)


def _model_pair(sides: Sides, tasks: Sequence[TaskInfo]) -> ModelPair:
    asked = [task for task in tasks if all(side.passes(task) for side in sides)]
    scored = [task for task in asked if task.scored]
    found = tables(sides, scored)
    # Bonferroni: of many cells some would be called slower by chance.
    level = 1 - (1 - LEVEL) / max(1, len(asked))
    return ModelPair(
        baseline=sides[0].model.label,
        other=sides[1].model.label,
        unlike=unlike_models(sides[0].model, sides[1].model),
        overall=(*pass_rates(sides, scored), *speeds(sides, asked)),
        regressed=_pooled(sum(table.baseline_only for table in found), sum(table.n for table in found)),
        cells=_after_all([_cell(sides, task, level) for task in asked], sides, asked),
    )


def _notes(baseline: Result, other: Result) -> tuple[str, ...]:
    out = [*common_tasks(baseline, other)[1], ONE_START]
    if baseline.run.seed == other.run.seed and baseline.run.id != other.run.id:
        out.append(f"both runs have the seed {baseline.run.seed}: a server that ran on may have cached their prompts")
    return tuple(out)


def compare(baseline: tuple[str, Result], other: tuple[str, Result], pairs: Sequence[tuple[str, str]] = ()) -> Compared:
    """The other run against the baseline; both come with their names. Raises RunError where that makes no sense."""
    names = (baseline[0], other[0])
    refuse_unfit(names, baseline[1], other[1])
    left, right = summarize(baseline[1]), summarize(other[1])
    tasks, _ = common_tasks(left, right)
    trials = by_cell(left), by_cell(right)
    lanes = list(lane_changes(left, right))
    return Compared(
        baseline=names[0],
        other=names[1],
        unlike=unlike_runs(left, right),
        pairs=tuple(
            _model_pair((Side(left, one, trials[0]), Side(right, two, trials[1])), tasks)
            for one, two in pair_models(left, right, pairs)
        ),
        lanes=tuple(one for one in lanes if isinstance(one, LaneChange)),
        notes=(*_notes(left, right), *(one for one in lanes if isinstance(one, str))),
    )
