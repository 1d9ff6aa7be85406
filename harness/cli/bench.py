"""`lanebench bench`: records, scores and reports, from the model servers to the tables."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.cli.console import log, show, show_progress
from harness.cli.fixes import resumable
from harness.cli.options import add_run_options, add_scoring_options, tasks_arguments
from harness.errors import Problem, ServerError

if TYPE_CHECKING:
    from harness.cli.recording import OpenRun
    from harness.types import Result

NAME = "bench"
HELP = "Run every task on every model, run the answers in containers, print the tables and write a result file."


def options(parser: argparse.ArgumentParser) -> None:
    """Which run, and how its result is printed."""
    add_run_options(parser)
    add_scoring_options(parser)


def run(args: argparse.Namespace) -> int:
    """Record, score and report. Raises ServerError at the end for models that stopped early."""
    from harness.cli.recording import dry_run, open_requested_run
    from harness.cli.scoring import check_runtime_name, show_result

    if args.dry_run:
        check_runtime_name(args.runtime)
        show(dry_run(args))
        return 0
    with open_requested_run(args) as run:
        log(f"run {run.folder.path}")
        with resumable(run.folder, f"{NAME} --resume", run.folder.path, *tasks_arguments(args.task_folders)):
            result, stop_reasons = record_and_score(args, run)
            show_result(run.folder, result, args.format, args.task_folders, full=args.full)
            if stop_reasons:
                raise ServerError(*stop_reasons)
    return 0


def record_and_score(args: argparse.Namespace, run: OpenRun) -> tuple[Result, Sequence[Problem]]:
    """The result of a run, recorded and scored as far as that goes, and why models stopped early."""
    from harness.cli.scoring import awaits_block, prepare_engine, score_and_write
    from harness.run import record_run

    prepare_engine(run.tasks, args.runtime, args.task_folders)
    with show_progress() as progress:
        stop_reasons = record_run(run.folder, run.tasks, run.models, progress, log)
        result = score_and_write(run.folder, run.tasks, progress, runtime=args.runtime)
        # Containers run between two sessions of recording, when no model is timed.
        while awaits_block(run.folder):
            stop_reasons += record_run(run.folder, run.tasks, run.models, progress, log)
            result = score_and_write(run.folder, run.tasks, progress, runtime=args.runtime)
    return result, stop_reasons
