"""A model over several tasks: on tasks like these (the task is the unit), and on exactly these tasks.

Trials of one task are no more independent evidence about other tasks than one trial is: the trials of all tasks are
never pooled into one interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt

from scipy.special import stdtrit

from harness.stats.proportions import LEVEL, Interval, normal_quantile, score_interval

Count = tuple[int, int]
"""k of n for one task."""


def t_quantile(freedom: float, level: float = LEVEL) -> float:
    """How many standard errors each side of a mean hold `level` of Student's distribution."""
    return float(stdtrit(freedom, 0.5 + level / 2))


def mean_of(values: Sequence[float]) -> float:
    """The arithmetic mean of at least one value."""
    return fsum(values) / len(values)


def sample_variance(values: Sequence[float]) -> float:
    """The variance of at least two values, with n - 1."""
    mean = mean_of(values)
    return fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def t_interval(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Student's interval of the mean of independent values; None for fewer than two.

    Source: "Student", "The probable error of a mean", Biometrika 6 (1908).
    """
    if len(values) < 2:
        return None
    half = t_quantile(len(values) - 1, level) * sqrt(sample_variance(values) / len(values))
    return Interval(mean_of(values) - half, mean_of(values) + half)


def rate_on_tasks_like_these(counts: Sequence[Count], level: float = LEVEL) -> tuple[float | None, Interval | None]:
    """The mean of the tasks' rates, with an interval for tasks of which these are a sample.

    Student's t on the tasks' rates, in Wilson's form: n is the number of independent trials that would have the same
    standard error. So it stays inside 0 and 1 and keeps 92 % or more near them, where t alone falls to 80 %
    (tests/simulation.py). Where the tasks' rates do not differ, each task counts as one trial.
    Sources: E. Miller, "Adding error bars to evals", arXiv 2411.00640 (the task as the unit); L. Kish, "Survey
    sampling", 1965 (the effective number).
    """
    some = [(k, n) for k, n in counts if n > 0]
    if not some:
        return None, None
    rates = [k / n for k, n in some]
    mean, tasks = min(1.0, mean_of(rates)), len(rates)
    if tasks == 1:
        return mean, None
    squared_error = sample_variance(rates) / tasks
    trials = sum(n for _, n in some)
    effective = min(trials, max(1.0, mean * (1 - mean) / squared_error)) if squared_error > 0 else tasks
    return mean, score_interval(mean, effective, t_quantile(tasks - 1, level))


def rate_on_these_tasks(
    counts: Sequence[Count], level: float = LEVEL, weights: Sequence[float] | None = None
) -> tuple[float | None, Interval | None]:
    """The (weighted) mean of the tasks' rates, with an interval for repeating exactly these tasks.

    The variance is stratified by task; half a success and half a failure are added to each task's variance, so that a
    task without a failure is not taken for certain. Source: W. G. Cochran, "Sampling techniques", chapter 5.
    """
    rows = [(k, n, w) for (k, n), w in zip(counts, weights or [1.0] * len(counts), strict=True) if n > 0 and w > 0]
    if not rows:
        return None, None
    whole = fsum(w for _, _, w in rows)
    mean = min(1.0, fsum(w * k / n for k, n, w in rows) / whole)
    soft = [((k + 0.5) / (n + 1), n, w / whole) for k, n, w in rows]
    squared_error = fsum(w * w * p * (1 - p) / n for p, n, w in soft)
    middle = fsum(w * p for p, _, w in soft)
    return mean, score_interval(mean, middle * (1 - middle) / squared_error, normal_quantile(level))
