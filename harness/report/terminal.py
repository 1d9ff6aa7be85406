"""Sections as text for a terminal. Names may be foreign: what could steer a terminal is spelled out instead."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence

from tabulate import tabulate

from harness.report.elements import Section, Table
from harness.report.sections import sections_of, simulation_banner, title_of
from harness.types import Result

WIDTH = 118
MODELS_ABREAST = 4
_STEERING = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def plain_text(foreign: str) -> str:
    """One line without escapes: control, format and bidirectional marks, lone surrogates as `\\x1b`, `\\u202e`."""
    return "".join(
        char.encode("unicode_escape", "surrogatepass").decode("ascii")
        if unicodedata.category(char) in _STEERING
        else char
        for char in foreign
    )


def abreast(table: Table, most: int) -> tuple[Table, ...]:
    """The table, or its models in groups of at most `most`."""
    if not table.by_model or len(table.headers) <= most + 1:
        return (table,)
    groups = range(1, len(table.headers), most)
    return tuple(
        Table(
            table.title if start == 1 else f"{table.title} (more models)",
            (table.headers[0], *table.headers[start : start + most]),
            tuple((row[0], *row[start : start + most]) for row in table.rows),
            by_model=True,
        )
        for start in groups
    )


def _widths(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """How wide each column may be: its longest text, the widest ones cut down together until the line fits."""
    # tabulate keeps two columns free behind a header.
    longest = [max(len(header) + 2, *(len(row[at]) for row in rows), 0) for at, header in enumerate(headers)]
    room = WIDTH - 2 * (len(headers) - 1)
    while sum(longest) > room and max(longest) > 12:
        widest = longest.index(max(longest))
        longest[widest] -= 1
    return longest


def _fold(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width, break_on_hyphens=False)) if len(text) > width else text


def _table(table: Table) -> list[str]:
    headers = [plain_text(header) for header in table.headers]
    rows = [[plain_text(entry.text) for entry in row] for row in table.rows]
    widths = _widths(headers, rows)
    folded = [[_fold(text, width) for text, width in zip(row, widths, strict=True)] for row in (headers, *rows)]
    drawn = tabulate(folded[1:], folded[0], tablefmt="simple", disable_numparse=True)
    return [*([f"{table.title}:"] if table.title else []), *(text.rstrip() for text in drawn.splitlines()), ""]


def _bullet(note: str) -> list[str]:
    return textwrap.wrap(plain_text(note), WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _section(section: Section) -> list[str]:
    title = plain_text(section.title)
    lines = [title, "=" * len(title), *textwrap.wrap(plain_text(section.lead), WIDTH)]
    lines += [""] if section.lead else []
    for table in section.tables:
        for part in abreast(table, MODELS_ABREAST):
            lines += _table(part)
    for note in section.notes:
        lines += _bullet(note)
    return [*lines, *([""] if section.notes else [])]


def render_text_sections(title: str, sections: Sequence[Section], banner: str | None = None) -> str:
    """Any sections under a title as lines of at most WIDTH columns, where names are not longer than that."""
    lines = [plain_text(title), *([banner] if banner else []), ""]
    for section in sections:
        lines += _section(section)
    if banner:
        lines.append(banner)
    return "\n".join(lines).rstrip() + "\n"


def render_text(result: Result) -> str:
    """The whole report as text."""
    return render_text_sections(title_of(result), sections_of(result), simulation_banner(result))
