"""`lanebench report`: prints a result as tables, as Markdown or as a page."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.console import log, show
from harness.cli.options import RESULT_FORMATS, add_full_option, add_tasks_option, render_result
from harness.errors import ConfigError

if TYPE_CHECKING:
    from harness.report import FileFormat
    from harness.types import PageEvidence, Result, Verdict

NAME = "report"
HELP = "Print a result as tables, as Markdown that can be pasted, or as one page; write its charts as pictures."


FORMATS = (*RESULT_FORMATS, "html")
VERIFIED_LEVEL = "consistent"
"""The level to which every command verifies what it reads."""


def options(parser: argparse.ArgumentParser) -> None:
    """Which result, and in which form."""
    parser.add_argument("path", type=Path, metavar="FILE|RUN|ZIP", help="a result, a run or a bundle")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write to this file instead of printing")
    parser.add_argument("--png", type=Path, metavar="DIR", help="write each chart as a PNG file")
    parser.add_argument("--svg", type=Path, metavar="DIR", help="write each chart as an SVG file")
    parser.add_argument("--card", type=Path, metavar="FILE", help="write the answer as a PNG of 1200 x 630 for a post")
    add_full_option(parser)
    parser.add_argument(
        "--against",
        type=Path,
        metavar="DIR|PARQUET",
        help="the page also says where the result stands among those of a folder or site",
    )
    add_tasks_option(parser)


def run(args: argparse.Namespace) -> int:
    """Render the result, if its numbers follow from its trials; or write its pictures."""
    from harness.cli.inputs import load_verified

    if args.against is not None and args.format != "html":
        raise ConfigError("--against needs --format html", fix="or print it with: compare RUN --against")
    if args.card is not None and args.card.suffix.lower() != ".png":
        raise ConfigError(f"--card {args.card}: a card is a PNG", fix="name a file that ends in .png")
    verdict, result = load_verified(args.path, args.task_folders)
    if args.png or args.svg or args.card:
        _write_pictures(args, result)
        return 0
    report = _html(args, result, verdict) if args.format == "html" else _text(args, result)
    if args.output is not None:
        _write(args.output, report)
    elif args.format == "html":
        # As it is: the page's policy knows its scripts by their digests.
        sys.stdout.write(report)
    else:
        show(report)
    return 0


def _text(args: argparse.Namespace, result: Result) -> str:
    from harness.cli.page import closing_of

    closing = closing_of(result, args.path, args.task_folders)
    return render_result(result, args.format, full=args.full, closing=closing)


def _html(args: argparse.Namespace, result: Result, verdict: Verdict) -> str:
    from harness.cli.collecting import standing_among
    from harness.report import render_html

    against = args.against
    standing = () if against is None else tuple(standing_among(result, against, args.task_folders))
    return render_html(result, replace(_evidence(args, result), levels=verdict.levels, standing=standing))


def _evidence(args: argparse.Namespace, result: Result) -> PageEvidence:
    from harness.cli.inputs import known_tasks
    from harness.cli.page import evidence_of

    return evidence_of(result, args.path, known_tasks(args.task_folders).values())


def _write_pictures(args: argparse.Namespace, result: Result) -> None:
    from harness.report import draw_card, draw_charts

    formats: tuple[FileFormat, ...] = ("png", "svg")
    for file_format, folder in zip(formats, (args.png, args.svg), strict=True):
        if folder is not None:
            for name, picture in draw_charts(result, _evidence(args, result), file_format).items():
                _write(folder / name, picture)
    if args.card is not None:
        _write(args.card, draw_card(result, VERIFIED_LEVEL))


def _write(path: Path, content: str | bytes) -> None:
    from harness.files import write_atomic

    write_atomic(path, content)
    log(f"written {path}")
