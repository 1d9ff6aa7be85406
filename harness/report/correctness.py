"""The sections on right and wrong: the models at a glance, correctness, and how trials ended that did not pass."""

from __future__ import annotations

from harness.report.elements import Chart, Entry, Mark, Point, Scatter, Section, Table, line
from harness.report.formatting import NOTHING, count_words, known, rate_words, seconds, size, spread_words, suite_words
from harness.report.task_tables import cells_of, labels_of, task_table
from harness.types import Cell, MemoryUse, ModelSummary, Outcome, Rate, Result, SuiteRate


def _memory_words(memory: MemoryUse) -> str:
    return NOTHING if memory.loaded_bytes is None else size(memory.loaded_bytes)


def _glance_row(summary: ModelSummary) -> tuple[Entry, ...]:
    solved = Entry(count_words(summary.solved), summary.solved.rate)
    return (
        Entry(summary.model),
        solved,
        *line(
            spread_words(summary.decode_tps),
            _memory_words(summary.memory),
            NOTHING if summary.suite_s is None else seconds(summary.suite_s),
        ),
    )


def glance(result: Result) -> Section:
    """One line a model: solved, speed, memory, time."""
    headers = ("model", "solved", "decode, tok/s", "memory", "suite time")
    rows = tuple(_glance_row(summary) for summary in result.summaries)
    points = tuple(point for summary in result.summaries if (point := _glance_point(summary)) is not None)
    scatter = Scatter(
        "Solved against speed; the whisker is the 95 % interval on tasks like these",
        "decode, tok/s (median)",
        "trials solved, %",
        points,
        y_top=100.0,
    )
    return Section(
        "glance",
        "The models at a glance",
        "Solved: trials passed over every trial of the scored tasks, whatever way they ended. "
        "Decode: median over tasks and trials with its 95 % interval.",
        (Table("", headers, rows),),
        (scatter,) if len(points) > 1 else (),
    )


def _glance_point(summary: ModelSummary) -> Point | None:
    rate, speed = summary.solved.rate, summary.decode_tps
    if rate is None or speed is None:
        return None
    like = _suite_rate(summary, "tasks_like_these")
    bounds = (like.low, like.high) if like is not None and like.rate == rate else (None, None)
    low, high = (None if bound is None else 100 * bound for bound in bounds)
    return Point(summary.model, speed.median, 100 * rate, low, high)


def _correct(cell: Cell) -> Entry:
    if not cell.scored:
        return Entry(NOTHING)
    return Entry(rate_words(cell.rate), cell.rate.rate, (cell.task, cell.model))


def _suite_rate(summary: ModelSummary, estimand: str) -> SuiteRate | None:
    return next((rate for rate in summary.suite_rates if rate.estimand == estimand), None)


def _suite_row(summary: ModelSummary) -> tuple[Entry, ...]:
    like, exact = (_suite_rate(summary, name) for name in ("tasks_like_these", "exactly_these_tasks"))
    return (
        Entry(summary.model),
        Entry(count_words(summary.solved), summary.solved.rate),
        Entry(suite_words(like)),
        Entry(suite_words(exact)),
    )


def _rate_mark(task: str, model: str, rate: Rate) -> Mark:
    return Mark(f"{task} / {model}", rate.low, rate.rate, rate.high, rate_words(rate))


def correctness(result: Result) -> Section:
    """k of n by task and model, and over the suite with the question named that the interval answers."""
    cells = cells_of(result)
    marks = tuple(
        _rate_mark(task.name, label, cell.rate)
        for task in result.tasks
        for label in labels_of(result)
        if (cell := cells.get((task.name, label))) is not None and cell.scored
    )
    suite = Table(
        "Over the suite",
        ("model", "solved", "on tasks like these", "on exactly these tasks"),
        tuple(_suite_row(summary) for summary in result.summaries),
    )
    tables = tuple(table for table in (task_table("By task", result, True, _correct), suite) if table.rows)
    return Section(
        "correctness",
        "Correctness",
        "Passed of all trials, in per cent with the 95 % interval (Wilson by task; over the suite, of task means).",
        tables,
        (Chart("Share of trials passed", "%", marks, top=1.0),) if marks else (),
    )


def _ended(cell: Cell) -> str:
    parts = [f"{name} {cell.outcomes[name]}" for name in map(str, Outcome) if cell.outcomes.get(name)]
    return ", ".join(parts)


def outcomes(result: Result) -> Section:
    """How trials ended that did not pass; nothing here is left out of a denominator."""
    rows = tuple(
        line(cell.task, cell.model, f"{cell.rate.n - cell.rate.passed} of {cell.rate.n}", _ended(cell))
        for cell in result.cells
        if any(count for name, count in cell.outcomes.items() if name != Outcome.PASSED)
    )
    table = Table("", ("task", "model", "not passed", "how they ended"), rows)
    return Section(
        "outcomes",
        "How trials ended",
        "Every trial counts, also one that the server broke off." if rows else "Every trial passed.",
        (table,) if rows else (),
    )


def warnings(result: Result) -> Section:
    """What a reader must know before believing a number."""
    notes = tuple(f"{caveat.text} [{caveat.code}]" for caveat in result.warnings)
    return Section("warnings", "Warnings", "" if notes else "None.", notes=notes)


def memory(result: Result) -> Section:
    """Memory around each model's trials, and how long its part of the suite took."""
    rows = tuple(_memory_row(summary) for summary in result.summaries)
    headers = ("model", "before", "loaded", "after", "measured", "load", "suite time")
    return Section(
        "memory",
        "Memory and suite time",
        "Suite time: seconds spent in the model's trials, warm-ups and pauses left out.",
        (Table("", headers, rows),),
    )


def _memory_row(summary: ModelSummary) -> tuple[Entry, ...]:
    use = summary.memory
    sizes = [
        NOTHING if value is None else size(value) for value in (use.before_bytes, use.loaded_bytes, use.after_bytes)
    ]
    load = NOTHING if summary.load_s is None else seconds(summary.load_s)
    suite = NOTHING if summary.suite_s is None else seconds(summary.suite_s)
    return line(summary.model, *sizes, known(use.method), load, suite)
