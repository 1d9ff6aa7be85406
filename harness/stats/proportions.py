"""Intervals for k successes in n trials: Wilson for display, Clopper-Pearson if a claim rests on the bound.

Wald's interval is not offered: near 0 and 1 it covers far less than its level at the 5 to 20 trials of a cell.
"""

from __future__ import annotations

from functools import cache
from math import sqrt
from typing import NamedTuple

from harness.types import MIN_TRIALS

LEVEL = 0.95
"""Confidence level of every interval unless a caller passes another one."""


class Interval(NamedTuple):
    """Lower and upper bound, in the unit of the estimate."""

    low: float
    high: float


@cache
def normal_quantile(level: float) -> float:
    """Half width, in standard deviations, of the central interval that holds `level` of a normal distribution."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2))


def score_interval(rate: float, n: float, z: float) -> Interval:
    """Wilson's score interval at the quantile `z`, for a rate observed over `n` (possibly effective) trials."""
    center = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return Interval(max(0.0, center - half) if rate > 0 else 0.0, min(1.0, center + half) if rate < 1 else 1.0)


def wilson(k: int, n: int, level: float = LEVEL) -> Interval | None:
    """The score interval of k of n; None for n = 0.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    return None if n == 0 else score_interval(k / n, n, normal_quantile(level))


def clopper_pearson(k: float, n: float, level: float = LEVEL) -> Interval | None:
    """The exact interval of k of n, whose coverage is never below `level`; None for n = 0.

    Of a weighted mean, `k` and `n` are effective numbers, which need not be whole.
    Source: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits", Biometrika 26 (1934).
    """
    from scipy.special import betaincinv

    if n == 0:
        return None
    tail = (1 - level) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k > 0 else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return Interval(low, high)


def format_k_of_n(k: int, n: int, unit: str = "trials") -> str:
    """`in 7 of 10 trials (95 % interval 40 to 89 %)`, with Wilson's interval from MIN_TRIALS on."""
    interval = wilson(k, n)
    if interval is None:
        return f"in none of 0 {unit}"
    if n < MIN_TRIALS:
        return f"in {k} of {n} {unit}"
    return f"in {k} of {n} {unit} (95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f} %)"
