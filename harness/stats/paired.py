"""Difference of two models' pass rates on the same tasks: estimate, interval, p-value and verdict.

Trials are paired by task and trial number, since trial i of a task is the same question for both models. Differences
are model minus baseline. `difference_on_tasks_like_these` and `difference_on_these_tasks` differ in their estimand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import fsum, lcm, sqrt
from statistics import fmean
from typing import NamedTuple

from harness.stats.power import mde, tasks_to_decide, trials_to_decide
from harness.stats.proportions import LEVEL, Interval, normal_quantile
from harness.stats.suites import sample_variance, t_quantile
from harness.types import DifferenceVerdict

MAX_GRID_STEPS = 200_000
BINOMIAL_MIN_STEPS = 60
"""From this many equal steps on the binomial distribution function is faster, and as exact as a float can be."""


class ContingencyTable(NamedTuple):
    """One task's pairs of trials: passed by both models, by the model only, by the baseline only, by neither."""

    both: int
    model_only: int
    baseline_only: int
    neither: int

    @property
    def n(self) -> int:
        """The number of pairs."""
        return self.both + self.model_only + self.baseline_only + self.neither


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference of two pass rates. `mde` is the minimum detectable effect of the design (power 80 %).

    `tasks_to_decide` and `trials_to_decide` are the sizes at which a difference as large as this one is detectable;
    None if no size suffices or the verdict is decided, at the level that it needs after the caller's corrections too.
    """

    difference: float
    interval: Interval | None
    p: float | None
    verdict: DifferenceVerdict
    mde: float | None = None
    tasks_to_decide: int | None = None
    trials_to_decide: int | None = None


def sign_flip_p(differences: Sequence[Fraction]) -> float:
    """The exact two-sided p-value of the sign-flip permutation test of a mean of 0.

    All flips are counted, none is sampled. If the denominators do not fit a grid of MAX_GRID_STEPS the differences
    are rounded to it, and sums that rounding could have moved count as extreme (the test stays conservative).
    Source: R. A. Fisher, "The design of experiments", 1935, section 21; E. J. G. Pitman, 1937.
    """
    nonzero = [difference for difference in differences if difference]
    scale = lcm(*(difference.denominator for difference in nonzero))
    return _sign_flip_p_of_steps([d.numerator * (scale // d.denominator) for d in nonzero], scale)


def _sign_flip_p_of_steps(steps: Sequence[int], scale: int) -> float:
    """The p-value of differences in steps of 1/scale. Sums of Fractions would take most of a comparison's time."""
    observed, total, rounding_slack = abs(sum(steps)), sum(map(abs, steps)), 0
    sizes = [abs(step) for step in steps]
    if total > MAX_GRID_STEPS:
        shrink = Fraction(MAX_GRID_STEPS * scale // total, scale)
        observed, sizes, rounding_slack = round(observed * shrink), [round(size * shrink) for size in sizes], len(steps)
    if observed <= rounding_slack:
        return 1.0
    if len(sizes) > BINOMIAL_MIN_STEPS and len(set(sizes)) == 1:
        return mcnemar_p(sum(step > 0 for step in steps), sum(step < 0 for step in steps))
    extreme = _count_subsets_up_to(sizes, (sum(sizes) - observed + rounding_slack) // 2)
    return float(Fraction(2 * extreme, 2 ** len(sizes)))


def _count_subsets_up_to(steps: Sequence[int], max_sum: int) -> int:
    """How many subsets of the steps have a sum of at most `max_sum`.

    One long integer holds the number of subsets for each sum, side by side in fields of `width` bytes. Adding a step
    is shifting the integer by that many fields and adding it to itself, which is far faster than a list in Python.
    """
    width = len(steps) // 8 + 1
    mask = (1 << (8 * width * (max_sum + 1))) - 1
    counts = 1
    for step in steps:
        counts = (counts + (counts << (8 * width * step))) & mask
    fields = counts.to_bytes(width * (max_sum + 1), "little")
    return sum(int.from_bytes(fields[at : at + width], "little") for at in range(0, len(fields), width))


def mcnemar_p(model_only: int, baseline_only: int) -> float:
    """McNemar's exact two-sided p-value, from the numbers of discordant pairs.

    Source: Q. McNemar, Psychometrika 12 (1947), with the binomial in place of chi squared.
    """
    from scipy.special import bdtr

    n = model_only + baseline_only
    return min(1.0, 2 * float(bdtr(min(model_only, baseline_only), n, 0.5))) if n else 1.0


def difference_verdict(interval: Interval | None, p: float | None, level: float = LEVEL) -> DifferenceVerdict:
    """Better or worse only if the interval excludes 0 and the test is significant."""
    if interval is None or p is None or p > 1 - level or interval.low <= 0 <= interval.high:
        return "can't tell"
    return "better" if interval.low > 0 else "worse"


def _symmetric_interval(mean: float, half: float) -> Interval:
    return Interval(max(-1.0, mean - half), min(1.0, mean + half))


Share = tuple[int | Fraction, int | Fraction]
"""k passed of n trials of one task, or the mean of several such counts."""


def _smoothed_variance(count: Share) -> float:
    """The variance of one task's rate, after adding half a success and half a failure."""
    k, n = count
    p = (k + 0.5) / (n + 1)
    return p * (1 - p) / n


def difference_on_tasks_like_these(
    pairs: Sequence[tuple[Share, Share]], level: float = LEVEL, power_level: float | None = None
) -> Difference:
    """Model against baseline with the task as the unit: Student's t on the tasks' differences of rates.

    `power_level` is the level that the verdict needs after the caller's corrections, if it is another one: `mde` and
    the sizes that would decide are for it. A "better" or "worse" that is not decided at it has sizes too, since the
    corrections may withdraw it.

    If all tasks show the same difference, their variance says nothing about other tasks; the standard error is
    then that of repeating these tasks. Source: E. Miller, arXiv 2411.00640, section on pairs.
    """
    nonempty = [(model, baseline) for model, baseline in pairs if model[1] and baseline[1]]
    exact = [Fraction(*model) - Fraction(*baseline) for model, baseline in nonempty]
    tasks = len(nonempty)
    if tasks < 2:
        return Difference(float(sum(exact)), None, None, "can't tell")
    values = [float(difference) for difference in exact]
    within = fmean([_smoothed_variance(model) + _smoothed_variance(baseline) for model, baseline in nonempty])
    between = within if len(set(exact)) == 1 else sample_variance(values)
    standard_error, mean, p = sqrt(between / tasks), fmean(values), sign_flip_p(exact)
    interval = _symmetric_interval(mean, t_quantile(tasks - 1, level) * standard_error)
    verdict = difference_verdict(interval, p, level)
    trials = round(fmean([min(model[1], baseline[1]) for model, baseline in nonempty]))
    variances, needed = (max(0.0, between - within), within), level if power_level is None else power_level
    strictest = max(level, needed)
    widest = _symmetric_interval(mean, t_quantile(tasks - 1, strictest) * standard_error)
    is_open = difference_verdict(widest, p, strictest) == "can't tell"
    return Difference(
        mean,
        interval,
        p,
        verdict,
        mde(standard_error, tasks - 1, needed),
        tasks_to_decide(mean, sqrt(between), needed) if is_open else None,
        trials_to_decide(mean, variances, (tasks, trials), needed) if is_open else None,
    )


def _smoothed_difference_variance(table: ContingencyTable) -> float:
    """The variance of one task's difference, after adding a quarter of a pair to each cell of the table.

    A quarter, since adding half a pair covers 97 to 98 % at three trials (tests/simulation.py).
    """
    n = table.n + 1
    model_only, baseline_only = (table.model_only + 0.25) / n, (table.baseline_only + 0.25) / n
    return (model_only + baseline_only - (model_only - baseline_only) ** 2) / table.n


def difference_on_these_tasks(
    tables: Sequence[ContingencyTable],
    level: float = LEVEL,
    weights: Sequence[float] | None = None,
    power_level: float | None = None,
) -> Difference:
    """Model against baseline on exactly these tasks, with the pair of trials as the unit, stratified by task.

    With one trial per task this is McNemar's test. `power_level` as in `difference_on_tasks_like_these`.
    Sources: A. Agresti and Y. Min, "Simple improved confidence intervals for comparing matched proportions",
    Statistics in Medicine 24 (2005); the p-value is from the sign-flip test.
    """
    rows = [(table, w) for table, w in zip(tables, weights or [1.0] * len(tables), strict=True) if table.n and w > 0]
    if not rows:
        return Difference(0.0, None, None, "can't tell")
    total_weight = fsum(w for _, w in rows)
    steps, scale = _pair_steps(rows)
    mean, p = float(Fraction(sum(steps), scale)), _sign_flip_p_of_steps(steps, scale)
    standard_error = sqrt(fsum((w / total_weight) ** 2 * _smoothed_difference_variance(table) for table, w in rows))
    interval = _symmetric_interval(mean, normal_quantile(level) * standard_error)
    verdict = difference_verdict(interval, p, level)
    design = (len(rows), round(fmean([table.n for table, _ in rows])))
    needed = level if power_level is None else power_level
    strictest = max(level, needed)
    widest = _symmetric_interval(mean, normal_quantile(strictest) * standard_error)
    is_open = difference_verdict(widest, p, strictest) == "can't tell"
    trials = trials_to_decide(mean, (0.0, standard_error**2 * len(rows)), design, needed, normal=True)
    decided_by = trials if is_open else None
    return Difference(mean, interval, p, verdict, mde(standard_error, None, needed), None, decided_by)


def _pair_steps(rows: Sequence[tuple[ContingencyTable, float]]) -> tuple[list[int], int]:
    """The signed contribution of each discordant pair to the weighted mean difference, in steps of 1/scale; the scale.

    The weight of a task is shared by its pairs, and the weights of all tasks add up to 1.
    """
    exact = {w: Fraction(str(w)) for w in {w for _, w in rows}}
    total = sum((exact[w] for _, w in rows), Fraction(0))
    discordant = [(table, exact[w] / (total * table.n)) for table, w in rows if table.model_only or table.baseline_only]
    scale = lcm(*(weight.denominator for _, weight in discordant))
    steps: list[int] = []
    for table, weight in discordant:
        step = weight.numerator * (scale // weight.denominator)
        steps += [step] * table.model_only + [-step] * table.baseline_only
    return steps, scale
