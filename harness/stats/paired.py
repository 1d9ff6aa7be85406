"""Two models on the same tasks: the difference, its interval, its p, and one of three words.

Paired by task and trial, since trial i of a task is the same question for both. Differences are model minus baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import fsum, lcm, sqrt
from typing import Literal, NamedTuple

from scipy.special import bdtr

from harness.stats.power import smallest_gap, tasks_to_decide, trials_to_decide
from harness.stats.proportions import LEVEL, Interval, normal_quantile
from harness.stats.suites import Count, mean_of, sample_variance, t_quantile

Word = Literal["better", "worse", "can't tell"]
GRID = 200_000
MANY = 60
"""Above so many equal steps the binomial's own function is quicker, and as exact as a float can be."""


class Table(NamedTuple):
    """One task's pairs of trials: solved by both, by the model alone, by the baseline alone, by neither."""

    both: int
    model_only: int
    baseline_only: int
    neither: int

    @property
    def n(self) -> int:
        """How many pairs."""
        return self.both + self.model_only + self.baseline_only + self.neither


@dataclass(frozen=True, slots=True)
class Difference:
    """What two models differ by. `smallest_gap` is what this design sees four times in five; the last two say how many
    tasks or trials in all would show a difference as large as this one; None where no number would, or no need is.
    """

    difference: float
    interval: Interval | None
    p: float | None
    word: Word
    smallest_gap: float | None = None
    tasks_to_decide: int | None = None
    trials_to_decide: int | None = None


