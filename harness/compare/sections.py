"""Report sections of a comparison: differing facts, each model, lanes, and notes on how to read them."""

from __future__ import annotations

from collections.abc import Iterator

from harness.compare.levels import format_level, level_sentences
from harness.compare.models import (
    CellPair,
    FactDifference,
    Levels,
    ModelPair,
    QuantityComparison,
    RunComparison,
    same_answers_words,
)
from harness.compare.quantities import SPEEDS
from harness.report import MISSING, Section, Table, format_pass_rate, text_row
from harness.stats import format_k_of_n

SPEED_NAMES = tuple(speed.name for speed in SPEEDS)
LEGEND = (
    "better, worse: the interval excludes no change; a speed must also change by 5 % or more. equivalent: the whole "
    "interval is within 5 %. can't tell: neither"
)


def _format_points(share: float) -> str:
    return f"{100 * share:+.0f}"


def _format_ratio(ratio: float) -> str:
    return "<0.01" if ratio < 0.005 else f"{ratio:,.2f}"


def _format_estimate(quantity: QuantityComparison) -> str:
    if quantity.estimate is None:
        return MISSING
    low, high = quantity.low, quantity.high
    if quantity.is_ratio:
        interval = "" if low is None or high is None else f" [{_format_ratio(low)}, {_format_ratio(high)}]"
        return f"{_format_ratio(quantity.estimate)} times{interval}"
    interval = "" if low is None or high is None else f" [{_format_points(low)}, {_format_points(high)}]"
    return f"{_format_points(quantity.estimate)} points{interval}"


def _format_power(quantity: QuantityComparison) -> str:
    """The minimum detectable effect, and the sample size that would decide."""
    if quantity.is_ratio or quantity.verdict != "can't tell":
        return ""
    effect = [] if quantity.mde is None else [f"MDE {100 * quantity.mde:.0f} points"]
    sizes = ((quantity.tasks_to_decide, "tasks"), (quantity.trials_to_decide, "trials per task"))
    return "; ".join([*effect, *(f"{count} {unit} would decide" for count, unit in sizes if count is not None)])


def _overall(pair: ModelPair, levels: Levels) -> Table:
    rows = tuple(
        text_row(
            quantity.name,
            quantity.verdict,
            _format_estimate(quantity),
            format_level(levels.speeds if quantity.is_ratio else levels.pass_rates),
            str(quantity.cells),
            _format_power(quantity),
        )
        for quantity in pair.overall
    )
    return Table("Overall", ("quantity", "verdict", "against the baseline", "interval at", "cells", "power"), rows)


def _rate_row(cell: CellPair, rate: QuantityComparison) -> tuple[str, ...]:
    rates = (format_pass_rate(cell.baseline), format_pass_rate(cell.other))
    return (cell.task, *rates, rate.verdict, _format_estimate(rate))


def _speed_row(cell: CellPair) -> tuple[str, ...]:
    by_name = {quantity.name: quantity for quantity in cell.quantities}
    speeds = [by_name.get(name) for name in SPEED_NAMES]
    return (cell.task, *(MISSING if each is None else f"{_format_estimate(each)} {each.verdict}" for each in speeds))


def _task_tables(pair: ModelPair, levels: Levels) -> Iterator[Table]:
    rates = [(cell, quantity) for cell in pair.cells for quantity in cell.quantities if not quantity.is_ratio]
    if rates:
        headers = ("task", "baseline", "now", "verdict", "against the baseline")
        rows = tuple(text_row(*_rate_row(cell, rate)) for cell, rate in rates)
        title = f"Pass rate by task, intervals at {format_level(levels.pass_rates)}, verdicts corrected by Holm"
        yield Table(title, headers, rows)
    title = f"Speed by task, intervals at {format_level(levels.task_speeds)}"
    yield Table(title, ("task", *SPEED_NAMES), tuple(text_row(*_speed_row(cell)) for cell in pair.cells))


def _regressions(pair: ModelPair) -> Iterator[str]:
    """Numbers of trials that the baseline passed and the other run did not."""
    for cell in pair.cells:
        if cell.regressed.passed:
            rate = format_k_of_n(cell.regressed.passed, cell.regressed.n, f"trials of {cell.task}")
            yield f"{rate.removeprefix('in ')} regressed"
    if pair.regressed.passed:
        yield f"{pair.regressed.passed} of {pair.regressed.n} trials of all tasks regressed"


def _difference_table(title: str, differences: tuple[FactDifference, ...]) -> Table:
    rows = tuple(text_row(difference.name, difference.baseline, difference.other) for difference in differences)
    return Table(title, ("", "baseline", "now"), rows)


def _pair_section(pair: ModelPair, levels: Levels) -> Section:
    title = pair.other if pair.other == pair.baseline else f"{pair.other} against {pair.baseline}"
    differences = (_difference_table("Differences of the model", pair.differences),) if pair.differences else ()
    return Section(
        f"pair-{pair.other}",
        title,
        "" if pair.differences else "No recorded fact of this model differs.",
        (*differences, _overall(pair, levels), *_task_tables(pair, levels)),
        notes=(*_regressions(pair), *same_answers_words(pair)),
    )


def sections_of(comparison: RunComparison) -> tuple[Section, ...]:
    """The sections in the order of the report."""
    environment = Section(
        "differences",
        "Differences of the environment",
        "" if comparison.differences else "No recorded fact of Lanebench, machine, power or scorer differs.",
        (_difference_table("", comparison.differences),) if comparison.differences else (),
    )
    rows = tuple(text_row(change.lane, change.verdict, change.text) for change in comparison.lanes)
    lanes = Section("lanes", "Lanes", "", (Table("", ("lane", "recommendation", "evidence"), rows),))
    return (
        environment,
        *(_pair_section(pair, comparison.levels) for pair in comparison.pairs),
        *((lanes,) if comparison.lanes else ()),
        Section(
            "notes", "Notes", "", notes=(*comparison.warnings, *comparison.notes, LEGEND, *level_sentences(comparison))
        ),
    )
