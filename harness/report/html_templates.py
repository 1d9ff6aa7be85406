"""The Jinja2 environment of every page: `html_environment` loads this folder's templates and escapes all strings."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.report.elements import Chart, Scatter, Table
from harness.report.escaping import plain_text
from harness.report.formatting import MISSING
from harness.report.svg import BarPlot, DotPlot, bar_plot, dot_plot

if TYPE_CHECKING:
    from jinja2 import Environment

_NUMBER = re.compile(r"[<>~+\u2212-]?\d|0\b")


@cache
def html_environment() -> Environment:
    """The environment, in which every expression is escaped and a missing name is an error.

    All pages share it, since it keeps what it compiles: compiling a template takes longer than rendering it.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Terminal escapes and bidirectional marks mislead in a browser too: spell them out in every expression.
        finalize=lambda value: plain_text(value) if type(value) is str else value,
    )
    environment.filters |= {"draw": _draw, "numeric_columns": _numeric_columns, "plain": plain_text}
    return environment


def _draw(chart: Chart | Scatter) -> BarPlot | DotPlot:
    return bar_plot(chart) if isinstance(chart, Chart) else dot_plot(chart)


def _numeric_columns(table: Table) -> tuple[bool, ...]:
    """Which columns hold numbers, and are aligned to the right."""
    columns = list(zip(*table.rows, strict=False)) if table.rows else [() for _ in table.headers]
    texts = [[entry.text for entry in column if entry.text not in (MISSING, "")] for column in columns]
    return tuple(bool(each) and all(_NUMBER.match(text) for text in each) for each in texts)
