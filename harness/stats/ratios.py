"""Speeds of two systems as ratios of geometric means, and the drift of a speed during a run.

Both work on logarithms: errors of speeds are relative, and a ratio must not depend on which system is the baseline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from math import exp, fsum, log, sqrt
from statistics import fmean
from typing import Literal, NamedTuple, TypeVar

from harness.stats.proportions import LEVEL
from harness.stats.suites import sample_variance, t_quantile
from harness.types import Drift

EQUIVALENCE_MARGIN = 0.05
"""Ratios within 5 % of 1 are equivalent in practice."""
MIN_DRIFT_DEGREES_OF_FREEDOM = 3
_MAX_LOG = log(1e6)
"""Of a ratio and of its bounds. What may be a million times as much says nothing, and soon exceeds a float."""
_Values = TypeVar("_Values", bound=Sized)

RatioVerdict = Literal["more", "less", "equivalent", "can't tell"]
SamplePair = tuple[Sequence[float], Sequence[float]]
"""The values of the system under test and of the baseline in one cell; all are positive."""
BlockedPair = tuple[Mapping[int, float], Mapping[int, float]]
"""The same with the number of the block that each value belongs to."""
TimedValue = tuple[float, float]
"""(moment, value) of one measurement."""


class Ratio(NamedTuple):
    """Ratio to the baseline with its interval, from `cells` cells.

    No bounds if no cell has two values on each side, or if a bound is beyond a million times as much.
    """

    ratio: float
    low: float | None
    high: float | None
    cells: int


def _logs(values: Sequence[float]) -> list[float]:
    return [log(value) for value in values]


def geometric_mean_ratio(cells: Sequence[SamplePair], level: float = LEVEL) -> Ratio | None:
    """The geometric mean over the cells of the ratio of geometric means, on exactly these cells; None without any.

    Cells with a single value on a side are left out if there are others (`_with_spread`).
    Welch's interval on logarithms, its degrees of freedom after Satterthwaite.
    Sources: B. L. Welch, Biometrika 34 (1947); P. J. Fleming and J. J. Wallace, CACM 29 (1986), on geometric means.
    """
    pairs = [(_logs(values), _logs(baseline)) for values, baseline in _with_spread(cells)]
    if not pairs:
        return None
    samples = [sample for pair in pairs for sample in pair]
    parts = [
        _MeanVariance(sample_variance(sample) / len(sample) / len(pairs) ** 2, len(sample) - 1)
        for sample in samples
        if len(sample) > 1
    ]
    return _ratio_of(pairs, parts if len(parts) == len(samples) else [], level)


def blocked_mean_ratio(cells: Sequence[BlockedPair], level: float = LEVEL) -> Ratio | None:
    """The same where the values of a block, in whatever cell, come from one moment of the machine: None without any.

    What a machine does for a while, as throttling, moves all values of a block together, so that they are no
    independent observations: a block is one. Variance by clusters, with the correction of few (CR1), for each system.
    Source: K.-Y. Liang and S. L. Zeger, Biometrika 73 (1986). For one cell it is Welch's interval.
    """
    pairs = [(_logs_of(values), _logs_of(baseline)) for values, baseline in _with_spread(cells)]
    if not pairs:
        return None
    has_spread = all(len(sample) > 1 for pair in pairs for sample in pair)
    parts = [_block_variance(side) for side in zip(*pairs, strict=True)] if has_spread else []
    return _ratio_of([(list(values.values()), list(baseline.values())) for values, baseline in pairs], parts, level)


def _with_spread(cells: Sequence[tuple[_Values, _Values]]) -> list[tuple[_Values, _Values]]:
    """The cells with two values or more on each side; if there are none, those with any.

    Agents and tool loops have as many turns as they take: a turn that a single trial reached has no variance, and must
    not take the interval from all others.
    """
    filled = [(values, baseline) for values, baseline in cells if values and baseline]
    return [pair for pair in filled if min(map(len, pair)) > 1] or filled


class _MeanVariance(NamedTuple):
    """The variance of a mean, and the degrees of freedom of that estimate."""

    variance: float
    degrees_of_freedom: int


def _logs_of(values: Mapping[int, float]) -> dict[int, float]:
    return {block: log(value) for block, value in values.items()}


def _block_variance(cells: Sequence[Mapping[int, float]]) -> _MeanVariance:
    """The variance of the mean of the cells' means."""
    deviations: dict[int, float] = {}
    for cell in cells:
        mean = fmean(cell.values())
        for block, value in cell.items():
            deviations[block] = deviations.get(block, 0.0) + (value - mean) / len(cell)
    count = len(deviations)
    squares = fsum((deviation / len(cells)) ** 2 for deviation in deviations.values())
    return _MeanVariance(count / (count - 1) * squares, count - 1)


