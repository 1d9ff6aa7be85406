"""Effect of a later run on the confidence in each lane's recommendation: strengthened, unchanged or weakened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from harness.compare.models import LaneChange
from harness.types import Recommendation, Result

CONFIDENCE_ORDER = ("none", "tentative", "conclusive")
MIN_BOUND_CHANGE = 0.05
"""Smaller changes of a lower bound are ignored: five points of pass rate, or 5 % of a ratio."""

LaneVerdict = Literal["strengthened", "unchanged", "weakened"]


def _format_bounds(recommendation: Recommendation) -> str:
    if recommendation.low is None or recommendation.high is None:
        return recommendation.confidence
    return f"{recommendation.confidence}, {recommendation.low:.2f} to {recommendation.high:.2f}"


def _format_rate(recommendation: Recommendation, model: str | None) -> str:
    for eligibility in recommendation.eligibilities:
        if eligibility.model == model and eligibility.rate is not None and eligibility.low is not None:
            return f"pass rate {100 * eligibility.rate:.0f} %, at least {100 * eligibility.low:.0f} %"
    return "no pass rate"


def _verdict(before: Recommendation, after: Recommendation) -> LaneVerdict:
    if before.model is None:
        return "unchanged" if after.model is None else "strengthened"
    if after.model != before.model:
        return "weakened"
    step = CONFIDENCE_ORDER.index(after.confidence) - CONFIDENCE_ORDER.index(before.confidence)
    if step:
        return "strengthened" if step > 0 else "weakened"
    if before.low is None or after.low is None or abs(after.low - before.low) < MIN_BOUND_CHANGE:
        return "unchanged"
    return "strengthened" if after.low > before.low else "weakened"


def _text(before: Recommendation, after: Recommendation) -> str:
    if before.model is None and after.model is None:
        return "the evidence decides in neither run"
    if before.model is None:
        return f"undecided before; now {after.model} ({_format_bounds(after)}; {_format_rate(after, after.model)})"
    start = f"before {before.model} ({_format_bounds(before)}; {_format_rate(before, before.model)})"
    if after.model is None:
        return f"{start}; now the evidence does not decide ({_format_rate(after, before.model)})"
    name = "" if after.model == before.model else f"{after.model} "
    return f"{start}; now {name}({_format_bounds(after)}; {_format_rate(after, after.model)})"


def lane_changes(baseline: Result, other: Result) -> Iterator[LaneChange | str]:
    """One change for each lane of both runs, or a sentence if the lane's definition differs."""
    other_lanes = {lane.name: lane for lane in other.lanes}
    recommendations = {recommendation.lane: recommendation for recommendation in other.recommendations}
    for lane, before in zip(baseline.lanes, baseline.recommendations, strict=False):
        if lane.name not in other_lanes or lane.name not in recommendations:
            continue
        if replace(other_lanes[lane.name], override=None) != replace(lane, override=None):
            yield f"lane {lane.name} is not compared: its tasks or requirements differ between the runs"
            continue
        after = recommendations[lane.name]
        yield LaneChange(lane.name, _verdict(before, after), before.model, after.model, _text(before, after))
