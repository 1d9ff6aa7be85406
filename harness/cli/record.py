"""`lanebench record`: ask the models and keep every byte; needs no container engine."""

from __future__ import annotations

import argparse

from harness.cli.console import command, say, show, watching
from harness.cli.run_command import opened, rehearsal, resumable
from harness.cli.run_options import add_run_options
from harness.errors import ServerError
from harness.run import record_run

NAME = "record"
HELP = "Ask every model every task and keep the raw streams; needs no Docker."


def options(parser: argparse.ArgumentParser) -> None:
    """The options of a run."""
    add_run_options(parser)


def run(args: argparse.Namespace) -> int:
    """Record what is left of the run. Raises ServerError for models that stopped early."""
    if args.dry_run:
        show(rehearsal(args))
        return 0
    with opened(args) as run:
        say(f"run {run.folder.path}")
        with resumable(run.folder, NAME), watching() as watch:
            stopped = record_run(run.folder, run.tasks, run.models, watch, say)
            if stopped:
                raise ServerError(*stopped)
        show(str(run.folder.path))
        say(f"next: {command(f'score {run.folder.path}')}")
    return 0
