"""Simulation of interval coverage, false-positive rates and power in worlds whose true rates are known.

`nox -s simulate` (`python -m tests.simulation [REPEATS]`) prints the table. The output for 4000 repeats is stored in
tests/data/stats/simulation-4000.txt, and tests/test_stats_simulation.py repeats a part of it.

A world is a population of tasks: each task's log odds come from a normal distribution, and its difficulty may differ
between models (`interaction`). Python's own random generator, whose sequence is stable across versions, makes every
number repeatable. The standard deviations of the worlds are guesses in the range of published benchmarks.
"""

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb, exp, log, sqrt

from harness.stats import (
    ContingencyTable,
    Interval,
    clopper_pearson,
    difference_on_tasks_like_these,
    difference_on_these_tasks,
    geometric_mean_ratio,
    rate_on_tasks_like_these,
    rate_on_these_tasks,
    ratio_verdict,
    wilson,
)
from harness.stats.speeds import median_interval

SEED = 20261123
DESIGNS = ((8, 10), (12, 10), (20, 10), (30, 5), (50, 3), (50, 10))


@dataclass(frozen=True)
class World:
    """Mean and standard deviation of the tasks' log odds, and the standard deviation between models on one task."""

    name: str
    middle: float
    spread: float
    interaction: float

    def mean_rate(self) -> float:
        """The true rate over all tasks, by integration over the normal distribution."""
        deviation = sqrt(self.spread**2 + self.interaction**2)
        points = [step / 100 for step in range(-600, 601)]
        weights = [exp(-point * point / 2) for point in points]
        rates = [_rate(self.middle + deviation * point) for point in points]
        return sum(w * r for w, r in zip(weights, rates, strict=True)) / sum(weights)


WORLDS = (
    World("middling", 0.0, 1.5, 0.7),
    World("good", 1.5, 1.5, 0.7),
    World("unlike", 0.5, 1.5, 1.5),
)


@dataclass(frozen=True)
class Row:
    """One row of the table: the share of repeats in which an interval covered, or a verdict was given."""

    quantity: str
    world: str
    design: str
    observed: float
    expected: tuple[float, float]

    @property
    def is_within(self) -> bool:
        """Whether the share lies in its expected range."""
        return self.expected[0] <= self.observed <= self.expected[1]

    @property
    def line(self) -> str:
        """The row as printed."""
        low, high = self.expected
        mark = "" if self.is_within else "   <-- outside"
        return (
            f"{self.quantity:28} {self.world:10} {self.design:7} {self.observed:6.3f}   {low:.2f} to {high:.2f}{mark}"
        )


def _rate(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))


def _holds(interval: Interval | None, truth: float) -> bool:
    return interval is not None and interval.low <= truth <= interval.high


@dataclass
class Draw:
    """True rates and trials of two models on one sample of tasks."""

    rates: list[tuple[float, float]]
    outcomes: list[tuple[list[bool], list[bool]]]

    @property
    def counts(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """k of n of both models, by task."""
        return [((sum(a), len(a)), (sum(b), len(b))) for a, b in self.outcomes]

    @property
    def tables(self) -> list[ContingencyTable]:
        """The pairs of trials, by task."""
        out = []
        for a, b in self.outcomes:
            pairs = list(zip(a, b, strict=True))
            cells = [pairs.count(cell) for cell in ((True, True), (True, False), (False, True), (False, False))]
            out.append(ContingencyTable(*cells))
        return out


def draw(world: World, tasks: int, trials: int, rng: random.Random) -> Draw:
    """Sample tasks and both models' trials; the models have equal rates over all tasks, but not on each task."""
    rates, outcomes = [], []
    for _ in range(tasks):
        common = rng.gauss(world.middle, world.spread)
        pair = tuple(_rate(common + rng.gauss(0, world.interaction)) for _ in range(2))
        rates.append((pair[0], pair[1]))
        outcomes.append(
            ([rng.random() < pair[0] for _ in range(trials)], [rng.random() < pair[1] for _ in range(trials)])
        )
    return Draw(rates, outcomes)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


COVERAGE = (0.93, 0.97)
CONSERVATIVE_COVERAGE = (0.95, 1.0)
FALSE_POSITIVES = (0.0, 0.06)
ANY_SHARE = (0.0, 1.0)


SUITE_QUANTITIES = (
    "rate, tasks like these",
    "rate, these tasks",
    "difference, like these",
    "difference, these tasks",
    "false positive, like these",
    "false positive, these tasks",
)


def suite_rows(world: World, design: tuple[int, int], repeats: int) -> Iterator[Row]:
    """Coverage and false positives of suite rates and differences, in one world with one design."""
    tasks, trials = design
    rng = random.Random(f"{SEED}/{world.name}/{design}")
    truth = world.mean_rate()
    hits = dict.fromkeys(SUITE_QUANTITIES, 0)
    for _ in range(repeats):
        sample = draw(world, tasks, trials, rng)
        mine = [a for a, _ in sample.counts]
        hits["rate, tasks like these"] += _holds(rate_on_tasks_like_these(mine)[1], truth)
        hits["rate, these tasks"] += _holds(rate_on_these_tasks(mine)[1], _mean([a for a, _ in sample.rates]))
        like = difference_on_tasks_like_these(sample.counts)
        hits["difference, like these"] += _holds(like.interval, 0.0)
        hits["false positive, like these"] += like.verdict != "can't tell"
        these = difference_on_these_tasks(sample.tables)
        hits["difference, these tasks"] += _holds(these.interval, _mean([a - b for a, b in sample.rates]))
        even = draw(World("", world.middle, world.spread, 0.0), tasks, trials, rng)
        hits["false positive, these tasks"] += difference_on_these_tasks(even.tables).verdict != "can't tell"
    for quantity, count in hits.items():
        expected = FALSE_POSITIVES if quantity.startswith("false") else COVERAGE
        yield Row(quantity, world.name, f"{tasks}x{trials}", count / repeats, expected)


def cell_rows(n: int) -> Iterator[Row]:
    """Coverage of Wilson's and Clopper-Pearson's interval over all rates of one cell, computed exactly."""
    rates = [step / 1000 for step in range(10, 991)]
    methods = (("wilson", wilson, COVERAGE), ("clopper-pearson", clopper_pearson, CONSERVATIVE_COVERAGE))
    for name, interval_of, expected in methods:
        intervals = [interval_of(k, n) for k in range(n + 1)]
        covered = [
            sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1) if _holds(intervals[k], p)) for p in rates
        ]
        share = _mean(covered) if name == "wilson" else min(covered)
        yield Row(name, "all rates", f"1x{n}", share, expected)


