"""k of n: Wilson's interval for display, Clopper and Pearson's where a claim is made. Never Wald's."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from scipy.special import betaincinv, ndtri

LEVEL = 0.95


class Interval(NamedTuple):
    """Two bounds of the same unit as what they enclose."""

    low: float
    high: float


def normal_quantile(level: float) -> float:
    """How many standard deviations each side of the middle hold `level` of a normal distribution."""
    return float(ndtri(0.5 + level / 2))


def score_interval(rate: float, n: float, width: float) -> Interval:
    """Wilson's form for a rate seen over `n` (which may be an effective number), `width` deviations to each side."""
    square = width * width
    middle = (rate + square / (2 * n)) / (1 + square / n)
    half = width / (1 + square / n) * sqrt(rate * (1 - rate) / n + square / (4 * n * n))
    return Interval(max(0.0, middle - half) if rate > 0 else 0.0, min(1.0, middle + half) if rate < 1 else 1.0)


def wilson(k: int, n: int, level: float = LEVEL) -> Interval | None:
    """The score interval of k of n; None for n = 0.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    return None if n == 0 else score_interval(k / n, n, normal_quantile(level))


def clopper_pearson(k: int, n: int, level: float = LEVEL) -> Interval | None:
    """The exact interval of k of n, which never covers less than `level`; None for n = 0.

    Source: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits", Biometrika 26 (1934).
    """
    if n == 0:
        return None
    tail = (1 - level) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k > 0 else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return Interval(low, high)
