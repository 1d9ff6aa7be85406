"""Simulation of the sequential design: how often a run calls an equal model better, and how many trials it saves.

`nox -s simulate` (`python -m tests.sequential_simulation [REPEATS]`) prints the table. The output for 4000 repeats,
a minute of work, is stored in tests/data/stats/sequential-4000.txt. The rule is that of harness/summarize/looks.py
without the models' other requirements: the same looks, boundaries, shares of the error and futility. All repeats are
computed at once; tests/test_sequential.py compares them with the kit's own verdicts. NumPy's RandomState never changes
its numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from scipy.special import bdtr

from harness.stats.proportions import normal_quantile
from harness.stats.sequential import TOLERANCE, error_spent, futile_sums
from harness.summarize import design_of, schedule_looks
from harness.summarize.futility import FutilityRule
from harness.types import Lane, SequentialDesign
from tests.simulation import SEED, Row

ERROR = 0.05
FALSE_BETTER = (0.0, 0.05)
ANY_SHARE = (0.0, 1.0)
SAVED = (0.3, 1.0)
FOUND = 0.8
"""A lane is large enough for several models if the fixed design of its cap finds the best one in so many runs."""
MIN_LOOKS, MIN_PAIRS = 5, 30
SATURATED = 0.999
"""The size of a fixed design that finds more than this is not measurable; the rule is then compared with this one."""


class Size(NamedTuple):
    """Tasks and trials of each at the cap, and the number of models."""

    tasks: int
    cap: int
    models: int = 2

    @property
    def words(self) -> str:
        """Tasks x trials, as the table has it."""
        return f"{self.tasks}x{self.cap}"

    def design(self) -> SequentialDesign:
        """The design of a run with one lane."""
        lane = Lane("lane", {str(task): 1.0 for task in range(self.tasks)})
        return design_of(schedule_looks(self.cap, until_decided=True), None, (lane,), self.models)

    def must_save(self, power: float) -> bool:
        """Whether 30 % must be saved where a fixed design of the cap finds the better model with this power.

        With fewer than five looks even the best rule hardly does (tests/sequential_optimum.py); with very few pairs the
        exact test has hardly a boundary before the end.
        """
        is_large = self.tasks * self.cap >= MIN_PAIRS if self.models == 2 else power >= FOUND
        return self.cap >= MIN_LOOKS and is_large


OF_TWO = tuple(
    Size(*lane)
    for lane in ((4, 5), (6, 5), (8, 5), (12, 5), (20, 3), (4, 10), (6, 10), (8, 10), (10, 10), (8, 20), (20, 10))
)
OF_FOUR = (Size(8, 10, 4), Size(8, 20, 4))
EQUAL_SIZES = (*OF_TWO, Size(4, 10, 4), *OF_FOUR)
SAVED_SIZES = (*OF_TWO, *OF_FOUR)


@dataclass(frozen=True)
class PairVerdicts:
    """Of two models at each look (repeat x look): 1, -1 or 0 by all looks so far, and whether going on is futile.

    A pair of only two models that is futile stays so.
    """

    signs: Any
    futile: Any


def pair_verdicts(differences: Any, plan: SequentialDesign, models: int = 2) -> PairVerdicts:
    """The verdicts on passes minus the other model's passes, by repeat x task x trial, in a run of so many models."""
    repeats, error, rule = len(differences), ERROR / plan.hypotheses, FutilityRule.of(plan)
    gives_up = rule.is_final(models, plan.lanes[0])
    per_trial, discordant = differences.sum(1, dtype=int), np.abs(differences).sum(1, dtype=int)
    reach = max(1, int(discordant.sum(1).max()))
    sums, chances = np.abs(np.arange(2 * reach + 1) - reach)[None, :], np.zeros((repeats, 2 * reach + 1))
    chances[:, reach] = 1.0
    total, count, spent, sign, futile = (np.zeros(repeats) for _ in range(5))
    signs, found, start = [], [], 0
    for look in plan.looks:
        share, added = look / plan.looks[-1], discordant[:, start:look].sum(1)
        total, count, start = total + per_trial[:, start:look].sum(1), count + added, look
        _walk(chances, added)
        boundary, tail = _boundaries(chances[:, reach:], error * error_spent(share) - spent)
        is_new = (sign == 0) & (np.abs(total) >= boundary) & ~(gives_up & (futile > 0))
        sign, spent = np.where(is_new, np.sign(total), sign), spent + tail
        chances[sums >= boundary[:, None]] = 0.0
        is_futile = futile_sums(total, count, share, rule.level(plan), rule.min_power) & (sign == 0)
        futile = np.where(is_futile, 1, gives_up * futile)
        if gives_up:
            chances[futile_sums(sums, count[:, None], share, rule.level(plan), rule.min_power)] = 0.0
        signs.append(sign)
        found.append(futile > 0)
    return PairVerdicts(np.stack(signs, 1), np.stack(found, 1))


