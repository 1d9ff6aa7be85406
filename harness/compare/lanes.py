"""What a later run does to the confidence in a lane's recommendation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from harness.compare.models import LaneChange
from harness.types import Recommendation, Result

CONFIDENCE = ("none", "leaning", "clear")
MOVED = 0.05
"""A lower bound that moves by less says nothing new: five points of pass rate, or 5 % of a ratio."""

Word = Literal["strengthened", "unchanged", "weakened"]


def _bounds(one: Recommendation) -> str:
    if one.low is None or one.high is None:
        return one.confidence
    return f"{one.confidence}, {one.low:.2f} to {one.high:.2f}"


def _rate(one: Recommendation, model: str | None) -> str:
    for standing in one.standings:
        if standing.model == model and standing.rate is not None and standing.low is not None:
            return f"pass rate {100 * standing.rate:.0f} %, at least {100 * standing.low:.0f} %"
    return "no pass rate"


def _word(before: Recommendation, after: Recommendation) -> Word:
    if before.model is None:
        return "unchanged" if after.model is None else "strengthened"
    if after.model != before.model:
        return "weakened"
    step = CONFIDENCE.index(after.confidence) - CONFIDENCE.index(before.confidence)
    if step:
        return "strengthened" if step > 0 else "weakened"
    if before.low is None or after.low is None or abs(after.low - before.low) < MOVED:
        return "unchanged"
    return "strengthened" if after.low > before.low else "weakened"


def _text(before: Recommendation, after: Recommendation) -> str:
    if before.model is None and after.model is None:
        return "the evidence decides in neither run"
    if before.model is None:
        return f"now {after.model} ({_bounds(after)}; {_rate(after, after.model)}), where nothing was decided"
    then = f"{before.model} ({_bounds(before)}; {_rate(before, before.model)})"
    if after.model is None:
        return f"{then}, and now the evidence does not decide ({_rate(after, before.model)})"
    if after.model != before.model:
        return f"{then}, and now {after.model} ({_bounds(after)}; {_rate(after, after.model)})"
    return f"{then}, and now ({_bounds(after)}; {_rate(after, after.model)})"


def lane_changes(baseline: Result, other: Result) -> Iterator[LaneChange | str]:
    """Each lane of both runs; a sentence in place of one whose demands are not the same."""
    theirs = {lane.name: lane for lane in other.lanes}
    after = {one.lane: one for one in other.recommendations}
    for lane, before in zip(baseline.lanes, baseline.recommendations, strict=False):
        if lane.name not in theirs or lane.name not in after:
            continue
        if replace(theirs[lane.name], override=None) != replace(lane, override=None):
            yield f"lane {lane.name}: its tasks or demands are not the same in both runs"
            continue
        now = after[lane.name]
        yield LaneChange(lane.name, _word(before, now), before.model, now.model, _text(before, now))
