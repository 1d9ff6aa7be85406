"""Distribution of a measured quantity over trials: median with its interval, quartiles, outliers (counted, kept)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median, quantiles

from harness.stats.proportions import LEVEL, Interval
from harness.stats.suites import sample_variance
from harness.types import DistributionSummary

TUKEY_FENCE = 1.5
MIN_RELATIVE_FENCE = 1e-9
"""Values that differ by rounding alone are no outliers, although their quartile range is 0."""


def median_interval(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """The distribution-free order-statistic interval of the median; None if n is too small for the level.

    At 95 % that is n < 6; n = 6 gives the smallest and the largest value.
    Source: H. A. David and H. N. Nagaraja, "Order statistics", section 7.1.
    """
    n, ordered = len(values), sorted(values)
    below, binomial, rank = 0, 1, 0
    # `binomial` is n over rank, updated from rank to rank: computing integers of thousands of bits anew is slow.
    while rank < n // 2 and 2 * (below + binomial) / 2**n <= 1 - level:
        below, rank = below + binomial, rank + 1
        binomial = binomial * (n - rank + 1) // rank
    return Interval(ordered[rank - 1], ordered[n - rank]) if rank else None


def quartiles(values: Sequence[float]) -> Interval | None:
    """The lower and the upper quartile, by linear interpolation between the values; None for fewer than two.

    Source: R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", definition 7.
    """
    if len(values) < 2:
        return None
    lower, _, upper = quantiles(values, n=4, method="inclusive")
    return Interval(lower, upper)


def count_outliers(values: Sequence[float]) -> int:
    """Count the values outside Tukey's fences (J. W. Tukey, "Exploratory data analysis"); callers keep them."""
    box = quartiles(values)
    if box is None:
        return 0
    fence = max(TUKEY_FENCE * (box.high - box.low), MIN_RELATIVE_FENCE * abs(box.high))
    return sum(1 for value in values if value < box.low - fence or value > box.high + fence)


def spread(values: Sequence[float]) -> DistributionSummary | None:
    """Summarize one measured quantity; None without a value. The variance is the sample's (n - 1)."""
    if not values:
        return None
    interval, box = median_interval(values), quartiles(values)
    return DistributionSummary(
        n=len(values),
        median=median(values),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        mean=fmean(values),
        variance=sample_variance(values) if len(values) > 1 else None,
        minimum=min(values),
        maximum=max(values),
        outliers=count_outliers(values),
        lower_quartile=box.low if box else None,
        upper_quartile=box.high if box else None,
    )
