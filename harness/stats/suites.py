"""A model over several tasks: on tasks like these (the task is the unit), and on exactly these tasks.

Trials of one task are no more independent evidence about other tasks than one trial is: the trials of all tasks are
never pooled into one interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, variance

from scipy.special import stdtrit

from harness.stats.proportions import LEVEL, Interval, normal_quantile, score_interval

Count = tuple[int, int]
"""k of n for one task."""


def t_quantile(freedom: float, level: float = LEVEL) -> float:
    """How many standard errors each side of a mean hold `level` of Student's distribution."""
    return float(stdtrit(freedom, 0.5 + level / 2))


def t_interval(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Student's interval of the mean of independent values; None for fewer than two.

    Source: "Student", "The probable error of a mean", Biometrika 6 (1908).
    """
    if len(values) < 2:
        return None
    half = t_quantile(len(values) - 1, level) * sqrt(variance(values) / len(values))
    return Interval(fmean(values) - half, fmean(values) + half)


def rate_on_tasks_like_these(counts: Sequence[Count], level: float = LEVEL) -> tuple[float | None, Interval | None]:
    """The mean of the tasks' rates with Student's interval over tasks, kept inside 0 and 1.

    Where all tasks have the same rate their spread says nothing of other tasks; then each task counts as one trial.
    Source: E. Miller, "Adding error bars to evals", arXiv 2411.00640 (the task as the unit of randomisation).
    """
    rates = [k / n for k, n in counts if n > 0]
    if not rates:
        return None, None
    mean, interval = fmean(rates), t_interval(rates, level)
    if interval is None or interval.low == interval.high:
        return mean, score_interval(min(1.0, mean), len(rates), normal_quantile(level))
    return mean, Interval(max(0.0, interval.low), min(1.0, interval.high))


def rate_on_these_tasks(counts: Sequence[Count], level: float = LEVEL) -> tuple[float | None, Interval | None]:
    """The mean of the tasks' rates, with an interval for repeating exactly these tasks.

    The variance is stratified by task; half a success and half a failure are added to each task's variance, so that a
    task without a failure is not taken for certain. Source: W. G. Cochran, "Sampling techniques", chapter 5.
    """
    some = [(k, n) for k, n in counts if n > 0]
    if not some:
        return None, None
    mean = fmean(k / n for k, n in some)
    softened = [(k + 0.5) / (n + 1) for k, n in some]
    error = sum(p * (1 - p) / n for p, (_, n) in zip(softened, some, strict=True)) / len(some) ** 2
    middle = fmean(softened)
    return mean, score_interval(mean, middle * (1 - middle) / error, normal_quantile(level))
