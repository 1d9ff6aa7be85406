"""`lanebench check-pr`: checks what a pull request adds to a repository of results, and prints the answer to it."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.console import log, show
from harness.cli.fixes import suggest
from harness.cli.options import add_tasks_option
from harness.errors import RunError
from harness.types import LEVELS

NAME = "check-pr"
HELP = "Check what a pull request adds to a repository of results; print the answer to it as Markdown."


def options(parser: argparse.ArgumentParser) -> None:
    """Which revisions of which repository, and up to which level its bundles are verified."""
    parser.add_argument("base", metavar="BASE", help="the revision before the pull request")
    parser.add_argument("head", metavar="HEAD", help="the revision with it")
    parser.add_argument("--repository", type=Path, default=Path(), metavar="DIR", help="a clone; default: this folder")
    parser.add_argument("--folder", default="results", help="where the repository has its bundles; default: results")
    parser.add_argument("--level", choices=LEVELS[:-1], default="rescored", help="default: rescored")
    parser.add_argument("--cards", type=Path, metavar="DIR", help="write each new result's card as an SVG file")
    add_tasks_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the answer; returns 0 if it can be merged, 1 if it is refused, 2 if something could not be checked."""
    from harness.cli.inputs import known_tasks
    from harness.cli.verification import open_sandbox_for_verify
    from harness.files import write_atomic
    from harness.report import card_svg
    from harness.submission import Repository, ReviewRequest, render_answer, review
    from harness.verify import VerifyOptions

    verify = VerifyOptions(
        args.level, strict=True, tasks=known_tasks(args.task_folders), open_sandbox=open_sandbox_for_verify
    )
    with suggest("name a clone of the results repository with --repository, and two of its revisions", RunError):
        found = review(ReviewRequest(Repository(args.repository), args.base, args.head, verify, args.folder, log))
    show(render_answer(found))
    for bundle in found.bundles if args.cards is not None else ():
        if bundle.result is not None and found.exit_code == 0:
            path = args.cards / f"{bundle.result.run.id}.svg"
            write_atomic(path, card_svg(bundle.result, args.level))
            log(f"written {path}")
    return found.exit_code
