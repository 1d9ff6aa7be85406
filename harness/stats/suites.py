"""Pass rate of one model over several tasks, for two estimands: tasks like these, and exactly these tasks.

For tasks like these the task is the unit of replication: more trials of one task are no evidence about other tasks.
For exactly these tasks the trial is the unit, stratified by task. Trials are never pooled over tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import fsum, sqrt
from statistics import fmean

from harness.stats.proportions import LEVEL, Interval, clopper_pearson, normal_quantile, score_interval

Count = tuple[int, int]
"""k passed of n trials of one task."""


def t_quantile(degrees_of_freedom: float, level: float = LEVEL) -> float:
    """Half width, in standard errors, of Student's central interval."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, 0.5 + level / 2))


def sample_variance(values: Sequence[float]) -> float:
    """The variance of at least two values, with n - 1."""
    mean = fmean(values)
    return fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def t_interval(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Student's interval of the mean of independent values; None for fewer than two.

    Source: "Student", "The probable error of a mean", Biometrika 6 (1908).
    """
    if len(values) < 2:
        return None
    half = t_quantile(len(values) - 1, level) * sqrt(sample_variance(values) / len(values))
    return Interval(fmean(values) - half, fmean(values) + half)


def rate_on_tasks_like_these(counts: Sequence[Count], level: float = LEVEL) -> tuple[float | None, Interval | None]:
    """The mean of the tasks' rates, with an interval for the population of tasks that these are a sample of.

    Student's t on the tasks' rates, in Wilson's form: n is the effective number of independent trials, those that
    would have the same standard error. This keeps the interval inside 0 to 1 and its coverage at 92 % or more near
    the ends, where t alone falls to 80 % (tests/simulation.py). If all tasks have the same rate, the effective
    number is the number of tasks.
    Sources: E. Miller, "Adding error bars to evals", arXiv 2411.00640 (the task as the unit); L. Kish, "Survey
    sampling", 1965 (the effective number).
    """
    nonempty = [(k, n) for k, n in counts if n > 0]
    if not nonempty:
        return None, None
    rates = [k / n for k, n in nonempty]
    mean, tasks = min(1.0, fmean(rates)), len(rates)
    if tasks == 1:
        return mean, None
    # Compared as fractions: the float mean of equal rates may differ from them, and so their variance from 0.
    are_equal = len({Fraction(k, n) for k, n in nonempty}) == 1
    squared_error = 0.0 if are_equal else sample_variance(rates) / tasks
    trials = sum(n for _, n in nonempty)
    effective = min(trials, max(1.0, mean * (1 - mean) / squared_error)) if squared_error > 0 else tasks
    return mean, score_interval(mean, effective, t_quantile(tasks - 1, level))


def rate_on_these_tasks(
    counts: Sequence[Count], level: float = LEVEL, weights: Sequence[float] | None = None
) -> tuple[float | None, Interval | None]:
    """The (weighted) mean of the tasks' rates, with an interval for repeating exactly these tasks.

    The variance is stratified by task. Half a success and half a failure are added to each task before its variance
    is taken, so that a task without a failure does not count as certain. Source: W. G. Cochran, "Sampling
    techniques", chapter 5.
    """
    rows = [(k, n, w) for (k, n), w in zip(counts, weights or [1.0] * len(counts), strict=True) if n > 0 and w > 0]
    if not rows:
        return None, None
    total = fsum(w for _, _, w in rows)
    mean = min(1.0, fsum(w * k / n for k, n, w in rows) / total)
    smoothed = [((k + 0.5) / (n + 1), n, w / total) for k, n, w in rows]
    squared_error = fsum(w * w * p * (1 - p) / n for p, n, w in smoothed)
    smoothed_mean = fsum(w * p for p, _, w in smoothed)
    effective = smoothed_mean * (1 - smoothed_mean) / squared_error
    return mean, score_interval(mean, effective, normal_quantile(level))


def claimed_rate_on_these_tasks(
    counts: Sequence[Count], level: float = LEVEL, weights: Sequence[float] | None = None
) -> tuple[float | None, Interval | None]:
    """The same mean, with an interval on whose bound a claim may rest.

    It is as wide as that of `rate_on_these_tasks` and as the exact one of the pooled count, since the first is an
    approximation that says too much of few trials. With unequal weights the pooled count is the effective one. Source:
    W. Hoeffding, Annals of Mathematical Statistics 27 (1956): tasks that differ vary less than one of their mean rate.
    """
    mean, stratified = rate_on_these_tasks(counts, level, weights)
    rows = [(n, w) for (_, n), w in zip(counts, weights or [1.0] * len(counts), strict=True) if n > 0 and w > 0]
    if mean is None or stratified is None:
        return None, None
    effective = fsum(w for _, w in rows) ** 2 / fsum(w * w / n for n, w in rows)
    exact = clopper_pearson(min(mean * effective, effective), effective, level)
    if exact is None or len(rows) == 1:
        return mean, exact
    return mean, Interval(min(stratified.low, exact.low), max(stratified.high, exact.high))
