"""How many bugs that packages had a model fixed, how many of their twins, and the gap between the two.

`twin_gaps` is the entry point. A twin is a bug of our own in the same package: nobody can remember its fix. A bug and
its twin are a pair, and the pair is the unit of the gap's interval, since a package is as easy to read for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.stats import Count, difference_on_tasks_like_these
from harness.summarize.cells import Trials, by_cell
from harness.types import TWIN, Result, TrialResult, TwinGap


def twin_gaps(result: Result) -> tuple[TwinGap, ...]:
    """The gap of each model in each form in which it was asked for such bugs."""
    return tuple(_twin_gaps(result, by_cell(result)))


def is_fixed(trial: TrialResult) -> bool:
    """Whether all checks pass that fail with the bug, whatever else was broken."""
    checks = [check for check in trial.checks if check.name.startswith("fixed/")]
    return bool(checks) and all(check.passed for check in checks)


def _twin_gaps(result: Result, trials: Trials) -> Iterator[TwinGap]:
    for scorer, bugs in result.bugs_with_twins.items():
        for model in result.models:
            halves = [[_count(trials.get((model.label, name), ())) for name in (bug, bug + TWIN)] for bug in bugs]
            if any(n for pair in halves for _, n in pair):
                yield _gap(model.label, scorer, [(bug, twin) for bug, twin in halves])


def _gap(model: str, scorer: str, counts: Sequence[tuple[Count, Count]]) -> TwinGap:
    paired = [(bug, twin) for bug, twin in counts if bug[1] and twin[1]]
    found = difference_on_tasks_like_these(paired)
    low, high = found.interval or (None, None)
    bugs_fixed, twins_fixed = (sum(pair[half][0] for pair in counts) for half in (0, 1))
    bugs, twins = (sum(pair[half][1] for pair in counts) for half in (0, 1))
    gap = found.difference if paired else None
    return TwinGap(model, scorer, bugs_fixed, bugs, twins_fixed, twins, len(paired), gap, low, high, found.verdict)


def _count(trials: Sequence[TrialResult]) -> Count:
    return sum(map(is_fixed, trials)), len(trials)
