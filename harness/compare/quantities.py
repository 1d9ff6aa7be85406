"""One quantity of one or many cells of a model in two runs, held against each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.compare.models import Quantity, Word
from harness.stats import (
    Difference,
    Ratio,
    Table,
    difference_on_tasks_like_these,
    difference_on_these_tasks,
    ratio_of,
    ratio_word,
)
from harness.summarize import Passes, Trials, cold_but_cached, is_whole, passes_of, table_of
from harness.types import ModelInfo, Result, TaskInfo, TurnResult

LEVEL = 0.95
Values = Mapping[int, list[float]]
"""The values of one speed in one cell, by turn."""


@dataclass(frozen=True, slots=True)
class Speed:
    """A measured quantity: its name, where a turn has it, whether more is better, whether it needs a cold prompt."""

    name: str
    value: Callable[[TurnResult], float | None]
    more_is_better: bool
    needs_cold: bool


SPEEDS = (
    Speed("decode rate", lambda turn: turn.timings.decode_tps, more_is_better=True, needs_cold=False),
    Speed("TTFT", lambda turn: turn.timings.ttft_s, more_is_better=False, needs_cold=True),
    Speed("time to the whole answer", lambda turn: turn.timings.e2e_s, more_is_better=False, needs_cold=True),
)


@dataclass(frozen=True, slots=True)
class Side:
    """One model in one run."""

    result: Result
    model: ModelInfo
    trials: Trials

    def passes(self, task: TaskInfo) -> Passes:
        """Its trials of a task by number."""
        return passes_of(self.result, self.model, task, self.trials)

    def values(self, task: TaskInfo, speed: Speed) -> Values:
        """Its values of a speed on a task, of whole replies."""
        found: dict[int, list[float]] = {}
        for trial in self.trials.get((self.model.label, task.name), ()):
            if speed.needs_cold and cold_but_cached(trial, separate=task.separate):
                continue
            for at, turn in enumerate(trial.turns):
                value = speed.value(turn)
                if value and is_whole(turn):
                    found.setdefault(at, []).append(value)
        return found


Sides = tuple[Side, Side]
"""The baseline's and the other's."""


def _of_difference(name: str, seen: Difference, cells: int) -> Quantity:
    low, high = seen.interval or (None, None)
    return Quantity(
        name,
        seen.word,
        False,
        seen.difference,
        low,
        high,
        cells,
        seen.smallest_gap,
        seen.tasks_to_decide,
        seen.trials_to_decide,
    )


def tables(sides: Sides, tasks: Sequence[TaskInfo]) -> list[Table]:
    """The pairs of trials of each task; the other is the model, the baseline the baseline."""
    baseline, other = sides
    return [table_of(other.passes(task), baseline.passes(task)) for task in tasks]


def pass_rates(sides: Sides, tasks: Sequence[TaskInfo]) -> tuple[Quantity, ...]:
    """The difference of pass rates on exactly these tasks and, with two tasks or more, on tasks like these."""
    if not tasks:
        return ()
    these = _of_difference("pass rate on these tasks", difference_on_these_tasks(tables(sides, tasks)), len(tasks))
    if len(tasks) < 2:
        return (these,)
    rates = [[(sum(passes.values()), len(passes)) for passes in map(side.passes, tasks)] for side in sides]
    like = difference_on_tasks_like_these(list(zip(rates[1], rates[0], strict=True)))
    return (these, _of_difference("pass rate on tasks like these", like, len(tasks)))


_WORDS: Mapping[str, Word] = {
    "more": "better",
    "less": "worse",
    "no difference that matters": "no difference that matters",
    "can't tell": "can't tell",
}


def _of_ratio(speed: Speed, seen: Ratio, turned: Ratio) -> Quantity:
    """`seen` is other over baseline as it is told; `turned` the same with more meaning better."""
    return Quantity(speed.name, _WORDS[ratio_word(turned)], True, seen.ratio, seen.low, seen.high, seen.cells)


def speeds(sides: Sides, tasks: Sequence[TaskInfo], level: float = LEVEL) -> tuple[Quantity, ...]:
    """Each speed as a ratio of geometric means over every turn of these tasks that both measured."""
    out = []
    for speed in SPEEDS:
        arms = []
        for task in tasks:
            base, other = (side.values(task, speed) for side in sides)
            arms += [(other[at], base[at]) for at in sorted(base.keys() & other.keys())]
        seen, turned = ratio_of(arms, level), ratio_of([(b, a) for a, b in arms], level)
        if seen is not None and turned is not None:
            out.append(_of_ratio(speed, seen, seen if speed.more_is_better else turned))
    return tuple(out)
