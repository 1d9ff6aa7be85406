"""`lanebench compare`: runs against a baseline."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.console import show
from harness.cli.report import load_result
from harness.compare import Compared, compare, sections_of
from harness.errors import RunError
from harness.files import to_json
from harness.report import render_markdown_sections, render_text_sections
from harness.types import Result

NAME = "compare"
HELP = "Hold runs against a baseline: other servers, machines or people, cell by cell and overall."
RENDER = {"text": render_text_sections, "github": render_markdown_sections}


def _pair(words: str) -> tuple[str, str]:
    baseline, equals, other = words.partition("=")
    if not (baseline and equals and other):
        raise argparse.ArgumentTypeError(f"{words!r} is not BASELINE=OTHER")
    return baseline, other


def options(parser: argparse.ArgumentParser) -> None:
    """Which runs, which of them is the baseline, and what fails."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="FILE|RUN", help="two results or more")
    parser.add_argument(
        "--baseline", metavar="FILE|RUN|ID", help="the one to hold the others against; default the first"
    )
    parser.add_argument(
        "--pair", type=_pair, action="append", default=[], metavar="BASELINE=OTHER", help="labels that go together"
    )
    parser.add_argument("--fail-if", choices=("worse",), help="exit with 1 when anything got worse")
    parser.add_argument("--format", choices=(*RENDER, "json"), default="text", help="text, github or json")


def _baseline(wanted: str | None, runs: list[tuple[str, Result]]) -> int:
    if wanted is None:
        return 0
    for at, (name, result) in enumerate(runs):
        if wanted in (name, result.run.id) or Path(wanted) == Path(name):
            return at
    raise RunError(f"--baseline {wanted}: none of these: {', '.join(name for name, _ in runs)}")


def _shown(compared: Compared, form: str) -> str:
    if form == "json":
        return to_json(compared, indent=1)
    return RENDER[form](f"{compared.other} against {compared.baseline}", sections_of(compared))


def run(args: argparse.Namespace) -> int:
    """Compare each run with the baseline; 1 when something is worse and that was asked to fail."""
    if len(args.paths) < 2:
        raise RunError("compare needs two results or more: the baseline and what is held against it")
    runs = [(str(path), load_result(path)) for path in args.paths]
    at = _baseline(args.baseline, runs)
    found = [compare(runs[at], other, args.pair) for number, other in enumerate(runs) if number != at]
    for compared in found:
        show(_shown(compared, args.format))
    return 1 if args.fail_if == "worse" and any(one.is_worse for one in found) else 0
