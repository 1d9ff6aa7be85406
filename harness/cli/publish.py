"""`lanebench publish`: makes a bundle of a run that others can check."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.console import command_line, log, show
from harness.cli.fixes import suggest
from harness.cli.options import add_tasks_option, tasks_arguments
from harness.errors import ConfigError, RunError

if TYPE_CHECKING:
    from harness.types import Result

NAME = "publish"
HELP = "Make a bundle of a run that others can check; refuses misleading results and results with personal data."

FORM_NAMES = ("eee", "eval-results", "llama-bench", "badge")
"""The names of harness.bundle.FORMS, which would take too long to import for `--help`."""


def options(parser: argparse.ArgumentParser) -> None:
    """Which run, and how it is published."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a folder under results/")
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR", help="the bundle's folder")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="sign the manifest with this SSH key")
    parser.add_argument("--supersedes", type=Path, metavar="ZIP", help="the published bundle that this one corrects")
    parser.add_argument("--reason", metavar="TEXT", help="what was wrong with the superseded bundle")
    parser.add_argument(
        "--form",
        choices=FORM_NAMES,
        action="append",
        default=[],
        help="also write the result for others: Every Eval Ever, Hugging Face's .eval_results, llama-bench's table, "
        "badges; repeatable",
    )
    parser.add_argument(
        "--digests-only",
        action="store_true",
        help="for private tasks: leave out recordings and answers, of which digests stay; nobody can read them again",
    )
    parser.add_argument("--pr", metavar="OWNER/REPO", help="prepare a pull request to this repository, with git alone")
    parser.add_argument(
        "--folder", default="results", help="where that repository has its bundles; default: %(default)s"
    )
    add_tasks_option(parser)


def run(args: argparse.Namespace) -> int:
    """Check the run, make the bundle and print its path. Raises CheckError with every reason not to publish."""
    from harness.bundle import PublishRequest, publish
    from harness.cli.inputs import fix_of_path, known_tasks, load_result
    from harness.cli.page import PAGE, write_page
    from harness.verify import VerifyOptions, verify

    _check_options(args)
    tasks = known_tasks(args.task_folders)
    request = PublishRequest(
        args.run_folder,
        args.output,
        lambda run_folder: verify(run_folder, VerifyOptions("reread", tasks=tasks)),
        key=args.sign,
        supersedes=args.supersedes,
        reason=args.reason,
        digests_only=args.digests_only,
        # One that was published before its pull request could be prepared.
        accept_equal=args.pr is not None,
    )
    with suggest(fix_of_path(args.run_folder, args.task_folders), RunError):
        bundle = publish(request)
    show(str(bundle))
    # What is in the bundle, which may withhold answers that are in the run's folder.
    result = load_result(bundle, args.task_folders)
    _write_forms(args.form, result, bundle)
    if args.sign is not None:
        log("The signature proves only that the bytes have not changed since. Others need your public key to check it.")
    standing = _standing(result, args)
    for sentence in standing:
        log(f"stands  {sentence}")
    if standing and not args.digests_only:
        write_page(args.run_folder, result, tasks.values(), standing)
        log(f"page    {args.run_folder / PAGE} says so, too")
    log(f"check   {command_line('verify', bundle, *tasks_arguments(args.task_folders))}")
    if args.pr is not None:
        _prepare_pr(args, bundle, result, standing)
    else:
        _show_next_step(bundle)
    return 0


def _check_options(args: argparse.Namespace) -> None:
    """Whatever can be known to fail before the bundle is written, which is never written again."""
    from harness.submission import check_prerequisites

    if args.supersedes is not None and args.reason is None:
        raise ConfigError("--supersedes needs --reason", fix="say what was wrong with the superseded bundle")
    if args.pr is not None:
        check_prerequisites(args.pr)


def _write_forms(forms: Sequence[str], result: Result, bundle: Path) -> None:
    from harness.bundle import write_form

    for form in forms:
        for written in write_form(form, result, bundle.with_suffix(f".{form}")):
            log(f"written {written}")


def _standing(result: Result, args: argparse.Namespace) -> list[str]:
    """Where the result stands among those of the folder that it was published to; none where DuckDB is missing."""
    from harness.cli.collecting import standing_among

    try:
        return standing_among(result, args.output, args.task_folders)
    except ConfigError as error:
        log(f"stands  not known: {error.message} ({error.fix})")
        return []


def _prepare_pr(args: argparse.Namespace, bundle: Path, result: Result, standing: Sequence[str]) -> None:
    """Branch, commit and text, and how they become a pull request."""
    from harness.submission import BranchRequest, prepare_branch

    made = prepare_branch(BranchRequest(args.pr, bundle, result, bundle.with_suffix(".pr"), args.folder, standing))
    log(f"branch  {made.branch} in {made.clone}, text in {made.text}")
    log(f"open    {made.command}")
    log(f"or      {made.push}")
    log(f"        (YOU: your account with a fork), then open {made.address}")


def _show_next_step(bundle: Path) -> None:
    """How the bundle gets to where others find it."""
    branch, path = f"result-{bundle.stem}", shlex.quote(str(bundle))
    log(f"next    open a pull request that adds {bundle.name}, and nothing else, to results/ (see results/README.md);")
    log("        in a clone of the results repository, with the bundle in its results/:")
    log(f"        git switch -c {branch} && git add {path} && git commit -m 'Add result {bundle.stem}'")
    log("        then push the branch, and describe in the pull request the machine and what you changed on it")
