"""`lanebench tasks list|check|new`: what is asked, whether it is tested itself, and a start for a task of one's own."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from harness.cli.console import command, say, show
from harness.cli.score_command import languages_of
from harness.sandbox import open_sandbox
from harness.score import score
from harness.tasks import check_tasks, copy_task, find_fixtures, load_tasks, require_scorable
from harness.types import Task

NAME = "tasks"
HELP = "List the tasks, check that each is tested itself, or start one of your own."


def options(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which tasks."""
    words = parser.add_subparsers(dest="word", required=True, metavar="list|check|new")
    listing = words.add_parser("list", help="every task with its suites", allow_abbrev=False)
    checking = words.add_parser("check", help="run each task's own answers in containers", allow_abbrev=False)
    for sub in (listing, checking):
        sub.add_argument("names", nargs="*", metavar="NAME", help="only these tasks")
        sub.add_argument("--suite", help="only the tasks of this suite")
        sub.add_argument("--tasks", type=Path, action="append", default=[], metavar="DIR", help="tasks of your own")
    checking.add_argument(
        "--first", action="store_true", help="only the first variant of each task: faster, proves less"
    )
    making = words.add_parser("new", help="copy a task as a start for your own", allow_abbrev=False)
    making.add_argument("name", metavar="NAME", help="lower-case letters, digits and hyphens")
    making.add_argument("--like", required=True, metavar="TASK", help="the task to copy")
    making.add_argument("--tasks", type=Path, default=Path("my-tasks"), metavar="DIR", help="where your tasks stand")


def _chosen(args: argparse.Namespace) -> tuple[Task, ...]:
    return load_tasks([find_fixtures(), *args.tasks], suite=args.suite, names=args.names)


def _list(args: argparse.Namespace) -> int:
    tasks = _chosen(args)
    wide = max(len(task.name) for task in tasks)
    for task in tasks:
        count = f"{max(1, len(task.variants))} variants, {len(task.wrong)} wrong answers"
        show(f"{task.name:<{wide}}  {task.title}\n{'':<{wide}}  {', '.join(task.suites)}; {task.scorer}; {count}")
    return 0


def _check(args: argparse.Namespace) -> int:
    tasks = _chosen(args)
    require_scorable(tasks)
    with open_sandbox("tasks-check", say, languages_of(tasks)) as sandbox:
        tried = check_tasks(tasks, partial(score, sandbox=sandbox), say, first_only=args.first)
    show(f"{len(tasks)} tasks hold: {tried} answers gave the verdict that their task names")
    return 0


def _new(args: argparse.Namespace) -> int:
    own = [args.tasks] if args.tasks.is_dir() else []
    (like,) = load_tasks([find_fixtures(), *own], names=[args.like])
    folder = copy_task(_folder_of(like, args.tasks), args.tasks, args.name)
    show(str(folder))
    say(f"change it, then: {command(f'tasks check {args.name} --tasks {args.tasks}')}")
    say(f"ask models:      {command(f'bench --config bench.toml --task {args.name} --tasks {args.tasks}')}")
    return 0


def _folder_of(task: Task, own: Path) -> Path:
    mine = own / task.name
    return mine if mine.is_dir() else find_fixtures() / task.name


def run(args: argparse.Namespace) -> int:
    """Do it. Raises TaskError, CheckError, EngineError."""
    return {"list": _list, "check": _check, "new": _new}[args.word](args)
