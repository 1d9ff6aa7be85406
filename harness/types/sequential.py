"""A run that adds trials until its lanes are decided: `SequentialDesign` before it, and each `Look` on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.types.lane import Lane

StopRule = Literal["decided", "futile", "cap", "budget"]
"""Why a sequential run ended: every lane is decided, or more trials are futile for those that are not; all trials of
the plan were run; its time was used."""


@dataclass(frozen=True, slots=True)
class SequentialDesign:
    """The rule of a sequential run, written before the first request.

    `looks` are the numbers of trials per task after which the results are looked at; the last one is the cap.
    `budget_s` is the time for recording, None for no limit. `lanes` are those to be decided: later changes of the run's
    lanes do not change the rule. `hypotheses` is the number of pairs of models over these lanes.
    Each of them may be called different with an error of 5 % over that number, over all looks. `nominal_level` is
    Pocock's significance level of one look, at which every other claim of the run keeps 5 %, such as an interval.
    `rule` is the version of the rule of futility, 1 in plans that do not state it (summarize/futility.py).
    """

    looks: tuple[int, ...]
    budget_s: float | None
    lanes: tuple[Lane, ...]
    hypotheses: int
    nominal_level: float
    rule: int = 1

    @property
    def is_looked_at_on_the_way(self) -> bool:
        """Whether verdicts are given before the end; a run that only its time ends is looked at once."""
        return len(self.looks) > 1


@dataclass(frozen=True, slots=True)
class LaneLook:
    """What a look found of one lane: the models that can still be its best, and whether more trials could change it.

    It is `futile` to go on if several models are left, and the trials up to the cap would hardly tell any two apart.
    """

    lane: str
    candidates: tuple[str, ...]
    decided: bool
    futile: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the lane gets more trials."""
        return not (self.decided or self.futile)


@dataclass(frozen=True, slots=True)
class Look:
    """The state of a sequential run after `trials` trials per task; `stop` says why it ended there, None if it goes on.

    `elapsed_s` is the time of recording so far, by the log.
    """

    trials: int
    lanes: tuple[LaneLook, ...]
    stop: StopRule | None
    elapsed_s: float
