"""Intervals, tests and effect sizes on plain numbers: proportions, suites, paired differences, speed ratios, fits.

Every function names the source of its method and returns None if the data cannot support an answer. scipy and
numpy are imported inside the functions that use them, so that importing this package stays fast.
"""

from harness.stats.multiple_comparisons import holm, tie_groups
from harness.stats.paired import (
    ContingencyTable,
    Difference,
    difference_on_tasks_like_these,
    difference_on_these_tasks,
    mcnemar_p,
    sign_flip_p,
)
from harness.stats.preferences import binomial_p, bradley_terry, cohen_kappa
from harness.stats.proportions import LEVEL, Interval, clopper_pearson, format_k_of_n, wilson
from harness.stats.ratios import (
    BlockedPair,
    Ratio,
    RatioVerdict,
    blocked_mean_ratio,
    estimate_drift,
    geometric_mean_ratio,
    ratio_verdict,
)
from harness.stats.regression import PolynomialFit, fit_polynomial
from harness.stats.sequential import PairLook, SequentialVerdict, pocock_level, predictive_power, sequential_verdict
from harness.stats.speeds import quartiles, spread
from harness.stats.suites import (
    Count,
    claimed_rate_on_these_tasks,
    rate_on_tasks_like_these,
    rate_on_these_tasks,
    t_interval,
)

__all__ = [
    "LEVEL",
    "BlockedPair",
    "ContingencyTable",
    "Count",
    "Difference",
    "Interval",
    "PairLook",
    "PolynomialFit",
    "Ratio",
    "RatioVerdict",
    "SequentialVerdict",
    "binomial_p",
    "blocked_mean_ratio",
    "bradley_terry",
    "claimed_rate_on_these_tasks",
    "clopper_pearson",
    "cohen_kappa",
    "difference_on_tasks_like_these",
    "difference_on_these_tasks",
    "estimate_drift",
    "fit_polynomial",
    "format_k_of_n",
    "geometric_mean_ratio",
    "holm",
    "mcnemar_p",
    "pocock_level",
    "predictive_power",
    "quartiles",
    "rate_on_tasks_like_these",
    "rate_on_these_tasks",
    "ratio_verdict",
    "sequential_verdict",
    "sign_flip_p",
    "spread",
    "t_interval",
    "tie_groups",
    "wilson",
]
