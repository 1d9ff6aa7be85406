"""A comparison as the sections that the reports are made of."""

from __future__ import annotations

from collections.abc import Iterator

from harness.compare.models import CellPair, Compared, ModelPair, Quantity, Unlike
from harness.compare.quantities import SPEEDS
from harness.report import NOTHING, Section, Table, line, rate_words
from harness.stats import k_of_n

SPEED_NAMES = tuple(speed.name for speed in SPEEDS)
SHORT = {"no difference that matters": "same", "can't tell": "?", "better": "better", "worse": "worse"}
LEGEND = (
    "better and worse are said where a 95 % interval leaves no room for the other and, of a speed, where it is 5 % or "
    "more; same: no difference that matters; ?: can't tell. Task by task all tasks are allowed for (Holm, Bonferroni)"
)


def _points(share: float) -> str:
    return f"{100 * share:+.0f}"


def _figure(one: Quantity) -> str:
    if one.figure is None:
        return NOTHING
    if one.is_ratio:
        bounds = "" if one.low is None or one.high is None else f" [{one.low:.2f}, {one.high:.2f}]"
        return f"{one.figure:.2f} times{bounds}"
    bounds = "" if one.low is None or one.high is None else f" [{_points(one.low)}, {_points(one.high)}]"
    return f"{_points(one.figure)} points{bounds}"


def _would_decide(one: Quantity) -> str:
    if one.is_ratio or one.word != "can't tell":
        return ""
    seen = [] if one.smallest_gap is None else [f"sees {100 * one.smallest_gap:.0f} points"]
    needed = [
        f"{count} {what} would decide"
        for count, what in ((one.tasks_to_decide, "tasks"), (one.trials_to_decide, "trials a task"))
        if count is not None
    ]
    return "; ".join([*seen, *needed])


def _overall(pair: ModelPair) -> Table:
    rows = tuple(line(one.name, one.word, _figure(one), str(one.cells), _would_decide(one)) for one in pair.overall)
    return Table("Overall", ("quantity", "verdict", "against the baseline", "cells", "this design"), rows)


def _rate_row(cell: CellPair, rate: Quantity) -> tuple[str, ...]:
    return (cell.task, rate_words(cell.baseline), rate_words(cell.other), rate.word, _figure(rate))


def _speed_row(cell: CellPair) -> tuple[str, ...]:
    by_name = {one.name: one for one in cell.quantities}
    speeds = [by_name.get(name) for name in SPEED_NAMES]
    return (cell.task, *(NOTHING if one is None else f"{_figure(one)} {SHORT[one.word]}" for one in speeds))


def _cells(pair: ModelPair) -> Iterator[Table]:
    rates = [(cell, one) for cell in pair.cells for one in cell.quantities if not one.is_ratio]
    if rates:
        headers = ("task", "baseline", "now", "verdict", "against the baseline")
        yield Table("Correctness, task by task", headers, tuple(line(*_rate_row(cell, one)) for cell, one in rates))
    yield Table("Speed, task by task", ("task", *SPEED_NAMES), tuple(line(*_speed_row(cell)) for cell in pair.cells))


def _regressions(pair: ModelPair) -> Iterator[str]:
    """Trials that the baseline passed and this one did not, where there are any."""
    for cell in pair.cells:
        if cell.regressed.passed:
            yield f"{cell.task} regresses {k_of_n(cell.regressed.passed, cell.regressed.n)}"
    if pair.regressed.passed:
        yield f"over all tasks {pair.regressed.passed} of {pair.regressed.n} trials regress"


def _differs(title: str, unlike: tuple[Unlike, ...]) -> Table:
    return Table(title, ("", "baseline", "now"), tuple(line(one.name, one.baseline, one.other) for one in unlike))


def _of_pair(pair: ModelPair) -> Section:
    name = pair.other if pair.other == pair.baseline else f"{pair.other} against {pair.baseline}"
    differing = (_differs("What differs of the model", pair.unlike),) if pair.unlike else ()
    return Section(
        f"pair-{pair.other}",
        name,
        "" if pair.unlike else "Nothing that the files state differs of this model.",
        (*differing, _overall(pair), *_cells(pair)),
        notes=tuple(_regressions(pair)),
    )


def sections_of(compared: Compared) -> tuple[Section, ...]:
    """What differs, each model, the lanes, and what to keep in mind."""
    around = Section(
        "differs",
        "What differs around the models",
        "" if compared.unlike else "Nothing that the files state: kit, machine, power, scorer.",
        (_differs("", compared.unlike),) if compared.unlike else (),
    )
    lanes = Table(
        "", ("lane", "confidence", "numbers"), tuple(line(one.lane, one.word, one.text) for one in compared.lanes)
    )
    return (
        around,
        *map(_of_pair, compared.pairs),
        *((Section("lanes", "Lanes", "", (lanes,)),) if compared.lanes else ()),
        Section("notes", "To keep in mind", "", notes=(*compared.notes, LEGEND)),
    )
