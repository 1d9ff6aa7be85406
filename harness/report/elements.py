"""Building blocks of a report section: tables, charts and scatter plots.

Strings here are raw and may come from untrusted files; each renderer escapes them for its own format.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of a table. Pages draw `share` (0 to 1) as a bar behind the text and link `cell` to its trials.

    `href` is an address that the text links to; with `badge` it is drawn as a label.
    """

    text: str
    share: float | None = None
    cell: tuple[str, str] | None = None
    href: str | None = None
    badge: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headers. `by_model`: every column but the first is a model, so the table may be split by columns."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    by_model: bool = False


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One line of a chart: a value with its interval, None if not measured; `text` is the formatted value."""

    label: str
    low: float | None
    middle: float | None
    high: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Marks on one common axis from 0 to `top`, by default the largest mark."""

    title: str
    unit: str
    marks: tuple[IntervalRow, ...]
    top: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One model in a scatter plot; `low` and `high` are the interval of y."""

    label: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Scatter:
    """Models by two quantities, on axes from 0 to the tops, by default the largest points."""

    title: str
    x_name: str
    y_name: str
    points: tuple[Point, ...]
    x_top: float | None = None
    y_top: float | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One heading of the report: lead paragraph, tables, charts, and notes below them."""

    key: str
    title: str
    lead: str
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart | Scatter, ...] = ()
    notes: tuple[str, ...] = ()


def text_row(*texts: str) -> tuple[Entry, ...]:
    """A row of plain entries."""
    return tuple(Entry(text) for text in texts)
