"""`lanebench compare`: compares runs with a baseline, or says where one stands among many."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.console import command_line, show
from harness.cli.fixes import suggest
from harness.cli.options import RESULT_FORMATS, add_full_option, add_tasks_option, tasks_arguments
from harness.errors import Problem, RunError

if TYPE_CHECKING:
    from harness.compare import RunComparison
    from harness.types import Result

    NamedResult = tuple[str, Result]

MAX_NAMED = 3
"""More paths would take the lines of the answers."""
NAME = "compare"
HELP = "Compare runs with a baseline, across servers, machines or users: per task and overall."


def options(parser: argparse.ArgumentParser) -> None:
    """Which runs, which of them is the baseline, and what makes the command fail."""
    parser.add_argument(
        "paths", type=Path, nargs="+", metavar="FILE|RUN|ZIP", help="two results or more; with --against one"
    )
    parser.add_argument("--baseline", metavar="FILE|RUN|ID", help="the result to compare with; default: the first")
    parser.add_argument(
        "--pair",
        type=_pair,
        action="append",
        default=[],
        metavar="BASELINE=OTHER",
        help="compare baseline model BASELINE with model OTHER",
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="DIR|PARQUET",
        help="say where each result stands among those of a folder or site",
    )
    parser.add_argument("--fail-if", choices=("worse",), help="exit with 1 if any metric is worse")
    parser.add_argument("--format", choices=(*RESULT_FORMATS, "json"), default="text", help="default: text")
    add_full_option(parser)
    add_tasks_option(parser)


def run(args: argparse.Namespace) -> int:
    """Compare each run with the baseline; returns 1 when something is worse and --fail-if says so.

    A run that cannot be read or compared does not keep the others from being compared. Raises RunError for it then.
    """
    if args.against is not None:
        return _against(args)
    if len(args.paths) < 2:
        raise RunError("compare needs a baseline and at least one other result")
    runs, problems = _load(args)
    baseline = _find_baseline(args, runs, problems)
    comparisons: list[RunComparison] = []
    for other in runs:
        if other is baseline:
            continue
        try:
            comparisons.append(_compare(baseline, other, args.pair))
        except RunError as error:
            problems += error.problems
    for text in _render(comparisons, args):
        show(text)
    worse = any(comparison.is_worse for comparison in comparisons)
    if problems:
        raise RunError(*problems)
    return 1 if args.fail_if == "worse" and worse else 0


def _against(args: argparse.Namespace) -> int:
    """Print where each model stands among the other results. Raises RunError for options that have no effect there."""
    from harness.cli.collecting import standing_among
    from harness.cli.inputs import load_result
    from harness.files import to_json

    given = {"--baseline": args.baseline, "--pair": args.pair, "--fail-if": args.fail_if}
    if unused := [option for option, value in given.items() if value]:
        message = f"--against compares with no baseline: {', '.join(unused)} cannot be given with it"
        raise RunError(message, fix="leave out one or the other")
    found = [
        sentence
        for path in args.paths
        for sentence in standing_among(load_result(path, args.task_folders), args.against, args.task_folders)
    ]
    bullet = "- " if args.format == "github" else ""
    show(to_json(found, indent=1) if args.format == "json" else "\n".join(f"{bullet}{sentence}" for sentence in found))
    return 0


def _load(args: argparse.Namespace) -> tuple[list[NamedResult], list[Problem]]:
    """The results that can be read, and the problems of the others."""
    from harness.cli.inputs import load_result

    runs: list[NamedResult] = []
    problems: list[Problem] = []
    for path in args.paths:
        try:
            runs.append((str(path), load_result(path, args.task_folders)))
        except RunError as error:
            problems += error.problems
    return runs, problems


def _compare(baseline: NamedResult, other: NamedResult, pairs: Sequence[tuple[str, str]]) -> RunComparison:
    """Raises RunError for runs that cannot be compared, and for a model and itself: being equal would say nothing."""
    from harness.compare import compare

    is_same_run = (baseline[1].run.id, baseline[1].trials) == (other[1].run.id, other[1].trials)
    if is_same_run and (not pairs or any(model == other_model for model, other_model in pairs)):
        message = f"{baseline[0]} and {other[0]} are the same run, {other[1].run.id}"
        raise RunError(message, fix="give two different runs, or name two of its models with --pair")
    with suggest("name the pairs with --pair BASELINE=OTHER", RunError):
        return compare(baseline, other, pairs)


def _pair(text: str) -> tuple[str, str]:
    baseline, equals, other = text.partition("=")
    if not (baseline and equals and other):
        raise argparse.ArgumentTypeError(f"expected BASELINE=OTHER, got {text!r}")
    return baseline, other


def _find_baseline(args: argparse.Namespace, runs: list[NamedResult], problems: list[Problem]) -> NamedResult:
    """The baseline, which is given by its path or its run's id; without, the first path. Raises RunError."""
    wanted = args.baseline or str(args.paths[0])
    for run in runs:
        if wanted in (run[0], run[1].run.id) or Path(wanted) == Path(run[0]):
            return run
    if problems:
        raise RunError(*problems)
    raise RunError(f"--baseline {wanted} is none of the given results: {', '.join(name for name, _ in runs)}")


def _closing(comparisons: Sequence[RunComparison], args: argparse.Namespace) -> Iterator[str]:
    """Where to look at the answers themselves, how to check both runs, and what to do next."""
    from harness.cli.page import PAGE

    paths = list(dict.fromkeys([comparisons[0].baseline, *(each.other for each in comparisons)]))
    pages = [str(page) for page in (Path(path) / PAGE for path in paths) if page.is_file()]
    if pages:
        yield f"page   {', '.join(pages[:MAX_NAMED])}"
    named = paths if len(paths) <= MAX_NAMED else ["FILE..."]
    yield f"check  {command_line('verify', *named, *tasks_arguments(args.task_folders))}"
    undecided = any(pair.is_undecided for each in comparisons for pair in each.pairs)
    more = "more trials of both (--trials), or " if undecided else ""
    # Two long paths and all options would be cut to what fits the screen.
    yield f"next   {more}every table: this command with --full"


def _render(comparisons: Sequence[RunComparison], args: argparse.Namespace) -> Iterator[str]:
    from harness.compare import render_brief_comparisons, sections_of
    from harness.files import to_json
    from harness.report import render_markdown_sections, render_text_sections

    if args.format == "text" and not args.full:
        if comparisons:
            yield render_brief_comparisons(comparisons, tuple(_closing(comparisons, args)))
        return
    render = render_markdown_sections if args.format == "github" else render_text_sections
    for each in comparisons:
        if args.format == "json":
            yield to_json(each, indent=1)
        else:
            yield render(f"{each.other} against {each.baseline}", sections_of(each))
