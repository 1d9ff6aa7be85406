"""Report sections as plain text for a terminal, with every character that could control the terminal escaped."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from harness.report.elements import Section, Table
from harness.report.escaping import plain_text
from harness.report.sections import banners_of, sections_of, title_of
from harness.types import Result

WIDTH = 118
MIN_COLUMN_WIDTH = 12
MODELS_PER_TABLE = 4


def split_by_models(table: Table, max_models: int) -> tuple[Table, ...]:
    """Split a table with one column per model into tables of at most `max_models` models."""
    if not table.by_model or len(table.headers) <= max_models + 1:
        return (table,)
    groups = range(1, len(table.headers), max_models)
    return tuple(
        Table(
            table.title if start == 1 else f"{table.title} (more models)",
            (table.headers[0], *table.headers[start : start + max_models]),
            tuple((row[0], *row[start : start + max_models]) for row in table.rows),
            by_model=True,
        )
        for start in groups
    )


def _widths(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """The width of each column: its longest text, with the widest columns reduced until the line fits."""
    # tabulate adds two spaces to a header.
    widths = [max(len(header) + 2, *(len(row[at]) for row in rows), 0) for at, header in enumerate(headers)]
    available = WIDTH - 2 * (len(headers) - 1)
    while sum(widths) > available and max(widths) > MIN_COLUMN_WIDTH:
        widths[widths.index(max(widths))] -= 1
    return widths


def _wrap(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width, break_on_hyphens=False)) if len(text) > width else text


def _table(table: Table) -> list[str]:
    from tabulate import tabulate

    headers = [plain_text(header) for header in table.headers]
    rows = [[plain_text(entry.text) for entry in row] for row in table.rows]
    widths = _widths(headers, rows)
    wrapped = [[_wrap(text, width) for text, width in zip(row, widths, strict=True)] for row in (headers, *rows)]
    drawn = tabulate(wrapped[1:], wrapped[0], tablefmt="simple", disable_numparse=True)
    return [*([f"{table.title}:"] if table.title else []), *(text.rstrip() for text in drawn.splitlines()), ""]


def _bullet(note: str) -> list[str]:
    return textwrap.wrap(plain_text(note), WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _section(section: Section) -> list[str]:
    title = plain_text(section.title)
    lines = [title, "=" * len(title), *textwrap.wrap(plain_text(section.lead), WIDTH)]
    lines += [""] if section.lead else []
    for table in section.tables:
        for part in split_by_models(table, MODELS_PER_TABLE):
            lines += _table(part)
    for note in section.notes:
        lines += _bullet(note)
    return [*lines, *([""] if section.notes else [])]


def render_text_sections(title: str, sections: Sequence[Section], banners: Sequence[str] = ()) -> str:
    """Render sections under a title, in lines of at most WIDTH columns unless a name is longer."""
    marked = [line for banner in banners for line in textwrap.wrap(plain_text(banner), WIDTH, break_on_hyphens=False)]
    lines = [plain_text(title), *marked, ""]
    for section in sections:
        lines += _section(section)
    lines += marked
    return "\n".join(lines).rstrip() + "\n"


def render_text(result: Result) -> str:
    """Render the whole report as text."""
    return render_text_sections(title_of(result), sections_of(result), banners_of(result))
