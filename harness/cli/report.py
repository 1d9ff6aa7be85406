"""`lanebench report`: print a result again, as text, as Markdown or as a page."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.console import say, show
from harness.errors import RunError
from harness.files import build, read_json, write_atomic
from harness.report import render_github, render_html, render_text
from harness.schema import Location, validate
from harness.types import Result

NAME = "report"
HELP = "Print a result as tables, as Markdown that can be pasted, or as one page."
FORMATS = {"text": render_text, "github": render_github, "html": render_html}


def options(parser: argparse.ArgumentParser) -> None:
    """Which result, and how."""
    parser.add_argument("path", type=Path, metavar="FILE|RUN", help="a result.json, or a folder with one")
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="text, github or html")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there instead of printing it")


def load_result(path: Path) -> Result:
    """The result in a file or folder. Raises RunError with every fault of its form."""
    file = path / "result.json" if path.is_dir() else path
    document = read_json(file)
    problems = validate("result", document, Location(str(file)))
    if problems:
        raise RunError(*problems[:20])
    return build(Result, document)


def run(args: argparse.Namespace) -> int:
    """Render it; the numbers are those of the file, unchecked: `verify` checks them."""
    report = FORMATS[args.format](load_result(args.path))
    if args.output is None:
        show(report)
        return 0
    write_atomic(args.output, report)
    say(f"written {args.output}")
    return 0
