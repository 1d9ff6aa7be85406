"""`lanebench merge`: one report of the runs of several machines."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.console import log, show
from harness.cli.options import add_tasks_option
from harness.errors import RunError

if TYPE_CHECKING:
    from harness.collection import Database

NAME = "merge"
HELP = "Print the runs of several machines as one report: each machine's answer, and every number by machine and model."
FORMATS = ("text", "github", "html")


def options(parser: argparse.ArgumentParser) -> None:
    """Which runs, and in which form."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="RUN|ZIP|DIR", help="runs, bundles or folders of them")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write to this file instead of printing")
    add_tasks_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the report. Raises RunError if a run cannot be read: a report without it would mislead."""
    from harness.cli.collecting import collect, site_of
    from harness.files import write_atomic

    collection = collect(args.paths, args.task_folders)
    if collection.problems:
        raise RunError(*collection.problems)
    with site_of(collection) as database:
        text = _render(args.format, database)
    if args.output is not None:
        write_atomic(args.output, text)
        log(f"written {args.output}")
    elif args.format == "html":
        # As it is: the page's policy knows its scripts by their digests.
        sys.stdout.write(text)
    else:
        show(text)
    return 0


def _render(output_format: str, database: Database) -> str:
    from harness.report import render_markdown_sections, render_site_page, render_text_sections
    from harness.site import TITLE, merged_page, merged_report

    if output_format == "html":
        return render_site_page(merged_page(database))
    render = render_markdown_sections if output_format == "github" else render_text_sections
    return render(TITLE, merged_report(database))
