"""What a design could have seen, and how much more of it would decide. Power 80 %, two-sided 5 %.

Source: J. Cohen, "Statistical power analysis for the behavioral sciences", 1988; the t form of its normal formulas.
"""

from __future__ import annotations

from math import ceil

from scipy.special import ndtri, stdtrit

from harness.stats.proportions import LEVEL

POWER = 0.8
MOST = 100_000


def _reach(freedom: float | None, level: float = LEVEL) -> float:
    """How many standard errors a difference must have: enough for the test, and again for seeing it so often."""
    if freedom is None:
        return float(ndtri(0.5 + level / 2) + ndtri(POWER))
    return float(stdtrit(freedom, 0.5 + level / 2) + stdtrit(freedom, POWER))


def smallest_gap(error: float, freedom: float | None) -> float | None:
    """The smallest true difference of rates that this standard error shows in four repeats of five; None above 1."""
    gap = _reach(freedom) * error
    return gap if gap <= 1 else None


def tasks_to_decide(difference: float, deviation: float) -> int | None:
    """How many tasks in all show this difference, given the deviation between tasks; None where no number would."""
    if not difference:
        return None
    needed = (deviation / abs(difference)) ** 2
    tasks = 3
    while tasks < MOST:
        enough = ceil(needed * _reach(tasks - 1) ** 2)
        if enough <= tasks:
            return tasks
        tasks = min(enough, tasks + max(1, tasks // 8))
    return None


def trials_to_decide(
    difference: float, variances: tuple[float, float], design: tuple[int, int], *, freedom: int | None = -1
) -> int | None:
    """How many trials of each task in all show this difference on these tasks; None where only more tasks would.

    `variances` of one task's difference: that between tasks, which more trials leave as it is, and that within, at the
    `design`'s (tasks, trials). `freedom` None takes the normal's quantiles.
    """
    between, within = variances
    tasks, trials = design
    if not difference:
        return None
    reach = _reach(tasks - 1 if freedom is not None else None)
    left = tasks * (abs(difference) / reach) ** 2 - between
    if left <= 0:
        return None
    needed = ceil(trials * within / left)
    return max(needed, trials + 1) if needed < MOST else None
