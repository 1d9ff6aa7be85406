"""What a section is made of. Texts are still foreign here: each renderer escapes them in its own way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of a table. `share` (0..1) is drawn behind the text where a page can draw; `cell` is the (task, model)
    whose trials a page can lead to."""

    text: str
    share: float | None = None
    cell: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headers. `by_model`: every column but the first is a model, so they may be split into groups."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    by_model: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """One line of a chart: a value with its interval, None where nothing was measured; `text` says it in words."""

    label: str
    low: float | None
    middle: float | None
    high: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Marks on one common axis from 0 to `top` (the largest mark when None)."""

    title: str
    unit: str
    marks: tuple[Mark, ...]
    top: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A model in a scatter: x with no interval, y with its interval where there is one."""

    label: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Scatter:
    """Models by two quantities, both axes from 0; a top ends its axis elsewhere than at its largest point."""

    title: str
    x_name: str
    y_name: str
    points: tuple[Point, ...]
    x_top: float | None = None
    y_top: float | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One heading of the report. `notes` stand under the tables."""

    key: str
    title: str
    lead: str
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart | Scatter, ...] = ()
    notes: tuple[str, ...] = ()


def line(*texts: str) -> tuple[Entry, ...]:
    """A row of plain entries."""
    return tuple(Entry(text) for text in texts)
