"""`lanebench score`: scores a recorded run. It needs no model."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.console import command_line, log, show_progress
from harness.cli.fixes import resumable
from harness.cli.options import add_cluster_option, add_scoring_options, add_tasks_option, tasks_arguments

NAME = "score"
HELP = "Run the answers of a recorded run in containers and write its result; needs no model."


def options(parser: argparse.ArgumentParser) -> None:
    """Which run, and how its result is printed."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a folder under results/")
    add_tasks_option(parser)
    add_scoring_options(parser)
    add_cluster_option(parser)


def run(args: argparse.Namespace) -> int:
    """Score the trials that have no score yet, then write and print the result."""
    from harness.cli.recording import tasks_of_run
    from harness.cli.scoring import awaits_block, score_and_write, show_result
    from harness.run import open_run

    folder = open_run(args.run_folder)
    tasks = tasks_of_run(folder, args.task_folders)
    log(f"run {folder.path}")
    rest = [folder.path, *tasks_arguments(args.task_folders)]
    with resumable(folder, NAME, *rest, records=False), show_progress() as progress:
        result = score_and_write(folder, tasks, progress, runtime=args.runtime, cluster=args.cluster)
    show_result(folder, result, args.format, args.task_folders, full=args.full)
    if awaits_block(folder):
        log(f"not decided yet; next: {command_line('record --resume', *rest)}")
    return 0
