"""What was measured over trials: the median with its interval, everything else beside it, nothing dropped."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median, quantiles

from harness.stats.proportions import LEVEL, Interval
from harness.stats.suites import sample_variance
from harness.types import Spread

FENCE = 1.5
ROUNDING = 1e-9


def median_interval(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """The order-statistic interval of the median, which needs no distribution; None where n is too small for it.

    At 95 % that is n < 6; n = 6 gives the smallest and the largest value.
    Source: H. A. David and H. N. Nagaraja, "Order statistics", section 7.1.
    """
    n, ordered = len(values), sorted(values)
    below, ways, rank = 0, 1, 0
    # `ways` is n over rank, from one rank to the next: whole numbers of thousands of bits are dear to make anew.
    while rank < n // 2 and 2 * (below + ways) / 2**n <= 1 - level:
        below, rank = below + ways, rank + 1
        ways = ways * (n - rank + 1) // rank
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
    """How many values lie outside Tukey's fences (J. W. Tukey, "Exploratory data analysis"); flagged, never dropped."""
    box = quartiles(values)
    if box is None:
        return 0
    reach = max(FENCE * (box.high - box.low), ROUNDING * abs(box.high))
    return sum(1 for value in values if value < box.low - reach or value > box.high + reach)


def spread(values: Sequence[float]) -> Spread | None:
    """Everything a table says of one measured quantity; None without a value. Variance is the sample's (n - 1)."""
    if not values:
        return None
    interval, box = median_interval(values), quartiles(values)
    return Spread(
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
