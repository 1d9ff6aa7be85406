"""Do the intervals cover and do the tests keep quiet? Worlds with a known truth, asked again and again.

`nox -s simulate` (`python -m tests.simulation [REPEATS]`) prints the table;
tests/data/stats/simulation-4000.txt is what 4000 repeats printed, and tests/test_stats_simulation.py holds a part.

A world is a population of tasks: each task's rate comes from a normal distribution of log odds, and a model may find
a task harder or easier than another model does (`interaction`). Python's own generator, whose stream never changes,
makes every figure repeatable. The size of the worlds' spreads is a guess that published benchmarks support.
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
    """Log odds of a typical task, how tasks differ, and how differently two models find them."""

    name: str
    middle: float
    spread: float
    interaction: float

    def mean_rate(self) -> float:
        """The true rate over all tasks, by summing over the normal distribution."""
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
    """One line of the table: how often the interval held the truth, or how often a word was said."""

    what: str
    world: str
    design: str
    seen: float
    wanted: tuple[float, float]

    @property
    def is_kept(self) -> bool:
        """Whether the share lies where it should."""
        return self.wanted[0] <= self.seen <= self.wanted[1]

    @property
    def line(self) -> str:
        """The row as it is printed."""
        low, high = self.wanted
        mark = "" if self.is_kept else "   <-- outside"
        return f"{self.what:28} {self.world:10} {self.design:7} {self.seen:6.3f}   {low:.2f} to {high:.2f}{mark}"


def _rate(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))


def _holds(interval: Interval | None, truth: float) -> bool:
    return interval is not None and interval.low <= truth <= interval.high


@dataclass
class Draw:
    """Two models on one sample of tasks."""

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


def draw(world: World, tasks: int, trials: int, dice: random.Random) -> Draw:
    """A sample of tasks and both models' trials; the models are equal over all tasks, not on each."""
    rates, outcomes = [], []
    for _ in range(tasks):
        common = dice.gauss(world.middle, world.spread)
        pair = tuple(_rate(common + dice.gauss(0, world.interaction)) for _ in range(2))
        rates.append((pair[0], pair[1]))
        outcomes.append(
            ([dice.random() < pair[0] for _ in range(trials)], [dice.random() < pair[1] for _ in range(trials)])
        )
    return Draw(rates, outcomes)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


COVERS = (0.93, 0.97)
EXACT = (0.95, 1.0)
QUIET = (0.0, 0.06)


def suite_rows(world: World, design: tuple[int, int], repeats: int) -> Iterator[Row]:
    """Everything that is said of models over a suite, in one world at one design."""
    tasks, trials = design
    dice = random.Random(f"{SEED}/{world.name}/{design}")
    truth, told = world.mean_rate(), f"{tasks}x{trials}"
    hits = dict.fromkeys(("like", "these", "gap like", "gap these", "false like", "false these"), 0)
    for _ in range(repeats):
        one = draw(world, tasks, trials, dice)
        mine = [a for a, _ in one.counts]
        hits["like"] += _holds(rate_on_tasks_like_these(mine)[1], truth)
        hits["these"] += _holds(rate_on_these_tasks(mine)[1], _mean([a for a, _ in one.rates]))
        like = difference_on_tasks_like_these(one.counts)
        hits["gap like"] += _holds(like.interval, 0.0)
        hits["false like"] += like.verdict != "can't tell"
        these = difference_on_these_tasks(one.tables)
        hits["gap these"] += _holds(these.interval, _mean([a - b for a, b in one.rates]))
        even = draw(World("", world.middle, world.spread, 0.0), tasks, trials, dice)
        hits["false these"] += difference_on_these_tasks(even.tables).verdict != "can't tell"
    for what, count in hits.items():
        yield Row(what, world.name, told, count / repeats, QUIET if what.startswith("false") else COVERS)


def cell_rows(n: int) -> Iterator[Row]:
    """Wilson's and Clopper and Pearson's coverage over all rates of one cell, computed and not drawn."""
    rates = [step / 1000 for step in range(10, 991)]
    for what, of, wanted in (("wilson", wilson, COVERS), ("exact", clopper_pearson, EXACT)):
        intervals = [of(k, n) for k in range(n + 1)]
        covered = [
            sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1) if _holds(intervals[k], p)) for p in rates
        ]
        yield Row(what, "all rates", f"1x{n}", _mean(covered) if what == "wilson" else min(covered), wanted)


def _speeds(dice: random.Random, n: int, variation: float) -> list[float]:
    return [exp(dice.gauss(log(40.0), variation)) for _ in range(n)]


def speed_rows(n: int, variation: float, repeats: int) -> Iterator[Row]:
    """The median's interval, the ratio's interval, and how often two equal speeds are called different."""
    dice = random.Random(f"{SEED}/speed/{n}/{variation}")
    told, world = f"n={n}", f"cv {100 * variation:.0f} %"
    median = ratio = words = 0
    for _ in range(repeats):
        cells = [(_speeds(dice, n, variation), _speeds(dice, n, variation)) for _ in range(3)]
        median += _holds(median_interval(cells[0][0]), 40.0)
        seen = geometric_mean_ratio(cells)
        if seen is None or seen.low is None or seen.high is None:
            continue
        ratio += seen.low <= 1 <= seen.high
        words += ratio_verdict(seen) in ("more", "less")
    yield Row("median", world, told, median / repeats, EXACT)
    yield Row("ratio", world, told, ratio / repeats, COVERS)
    yield Row("false ratio", world, told, words / repeats, QUIET)


def power_row(tasks: int, trials: int, repeats: int) -> Row:
    """How often a true gap of 14 points is told as one: not a promise, a figure to plan by."""
    dice = random.Random(f"{SEED}/power/{tasks}/{trials}")
    better = 0
    for _ in range(repeats):
        one = draw(World("", 0.0, 1.5, 0.7), tasks, trials, dice)
        counts = []
        for (a, b), (first, _) in zip(one.counts, one.rates, strict=True):
            lifted = _rate(log(first / (1 - first)) + 0.86)
            counts.append(((sum(dice.random() < lifted for _ in range(trials)), a[1]), b))
        better += difference_on_tasks_like_these(counts).verdict == "better"
    return Row("power at a gap of 14 points", "middling", f"{tasks}x{trials}", better / repeats, (0.0, 1.0))


def table(repeats: int, say: Callable[[str], None]) -> list[Row]:
    """Every row, told as it is made."""
    rows: list[Row] = []

    def keep(row: Row) -> None:
        rows.append(row)
        say(row.line)

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
    found = table(int(sys.argv[1]) if len(sys.argv) > 1 else 4000, print)
    sys.exit(0 if all(row.is_kept for row in found) else 1)
