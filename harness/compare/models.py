"""What a comparison of two runs says. The baseline is the earlier, the trusted one; the other is held against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.types import Rate

Word = Literal["better", "worse", "no difference that matters", "can't tell"]


@dataclass(frozen=True, slots=True)
class Unlike:
    """One thing besides the model's name that is not the same in both runs; texts as people read them."""

    name: str
    baseline: str
    other: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """One thing held against the baseline. `figure` is a difference of pass rates (`is_ratio` False) or how many times
    the baseline it is, with its interval; the word already knows whether more is better."""

    name: str
    word: Word
    is_ratio: bool
    figure: float | None
    low: float | None
    high: float | None
    cells: int
    smallest_gap: float | None = None
    tasks_to_decide: int | None = None
    trials_to_decide: int | None = None


@dataclass(frozen=True, slots=True)
class CellPair:
    """One task in both runs. `regressed` counts the trials that the baseline passed and the other did not, of all that
    both were asked."""

    task: str
    baseline: Rate
    other: Rate
    regressed: Rate
    quantities: tuple[Quantity, ...]


@dataclass(frozen=True, slots=True)
class ModelPair:
    """One model in both runs: what differs around it, all tasks together, and each task."""

    baseline: str
    other: str
    unlike: tuple[Unlike, ...]
    overall: tuple[Quantity, ...]
    regressed: Rate
    cells: tuple[CellPair, ...]


@dataclass(frozen=True, slots=True)
class LaneChange:
    """A lane's recommendation in both runs and what the later one does to the confidence in the earlier."""

    lane: str
    word: Literal["strengthened", "unchanged", "weakened"]
    baseline: str | None
    other: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Two runs. `notes` say what was left out and what to keep in mind."""

    baseline: str
    other: str
    unlike: tuple[Unlike, ...]
    pairs: tuple[ModelPair, ...]
    lanes: tuple[LaneChange, ...]
    notes: tuple[str, ...]

    @property
    def is_worse(self) -> bool:
        """Whether anything got worse: over all tasks, or on one of them after all of them were looked at."""
        everything = [one for pair in self.pairs for one in pair.overall]
        everything += [one for pair in self.pairs for cell in pair.cells for one in cell.quantities]
        return any(one.word == "worse" for one in everything)
