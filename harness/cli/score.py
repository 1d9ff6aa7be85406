"""`lanebench score`: run the recorded answers in throwaway containers and write result.json."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.console import say, watching
from harness.cli.run_command import resumable, tasks_of_run
from harness.cli.run_options import add_tasks_option
from harness.cli.score_command import add_scoring_options, score_and_write, show_result
from harness.run import open_run

NAME = "score"
HELP = "Run the answers of a recorded run in containers and write its result; needs no model."


def options(parser: argparse.ArgumentParser) -> None:
    """Which run, and how to print it."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a folder under results/")
    add_tasks_option(parser)
    add_scoring_options(parser)


def run(args: argparse.Namespace) -> int:
    """Score what has no verdict yet, then write and print the result."""
    folder = open_run(args.run_folder)
    tasks = tasks_of_run(folder, args.task_folders)
    say(f"run {folder.path}")
    with resumable(folder, NAME), watching() as watch:
        result = score_and_write(folder, tasks, watch, args.runtime)
    show_result(folder, result, args.format)
    return 0