def _walk(chances: Any, steps: Any) -> None:
    """Take so many steps of the random walk in each row."""
    for taken in range(int(steps.max())):
        rows = chances[steps > taken]
        moved = np.zeros_like(rows)
        moved[:, 1:] += rows[:, :-1] / 2
        moved[:, :-1] += rows[:, 1:] / 2
        chances[steps > taken] = moved


def _boundaries(upper: Any, allowed: Any) -> tuple[Any, Any]:
    """In each row the smallest sum whose tail on both sides has at most the error allowed, and that tail."""
    tails = 2 * np.cumsum(upper[:, :0:-1], 1)[:, ::-1]
    within = tails <= allowed[:, None] + TOLERANCE
    first = within.argmax(1)
    tail = tails[np.arange(len(tails)), first]
    return np.where(within.any(1), first + 1, upper.shape[1]), np.where(within.any(1), tail, 0.0)


@dataclass(frozen=True)
class Runs:
    """Of each repeat: the trials per task of each model, whether any was called better, the only model that is left."""

    counts: Any
    better: Any
    winner: Any


def run_design(plan: SequentialDesign, passes: Any) -> Runs:
    """Run the design on the passes of all models, by repeat x model x task x trial."""
    repeats, models = passes.shape[:2]
    pairs = {
        (a, b): pair_verdicts(passes[:, a] - passes[:, b], plan, models) for a, b in combinations(range(models), 2)
    }
    inside, open_lane = np.ones((repeats, models), dtype=bool), np.ones(repeats, dtype=bool)
    counts, better = np.zeros((repeats, models), dtype=int), np.zeros(repeats, dtype=bool)
    for number, look in enumerate(plan.looks):
        counts[inside & open_lane[:, None]] = look
        beaten, futile = np.zeros_like(inside), np.ones(repeats, dtype=bool)
        for (a, b), verdicts in pairs.items():
            compared = open_lane & inside[:, a] & inside[:, b]
            beaten[:, b] |= compared & (verdicts.signs[:, number] > 0)
            beaten[:, a] |= compared & (verdicts.signs[:, number] < 0)
        better |= beaten.any(1)
        inside &= ~beaten
        for (a, b), verdicts in pairs.items():
            futile &= verdicts.futile[:, number] | ~(inside[:, a] & inside[:, b])
        open_lane &= (inside.sum(1) > 1) & ~futile
    return Runs(counts, better, np.where(inside.sum(1) == 1, inside.argmax(1), -1))


def fixed_verdicts(passes: Any, trials: int, error: float) -> Any:
    """In which repeats a fixed number of trials calls the first model better than each other one."""
    found = np.ones(len(passes), dtype=bool)
    for other in range(1, passes.shape[1]):
        differences = passes[:, 0, :, :trials] - passes[:, other, :, :trials]
        won, lost = (differences > 0).sum(2), (differences < 0).sum(2)
        more, less = won.sum(1), lost.sum(1)
        p = np.minimum(1, 2 * bdtr(np.minimum(more, less), np.maximum(more + less, 1), 0.5))
        up, down = (won + 0.25) / (trials + 1), (lost + 0.25) / (trials + 1)
        deviation = np.sqrt(((up + down - (up - down) ** 2) / trials).sum(1)) / won.shape[1]
        mean = (more - less) / (trials * won.shape[1])
        found &= (more > less) & (p <= error) & (mean > normal_quantile(1 - error) * deviation)
    return found


def draw_rates(repeats: int, tasks: int, rng: np.random.RandomState) -> Any:
    """The rates of a model on tasks of unlike difficulty."""
    return 1 / (1 + np.exp(-rng.normal(0.5, 1.5, (repeats, tasks))))


