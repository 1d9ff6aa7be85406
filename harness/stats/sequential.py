"""Tests that are repeated while data are added: Pocock's design, which uses the same significance level at each look.

`pocock_level` gives that level for a list of looks. A two-sided test that is made at this level at each look has a
false positive over all looks with at most the error allowed.
Source: S. Pocock, Biometrika 64 (1977); the recursion is that of P. Armitage et al., J. R. Stat. Soc. A 132 (1969).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from math import pi, sqrt
from typing import Any

GRID_POINTS = 201
BISECTIONS = 40


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
