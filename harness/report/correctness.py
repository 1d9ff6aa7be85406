"""Sections on correctness: models at a glance, pass rates, outcomes, warnings, and memory."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.brief import ANSWER_CHANGING
from harness.report.elements import Chart, Entry, IntervalRow, Point, Scatter, Section, Table, text_row
from harness.report.formatting import (
    MISSING,
    format_bytes,
    format_count,
    format_optional,
    format_pass_rate,
    format_percent,
    format_seconds,
    format_spread,
    format_suite_rate,
)
from harness.report.task_tables import cells_of, labels_of, pass_rate_bounds, skipped_counts, suite_rate_of, task_table
from harness.types import HIDDEN_ID, MIN_TRIALS, Cell, ModelSummary, Outcome, PassRate, Result

SKIPPED = "skipped"
"""Stands for a task that does not fit into the model's context."""


def _format_seconds(value: float | None) -> str:
    return MISSING if value is None else format_seconds(value)


def glance(result: Result) -> Section:
    """One row per model: pass rate, decode rate, memory and duration."""
    headers = ("model", "solved", "decode, tok/s", "memory", "time")
    rows = tuple(_glance_row(summary) for summary in result.summaries)
    points = tuple(point for summary in result.summaries if (point := _glance_point(summary)) is not None)
    scatter = Scatter(
        "Pass rate against decode rate; the whisker is the 95 % interval on tasks like these",
        "decode, tok/s (median)",
        "trials passed, %",
        points,
        y_top=100.0,
    )
    return Section(
        "glance",
        "Models at a glance",
        "Solved: trials passed of all trials of the scored tasks, whatever their outcome. A model that lacks planned "
        "trials has no rate. "
        "Decode: median over tasks and trials with its 95 % interval. "
        "Memory: of the server's process, or by how much the machine's use grew where that process was not seen. "
        "Time: of all trials together.",
        (Table("", headers, rows),),
        (scatter,) if len(points) > 1 else (),
        tuple(
            f"{label}: its rate is over other tasks; {count} did not fit into its context."
            for label, count in skipped_counts(result).items()
            if count
        ),
    )


def _glance_row(summary: ModelSummary) -> tuple[Entry, ...]:
    passed = Entry(format_count(summary.pass_rate), summary.pass_rate.rate)
    speed, memory = format_spread(summary.decode_tps), format_bytes(summary.memory.model_bytes)
    return (Entry(summary.model), passed, *text_row(speed, memory, _format_seconds(summary.total_trial_s)))


def _glance_point(summary: ModelSummary) -> Point | None:
    rate, speed = summary.pass_rate.rate, summary.decode_tps
    if rate is None or speed is None:
        return None
    return Point(summary.model, speed.median, 100 * rate, *pass_rate_bounds(summary))


def correctness(result: Result) -> Section:
    """Pass rates by task and model, and over the suite for both estimands."""
    cells = cells_of(result)
    marks = tuple(
        _rate_mark(task.name, label, cell.pass_rate)
        for task in result.tasks
        for label in labels_of(result)
        if (cell := cells.get((task.name, label))) is not None and cell.scored
    )
    suite = Table(
        "Over the suite",
        ("model", "passed", "on tasks like these", "on exactly these tasks"),
        tuple(_suite_row(summary) for summary in result.summaries),
    )
    by_task = task_table("By task", result, True, _rate_entry)
    return Section(
        "correctness",
        "Correctness",
        "Trials passed of all trials, in percent with the 95 % interval. By task: Wilson's interval. Over the suite: "
        "mean of the tasks' rates, with one interval for other tasks of this kind and one for repeating exactly these.",
        tuple(table for table in (by_task, suite, origin_table(result)) if table.rows),
        (Chart("Share of trials passed", "%", marks, top=1.0),) if marks else (),
    )


