"""The rule by which more trials of a sequential run are futile, in the versions that plans have had.

`FutilityRule.of` gives the rule of a plan, so that `verify` repeats each run by its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.summarize.schedule import ERROR
from harness.types import Lane, SequentialDesign


@dataclass(frozen=True, slots=True)
class FutilityRule:
    """A pair of models is futile if the trials that are left would tell it apart with less than `min_power`.

    That is predicted for a last look at the pair's share of the error or, where `at_pocock_level`, at the level of each
    look. With `gives_up` a pair is given up for good where its lane ends with it (see `is_final`), and the test of the
    pair relies on that: it has more power for the same error.
    """

    min_power: float
    at_pocock_level: bool
    gives_up: bool

    @classmethod
    def of(cls, design: SequentialDesign) -> FutilityRule:
        """The rule of a plan, of which the schema allows no unknown version."""
        return FUTILITY_RULES[design.rule]

    def level(self, design: SequentialDesign) -> float:
        """The significance level for which the power is predicted."""
        return (design.nominal_level if self.at_pocock_level else ERROR) / design.hypotheses

    def is_final(self, models: int, lane: Lane) -> bool:
        """Whether a pair that is given up stays so: a lane of two models ends with its only pair.

        With more models a lane goes on for its other pairs, and the trials may yet tell this one apart.
        """
        return self.gives_up and models == 2 and lane.rank_by[0] == "pass_rate"


FUTILITY_RULES: Mapping[int, FutilityRule] = {
    1: FutilityRule(min_power=0.1, at_pocock_level=True, gives_up=False),
    2: FutilityRule(min_power=0.3, at_pocock_level=False, gives_up=True),
}
LATEST_RULE = max(FUTILITY_RULES)
