"""How many tasks repositories give: `python -m tests.bench_mine REPO... [--max N] [--since DATE]` prints a table.

Each REPO is a git repository with its history. For each the table has the commits tried, the tasks that were proved,
the time, and the reasons that ruled out most of the others. The tasks are thrown away unless `--folder` keeps them.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from harness.errors import LanebenchError
from harness.mining import MiningOptions, MiningReport, mine
from harness.sandbox import open_sandbox

MAX_REASONS = 3


def reasons(report: MiningReport) -> str:
    """The reasons that ruled out most commits."""
    return "; ".join(f"{count} x {reason}" for reason, count in report.reasons.most_common(MAX_REASONS))


def row(repository: Path, folder: Path, options: argparse.Namespace) -> str:
    """The line of one repository: what it gave, or why it gave nothing."""
    began = time.monotonic()
    with open_sandbox("bench-mine", lambda line: print(line, file=sys.stderr), ["javascript", "python"]) as sandbox:
        mining = MiningOptions(options.since, options.max, sandbox.architecture)
        try:
            report = mine(repository, folder, mining, sandbox, lambda line: print(line, file=sys.stderr, flush=True))
        except LanebenchError as error:
            return f"| {options.names[repository]} | - | 0 | - | {error.message} |"
    minutes = (time.monotonic() - began) / 60
    return (
        f"| {options.names[repository]} | {report.commits} | {len(report.tasks)} | {minutes:.1f} | {reasons(report)} |"
    )


def main() -> None:
    """Print the table, a line as soon as a repository is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repositories", nargs="+", type=Path, metavar="REPO")
    parser.add_argument("--max", type=int, default=5, metavar="N", help="stop a repository after N tasks (default: 5)")
    parser.add_argument("--since", metavar="DATE", help="only commits after this date")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="keep the tasks here, a folder for each repository")
    options = parser.parse_args()
    # A bare clone is often called `repo` or `.git`: its parent tells what it is.
    options.names = {
        path: path.parent.name if path.name in ("repo", ".git") else path.stem for path in options.repositories
    }
    print("| repository | commits tried | tasks | minutes | reasons of most others |")
    print("| --- | ---: | ---: | ---: | --- |", flush=True)
    with tempfile.TemporaryDirectory() as place:
        for repository in options.repositories:
            print(row(repository, (options.folder or Path(place)) / options.names[repository], options), flush=True)


if __name__ == "__main__":
    main()
