"""`lanebench query`: asks any number of results with SQL."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.console import show
from harness.cli.options import add_tasks_option
from harness.errors import CheckError, RunError

if TYPE_CHECKING:
    from harness.collection import Rows
    from harness.types import Json

NAME = "query"
HELP = "Ask any number of results with one SELECT: views trials, turns, cells, models, machines, answers."
MAX_ROWS = 500
"""Of a table for people; `csv` and `jsonl` give every row."""
MAX_TIMEOUT_S = 86_400
LINES_PER_WRITE = 1000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a string that begins with one of these for a formula."""


def options(parser: argparse.ArgumentParser) -> None:
    """The statement, the results, and how the rows are printed."""
    parser.add_argument("sql", metavar="SELECT", nargs="?", help="one statement that reads; none: describe the views")
    parser.add_argument("paths", type=Path, nargs="*", metavar="DIR|ZIP|RUN", help="results; default: results")
    parser.add_argument("--format", choices=tuple(_FORMATS), default="text", help="default: text")
    parser.add_argument("--timeout", type=_seconds, default=60.0, metavar="S", help="longest time of the statement")
    add_tasks_option(parser)


def run(args: argparse.Namespace) -> int:
    """Import what is new, then print the rows. Raises CheckError for results that were refused, after the rows."""
    from harness.cli.collecting import collect
    from harness.collection import QueryLimits, open_collection, views_section
    from harness.report import render_text_sections

    if args.sql is None:
        show(render_text_sections("Ask results with SQL", (views_section(),)))
        return 0
    collection = collect(args.paths or [Path("results")], args.task_folders)
    if not collection.results and collection.problems:
        # A table without rows would read as an answer.
        raise CheckError(*collection.problems)
    with (
        open_collection(collection, QueryLimits(seconds=args.timeout)) as database,
        database.query(args.sql) as found,
    ):
        for text in _FORMATS[args.format](found):
            show(text)
    if collection.problems:
        raise CheckError(*collection.problems)
    return 0


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise argparse.ArgumentTypeError(f"expected seconds above 0 and up to {MAX_TIMEOUT_S:,}, got {text!r}")
    return seconds


def _table(found: Rows, markdown: bool = False) -> Iterator[str]:
    from harness.report import Section, Table, render_markdown_sections, render_text_sections, text_row

    rows = list(islice(found.rows, MAX_ROWS + 1))
    cells = tuple(text_row(*map(_text, row)) for row in rows[:MAX_ROWS])
    counted = f"{len(cells)} row{'' if len(cells) == 1 else 's'}"
    notes = (f"only the first {MAX_ROWS} rows",) if len(rows) > MAX_ROWS else ()
    section = Section("rows", counted, "", (Table("", found.columns, cells),), notes=notes)
    render = render_markdown_sections if markdown else render_text_sections
    yield render("Result of the query", (section,))


def _text(value: Json) -> str:
    """A value as people read it: numbers with at most six significant digits."""
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _csv(found: Rows) -> Iterator[str]:
    for rows in _pieces(chain([found.columns], found.rows)):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([_harmless(value) for value in row] for row in rows)
        yield text.getvalue()


def _harmless(value: Json) -> Json:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _json_lines(found: Rows) -> Iterator[str]:
    import json

    repeated = sorted({name for name in found.columns if found.columns.count(name) > 1})
    if repeated:
        # An object keeps one value for each name: the others would be lost without a word.
        raise RunError(f"several columns are named {', '.join(repeated)}", fix="name each with AS, or choose csv")
    for rows in _pieces(found.rows):
        yield "".join(json.dumps(dict(zip(found.columns, row, strict=True)), default=str) + "\n" for row in rows)


def _pieces(rows: Iterator[tuple[Json, ...]]) -> Iterator[list[tuple[Json, ...]]]:
    while piece := list(islice(rows, LINES_PER_WRITE)):
        yield piece


_FORMATS: Mapping[str, Callable[[Rows], Iterator[str]]] = {
    "text": _table,
    "github": lambda found: _table(found, markdown=True),
    "csv": _csv,
    "jsonl": _json_lines,
}
