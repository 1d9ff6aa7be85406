"""`lanebench swebench`: asks models for patches of SWE-bench instances, writes predictions, has swebench grade them.

The instances become tasks of a folder, and the run is one as of `bench`. Grading is checked before a model is asked:
an instance whose official solution does not pass on this machine is left out and listed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.bench import record_and_score
from harness.cli.console import command_line, log, show
from harness.cli.fixes import resumable, suggest
from harness.cli.options import add_run_options, add_scoring_options
from harness.errors import ConfigError, ServerError, TaskError, UncheckedError

if TYPE_CHECKING:
    from harness.cli.recording import OpenRun
    from harness.swebench import Grade, Grader, PredictionSet
    from harness.types import ExcludedInstance, Task

NAME = "swebench"
HELP = "Ask models for patches of SWE-bench instances, write official predictions, and grade them with swebench."
_CHECKS = ".swebench"
"""In the folder of the tasks: what swebench writes when it checks the instances."""


def options(parser: argparse.ArgumentParser) -> None:
    """Which instances, where their repositories are, and the options of a run."""
    parser.add_argument("--dataset", type=Path, metavar="FILE", help="instances in the official format, as JSONL")
    parser.add_argument("--instances", nargs="+", default=[], metavar="ID", help="only these instances")
    parser.add_argument(
        "--repositories",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a folder with git clones, such as OWNER/NAME or OWNER__NAME; else commits are fetched; repeatable",
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("swebench-tasks"), metavar="DIR", help="the folder that gets the tasks"
    )
    parser.add_argument("--task-repo", metavar="DIR", help="build missing images from this task repository of swebench")
    parser.add_argument("--predict-only", action="store_true", help="write predictions and grade nothing")
    add_run_options(parser)
    add_scoring_options(parser)


def run(args: argparse.Namespace) -> int:
    """Make tasks, record, write predictions, grade. Raises ServerError at the end for models that stopped early."""
    from harness.cli.recording import dry_run, open_requested_run
    from harness.cli.scoring import check_runtime_name, show_result

    if (args.dataset is None) == (args.resume is None):
        message = (
            "no instances are given" if args.dataset is None else "--dataset begins a run and --resume continues one"
        )
        raise ConfigError(message, fix="give --dataset FILE or --resume RUN, one of them")
    if args.dry_run:
        args.task_folders = [*args.task_folders, *([args.folder] if args.resume is not None else [])]
        check_runtime_name(args.runtime)
        show(dry_run(args))
        return 0
    with _grader(args) as grader:
        if args.dataset is not None:
            args.run_tasks = list(_make_tasks(args, grader))
        args.task_folders = [*args.task_folders, args.folder]
        with open_requested_run(args) as opened:
            log(f"run {opened.folder.path}")
            again = (f"{NAME} --resume", opened.folder.path, "--folder", args.folder)
            with resumable(opened.folder, *again, records=False):
                result, stop_reasons = record_and_score(args, opened)
                show_result(opened.folder, result, args.format, args.task_folders, full=args.full)
                _predict_and_grade(opened, grader)
                if grader is None:
                    log(f"grade them: {command_line(*again)}")
                if stop_reasons:
                    raise ServerError(*stop_reasons)
    return 0


@contextmanager
def _grader(args: argparse.Namespace) -> Iterator[Grader | None]:
    """What grades, or None where only predictions are wanted. Raises UncheckedError where it cannot grade."""
    from harness.sandbox import ensure_engine
    from harness.swebench import Grader, swebench_version

    if args.predict_only:
        yield None
        return
    with suggest("--predict-only writes predictions without it", UncheckedError):
        version = swebench_version()
    log(f"swebench {version} grades, in containers of its own that run as root and have a network")
    engine = ensure_engine(log)
    try:
        yield Grader(engine, args.task_repo, log)
    finally:
        engine.close()


def _make_tasks(args: argparse.Namespace, grader: Grader | None) -> tuple[str, ...]:
    """The names of the tasks of the instances that can be asked, and graded where that is wanted."""
    from harness.swebench import read_instances, row_of, task_name_of, write_tasks
    from harness.tasks import load_tasks

    source = read_instances(args.dataset, args.instances)
    names, excluded = write_tasks(source, args.folder, args.repositories, log)
    if grader is not None and names:
        rows = [row_of(task) for task in load_tasks([args.folder], names=names)]
        found = grader.check(rows, args.folder / _CHECKS)
        excluded += found
        ungradable = {task_name_of(each.id) for each in found}
        names = tuple(name for name in names if name not in ungradable)
    log(f"{len(names)} of {len(source.instances)} instances are asked; oracle setting: each prompt shows the files")
    log("that the official solution changes, and the issue without its hints")
    _list_excluded(excluded)
    if not names:
        fix = "" if grader is None else "--predict-only asks instances that cannot be graded here"
        raise TaskError(f"{args.dataset}: no instance is left to ask", fix=fix)
    return names


def _list_excluded(excluded: Sequence[ExcludedInstance]) -> None:
    for each in excluded:
        log(f"left out: {each.id}: {each.reason}")


def _predict_and_grade(opened: OpenRun, grader: Grader | None) -> None:
    from harness.swebench import predictions_of, row_of, write_predictions

    tasks: Sequence[Task] = [task for task in opened.tasks if task.source.get("id")]
    rows = [row_of(task) for task in tasks]
    graded: list[tuple[PredictionSet, tuple[Grade, ...]]] = []
    for predictions in predictions_of(opened.folder, tasks):
        write_predictions(predictions)
        count = len(predictions.patches)
        show(f"{predictions.file}: {predictions.answered} of {count} answers are patches that apply")
        if grader is not None:
            graded.append((predictions, grader.grade(rows, predictions)))
    for predictions, grades in graded:
        _show_grades(predictions, grades)


def _show_grades(predictions: PredictionSet, grades: Sequence[Grade]) -> None:
    """How many instances are resolved, and what each came to."""
    from harness.swebench import GradeEnd

    resolved = sum(grade.end is GradeEnd.RESOLVED for grade in grades)
    show(f"{predictions.model}, trial {predictions.trial + 1}: {resolved} of {len(grades)} instances resolved")
    for grade in grades:
        show(f"  {grade.instance_id}: {grade.end}{f' ({grade.reason})' if grade.reason else ''}")
