"""Corrections of one comparison of two runs for its number of verdicts, and for the looks of a sequential run.

`levels_of` gives the confidence levels of its intervals, `hold_pass_rates` withdraws verdicts on pass rates, and
`level_sentences` says both. Pass rates have Holm's correction: those over all tasks, each estimand for itself as in a
run, for the pairs of models, and those of single tasks for all tasks of all pairs. Speeds have that of Bonferroni: half
of the error is for those over all tasks, half for those of single tasks, so that at most 5 % of comparisons of equal
models have any false verdict on a speed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import floor, log10

from harness.compare.models import Levels, ModelPair, QuantityComparison, RunComparison
from harness.compare.quantities import SPEEDS
from harness.stats import holm
from harness.summarize import adjusted_p, claim_level
from harness.types import SIGNIFICANCE, Result

_Place = tuple[int, str | None, str]
"""Of a pass rate: the number of its pair of models, its task (None over all tasks), its name."""
_BY_TASK = "by task"


def levels_of(results: Sequence[Result], pairs: int, cells: int) -> Levels:
    """The levels for so many pairs of models, with so many tasks of all pairs together; of both runs the stricter."""
    level = max(map(claim_level, results))
    error = (1 - level) / 2 / len(SPEEDS)
    pass_rate_power = 1 - (1 - level) / max(1, pairs)
    return Levels(level, 1 - error / max(1, pairs), 1 - error / max(1, cells), pass_rate_power)


def hold_pass_rates(pairs: Sequence[ModelPair], results: Sequence[Result]) -> tuple[ModelPair, ...]:
    """The pairs with adjusted p-values of their pass rates, and without the verdicts that are no longer significant."""
    families: dict[str, dict[_Place, QuantityComparison]] = {}
    for at, pair in enumerate(pairs):
        for rate in _rates(pair.overall):
            families.setdefault(rate.name, {})[at, None, rate.name] = rate
        for cell in pair.cells:
            families.setdefault(_BY_TASK, {}).update(
                {(at, cell.task, rate.name): rate for rate in _rates(cell.quantities)}
            )
    held = {place: rate for family in families.values() for place, rate in _held(family, results)}

    def hold(at: int, task: str | None, quantities: Sequence[QuantityComparison]) -> tuple[QuantityComparison, ...]:
        return tuple(held.get((at, task, quantity.name), quantity) for quantity in quantities)

    return tuple(
        replace(
            pair,
            overall=hold(at, None, pair.overall),
            cells=tuple(replace(cell, quantities=hold(at, cell.task, cell.quantities)) for cell in pair.cells),
        )
        for at, pair in enumerate(pairs)
    )


def _rates(quantities: Sequence[QuantityComparison]) -> Iterator[QuantityComparison]:
    return (quantity for quantity in quantities if not quantity.is_ratio)


def _held(
    family: Mapping[_Place, QuantityComparison], results: Sequence[Result]
) -> Iterator[tuple[_Place, QuantityComparison]]:
    p_values = [
        1.0 if rate.p is None else max(adjusted_p(each, rate.p) for each in results) for rate in family.values()
    ]
    for (place, rate), p in zip(family.items(), holm(p_values), strict=True):
        adjusted = replace(rate, p=None if rate.p is None else p)
        if p > SIGNIFICANCE:
            adjusted = replace(adjusted, verdict="can't tell")
        elif rate.verdict != "can't tell":
            adjusted = replace(adjusted, tasks_to_decide=None, trials_to_decide=None)
        yield place, adjusted


def format_level(level: float) -> str:
    """A confidence level with two significant digits of its error: 95 %, 99.17 %."""
    error = 100 * (1 - level)
    digits = max(0, 1 - floor(log10(error))) if error > 0 else 0
    text = f"{100 - error:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def level_sentences(comparison: RunComparison) -> Iterator[str]:
    """What the intervals and verdicts of a comparison are corrected for."""
    levels = comparison.levels
    yield (
        f"Intervals of pass rates are at {format_level(levels.pass_rates)}, those of speeds at "
        f"{format_level(levels.speeds)} over all tasks and at {format_level(levels.task_speeds)} by task"
    )
    yield (
        "Verdicts are corrected for their number in this comparison: pass rates over all tasks for the pairs of "
        "models, those by task for all tasks of all pairs (Holm); speeds for all of them, over all tasks and by task "
        "(Bonferroni)"
    )