def lifted(rates: Any, points: float) -> Any:
    """The rates of a model that is better by this much on average over the tasks."""
    odds = np.log(rates / (1 - rates))
    low, high = np.zeros((len(rates), 1)), np.full((len(rates), 1), 20.0)
    for _ in range(40):
        shift = (low + high) / 2
        too_low = (1 / (1 + np.exp(-(odds + shift)))).mean(1, keepdims=True) - rates.mean(1, keepdims=True) < points
        low, high = np.where(too_low, shift, low), np.where(too_low, high, shift)
    return 1 / (1 + np.exp(-(odds + low)))


def draw_passes(rates: Any, trials: int, rng: np.random.RandomState) -> Any:
    """All trials of runs, by repeat x model x task x trial, of rates by repeat x model x task."""
    return (rng.random_sample((*rates.shape, trials)) < rates[..., None]).astype(np.int8)


def _generator(*parts: object) -> np.random.RandomState:
    return np.random.RandomState(crc32(f"{SEED}/{parts}".encode()))


def equal_rows(size: Size, repeats: int, *, alike: bool = True) -> Iterator[Row]:
    """The share of runs of equal models in which any is called better at any look, and of the cap that they take.

    Models that are not alike have the same rates on other tasks.
    """
    rng = _generator("looks", size, alike)
    rates = np.repeat(draw_rates(repeats, size.tasks, rng)[:, None], size.models, 1)
    if not alike:
        rates = np.take_along_axis(rates, rng.random_sample(rates.shape).argsort(2), 2)
    runs = run_design(size.design(), draw_passes(rates, size.cap, rng))
    world = f"{size.models} models" if alike else f"{size.models} unlike"
    yield Row("false better, any look", world, size.words, float(runs.better.mean()), FALSE_BETTER)
    yield Row("share of the cap, equal", world, size.words, float(runs.counts.mean()) / size.cap, ANY_SHARE)


def saved_rows(size: Size, points: float, repeats: int) -> Iterator[Row]:
    """The share of trials saved against the fixed design that finds the better model as often, with the same error.

    One model is better than all others, which are equal.
    """
    rng, plan = _generator("saved", size, points), size.design()
    low = np.minimum(draw_rates(repeats, size.tasks, rng), 0.7)
    rates = np.stack([lifted(low, points), *[low] * (size.models - 1)], 1)
    most = size.cap * 3 // 2
    passes = draw_passes(rates, most, rng)
    runs = run_design(plan, passes[..., : size.cap])
    found = float((runs.winner == 0).mean())
    fixed = [0.0, *(float(fixed_verdicts(passes, n, ERROR / plan.hypotheses).mean()) for n in range(1, most + 1))]
    saved = 1 - float(runs.counts.mean()) / _equal_size(fixed, min(found, SATURATED))
    world = f"{100 * points:.0f} points" if size.models == 2 else f"{100 * points:.0f} of {size.models}"
    yield Row("power, fixed at the cap", world, size.words, fixed[size.cap], ANY_SHARE)
    yield Row("power with looks", world, size.words, found, ANY_SHARE)
    expected = SAVED if size.must_save(fixed[size.cap]) else ANY_SHARE
    yield Row("trials saved, equal error", world, size.words, saved, expected)


def _equal_size(power: list[float], wanted: float) -> float:
    """The number of trials per task at which a fixed design has this power; `power` is by that number, from 0 on."""
    above = next(trials for trials, found in enumerate(power) if found >= wanted)
    step = power[above] - power[above - 1]
    return above - (power[above] - wanted) / step if above and step else float(above)


def sequential_table(repeats: int, write: Callable[[str], None]) -> list[Row]:
    """Every row, written as soon as it is computed."""
    rows: list[Row] = []
    for size in EQUAL_SIZES:
        for alike in (True, False):
            rows += equal_rows(size, repeats, alike=alike)
            write("\n".join(row.line for row in rows[-2:]))
    for size in SAVED_SIZES:
        for points in (0.25, 0.4):
            rows += saved_rows(size, points, repeats)
            write("\n".join(row.line for row in rows[-3:]))
    return rows


if __name__ == "__main__":
    table = sequential_table(int(sys.argv[1]) if len(sys.argv) > 1 else 4000, print)
    sys.exit(0 if all(row.is_within for row in table) else 1)
