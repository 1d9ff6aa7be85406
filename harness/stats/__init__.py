"""Intervals and comparisons: numbers in, numbers out. Knows nothing of models, tasks or files.

Every function names the source of its method. What cannot be told is None.
"""

from harness.stats.formatting import k_of_n
from harness.stats.multiple_comparisons import holm, tie_groups
from harness.stats.paired import (
    Difference,
    Table,
    difference_on_tasks_like_these,
    difference_on_these_tasks,
    mcnemar_p,
    sign_flip_p,
)
from harness.stats.proportions import Interval, clopper_pearson, wilson
from harness.stats.ratios import Drift, Ratio, drift_of, ratio_of, ratio_word
from harness.stats.speeds import quartiles, spread
from harness.stats.suites import Count, rate_on_tasks_like_these, rate_on_these_tasks, t_interval, t_quantile

__all__ = [
    "Count",
    "Difference",
    "Drift",
    "Interval",
    "Ratio",
    "Table",
    "clopper_pearson",
    "difference_on_tasks_like_these",
    "difference_on_these_tasks",
    "drift_of",
    "holm",
    "k_of_n",
    "mcnemar_p",
    "quartiles",
    "rate_on_tasks_like_these",
    "rate_on_these_tasks",
    "ratio_of",
    "ratio_word",
    "sign_flip_p",
    "spread",
    "t_interval",
    "t_quantile",
    "tie_groups",
    "wilson",
]
