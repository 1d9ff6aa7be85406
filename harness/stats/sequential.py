"""Tests that are repeated while data are added, whose error over all looks together is held.

`sequential_verdict` is for pairs of outcomes: without a difference, each discordant pair is for either model with the
same probability, so that the sum of their signs is a random walk whose distribution is known exactly. At each look the
boundary takes the error that is spent by then (K. Lan and D. DeMets, Biometrika 70 (1983)), and what discrete sums
leave unspent stays for the later looks. The number of discordant pairs tells nothing of their signs, so the exact
boundary may depend on it.

`predictive_power` is the chance that the trials left would still decide, for a boundary of futility. A pair that
is given up there for good makes no more errors; `sequential_verdict` can leave what that saves to the other sums.

`pocock_level` is for everything else, such as intervals: one significance level for every look.
Source: S. Pocock, Biometrika 64 (1977); the recursion is that of P. Armitage et al., J. R. Stat. Soc. A 132 (1969).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import gcd, pi, sqrt
from typing import Any, NamedTuple

from harness.types import DifferenceVerdict

GRID_POINTS = 201
BISECTIONS = 40
MAX_SUM = 20_000
"""Sums of the walk beyond this would take seconds: the weights of its steps are rounded to stay within."""
TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class PairLook:
    """What a look adds: the share of the planned trials by then, and the signed weight of each new discordant pair."""

    share: float
    steps: tuple[float, ...]


def error_spent(share: float) -> float:
    """The share of the error that may be spent when this share of the trials is done.

    Early rather than late: against a linear function the square root saves up to five points more of the trials where
    models differ by 25 points or more, and costs one to two points of power.
    Source of the family of power functions: K. Kim and D. DeMets, Biometrika 74 (1987).
    """
    return sqrt(min(1.0, share))


class SequentialVerdict(NamedTuple):
    """What all looks so far say of two models, and whether the pair was given up at one of them."""

    verdict: DifferenceVerdict
    given_up: bool


def sequential_verdict(looks: Sequence[PairLook], error: float, min_power: float = 0.0) -> SequentialVerdict:
    """Whether the first model is better or worse at any look, where equal models are called so with at most `error`.

    The pair is given up at the first look whose predictive power is below `min_power`: no later look can decide it, and
    the boundaries of later looks are closer, since sums that were given up cannot cross them.
    """
    import numpy as np

    whole = _whole_steps([look.steps for look in looks])
    reach = sum(abs(step) for steps in whole for step in steps)
    sums, chances = np.abs(np.arange(2 * reach + 1) - reach), np.zeros(2 * reach + 1)
    chances[reach] = 1.0
    total, variance, spent = 0, 0, 0.0
    for look, steps in zip(looks, whole, strict=True):
        for step in steps:
            size = abs(step)
            chances = (np.roll(chances, size) + np.roll(chances, -size)) / 2
        total, variance = total + sum(steps), variance + sum(step * step for step in steps)
        boundary, tail = _boundary(chances[reach:], error * error_spent(look.share) - spent)
        if abs(total) >= boundary:
            return SequentialVerdict("better" if total > 0 else "worse", given_up=False)
        spent += tail
        is_futile = futile_sums(sums, variance, look.share, error, min_power)
        if is_futile[reach + total]:
            return SequentialVerdict("can't tell", given_up=True)
        chances[(sums >= boundary) | is_futile] = 0.0
    return SequentialVerdict("can't tell", given_up=False)


def futile_sums(sums: Any, variance: Any, share: float, error: float, min_power: float) -> Any:
    """At which of these sums, of steps whose squares add up to `variance`, a pair is given up; at none at the end."""
    import numpy as np

    if share >= 1 or min_power <= 0:
        return np.zeros(np.broadcast(sums, variance).shape, dtype=bool)
    return predictive_power_of(sums / np.sqrt(np.maximum(variance, 1)), share, error) < min_power


def predictive_power(looks: Sequence[PairLook], level: float) -> float:
    """The probability that all trials of the plan would tell the models apart, given those so far; 0 if none is left.

    `level` is the significance level of the last look.
    """
    share = looks[-1].share if looks else 0.0
    if share >= 1:
        return 0.0
    steps = [step for look in looks for step in look.steps]
    deviation = sqrt(sum(step * step for step in steps))
    return float(predictive_power_of(sum(steps) / deviation if deviation else 0.0, share, level))


def predictive_power_of(z: Any, share: float, level: float) -> Any:
    """The predictive power at one standardized sum, or at each of an array, when this share of the trials is done.

    The unknown difference has a flat prior, and the sum is taken as normal. Source: D. Spiegelhalter, L. Freedman and
    P. Blackburn, "Monitoring clinical trials: conditional or predictive power?", Controlled Clinical Trials 7 (1986).
    """
    from scipy.special import ndtr, ndtri

    threshold = float(-ndtri(level / 2)) * sqrt(share)
    return ndtr((z - threshold) / sqrt(1 - share)) + ndtr((-z - threshold) / sqrt(1 - share))


def _boundary(upper: Any, allowed: float) -> tuple[int, float]:
    """The smallest sum whose tail on both sides has at most the error allowed, and that tail; `upper` is from 0 on."""
    import numpy as np

    tails = 2 * np.cumsum(upper[:0:-1])[::-1]
    within = np.flatnonzero(tails <= allowed + TOLERANCE)
    if not len(within):
        return len(upper), 0.0
    return int(within[0]) + 1, float(tails[within[0]])


def _whole_steps(looks: Sequence[Sequence[float]]) -> list[list[int]]:
    """The steps as integers, so that sums are exact. Any weights give a valid test, rounded ones as well."""
    sizes = sorted({abs(step) for steps in looks for step in steps})
    if not sizes:
        return [[] for _ in looks]
    scaled = [round(1000 * size / sizes[-1]) or 1 for size in sizes]
    divisor = gcd(*scaled)
    whole = {size: value // divisor for size, value in zip(sizes, scaled, strict=True)}
    total = sum(whole[abs(step)] for steps in looks for step in steps)
    shrink = max(1.0, total / MAX_SUM)
    return [[round(max(1, whole[abs(step)] / shrink)) * (1 if step > 0 else -1) for step in steps] for steps in looks]


@cache
def pocock_level(looks: tuple[int, ...], error: float, unplanned: int = 0) -> float:
    """The significance level of each look, for looks after these numbers of trials.

    `unplanned` looks at times that are not known beforehand are allowed for by Bonferroni's inequality.
    """
    from scipy.special import ndtr

    low, high = 0.0, 10.0
    for _ in range(BISECTIONS):
        z = (low + high) / 2
        found = (_crossing(looks, z) if looks else 0.0) + unplanned * 2 * float(ndtr(-z))
        low, high = (z, high) if found > error else (low, z)
    # Never more than testing once, never less than Bonferroni's share: the grid's rounding stays within both.
    count = len(looks) + unplanned
    level = 2 * float(ndtr(-high))
    return min(error, max(error / count, level))


def _crossing(looks: Sequence[int], z: float) -> float:
    """The probability that a standardized random walk without drift leaves +-z at one of the looks."""
    import numpy as np

    points = np.linspace(-z * sqrt(looks[0]), z * sqrt(looks[0]), GRID_POINTS)
    density = _normal(points, looks[0])
    for earlier, later in pairwise(looks):
        masses = density * _trapezoid(points)
        reached = np.linspace(-z * sqrt(later), z * sqrt(later), GRID_POINTS)
        density = _normal(reached[:, None] - points[None, :], later - earlier) @ masses
        points = reached
    return 1.0 - float(density @ _trapezoid(points))


def _normal(values: Any, variance: float) -> Any:
    import numpy as np

    return np.exp(-(values**2) / (2 * variance)) / sqrt(2 * pi * variance)


def _trapezoid(points: Any) -> Any:
    """The weights of the trapezoidal rule on equally spaced points."""
    import numpy as np

    weights = np.full(len(points), points[1] - points[0])
    weights[[0, -1]] /= 2
    return weights