def _speeds(rng: random.Random, n: int, variation: float) -> list[float]:
    return [exp(rng.gauss(log(40.0), variation)) for _ in range(n)]


def speed_rows(n: int, variation: float, repeats: int) -> Iterator[Row]:
    """Coverage of the median's and of the ratio's interval, and how often equal speeds are called different."""
    rng = random.Random(f"{SEED}/speed/{n}/{variation}")
    design, world = f"n={n}", f"cv {100 * variation:.0f} %"
    median = ratio = verdicts = 0
    for _ in range(repeats):
        cells = [(_speeds(rng, n, variation), _speeds(rng, n, variation)) for _ in range(3)]
        median += _holds(median_interval(cells[0][0]), 40.0)
        estimate = geometric_mean_ratio(cells)
        if estimate is None or estimate.low is None or estimate.high is None:
            continue
        ratio += estimate.low <= 1 <= estimate.high
        verdicts += ratio_verdict(estimate) in ("more", "less")
    yield Row("median interval", world, design, median / repeats, CONSERVATIVE_COVERAGE)
    yield Row("ratio interval", world, design, ratio / repeats, COVERAGE)
    yield Row("false positive, ratio", world, design, verdicts / repeats, FALSE_POSITIVES)


def power_row(tasks: int, trials: int, repeats: int) -> Row:
    """The power to detect a true difference of 14 points, for planning: no range is expected."""
    rng = random.Random(f"{SEED}/power/{tasks}/{trials}")
    better = 0
    for _ in range(repeats):
        sample = draw(World("", 0.0, 1.5, 0.7), tasks, trials, rng)
        counts = []
        for (a, b), (first, _) in zip(sample.counts, sample.rates, strict=True):
            lifted = _rate(log(first / (1 - first)) + 0.86)
            counts.append(((sum(rng.random() < lifted for _ in range(trials)), a[1]), b))
        better += difference_on_tasks_like_these(counts).verdict == "better"
    return Row("power at 14 points", "middling", f"{tasks}x{trials}", better / repeats, ANY_SHARE)


def table(repeats: int, write: Callable[[str], None]) -> list[Row]:
    """Every row, written as soon as it is computed."""
    rows: list[Row] = []

    def keep(row: Row) -> None:
        rows.append(row)
        write(row.line)

    for n in (5, 10, 20, 50):
        for row in cell_rows(n):
            keep(row)
    for n in (6, 10, 20):
        for variation in (0.02, 0.1):
            for row in speed_rows(n, variation, repeats):
                keep(row)
    for world in WORLDS:
        for design in DESIGNS:
            for row in suite_rows(world, design, repeats):
                keep(row)
    for design in DESIGNS:
        keep(power_row(*design, repeats))
    return rows


if __name__ == "__main__":
    rows = table(int(sys.argv[1]) if len(sys.argv) > 1 else 4000, print)
    sys.exit(0 if all(row.is_within for row in rows) else 1)
