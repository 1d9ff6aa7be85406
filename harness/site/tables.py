"""The tables of a site's pages. COLUMNS declares each column once; a page leaves out what all of its rows share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from harness.report import (
    MISSING,
    Entry,
    Table,
    format_bytes,
    format_estimate,
    format_pass_rate,
    format_percent,
    format_seconds_estimate,
)
from harness.site.links import Links
from harness.site.rows import MAX_ROWS, SiteRow
from harness.types import MIN_TRIALS, PassRate

MAX_NOTE = f"Only the newest {MAX_ROWS:,} rows are shown; site.parquet has all."


@dataclass(frozen=True, slots=True)
class SiteColumn:
    """One column: its key, the header, and its entry in a row. `of` says whose rows have it: models, cells or both."""

    key: str
    header: str
    of: str
    entry: Callable[[SiteRow, Links], Entry]


def _name(row: SiteRow) -> str:
    """What tells settings of a model apart: its label, weights and thinking."""
    parts = [row.label if row.label != row.model else "", row.quantization or ""]
    parts.append("" if row.thinking == "default" else f"thinking {row.thinking}")
    return ", ".join(part for part in parts if part) or MISSING


def solved_entry(row: SiteRow) -> Entry:
    """Trials passed of trials run; of one task with the interval, where it has enough of them."""
    if row.scored is False:
        return Entry("speed only")
    if row.task is None:
        return Entry(f"{row.passed}/{row.n}" if row.n else MISSING)
    planned = row.n if row.planned is None else row.planned
    return Entry(format_pass_rate(PassRate(row.passed, row.n, planned, row.rate, row.low, row.high)))


def speed_entry(row: SiteRow) -> Entry:
    """The median decode rate with its interval and number of trials."""
    return Entry(format_estimate(row.decode_tps, (row.decode_low, row.decode_high), row.decode_n))


def _suite_rate(row: SiteRow) -> Entry:
    """The rate on tasks like these; its interval only where the trials of a task carry one."""
    if row.rate is None or not row.tasks:
        return Entry(MISSING)
    shown = row.low is not None and row.high is not None and row.n // row.tasks >= MIN_TRIALS
    interval = f" [{round(100 * (row.low or 0))}, {round(100 * (row.high or 0))}]" if shown else ""
    return Entry(f"{format_percent(row.rate)}{interval} {row.tasks} task{'' if row.tasks == 1 else 's'}")


COLUMNS: tuple[SiteColumn, ...] = (
    SiteColumn("machine", "machine", "both", lambda row, links: links.machine(row.machine)),
    SiteColumn("model", "model", "both", lambda row, links: links.model(row.model)),
    SiteColumn("setting", "setting", "both", lambda row, links: Entry(_name(row))),
    SiteColumn("server", "server", "both", lambda row, links: links.server(row.server)),
    SiteColumn("task", "task", "cells", lambda row, links: links.task(row.task or "")),
    SiteColumn("solved", "solved", "both", lambda row, links: solved_entry(row)),
    SiteColumn("rate", "on tasks like these", "models", lambda row, links: _suite_rate(row)),
    SiteColumn("decode", "decode, tok/s", "both", lambda row, links: speed_entry(row)),
    SiteColumn(
        "ttft",
        "TTFT, cold",
        "both",
        lambda row, links: Entry(format_seconds_estimate(row.ttft_s, (row.ttft_low, row.ttft_high), row.ttft_n)),
    ),
    SiteColumn("memory", "memory", "models", lambda row, links: Entry(format_bytes(row.loaded_bytes))),
    SiteColumn("level", "verified", "both", lambda row, links: Entry(row.level or "readable", badge=True)),
    SiteColumn("result", "result", "both", lambda row, links: links.result(row)),
)


def rows_table(title: str, rows: Sequence[SiteRow], links: Links, without: Collection[str] = ()) -> Table:
    """The rows of models or of cells as a table, without the columns of these keys."""
    of = "models" if rows and rows[0].task is None else "cells"
    columns = [column for column in COLUMNS if column.of in ("both", of) and column.key not in without]
    return Table(
        title,
        tuple(column.header for column in columns),
        tuple(tuple(column.entry(row, links) for column in columns) for row in rows),
    )
