"""`lanebench record`: runs every task on every model and stores the response streams. It needs no container engine."""

from __future__ import annotations

import argparse

from harness.cli.console import command_line, log, show, show_progress
from harness.cli.fixes import resumable
from harness.cli.options import add_run_options, tasks_arguments
from harness.errors import ServerError

NAME = "record"
HELP = "Run every task on every model and store the raw streams; needs no Docker."


def options(parser: argparse.ArgumentParser) -> None:
    """Which run."""
    add_run_options(parser)


def run(args: argparse.Namespace) -> int:
    """Record the trials that are missing. Raises ServerError for models that stopped early."""
    from harness.cli.recording import dry_run, open_requested_run
    from harness.run import record_run

    if args.dry_run:
        show(dry_run(args))
        return 0
    with open_requested_run(args) as run:
        log(f"run {run.folder.path}")
        rest = [run.folder.path, *tasks_arguments(args.task_folders)]
        with resumable(run.folder, f"{NAME} --resume", *rest), show_progress() as progress:
            stop_reasons = record_run(run.folder, run.tasks, run.models, progress, log)
            if stop_reasons:
                raise ServerError(*stop_reasons)
        show(str(run.folder.path))
        log(f"next: {command_line('score', *rest)}")
    return 0
