"""`lanebench bench`: the whole path, from the model servers to the tables."""

from __future__ import annotations

import argparse

from harness.cli.console import say, show, watching
from harness.cli.run_command import opened, rehearsal, resumable
from harness.cli.run_options import add_run_options
from harness.cli.score_command import add_scoring_options, make_engine_ready, score_and_write, show_result
from harness.errors import ServerError
from harness.run import record_run

NAME = "bench"
HELP = "Ask every model every task, run what they wrote in containers, print the tables and leave a result file."


def options(parser: argparse.ArgumentParser) -> None:
    """The options of a run, and how its result is printed."""
    add_run_options(parser)
    add_scoring_options(parser)


def run(args: argparse.Namespace) -> int:
    """Record, score, report. Raises ServerError at the end for models that stopped early."""
    if args.dry_run:
        show(rehearsal(args))
        return 0
    with opened(args) as run:
        say(f"run {run.folder.path}")
        with resumable(run.folder, NAME):
            make_engine_ready(run.tasks, args.runtime, args.task_folders)
            with watching() as watch:
                stopped = record_run(run.folder, run.tasks, run.models, watch, say)
                result = score_and_write(run.folder, run.tasks, watch, args.runtime)
            show_result(run.folder, result, args.format)
            if stopped:
                raise ServerError(*stopped)
    return 0
