"""`lanebench verify`: checks a result that somebody else made, level by level."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.console import log, show
from harness.cli.options import add_cluster_option, add_tasks_option
from harness.types import LEVEL_ALIASES, LEVELS

NAME = "verify"
HELP = "Check results level by level; only the level `rescored` runs their code, in the sandbox."

_MAX_REPLICATES = 10_000


def options(parser: argparse.ArgumentParser) -> None:
    """What to check, and up to which level."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="FILE|FOLDER|ZIP", help="results, runs or bundles")
    parser.add_argument(
        "--level",
        choices=[*LEVELS, *LEVEL_ALIASES],
        metavar="LEVEL",
        help=f"the level to reach: {', '.join(LEVELS)} (also {', '.join(LEVEL_ALIASES)}); default: rescored",
    )
    parser.add_argument(
        "--replicate", type=_count, metavar="K", help="run K trials of each model again; needs --config"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="bench.toml with models of the same labels")
    parser.add_argument("--signers", type=Path, metavar="FILE", help="allowed-signers file (see ssh-keygen -Y)")
    parser.add_argument(
        "--tsa-roots", type=Path, metavar="PEM", help="certificates of the time-stamp authorities that you trust"
    )
    parser.add_argument("--strict", action="store_true", help="treat warnings as errors")
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    add_tasks_option(parser)
    add_cluster_option(parser)


def run(args: argparse.Namespace) -> int:
    """Check each path and print its verdict; returns 1 if any failed, else 2 if any could not be checked, else 0."""
    from harness.bundle import find_results
    from harness.cli.inputs import fix_of_path
    from harness.cli.verification import exit_code, render_limits, render_verdict, verify_options
    from harness.files import to_json
    from harness.verify import verify

    requested = verify_options(args)
    verdicts = []
    for path in (inner for given in args.paths for inner in find_results(given)):
        log(f"checking {path}")
        verdicts.append(verify(path, requested))
        if not args.json:
            show(render_verdict(verdicts[-1]))
        if fix := fix_of_path(path, args.task_folders):
            log(f"fix   {fix}")
    if args.json:
        show(to_json(verdicts, indent=1))
    else:
        show(render_limits())
    return exit_code(verdicts)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_REPLICATES:
        raise argparse.ArgumentTypeError(f"expected an integer from 1 to {_MAX_REPLICATES}, got {text!r}")
    return int(text)
