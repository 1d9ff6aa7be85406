"""Result of comparing two runs: the baseline run and the other run that is measured against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.types import PassRate

QuantityVerdict = Literal["better", "worse", "equivalent", "can't tell"]
"""Equivalent: the whole interval of a ratio of speeds lies within 5 % of 1."""


@dataclass(frozen=True, slots=True)
class FactDifference:
    """One fact, besides the model's label, that differs between the runs; values are formatted."""

    name: str
    baseline: str
    other: str


@dataclass(frozen=True, slots=True)
class Levels:
    """The confidence levels of the intervals of one comparison: pass rates, speeds over all tasks, speeds by task.

    At `pass_rate_power` the first of the pairs of models must differ by Holm: what would decide is given for it.
    """

    pass_rates: float
    speeds: float
    task_speeds: float
    pass_rate_power: float


@dataclass(frozen=True, slots=True)
class QuantityComparison:
    """One quantity of the other run against the baseline.

    `estimate` is the difference of two pass rates, or with `is_ratio` the ratio of two speeds, with its interval at the
    comparison's level. The verdict takes into account whether higher is better. `mde` is the minimum detectable effect,
    `p` the adjusted p-value of a pass rate.
    """

    name: str
    verdict: QuantityVerdict
    is_ratio: bool
    estimate: float | None
    low: float | None
    high: float | None
    cells: int
    mde: float | None = None
    tasks_to_decide: int | None = None
    trials_to_decide: int | None = None
    p: float | None = None


@dataclass(frozen=True, slots=True)
class CellPair:
    """One task in both runs. `regressed` counts the pairs of trials that only the baseline passed, of all pairs."""

    task: str
    baseline: PassRate
    other: PassRate
    regressed: PassRate
    quantities: tuple[QuantityComparison, ...]


@dataclass(frozen=True, slots=True)
class ModelPair:
    """One model in both runs: facts that differ, all tasks together, and each task.

    `baseline_passed` and `other_passed` count the trials that each passed, of the `regressed.n` that both ran.
    `same_answers` counts the pairs of trials with the same text and tool calls in every turn, of those with an answer;
    None where the two were not asked with the same prompts.
    """

    baseline: str
    other: str
    differences: tuple[FactDifference, ...]
    overall: tuple[QuantityComparison, ...]
    baseline_passed: int
    other_passed: int
    regressed: PassRate
    same_answers: PassRate | None
    cells: tuple[CellPair, ...]

    @property
    def is_undecided(self) -> bool:
        """Whether no quantity over all tasks is decided."""
        return all(quantity.verdict == "can't tell" for quantity in self.overall)


def same_answers_words(pair: ModelPair) -> list[str]:
    """`11 of 12 answers are the same`; nothing where there was nothing to compare."""
    same = pair.same_answers
    return [f"{same.passed} of {same.n} answers are the same"] if same is not None and same.n else []


@dataclass(frozen=True, slots=True)
class LaneChange:
    """A lane's recommendation in both runs, and whether the other run supports that of the baseline."""

    lane: str
    verdict: Literal["strengthened", "unchanged", "weakened"]
    baseline: str | None
    other: str | None
    text: str


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Two runs compared. `notes` list what was left out and what limits the conclusions, `levels` are of the intervals.

    `warnings` are those of either run because of which an answer about a compared model may be wrong, and
    `minor_warnings` counts the others.
    """

    baseline: str
    other: str
    differences: tuple[FactDifference, ...]
    pairs: tuple[ModelPair, ...]
    lanes: tuple[LaneChange, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    minor_warnings: int
    levels: Levels

    @property
    def is_worse(self) -> bool:
        """Whether any quantity got worse, over all tasks or on one of them, after all corrections."""
        quantities = [quantity for pair in self.pairs for quantity in pair.overall]
        quantities += [quantity for pair in self.pairs for cell in pair.cells for quantity in cell.quantities]
        return any(quantity.verdict == "worse" for quantity in quantities)
