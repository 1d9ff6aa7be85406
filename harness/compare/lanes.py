"""Effect of a later run on the confidence in each lane's recommendation: strengthened, unchanged or weakened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from harness.compare.models import LaneChange
from harness.summarize import CRITERION_NAMES
from harness.types import MIN_TRIALS, Lane, LaneMargin, Recommendation, Result

CONFIDENCE_ORDER = ("none", "tentative", "conclusive")
MIN_BOUND_CHANGE = 0.05
"""Smaller changes of a lower bound are ignored: five points of pass rate, or 5 % of a ratio."""

LaneVerdict = Literal["strengthened", "unchanged", "weakened"]


@dataclass(frozen=True, slots=True)
class _LaneState:
    """One lane of one run, in words."""

    result: Result
    lane: Lane
    found: Recommendation

    @property
    def decision(self) -> str:
        """The confidence, with the bounds of the deciding difference or ratio and what it is of."""
        found, names = self.found, [each.model for each in self.found.eligibilities if each.status == "eligible"]
        few = any(self.result.lane_count(self.lane, name)[1] < MIN_TRIALS for name in names)
        if found.low is None or found.high is None or few:
            return found.confidence
        margin = _deciding(found)
        criterion = "" if margin is None else f"{CRITERION_NAMES[margin.criterion]} "
        return f"{found.confidence}, {criterion}{found.low:.2f} to {found.high:.2f}"

    def rate(self, model: str | None) -> str:
        """The pass rate of a model with its lower bound, or its count alone."""
        for each in self.found.eligibilities:
            if each.model == model and each.rate is not None and each.low is not None:
                passed, n = self.result.lane_count(self.lane, model)
                bound = f"pass rate {100 * each.rate:.0f} %, at least {100 * each.low:.0f} %"
                return bound if n >= MIN_TRIALS else f"passed {passed} of {n}"
        return "no pass rate"


def _verdict(before: Recommendation, after: Recommendation) -> LaneVerdict:
    if before.model is None:
        return "unchanged" if after.model is None else "strengthened"
    if after.model != before.model:
        return "weakened"
    step = CONFIDENCE_ORDER.index(after.confidence) - CONFIDENCE_ORDER.index(before.confidence)
    if step:
        return "strengthened" if step > 0 else "weakened"
    old, new = _deciding(before), _deciding(after)
    if old is None or new is None or (old.criterion, old.other) != (new.criterion, new.other):
        return "unchanged"
    if old.low is None or new.low is None or abs(new.low - old.low) < MIN_BOUND_CHANGE:
        return "unchanged"
    return "strengthened" if new.low > old.low else "weakened"


def _deciding(found: Recommendation) -> LaneMargin | None:
    """The margin that `low` and `high` bound: points of a pass rate and ratios of speeds are no values to compare."""
    bounds = (found.low, found.high)
    return next((each for each in found.margins if each.is_better and (each.low, each.high) == bounds), None)


def _text(before: _LaneState, after: _LaneState) -> str:
    old, new = before.found.model, after.found.model
    if old is None and new is None:
        return "the evidence decides in neither run"
    if old is None:
        return f"undecided before; now {new} ({after.decision}; {after.rate(new)})"
    start = f"before {old} ({before.decision}; {before.rate(old)})"
    if new is None:
        return f"{start}; now the evidence does not decide ({after.rate(old)})"
    name = "" if new == old else f"{new} "
    return f"{start}; now {name}({after.decision}; {after.rate(new)})"


def lane_changes(baseline: Result, other: Result) -> tuple[list[LaneChange], list[str]]:
    """One change for each lane of both runs, and the names of the lanes whose definition differs."""
    other_lanes = {lane.name: lane for lane in other.lanes}
    recommendations = {recommendation.lane: recommendation for recommendation in other.recommendations}
    changes, unlike = list[LaneChange](), list[str]()
    for lane, before in zip(baseline.lanes, baseline.recommendations, strict=False):
        if lane.name not in other_lanes or lane.name not in recommendations:
            continue
        if replace(other_lanes[lane.name], override=None) != replace(lane, override=None):
            unlike.append(lane.name)
            continue
        after = recommendations[lane.name]
        text = _text(_LaneState(baseline, lane, before), _LaneState(other, lane, after))
        changes.append(LaneChange(lane.name, _verdict(before, after), before.model, after.model, text))
    return changes, unlike
