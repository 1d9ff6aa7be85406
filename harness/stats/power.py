"""Minimum detectable effect of a design, and the sample size that would decide (power 80 %, two-sided at a level).

The level is that of the verdict: who corrects it for several comparisons or looks detects less with the same trials.

Source: J. Cohen, "Statistical power analysis for the behavioral sciences", 1988, with t quantiles for normal ones.
"""

from __future__ import annotations

from math import ceil

from harness.stats.proportions import LEVEL

POWER = 0.8
MAX_SAMPLE_SIZE = 100_000
"""Sample sizes above this are reported as None: nobody would run them."""


def _detectable_standard_errors(degrees_of_freedom: float | None, level: float) -> float:
    """The true effect, in standard errors, that the test detects with POWER; normal quantiles for None."""
    from scipy.special import ndtri, stdtrit

    if degrees_of_freedom is None:
        return float(ndtri(0.5 + level / 2) + ndtri(POWER))
    return float(stdtrit(degrees_of_freedom, 0.5 + level / 2) + stdtrit(degrees_of_freedom, POWER))


def mde(standard_error: float, degrees_of_freedom: float | None, level: float = LEVEL) -> float | None:
    """The minimum detectable difference of two rates; None if it would exceed 1."""
    effect = _detectable_standard_errors(degrees_of_freedom, level) * standard_error
    return effect if effect <= 1 else None


def tasks_to_decide(difference: float, deviation: float, level: float = LEVEL) -> int | None:
    """The number of tasks at which `difference` is detectable; None if no number suffices.

    `deviation` is the standard deviation of the difference between tasks.
    """
    if not difference:
        return None
    variance_ratio = (deviation / abs(difference)) ** 2
    tasks = 3
    while tasks < MAX_SAMPLE_SIZE:
        needed = ceil(variance_ratio * _detectable_standard_errors(tasks - 1, level) ** 2)
        if needed <= tasks:
            return tasks
        # The t quantile falls as tasks are added, so `needed` overshoots: approach it in steps of an eighth.
        tasks = min(needed, tasks + max(1, tasks // 8))
    return None


def trials_to_decide(
    difference: float,
    variances: tuple[float, float],
    design: tuple[int, int],
    level: float = LEVEL,
    *,
    normal: bool = False,
) -> int | None:
    """The number of trials per task at which `difference` is detectable; None if only more tasks would help.

    Args:
        difference: the observed difference of rates.
        variances: of one task's difference, between tasks and within a task at the design's number of trials. More
            trials reduce only the second.
        design: the numbers of tasks and of trials per task that were run.
        level: of the verdict.
        normal: take normal quantiles in place of Student's with tasks - 1 degrees of freedom.
    """
    between, within = variances
    tasks, trials = design
    if not difference:
        return None
    effect = _detectable_standard_errors(None if normal else tasks - 1, level)
    variance_left = tasks * (abs(difference) / effect) ** 2 - between
    if variance_left <= 0:
        return None
    needed = ceil(trials * within / variance_left)
    return max(needed, trials + 1) if needed < MAX_SAMPLE_SIZE else None
