"""Comparison of one quantity, a pass rate or a speed, over one or many tasks of a model in two runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.compare.models import QuantityComparison, QuantityVerdict
from harness.stats import (
    ContingencyTable,
    Difference,
    Ratio,
    RatioVerdict,
    blocked_mean_ratio,
    difference_on_tasks_like_these,
    difference_on_these_tasks,
    ratio_verdict,
)
from harness.summarize import Passes, Trials, contingency_table, has_cache_hit_on_cold_turn, passes_of, turn_values
from harness.types import ModelInfo, Result, TaskInfo, TurnResult

ON_THESE_TASKS = "pass rate on these tasks"
ON_TASKS_LIKE_THESE = "pass rate on tasks like these"
Values = Mapping[int, Mapping[int, float]]
"""Turn -> trial -> the value of one speed in one cell."""


@dataclass(frozen=True, slots=True)
class Speed:
    """A measured quantity of a turn; `needs_cold` excludes trials that the server answered from its cache.

    `words` say a ratio to the baseline in a sentence.
    """

    name: str
    words: str
    value: Callable[[TurnResult], float | None]
    higher_is_better: bool
    needs_cold: bool


SPEEDS = (
    Speed(
        "decode rate",
        "it decodes {} times as fast",
        lambda turn: turn.timings.decode_tps,
        higher_is_better=True,
        needs_cold=False,
    ),
    Speed(
        "TTFT",
        "first tokens take {} times as long",
        lambda turn: turn.timings.ttft_s,
        higher_is_better=False,
        needs_cold=True,
    ),
    Speed(
        "E2E latency",
        "whole answers take {} times as long",
        lambda turn: turn.timings.e2e_s,
        higher_is_better=False,
        needs_cold=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Side:
    """One model in one run."""

    result: Result
    model: ModelInfo
    trials: Trials

    def passes(self, task: TaskInfo) -> Passes:
        """Trial number -> whether it passed, for one task."""
        return passes_of(self.result, self.model, task, self.trials)

    def values(self, task: TaskInfo, speed: Speed) -> Values:
        """The values of a speed in the complete replies of one task."""
        values: dict[int, dict[int, float]] = {}
        for trial in self.trials.get((self.model.label, task.name), ()):
            if speed.needs_cold and has_cache_hit_on_cold_turn(trial, separate=task.separate):
                continue
            for number, value in turn_values(task, trial, speed.value):
                values.setdefault(number, {})[trial.trial] = value
        return values


Sides = tuple[Side, Side]
"""The baseline and the other run."""


def _from_difference(name: str, difference: Difference, cells: int) -> QuantityComparison:
    low, high = difference.interval or (None, None)
    return QuantityComparison(
        name=name,
        verdict=difference.verdict,
        is_ratio=False,
        estimate=difference.difference,
        low=low,
        high=high,
        cells=cells,
        mde=difference.mde,
        tasks_to_decide=difference.tasks_to_decide,
        trials_to_decide=difference.trials_to_decide,
        p=difference.p,
    )


def contingency_tables(sides: Sides, tasks: Sequence[TaskInfo]) -> list[ContingencyTable]:
    """The pairs of trials of each task, the other run in the place of the model."""
    baseline, other = sides
    return [contingency_table(other.passes(task), baseline.passes(task)) for task in tasks]


def pass_rates(
    sides: Sides, tasks: Sequence[TaskInfo], level: float, power_level: float
) -> tuple[QuantityComparison, ...]:
    """The difference of pass rates on exactly these tasks and, with two tasks or more, on tasks like these.

    What would decide it is given at `power_level`.
    """
    if not tasks:
        return ()
    on_these = difference_on_these_tasks(contingency_tables(sides, tasks), level, power_level=power_level)
    comparison = _from_difference(ON_THESE_TASKS, on_these, len(tasks))
    if len(tasks) < 2:
        return (comparison,)
    baseline, other = ([(sum(passes.values()), len(passes)) for passes in map(side.passes, tasks)] for side in sides)
    on_like_these = difference_on_tasks_like_these(list(zip(other, baseline, strict=True)), level, power_level)
    return (comparison, _from_difference(ON_TASKS_LIKE_THESE, on_like_these, len(tasks)))


_VERDICTS: Mapping[RatioVerdict, QuantityVerdict] = {
    "more": "better",
    "less": "worse",
    "equivalent": "equivalent",
    "can't tell": "can't tell",
}


def _from_ratio(speed: Speed, ratio: Ratio, normalized_ratio: Ratio) -> QuantityComparison:
    """`ratio` is other over baseline; `normalized_ratio` is the same ratio, inverted if lower is better."""
    verdict = _VERDICTS[ratio_verdict(normalized_ratio)]
    return QuantityComparison(speed.name, verdict, True, ratio.ratio, ratio.low, ratio.high, ratio.cells)


def speeds(sides: Sides, tasks: Sequence[TaskInfo], level: float) -> tuple[QuantityComparison, ...]:
    """Each speed as a ratio of geometric means over every turn of these tasks that both runs measured.

    Trials of one number ran one after the other, and their turns too: they share the state of the machine.
    """
    compared = []
    for speed in SPEEDS:
        samples = []
        for task in tasks:
            baseline, other = (side.values(task, speed) for side in sides)
            samples += [(other[turn], baseline[turn]) for turn in sorted(baseline.keys() & other.keys())]
        ratio = blocked_mean_ratio(samples, level)
        inverse = blocked_mean_ratio([(b, a) for a, b in samples], level)
        if ratio is not None and inverse is not None:
            compared.append(_from_ratio(speed, ratio, ratio if speed.higher_is_better else inverse))
    return tuple(compared)