def origin_table(result: Result) -> Table:
    """Trials passed by where the tasks are from; without rows where all are from one place.

    Cases that were drawn after the answers are told from fixed ones, which are public: a model may have read those.
    """
    drawn = {trial.task for trial in result.trials if any(HIDDEN_ID.search(check.name) for check in trial.checks)}
    groups: dict[str, list[str]] = {}
    for task in result.tasks:
        if task.scored:
            own = "cases drawn after the answers" if task.name in drawn else "fixed cases"
            groups.setdefault(task.origin or own, []).append(task.name)
    cells = cells_of(result)
    rows = []
    for origin, names in groups.items():
        rates = [
            [cells[name, label].pass_rate for name in names if (name, label) in cells] for label in labels_of(result)
        ]
        rows.append((Entry(f"{origin} ({len(names)} task{'s' if len(names) > 1 else ''})"), *map(_count_entry, rates)))
    return Table("By origin", ("tasks", *labels_of(result)), tuple(rows) if len(rows) > 1 else (), by_model=True)


def _count_entry(rates: Sequence[PassRate]) -> Entry:
    """Trials passed of trials run, and the share where none is missing."""
    passed, n = sum(rate.passed for rate in rates), sum(rate.n for rate in rates)
    if not n or not all(rate.is_complete for rate in rates):
        return Entry(f"{passed}/{n}" if n else MISSING)
    return Entry(f"{passed}/{n} {format_percent(passed / n)}", passed / n)


def _rate_mark(task: str, model: str, rate: PassRate) -> IntervalRow:
    low, high = (rate.low, rate.high) if rate.n >= MIN_TRIALS else (None, None)
    return IntervalRow(f"{task} / {model}", low, rate.rate, high, format_pass_rate(rate))


def _rate_entry(cell: Cell) -> Entry:
    if not cell.scored:
        return Entry(MISSING)
    if not cell.pass_rate.planned:
        return Entry(SKIPPED)
    return Entry(format_pass_rate(cell.pass_rate), cell.pass_rate.rate, (cell.task, cell.model))


def _suite_row(summary: ModelSummary) -> tuple[Entry, ...]:
    return (
        Entry(summary.model),
        Entry(format_count(summary.pass_rate), summary.pass_rate.rate),
        Entry(format_suite_rate(suite_rate_of(summary, "tasks_like_these"), summary.pass_rate.n)),
        Entry(format_suite_rate(suite_rate_of(summary, "exactly_these_tasks"), summary.pass_rate.n)),
    )


def outcomes(result: Result) -> Section:
    """Outcomes of the trials that did not pass."""
    rows = tuple(
        text_row(cell.task, cell.model, _not_passed(cell.pass_rate), _outcome_counts(cell))
        for cell in result.cells
        if any(count for name, count in cell.outcomes.items() if name != Outcome.PASSED)
    )
    table = Table("", ("task", "model", "not passed", "outcomes"), rows)
    was_run = any(cell.outcomes for cell in result.cells)
    without_rows = "Every trial passed." if was_run else "No trial was run."
    return Section(
        "outcomes",
        "Outcomes",
        "Every trial counts, including those that ended in a server error." if rows else without_rows,
        (table,) if rows else (),
    )


def _not_passed(rate: PassRate) -> str:
    return f"{rate.n - rate.passed} of {rate.n}"


def _outcome_counts(cell: Cell) -> str:
    return ", ".join(f"{name} {cell.outcomes[name]}" for name in map(str, Outcome) if cell.outcomes.get(name))


def warnings(result: Result) -> Section:
    """The warnings of the result with their codes; those that may change the answer stand first."""
    ordered = sorted(result.warnings, key=lambda warning: warning.code not in ANSWER_CHANGING)
    notes = tuple(f"{warning.text} [{warning.code}]" for warning in ordered)
    return Section("warnings", "Warnings", "" if notes else "None.", notes=notes)


def memory(result: Result) -> Section:
    """Memory before, during and after each model's trials, load time and the time of all trials."""
    headers = ("model", "before", "loaded", "after", "method", "load", "time")
    return Section(
        "memory",
        "Memory and time",
        "Suite time: seconds spent in the model's trials, without warm-ups and pauses.",
        (Table("", headers, tuple(_memory_row(summary) for summary in result.summaries)),),
    )


def _memory_row(summary: ModelSummary) -> tuple[Entry, ...]:
    use = summary.memory
    sizes = map(format_bytes, (use.before_bytes, use.loaded_bytes, use.after_bytes))
    times = map(_format_seconds, (summary.load_s, summary.total_trial_s))
    return text_row(summary.model, *sizes, format_optional(use.method), *times)
