"""Preferences between pairs: exact binomial tests, agreement beyond chance, and strengths by Bradley and Terry.

`binomial_p` tests a share against chance, `cohen_kappa` compares two series of votes, and `bradley_terry` estimates
strengths from wins with an interval by resampling whole items: pairs of one item share its difficulty.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from math import exp, isclose, lgamma, log

from harness.types import MIN_TRIALS

Wins = Mapping[tuple[int, int], float]
"""(winner, loser) -> how often; a tie is half a win for both."""
PRIOR_WINS = 0.5
"""Added to both sides of each two that met: without it a contestant who won every pair would be infinitely strong."""
RESAMPLES = 400
_ITERATIONS = 200
_SEED = 17


def binomial_p(k: int, n: int, chance: float = 0.5) -> float | None:
    """The exact two-sided p-value of k of n: the probability of all counts that are no likelier; None for n = 0.

    Source: R. A. Fisher's exact test of one proportion, as in R's binom.test.
    """
    if n == 0:
        return None
    likelihoods = [_binomial_likelihood(count, n, chance) for count in range(n + 1)]
    # Counts that are as likely as the observed one differ from it in the last digits only.
    limit = likelihoods[k] * (1 + 1e-7)
    return min(1.0, sum(likelihood for likelihood in likelihoods if likelihood <= limit))


def _binomial_likelihood(k: int, n: int, chance: float) -> float:
    """By logarithms: the coefficients of a thousand trials exceed what a float can hold."""
    coefficient = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return exp(coefficient + k * log(chance) + (n - k) * log(1 - chance))


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Agreement beyond chance of two votes on the same things; None where chance alone explains all of it.

    Source: J. Cohen, "A coefficient of agreement for nominal scales", Educ. Psychol. Meas. 20 (1960).
    """
    if not pairs:
        return None
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    observed = sum(one == other for one, other in pairs) / len(pairs)
    expected = sum(first[vote] * second[vote] for vote in first) / len(pairs) ** 2
    return None if expected == 1 else (observed - expected) / (1 - expected)


Estimate = tuple[float, float | None, float | None]
"""A share with its interval; None where there is none."""


def bradley_terry(items: Sequence[Wins], contestants: int) -> list[Estimate] | None:
    """Each contestant's expected share of wins against an average one, with a 95 % interval; None without any item.

    Source: R. A. Bradley and M. E. Terry, Biometrika 39 (1952); fitted as by D. R. Hunter, "MM algorithms for
    generalized Bradley-Terry models", Ann. Statist. 32 (2004). The interval is a percentile bootstrap over items. There
    is none below MIN_TRIALS items, whose samples repeat each other, and none where all samples agree.
    """
    import numpy as np

    if not items:
        return None
    wins = np.zeros((len(items), contestants, contestants))
    for at, item in enumerate(items):
        for (winner, loser), count in item.items():
            wins[at, winner, loser] += count
    draw = random.Random(_SEED)
    weights = np.zeros((RESAMPLES + 1, len(items)))
    weights[0] = 1
    for row in range(1, RESAMPLES + 1):
        for _ in items:
            weights[row, int(draw.random() * len(items))] += 1
    met = (wins + wins.transpose(0, 2, 1)).sum(axis=0) > 0
    totals = np.einsum("bi,ijk->bjk", weights, wins) + PRIOR_WINS * met
    games = totals + totals.transpose(0, 2, 1)
    won = totals.sum(axis=2)
    strength = np.ones((RESAMPLES + 1, contestants))
    for _ in range(_ITERATIONS):
        against = (games / (strength[:, :, None] + strength[:, None, :])).sum(axis=2)
        strength = np.where(against > 0, won / np.where(against > 0, against, 1), 1)
        strength /= np.exp(np.log(strength).mean(axis=1, keepdims=True))
    shares = strength / (1 + strength)
    low, high = np.percentile(shares[1:], (2.5, 97.5), axis=0)
    bounds = [(float(low[at]), float(high[at])) for at in range(contestants)]
    return [(float(shares[0, at]), *_interval(bounds[at], len(items))) for at in range(contestants)]


def _interval(bounds: tuple[float, float], items: int) -> tuple[float, float] | tuple[None, None]:
    return bounds if items >= MIN_TRIALS and not isclose(*bounds) else (None, None)
