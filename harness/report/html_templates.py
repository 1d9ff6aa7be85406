"""The Jinja2 environment of every page: `html_environment` loads this folder's templates and escapes all strings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.report.escaping import plain_text

if TYPE_CHECKING:
    from jinja2 import Environment


def html_environment() -> Environment:
    """An environment in which every expression is escaped, and a missing name is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Terminal escapes and bidirectional marks mislead in a browser too: spell them out in every expression.
        finalize=lambda value: plain_text(value) if type(value) is str else value,
    )
