"""Intervals and comparisons: numbers in, numbers out. Knows nothing of models, tasks or files.

Every function names the source of its method. What cannot be told is None.
"""

from harness.stats.proportions import Interval, clopper_pearson, wilson
from harness.stats.speeds import quartiles, spread
from harness.stats.suites import rate_on_tasks_like_these, rate_on_these_tasks, t_interval

__all__ = [
    "Interval",
    "clopper_pearson",
    "quartiles",
    "rate_on_tasks_like_these",
    "rate_on_these_tasks",
    "spread",
    "t_interval",
    "wilson",
]