def sign_flip_p(differences: Sequence[Fraction]) -> float:
    """The share of all ways to flip the differences' signs whose sum is at least as far from 0: two-sided, exact.

    Counted, not drawn. Where the denominators do not fit a grid of 200,000 steps the differences are rounded to it,
    and sums that rounding could have moved count as far.
    Source: R. A. Fisher, "The design of experiments", 1935, section 21; E. J. G. Pitman, 1937.
    """
    some = [one for one in differences if one]
    whole = sum(map(abs, some))
    scale, slack = lcm(*(one.denominator for one in some)), 0
    if scale * whole > GRID:
        scale, slack = int(GRID / whole), len(some)
    steps = [abs(round(one * scale)) for one in some]
    seen = abs(round(sum(some) * scale)) - slack
    if seen <= 0:
        return 1.0
    if len(steps) > MANY and len(set(steps)) == 1:
        return mcnemar_p(sum(one > 0 for one in some), sum(one < 0 for one in some))
    return float(Fraction(2 * _ways_up_to(steps, (sum(steps) - seen) // 2), 2 ** len(steps)))


def _ways_up_to(steps: Sequence[int], most: int) -> int:
    """How many subsets of the steps add up to `most` or less.

    One long number holds how many subsets make each sum, side by side in fields of `width` bytes; a step added is the
    number shifted and added to itself.
    """
    width = len(steps) // 8 + 1
    keep = (1 << (8 * width * (most + 1))) - 1
    ways = 1
    for step in steps:
        ways = (ways + (ways << (8 * width * step))) & keep
    fields = ways.to_bytes(width * (most + 1), "little")
    return sum(int.from_bytes(fields[at : at + width], "little") for at in range(0, len(fields), width))


def mcnemar_p(model_only: int, baseline_only: int) -> float:
    """The exact two-sided p of pairs of which so many were solved by one side alone.

    Source: Q. McNemar, Psychometrika 12 (1947), with the binomial in place of chi squared.
    """
    n = model_only + baseline_only
    return min(1.0, 2 * float(bdtr(min(model_only, baseline_only), n, 0.5))) if n else 1.0


def word_of(interval: Interval | None, p: float | None, level: float = LEVEL) -> Word:
    """Better or worse only where the interval leaves out 0 and the test agrees."""
    if interval is None or p is None or p > 1 - level or interval.low <= 0 <= interval.high:
        return "can't tell"
    return "better" if interval.low > 0 else "worse"


def _softened(count: Count) -> float:
    """The variance of one task's rate, as if half a success and half a failure more had been seen."""
    k, n = count
    p = (k + 0.5) / (n + 1)
    return p * (1 - p) / n


def difference_on_tasks_like_these(pairs: Sequence[tuple[Count, Count]], level: float = LEVEL) -> Difference:
    """Model against baseline over the tasks, the task as the unit: Student's t on the differences of rates.

    Tasks that all show the same difference say nothing about their spread; then the standard error is that of
    repeating these tasks. Source: E. Miller, arXiv 2411.00640, section on pairs.
    """
    some = [(a, b) for a, b in pairs if a[1] and b[1]]
    exact = [Fraction(*a) - Fraction(*b) for a, b in some]
    tasks = len(some)
    if tasks < 2:
        return Difference(float(sum(exact)), None, None, "can't tell")
    values = [float(one) for one in exact]
    within = mean_of([_softened(a) + _softened(b) for a, b in some])
    between = sample_variance(values) or within
    error, mean, p = sqrt(between / tasks), mean_of(values), sign_flip_p(exact)
    half = t_quantile(tasks - 1, level) * error
    interval = Interval(max(-1.0, mean - half), min(1.0, mean + half))
    word = word_of(interval, p, level)
    trials = round(mean_of([min(a[1], b[1]) for a, b in some]))
    return Difference(
        mean,
        interval,
        p,
        word,
        smallest_gap(error, tasks - 1),
        tasks_to_decide(mean, sqrt(between)) if word == "can't tell" else None,
        trials_to_decide(mean, (max(0.0, between - within), within), (tasks, trials)) if word == "can't tell" else None,
    )


def _variance_of(table: Table) -> float:
    """The variance of one task's difference, as if a quarter of a pair more had been seen in each cell: half of one
    covers 97 to 98 % at three trials (tests/simulation.py)."""
    n = table.n + 1
    more, less = (table.model_only + 0.25) / n, (table.baseline_only + 0.25) / n
    return (more + less - (more - less) ** 2) / table.n


def difference_on_these_tasks(
    tables: Sequence[Table], level: float = LEVEL, weights: Sequence[float] | None = None
) -> Difference:
    """Model against baseline on exactly these tasks, the pair of trials as the unit, stratified by task.

    With one trial a task this is McNemar's test.
    Sources: A. Agresti and Y. Min, "Simple improved confidence intervals for comparing matched proportions",
    Statistics in Medicine 24 (2005); the p flips the sign of every pair.
    """
    rows = [(table, w) for table, w in zip(tables, weights or [1.0] * len(tables), strict=True) if table.n and w > 0]
    if not rows:
        return Difference(0.0, None, None, "can't tell")
    whole = fsum(w for _, w in rows)
    flips = _flips(rows)
    mean, p = float(sum(flips, Fraction(0))), sign_flip_p(flips)
    error = sqrt(fsum((w / whole) ** 2 * _variance_of(table) for table, w in rows))
    half = normal_quantile(level) * error
    interval = Interval(max(-1.0, mean - half), min(1.0, mean + half))
    word = word_of(interval, p, level)
    trials = round(mean_of([table.n for table, _ in rows]))
    more = trials_to_decide(mean, (0.0, error**2 * len(rows)), (len(rows), trials), freedom=None)
    return Difference(mean, interval, p, word, smallest_gap(error, None), None, more if word == "can't tell" else None)


def _flips(rows: Sequence[tuple[Table, float]]) -> list[Fraction]:
    """What each pair of trials that differ adds to the weighted mean."""
    whole = sum((Fraction(str(w)) for _, w in rows), Fraction(0))
    return [
        sign * Fraction(str(w)) / whole / table.n
        for table, w in rows
        for sign, count in ((1, table.model_only), (-1, table.baseline_only))
        for _ in range(count)
    ]
