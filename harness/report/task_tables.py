"""Tables with a line for each task (and turn) and a column for each model."""

from __future__ import annotations

from collections.abc import Callable

from harness.report.elements import Entry, Table
from harness.report.formatting import NOTHING
from harness.types import Cell, Result, TurnSpeeds

NOT_RUN = "not run"

MOVED = "~"
"""Behind a speed of which some trials ran on a machine of another speed, as their block's canary showed."""
MOVED_LEGEND = f" {MOVED}: in some of its trials the canary was more than 5 % off."

Cells = dict[tuple[str, str], Cell]
"""(task, model) -> its cell."""
Words = Callable[[TurnSpeeds], str]


def cells_of(result: Result) -> Cells:
    """Every cell by its task and model."""
    return {(cell.task, cell.model): cell for cell in result.cells}


def labels_of(result: Result) -> tuple[str, ...]:
    """The models in the order of the config."""
    return tuple(model.label for model in result.models)


def task_table(title: str, result: Result, scored: bool, entry: Callable[[Cell], Entry]) -> Table:
    """A line a task; with `scored` only those that have a right and a wrong."""
    cells, labels, rows = cells_of(result), labels_of(result), []
    for task in result.tasks:
        line = [cells.get((task.name, label)) for label in labels]
        if scored and not any(cell.scored for cell in line if cell is not None):
            continue
        shown = (Entry(NOT_RUN) if cell is None else entry(cell) for cell in line)
        rows.append((Entry(task.name), *shown))
    return Table(title, ("task", *labels), tuple(rows), by_model=True)


def turns_of(cells: Cells, task: str) -> tuple[int, ...]:
    """The turns that any model has speeds for in a task."""
    found = {speeds.turn for (name, _), cell in cells.items() if name == task for speeds in cell.turns}
    return tuple(sorted(found))


def speeds_of(cell: Cell | None, turn: int) -> TurnSpeeds | None:
    """The speeds of one turn of a cell."""
    return next((speeds for speeds in cell.turns if speeds.turn == turn), None) if cell else None


def turn_name(task: str, turn: int, turns: tuple[int, ...]) -> str:
    """The task, and the turn (from 1) where there are several."""
    return f"{task}, turn {turn + 1}" if len(turns) > 1 else task


def _shown(cell: Cell | None, turn: int, words: Words, *, timed: bool) -> str:
    speeds = speeds_of(cell, turn)
    text = NOTHING if speeds is None else words(speeds)
    return f"{text} {MOVED}" if timed and cell and cell.moved_trials and text != NOTHING else text


def moved_legend(result: Result) -> str:
    """What the mark means, where a cell bears it."""
    return MOVED_LEGEND if any(cell.moved_trials for cell in result.cells) else ""


def turn_table(
    title: str, result: Result, words: Words, *, cold_only: bool = False, timed: bool = True
) -> Table | None:
    """A line a task and turn; None when no model has anything to tell in it. `timed` figures bear the canary's mark."""
    cells, labels, rows = cells_of(result), labels_of(result), []
    for task in result.tasks:
        turns = turns_of(cells, task.name)
        for turn in turns[:1] if cold_only else turns:
            line = [cells.get((task.name, label)) for label in labels]
            shown = [_shown(cell, turn, words, timed=timed) for cell in line]
            if any(text != NOTHING for text in shown):
                rows.append((Entry(turn_name(task.name, turn, turns)), *map(Entry, shown)))
    return Table(title, ("task", *labels), tuple(rows), by_model=True) if rows else None
