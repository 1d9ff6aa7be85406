"""Tables with one row per task (and turn) and one column per model; what several sections derive from a summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isclose

from harness.report.elements import Entry, Table
from harness.report.formatting import MISSING
from harness.types import MIN_TRIALS, Cell, Estimand, ModelSummary, Result, SuiteRate, TaskInfo, TurnSpeeds

NOT_RUN = "not run"

DRIFT_MARK = "~"
"""Follows a speed of which some trials belong to a block whose canary was off."""
DRIFT_LEGEND = f" {DRIFT_MARK}: in some of the trials the canary's decode rate deviated by more than 5 %."

Cells = dict[tuple[str, str], Cell]
"""(task, model) -> its cell."""
FormatSpeeds = Callable[[TurnSpeeds], str]


def cells_of(result: Result) -> Cells:
    """Every cell by its task and model."""
    return {(cell.task, cell.model): cell for cell in result.cells}


def labels_of(result: Result) -> tuple[str, ...]:
    """The models in the order of the config."""
    return tuple(model.label for model in result.models)


def task_table(title: str, result: Result, scored: bool, entry: Callable[[Cell], Entry]) -> Table:
    """One row per task, with `scored` only for scored tasks."""
    cells, labels, rows = cells_of(result), labels_of(result), []
    for task in result.tasks:
        row = [cells.get((task.name, label)) for label in labels]
        if scored and not any(cell.scored for cell in row if cell is not None):
            continue
        rows.append((Entry(task.name), *(Entry(NOT_RUN) if cell is None else entry(cell) for cell in row)))
    return Table(title, ("task", *labels), tuple(rows), by_model=True)


def suite_rate_of(summary: ModelSummary, estimand: Estimand) -> SuiteRate | None:
    """A model's rate over the suite as an estimate of one quantity."""
    return next((rate for rate in summary.suite_rates if rate.estimand == estimand), None)


def pass_rate_bounds(summary: ModelSummary) -> tuple[float | None, float | None]:
    """The 95 % interval, in percent, of a model's pass rate on tasks like these; None where there is none.

    It is that of the mean over the tasks. Where tasks have unequal numbers of trials, the share of all trials is
    another number, which it may not even include.
    """
    suite, share = suite_rate_of(summary, "tasks_like_these"), summary.pass_rate
    if suite is None or suite.rate is None or suite.low is None or suite.high is None:
        return None, None
    # The two are sums in another order, which differ in the last digit.
    if share.rate is None or share.n < MIN_TRIALS or not isclose(suite.rate, share.rate, abs_tol=1e-9):
        return None, None
    return 100 * suite.low, 100 * suite.high


def skipped_counts(result: Result) -> Mapping[str, int]:
    """How many scored tasks each model skipped: its pass rate is over other tasks than that of another model."""
    scored = {task.name for task in result.tasks if task.scored}
    return {model.label: sum(each.task in scored for each in model.skipped) for model in result.models}


def turns_of(cells: Cells, task: str) -> tuple[int, ...]:
    """The turns of a task for which any model has speeds."""
    turns = {speeds.turn for (name, _), cell in cells.items() if name == task for speeds in cell.turns}
    return tuple(sorted(turns))


def speeds_of(cell: Cell | None, turn: int) -> TurnSpeeds | None:
    """The speeds of one turn of a cell."""
    return next((speeds for speeds in cell.turns if speeds.turn == turn), None) if cell else None


def turn_name(task: TaskInfo, turn: int, turns: tuple[int, ...]) -> str:
    """The task and, if it has several turns, the number of the turn; an agent's later requests are one.

    The requests of concurrent clients are numbered through all groups.
    """
    if task.for_agents:
        return f"{task.name}, {'later requests' if turn else 'first request'}"
    if task.clients:
        return f"{task.name}, request {turn + 1}"
    return f"{task.name}, turn {turn + 1}" if len(turns) > 1 else task.name


def _format_turn(cell: Cell | None, turn: int, format_speeds: FormatSpeeds, *, timed: bool) -> str:
    speeds = speeds_of(cell, turn)
    text = MISSING if speeds is None else format_speeds(speeds)
    return f"{text} {DRIFT_MARK}" if timed and cell and cell.drifted_trials and text != MISSING else text


def drift_legend(result: Result) -> str:
    """The explanation of DRIFT_MARK if a cell has it, else an empty string."""
    return DRIFT_LEGEND if any(cell.drifted_trials for cell in result.cells) else ""


def turn_table(
    title: str, result: Result, format_speeds: FormatSpeeds, *, cold_only: bool = False, timed: bool = True
) -> Table | None:
    """One row per task and turn with a value; None without any. `timed` values get the mark of a drifted canary."""
    cells, labels, rows = cells_of(result), labels_of(result), []
    for task in result.tasks:
        turns = turns_of(cells, task.name)
        for turn in turns[:1] if cold_only else turns:
            texts = [_format_turn(cells.get((task.name, label)), turn, format_speeds, timed=timed) for label in labels]
            if any(text != MISSING for text in texts):
                rows.append((Entry(turn_name(task, turn, turns)), *map(Entry, texts)))
    return Table(title, ("task", *labels), tuple(rows), by_model=True) if rows else None
