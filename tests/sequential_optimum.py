"""The most that any rule can save: the best stopping rule for two models, computed by backward induction.

`python -m tests.sequential_optimum` prints, for a few lanes, what the best rule saves against the fixed exact test with
the same power; half a minute of work. Each pair of trials is won, lost or tied with fixed chances. The rule knows them,
as it knows the difference of 25 points; a real rule knows neither. So the figures bound those of
tests/sequential_simulation.py. Of all rules that call equal models different in 5 % of runs, the best one minimizes the
expected number of trials plus a cost for each error; both costs are adjusted until error and power are as wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.signal import fftconvolve
from scipy.special import bdtr
from scipy.stats import binom, multinomial

ERROR = 0.05
DISCORDANT = 0.41
"""The share of pairs that only one model passes, as at 25 points in the simulation."""
DIFFERENCE = 0.25
BETTER, EQUAL, WORSE, CONTINUE = 1, 0, -1, 2
BISECTIONS = 12


class Lane(NamedTuple):
    """Pairs of trials at each look, and the power for which the best rule is computed."""

    words: str
    looks: tuple[int, ...]
    power: float


LANES = (
    Lane("8x5", (8, 16, 24, 32, 40), 0.61),
    Lane("12x5", (12, 24, 36, 48, 60), 0.79),
    Lane("20x3", (20, 40, 60), 0.80),
)


class Outcome(NamedTuple):
    """What a rule does: the expected number of pairs, and how often it finds the first model better, or worse."""

    pairs: float
    better: float
    worse: float


def _kernel(pairs: int, won: float, lost: float) -> Any:
    """The probability of each number of pairs won x lost, of so many pairs."""
    grid = np.arange(pairs + 1)
    counts = np.stack(np.meshgrid(grid, grid, indexing="ij"), -1)
    ties = pairs - counts.sum(-1, keepdims=True)
    known = np.concatenate([counts, np.maximum(ties, 0)], -1)
    return np.where(ties[..., 0] < 0, 0.0, multinomial.pmf(known, known.sum(-1), [won, lost, 1 - won - lost]))


def best_rule(looks: Sequence[int], error_cost: float, miss_cost: float) -> list[Any]:
    """What to do at each look after so many pairs won x lost. Costs are in pairs of trials; ties of costs go on."""
    won, lost = (DISCORDANT + DIFFERENCE) / 2, (DISCORDANT - DIFFERENCE) / 2
    actions: list[Any] = []
    value: Any = None
    for look, following in reversed([*pairwise(looks), (looks[-1], None)]):
        counts = np.arange(look + 1)
        up = (2 * won / DISCORDANT) ** counts[:, None] * (2 * lost / DISCORDANT) ** counts[None, :]
        # Weighted as if the models were equal: `up` is how much likelier the counts are if the first one is better.
        costs = {BETTER: error_cost + miss_cost * up.T / 2, WORSE: error_cost + miss_cost * up / 2}
        costs[EQUAL] = miss_cost * (up + up.T) / 2
        if following is not None:
            more = following - look
            kernel = _kernel(more, DISCORDANT / 2, DISCORDANT / 2)
            costs[CONTINUE] = fftconvolve(value, kernel[::-1, ::-1], mode="valid") + more * (up + up.T) / 2
        kinds, stacked = np.array(list(costs)), np.stack(list(costs.values()))
        actions.insert(0, kinds[stacked.argmin(0)])
        value = stacked.min(0)
    return actions


def outcome_of(actions: Sequence[Any], looks: Sequence[int], difference: float) -> Outcome:
    """What a rule does where the models differ by so much."""
    left, pairs, found = np.ones((1, 1)), 0.0, {BETTER: 0.0, WORSE: 0.0}
    for action, (earlier, look) in zip(actions, pairwise((0, *looks)), strict=True):
        pairs += (look - earlier) * left.sum()
        left = fftconvolve(left, _kernel(look - earlier, (DISCORDANT + difference) / 2, (DISCORDANT - difference) / 2))
        for kind in found:
            found[kind] += float(left[action == kind].sum())
        left = np.where(action == CONTINUE, left, 0.0)
    return Outcome(float(pairs), found[BETTER], found[WORSE])


def best_outcome(lane: Lane) -> Outcome:
    """What the best rule of the lane's power and of an error of at most 5 % does at 25 points."""

    def with_miss_cost(miss_cost: float) -> Outcome:
        low, high = 1.0, 5000.0
        for _ in range(BISECTIONS):
            middle = (low * high) ** 0.5
            equal = outcome_of(best_rule(lane.looks, middle, miss_cost), lane.looks, 0.0)
            low, high = (low, middle) if equal.better + equal.worse <= ERROR else (middle, high)
        return outcome_of(best_rule(lane.looks, high, miss_cost), lane.looks, DIFFERENCE)

    low, high = 5.0, 2000.0
    for _ in range(BISECTIONS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if with_miss_cost(middle).better >= lane.power else (middle, high)
    return with_miss_cost(high)


def fixed_power(pairs: int) -> float:
    """How often McNemar's exact test of so many pairs finds 25 points."""
    found = 0.0
    for discordant in range(1, pairs + 1):
        won = np.arange(discordant + 1)
        p = np.minimum(1, 2 * bdtr(np.minimum(won, discordant - won), discordant, 0.5))
        chance = binom.pmf(won, discordant, (DISCORDANT + DIFFERENCE) / 2 / DISCORDANT)
        found += binom.pmf(discordant, pairs, DISCORDANT) * chance[(p <= ERROR) & (2 * won > discordant)].sum()
    return float(found)


def fixed_pairs(power: float) -> float:
    """The number of pairs at which a fixed design has this power."""
    pairs, before, found = 0, 0.0, 0.0
    while found < power:
        pairs, before, found = pairs + 1, found, fixed_power(pairs + 1)
    return pairs - (found - power) / (found - before)


if __name__ == "__main__":
    for lane in LANES:
        best = best_outcome(lane)
        saved = 1 - best.pairs / fixed_pairs(best.better)
        print(f"{lane.words:6} power {best.better:.3f}   most that can be saved {saved:.3f}", flush=True)