def _ratio_of(
    pairs: Sequence[tuple[Sequence[float], Sequence[float]]], parts: Sequence[_MeanVariance], level: float
) -> Ratio:
    """The ratio by the logarithms of its cells; without bounds where `parts`, the variances, are not known."""
    center = max(-_MAX_LOG, min(_MAX_LOG, fmean([fmean(values) - fmean(baseline) for values, baseline in pairs])))
    if not parts:
        return Ratio(exp(center), None, None, len(pairs))
    half = _welch_half_width(parts, level)
    if abs(center) + half > _MAX_LOG:
        return Ratio(exp(center), None, None, len(pairs))
    return Ratio(exp(center), exp(center - half), exp(center + half), len(pairs))


def _welch_half_width(parts: Sequence[_MeanVariance], level: float) -> float:
    """Half width of the interval of a sum of independent means."""
    variance = fsum(part.variance for part in parts)
    if variance == 0:
        return 0.0
    degrees_of_freedom = variance**2 / fsum(part.variance**2 / part.degrees_of_freedom for part in parts)
    return t_quantile(degrees_of_freedom, level) * sqrt(variance)


def ratio_verdict(ratio: Ratio, margin: float = EQUIVALENCE_MARGIN) -> RatioVerdict:
    """More or less: the interval excludes 1 and the ratio leaves the margin. Equivalent: the interval is inside it."""
    lower, upper = 1 / (1 + margin), 1 + margin
    if ratio.low is None or ratio.high is None:
        return "can't tell"
    if lower < ratio.low and ratio.high < upper:
        return "equivalent"
    if ratio.low > 1 and ratio.ratio >= upper:
        return "more"
    return "less" if ratio.high < 1 and ratio.ratio <= lower else "can't tell"


def estimate_drift(groups: Sequence[Sequence[TimedValue]], level: float = LEVEL) -> Drift | None:
    """The relative change of a speed over the run, from values in groups that differ for other reasons (tasks).

    One slope of log speed on time for all groups, with an intercept for each group; None below 3 degrees of freedom
    or if all values were taken at one moment, or if the values of each group lie so close in time that over the whole
    run a bound would be beyond a million times as much. Source: ordinary least squares with fixed effects, e.g.
    J. M. Wooldridge, "Econometric analysis of cross section and panel data", chapter 10.
    """
    used = [group for group in groups if len(group) > 1]
    moments = [moment for group in used for moment, _ in group]
    degrees_of_freedom = len(moments) - len(used) - 1
    span = max(moments, default=0.0) - min(moments, default=0.0)
    if degrees_of_freedom < MIN_DRIFT_DEGREES_OF_FREEDOM or span <= 0:
        return None
    points = [point for group in used for point in _within_group(group)]
    time_variation = fsum(x * x for x, _ in points)
    if time_variation == 0:
        return None
    slope = fsum(x * y for x, y in points) / time_variation
    residual_variance = fsum((y - slope * x) ** 2 for x, y in points) / degrees_of_freedom
    half = t_quantile(degrees_of_freedom, level) * sqrt(residual_variance / time_variation)
    if (abs(slope) + half) * span > _MAX_LOG:
        return None
    return Drift(*(exp(bound * span) - 1 for bound in (slope, slope - half, slope + half)))


def _within_group(group: Sequence[TimedValue]) -> list[TimedValue]:
    """Moments and log values as deviations from the group's means, which removes the group's intercept."""
    mean_moment = fmean([moment for moment, _ in group])
    mean_log = fmean([log(value) for _, value in group])
    return [(moment - mean_moment, log(value) - mean_log) for moment, value in group]
