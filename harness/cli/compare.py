"""`lanebench compare`: compares runs with a baseline."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.console import show
from harness.cli.fixes import suggest
from harness.cli.options import RESULT_FORMATS, add_tasks_option
from harness.errors import RunError

if TYPE_CHECKING:
    from harness.compare import RunComparison
    from harness.types import Result

NAME = "compare"
HELP = "Compare runs with a baseline, across servers, machines or users: per task and overall."


def options(parser: argparse.ArgumentParser) -> None:
    """Which runs, which of them is the baseline, and what makes the command fail."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="FILE|RUN|ZIP", help="two results or more")
    parser.add_argument("--baseline", metavar="FILE|RUN|ID", help="the result to compare with; default: the first")
    parser.add_argument(
        "--pair",
        type=_pair,
        action="append",
        default=[],
        metavar="BASELINE=OTHER",
        help="compare baseline model BASELINE with model OTHER",
    )
    parser.add_argument("--fail-if", choices=("worse",), help="exit with 1 if any metric is worse")
    parser.add_argument("--format", choices=(*RESULT_FORMATS, "json"), default="text", help="default: text")
    add_tasks_option(parser)


def run(args: argparse.Namespace) -> int:
    """Compare each run with the baseline; returns 1 when something is worse and --fail-if says so."""
    from harness.cli.inputs import load_result
    from harness.compare import compare

    if len(args.paths) < 2:
        raise RunError("compare needs a baseline and at least one other result")
    runs = [(str(path), load_result(path, args.task_folders)) for path in args.paths]
    baseline = _find_baseline(args.baseline, runs)
    others = [run for index, run in enumerate(runs) if index != baseline]
    _require_different(runs[baseline], others)
    with suggest("name the pairs with --pair BASELINE=OTHER", RunError):
        comparisons = [compare(runs[baseline], other, args.pair) for other in others]
    for comparison in comparisons:
        show(_render(comparison, args.format))
    return 1 if args.fail_if == "worse" and any(comparison.is_worse for comparison in comparisons) else 0


def _pair(text: str) -> tuple[str, str]:
    baseline, equals, other = text.partition("=")
    if not (baseline and equals and other):
        raise argparse.ArgumentTypeError(f"expected BASELINE=OTHER, got {text!r}")
    return baseline, other


def _find_baseline(wanted: str | None, runs: list[tuple[str, Result]]) -> int:
    """The index of the baseline, which is given by its path or its run's id."""
    if wanted is None:
        return 0
    for index, (name, result) in enumerate(runs):
        if wanted in (name, result.run.id) or Path(wanted) == Path(name):
            return index
    raise RunError(f"--baseline {wanted} is none of the given results: {', '.join(name for name, _ in runs)}")


def _require_different(baseline: tuple[str, Result], others: Sequence[tuple[str, Result]]) -> None:
    """Raise RunError for a run that is compared with itself: it would be found equal, which says nothing."""
    for name, result in others:
        if (result.run.id, result.trials) == (baseline[1].run.id, baseline[1].trials):
            raise RunError(f"{baseline[0]} and {name} are the same run, {result.run.id}", fix="give two different runs")


def _render(comparison: RunComparison, output_format: str) -> str:
    from harness.compare import sections_of
    from harness.files import to_json
    from harness.report import render_markdown_sections, render_text_sections

    if output_format == "json":
        return to_json(comparison, indent=1)
    render = render_markdown_sections if output_format == "github" else render_text_sections
    return render(f"{comparison.other} against {comparison.baseline}", sections_of(comparison))
