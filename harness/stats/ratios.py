"""Speeds against speeds: ratios of geometric means on logarithms, and drift over a run."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, fsum, log, sqrt
from typing import Literal, NamedTuple

from harness.stats.proportions import LEVEL
from harness.stats.suites import mean_of, sample_variance, t_quantile

MATTERS = 0.05
"""The practical threshold: a ratio within 5 % of 1 is no difference that matters."""

RatioWord = Literal["more", "less", "no difference that matters", "can't tell"]
Arms = tuple[Sequence[float], Sequence[float]]
"""The values of the one that is spoken of, and of its baseline: all positive."""


class Ratio(NamedTuple):
    """How many times the baseline; None bounds where an arm of a cell had fewer than two values."""

    ratio: float
    low: float | None
    high: float | None
    cells: int


class Drift(NamedTuple):
    """The relative change of a speed from a run's first trial to its last, with its 95 % interval."""

    change: float
    low: float
    high: float


def _logs(values: Sequence[float]) -> list[float]:
    return [log(value) for value in values]


def ratio_of(cells: Sequence[Arms], level: float = LEVEL) -> Ratio | None:
    """The geometric mean over the cells of the ratio of geometric means, on exactly these cells; None without any.

    Welch's interval on logarithms, its degrees of freedom after Satterthwaite.
    Sources: B. L. Welch, Biometrika 34 (1947); P. J. Fleming and J. J. Wallace, CACM 29 (1986), on geometric means.
    """
    some = [(_logs(a), _logs(b)) for a, b in cells if a and b]
    if not some:
        return None
    middle = mean_of([mean_of(a) - mean_of(b) for a, b in some])
    if any(len(arm) < 2 for arms in some for arm in arms):
        return Ratio(exp(middle), None, None, len(some))
    parts = [(sample_variance(arm) / len(arm), len(arm) - 1) for arms in some for arm in arms]
    error = fsum(part for part, _ in parts)
    if error == 0:
        return Ratio(exp(middle), exp(middle), exp(middle), len(some))
    freedom = error**2 / fsum(part**2 / free for part, free in parts)
    half = t_quantile(freedom, level) * sqrt(error) / len(some)
    return Ratio(exp(middle), exp(middle - half), exp(middle + half), len(some))


def ratio_word(ratio: Ratio, matters: float = MATTERS) -> RatioWord:
    """More or less where the interval leaves out 1 and the ratio matters; nothing that matters where all of the
    interval lies within the threshold."""
    least, most = 1 / (1 + matters), 1 + matters
    if ratio.low is None or ratio.high is None:
        return "can't tell"
    if least < ratio.low and ratio.high < most:
        return "no difference that matters"
    if ratio.low > 1 and ratio.ratio >= most:
        return "more"
    return "less" if ratio.high < 1 and ratio.ratio <= least else "can't tell"


def drift_of(groups: Sequence[Sequence[tuple[float, float]]], level: float = LEVEL) -> Drift | None:
    """How a speed moved with time, from (moment, value) pairs in groups that differ for other reasons, such as tasks.

    One slope for all groups through the logarithms, each group with a level of its own; None below 3 degrees of
    freedom or without a span. Source: ordinary least squares with fixed effects, e.g. J. M. Wooldridge,
    "Econometric analysis of cross section and panel data", chapter 10.
    """
    some = [group for group in groups if len(group) > 1]
    moments = [moment for group in some for moment, _ in group]
    freedom = len(moments) - len(some) - 1
    span = max(moments, default=0.0) - min(moments, default=0.0)
    if freedom < 3 or span <= 0:
        return None
    points = [point for group in some for point in _centred(group)]
    along = fsum(x * x for x, _ in points)
    if along == 0:
        return None
    slope = fsum(x * y for x, y in points) / along
    rest = fsum((y - slope * x) ** 2 for x, y in points) / freedom
    half = t_quantile(freedom, level) * sqrt(rest / along)
    return Drift(*(exp(one * span) - 1 for one in (slope, slope - half, slope + half)))


def _centred(group: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    middle = mean_of([moment for moment, _ in group])
    level = mean_of([log(value) for _, value in group])
    return [(moment - middle, log(value) - level) for moment, value in group]
