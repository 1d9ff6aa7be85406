"""Report sections as GitHub Markdown for an issue; untrusted text cannot become markup, links or mentions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.report.elements import Section, Table
from harness.report.escaping import plain_text
from harness.report.sections import banners_of, sections_of, title_of
from harness.types import Result

_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~&@$]|(?<=\])\(|://|(?<=www)\.")
_WORD_JOINER = "&#8288;"
"""GitHub looks for @name and #1 after decoding entities; this invisible character separates the sign from the name."""


def _entities(match: re.Match[str]) -> str:
    entities = "".join(f"&#{ord(char)};" for char in match.group())
    return entities + _WORD_JOINER if match.group() in "@#" else entities


def markdown_text(untrusted: str) -> str:
    """Escape text so that Markdown shows it literally: characters with a meaning become numeric entities."""
    return _MARKUP.sub(_entities, plain_text(untrusted))


def _with_intervals(untrusted: str) -> str:
    """As `markdown_text`, but the brackets of intervals stay readable in the source."""
    return re.sub(r"&#91;([0-9.,% ]+)&#93;", r"[\1]", markdown_text(untrusted))


def _row(texts: list[str]) -> str:
    return "| " + " | ".join(_with_intervals(text) for text in texts) + " |"


def _table(table: Table) -> list[str]:
    rule = "| " + " | ".join("---" for _ in table.headers) + " |"
    rows = [_row([entry.text for entry in row]) for row in table.rows]
    title = [f"**{markdown_text(table.title)}**", ""] if table.title else []
    return [*title, _row(list(table.headers)), rule, *rows, ""]


def _section(section: Section) -> list[str]:
    lines = [f"## {markdown_text(section.title)}", ""]
    lines += [_with_intervals(section.lead), ""] if section.lead else []
    for table in section.tables:
        lines += _table(table)
    lines += [f"- {_with_intervals(note)}" for note in section.notes]
    return [*lines, *([""] if section.notes else [])]


def render_markdown_sections(title: str, sections: Sequence[Section], banners: Sequence[str] = ()) -> str:
    """Render sections under a title as Markdown."""
    lines = [f"# {markdown_text(title)}", ""]
    lines += [line for banner in banners for line in (f"> **{_with_intervals(banner)}**", "")]
    for section in sections:
        lines += _section(section)
    return "\n".join(lines).rstrip() + "\n"


def render_github(result: Result) -> str:
    """Render the whole report as Markdown."""
    return render_markdown_sections(title_of(result), sections_of(result), banners_of(result))
