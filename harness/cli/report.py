"""`lanebench report`: prints a result as tables, as Markdown or as a page."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.cli.console import log, show
from harness.cli.options import RESULT_FORMATS, add_tasks_option
from harness.types import Result

NAME = "report"
HELP = "Print a result as tables, as Markdown that can be pasted, or as one page."


def _render_html(result: Result) -> str:
    from harness.report import render_html

    return render_html(result)


FORMATS: Mapping[str, Callable[[Result], str]] = {**RESULT_FORMATS, "html": _render_html}


def options(parser: argparse.ArgumentParser) -> None:
    """Which result, and in which form."""
    parser.add_argument("path", type=Path, metavar="FILE|RUN|ZIP", help="a result, a run or a bundle")
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="default: text")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write to this file instead of printing")
    add_tasks_option(parser)


def run(args: argparse.Namespace) -> int:
    """Render the result, if its numbers follow from its trials."""
    from harness.cli.inputs import load_result
    from harness.files import write_atomic

    report = FORMATS[args.format](load_result(args.path, args.task_folders))
    if args.output is None:
        show(report)
        return 0
    write_atomic(args.output, report)
    log(f"written {args.output}")
    return 0
