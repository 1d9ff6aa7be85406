"""`lanebench tasks`: lists the tasks, checks them with their own answers, and copies one as a start for a new task."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.arguments import add_action
from harness.cli.console import command_line, count_of, log, show
from harness.cli.options import tasks_arguments
from harness.errors import CheckError, ConfigError, Problem, TaskError
from harness.types import Task

if TYPE_CHECKING:
    from harness.tasks import CaseExtension, Scorer

NAME = "tasks"
REAL_BUGS = "real-bugs"
HELP = "List, check or start tasks; import a standard set; make tasks of a repository's history."


def options(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which tasks."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|check|new|import|mine")
    list_parser = add_action(actions, "list", "print every task with its suites")
    check_parser = add_action(
        actions,
        "check",
        "score each task's reference answers in containers; `check real-bugs [NAME ...]` proves historical bugs",
    )
    for sub in (list_parser, check_parser):
        sub.add_argument("names", nargs="*", metavar="NAME", help="only these tasks")
        sub.add_argument("--suite", help="only the tasks of this suite")
        sub.add_argument("--tasks", type=Path, action="append", default=[], metavar="DIR", help="your own tasks")
    _add_check_options(check_parser)
    new_parser = add_action(actions, "new", "copy a task as a starting point")
    new_parser.add_argument("name", metavar="NAME", help="lower-case letters, digits and hyphens")
    new_parser.add_argument("--like", required=True, metavar="TASK", help="the task to copy")
    new_parser.add_argument("--tasks", type=Path, default=Path("my-tasks"), metavar="DIR", help="your tasks' folder")
    import_parser = add_action(actions, "import", "make tasks of a standard set, or of bugs that packages had")
    import_parser.add_argument(
        "set", metavar="KIND", help="a standard set, such as human-eval, or real-bugs; an unknown name lists all"
    )
    import_parser.add_argument(
        "source", nargs="?", metavar="FILE|PACKAGE", help="a JSONL file, the set's package, or a checkout"
    )
    import_parser.add_argument("folder", type=Path, metavar="DIR", help="the folder that gets the tasks")
    import_parser.add_argument("--sha256", metavar="HEX", help="refuse a file of another digest")
    mine_parser = add_action(actions, "mine", "make tasks of a repository's own commits")
    mine_parser.add_argument("repository", type=Path, metavar="REPO", help="a git repository with its history")
    mine_parser.add_argument("folder", type=Path, metavar="DIR", help="where the tasks are written")
    mine_parser.add_argument(
        "--since", metavar="DATE", help="only commits after this date, 2024-01-31 or '6 months ago'"
    )
    mine_parser.add_argument("--max", type=int, default=20, metavar="N", help="stop after N tasks (default: 20)")


def _add_check_options(parser: argparse.ArgumentParser) -> None:
    variants = parser.add_mutually_exclusive_group()
    variants.add_argument(
        "--first",
        dest="coverage",
        action="store_const",
        const="FIRST",
        help="only the first variant of each task: faster, but proves less",
    )
    variants.add_argument(
        "--every-variant",
        dest="coverage",
        action="store_const",
        const="EVERY",
        help="score every wrong answer in every variant, as for tasks that are named, not one in each but the first",
    )
    parser.add_argument("--mutants", action="store_true", help="also check that mistakes in each solution are caught")


def run(args: argparse.Namespace) -> int:
    """List, check, copy, import or mine.

    Raises ConfigError, TaskError, CheckError, EngineError, DownloadError, DiskError.
    """
    return {"list": _list, "check": _check, "new": _new, "import": _import, "mine": _mine}[args.action](args)


def _selected(args: argparse.Namespace) -> tuple[Task, ...]:
    from harness.cli.inputs import load_named_tasks

    if args.suite is not None and args.names:
        raise ConfigError("tasks that are named replace a suite", fix="leave out either --suite or the names")
    return load_named_tasks(args.tasks, suite=args.suite, names=args.names)


def _list(args: argparse.Namespace) -> int:
    from harness.report import plain_text

    tasks = _selected(args)
    width = max(len(task.name) for task in tasks)
    for task in tasks:
        count = f"{max(1, len(task.variants))} variants, {len(task.wrong_answers)} wrong answers"
        title = plain_text(task.title)
        show(f"{task.name:<{width}}  {title}\n{'':<{width}}  {', '.join(task.suites)}; {task.scorer}; {count}")
    return 0


def _check(args: argparse.Namespace) -> int:
    if args.names[:1] == [REAL_BUGS]:
        _require_no_task_options(args)
        return _check_real_bugs(args.names[1:])
    return _check_answers(args)


def _require_no_task_options(args: argparse.Namespace) -> None:
    """Raises ConfigError for options that say nothing about real bugs, which are no tasks yet."""
    options = {"--suite": args.suite, "--tasks": args.tasks, "--mutants": args.mutants}
    given = [flag for flag, value in options.items() if value]
    given += {None: [], "FIRST": ["--first"], "EVERY": ["--every-variant"]}[args.coverage]
    if given:
        raise ConfigError(f"check {REAL_BUGS} takes names of bugs alone", fix=f"leave out {', '.join(given)}")


def _check_answers(args: argparse.Namespace) -> int:
    from functools import partial

    from harness.cli.scoring import languages_of
    from harness.sandbox import open_sandbox
    from harness.score import score
    from harness.tasks import (
        SELF_CHECK_SEED,
        Coverage,
        HiddenCases,
        JobCache,
        check_draws,
        check_tasks,
        check_variants,
        require_scorable,
    )

    tasks = _selected(args)
    require_scorable(tasks)
    coverage = Coverage[args.coverage or ("EVERY" if args.names else "IN_TURNS")]
    with open_sandbox("tasks-check", log, languages_of(tasks)) as opened:
        sandbox = JobCache(opened)
        extend, scorer = HiddenCases(SELF_CHECK_SEED, sandbox).extend, partial(score, sandbox=sandbox)
        answers = check_tasks(tasks, scorer, log, extend=extend, coverage=coverage)
        problems = check_draws(tasks, sandbox, opened)
        problems += [] if coverage is Coverage.FIRST else check_variants(tasks, scorer, extend)
        problems += _mutant_problems(tasks, scorer, extend) if args.mutants else []
    if problems:
        raise CheckError(*problems)
    show(f"{count_of(len(tasks), 'task')} passed: {count_of(answers, 'answer')} scored as their tasks state")
    return 0


def _mutant_problems(tasks: Sequence[Task], scorer: Scorer, extend: CaseExtension) -> list[Problem]:
    """Print how many mutants of each task's solution the checks catch; the problems of the tasks that catch too few."""
    from harness.tasks import check_mutants

    reports = [check_mutants(task, scorer, extend) for task in tasks if task.language is not None]
    for report in reports:
        caught = report.total - len(report.survivors) - len(report.listed)
        show(f"{report.task}: {caught} of {report.total} mutants fail")
    return [problem for report in reports if (problem := report.problem()) is not None]


def _new(args: argparse.Namespace) -> int:
    from harness.cli.inputs import load_named_tasks
    from harness.tasks import TASK_FILE, copy_task, find_fixtures

    # The folder may hold nothing yet.
    has_tasks = args.tasks.is_dir() and any(args.tasks.glob(f"*/{TASK_FILE}"))
    (like,) = load_named_tasks([args.tasks] if has_tasks else [], names=[args.like])
    source = args.tasks / like.name
    folder = copy_task(source if source.is_dir() else find_fixtures() / like.name, args.tasks, args.name)
    show(str(folder))
    selection = [args.name, *tasks_arguments([args.tasks])]
    log(f"change it, then check it: {command_line('tasks check', *selection)}")
    log(f"measure models with it:   {command_line('bench --config bench.toml --task', *selection)}")
    return 0


def _import(args: argparse.Namespace) -> int:
    return _import_real_bugs(args) if args.set == REAL_BUGS else _import_set(args)


def _check_real_bugs(names: Sequence[str]) -> int:
    """The admission gate alone: what it would write goes into a folder that is removed."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="lanebench-") as folder:
        return CheckError.exit_code if _admit_real_bugs(names, Path(folder)) else 0


def _import_real_bugs(args: argparse.Namespace) -> int:
    from harness.real_bugs import AGENT_SUITE, SUITE
    from harness.tasks import require_folder

    require_folder(args.folder)
    _admit_real_bugs([args.source] if args.source else [], args.folder)
    for suite, what in ((SUITE, "models, given the files"), (AGENT_SUITE, "models that find them, and agents")):
        selection = ["--suite", suite, *tasks_arguments([args.folder])]
        log(f"measure {what}: {command_line('bench --config bench.toml', *selection)}")
    return 0 if any(args.folder.glob("*/task.toml")) else CheckError.exit_code


def _admit_real_bugs(names: Sequence[str], folder: Path) -> bool:
    """Write the tasks of the bugs that hold on this machine; whether any was left out."""
    from harness.real_bugs import import_bugs, load_instances
    from harness.report import plain_text
    from harness.sandbox import open_sandbox

    instances = load_instances(names)
    # Bash starts a state's cases under varied conditions.
    with open_sandbox("real-bugs", log, sorted({"bash", *(each.language for each in instances)})) as sandbox:
        report = import_bugs(instances, folder, sandbox, log)
    held = len(instances) - len(report.excluded)
    show(f"{held} of {len(instances)} bugs and their twins hold on this machine: {len(report.tasks)} tasks")
    for name in report.without_tests:
        show(f"no tests in its archive, so that its cases decide alone: {name}")
    for each in report.excluded:
        show(plain_text(f"left out: {each.id}: {each.reason}"))
    return bool(report.excluded)


def _import_set(args: argparse.Namespace) -> int:
    from functools import partial

    from harness.report import plain_text
    from harness.sandbox import open_sandbox
    from harness.score import score
    from harness.sets import SETS, import_set, read_source
    from harness.tasks import require_folder

    if args.set not in SETS:
        raise TaskError(f"{args.set!r} is not a standard set", fix=f"name one of {', '.join([*SETS, REAL_BUGS])}")
    if args.source is None:
        raise TaskError(f"{args.set} needs a file", fix="name a JSONL file, or the set's package")
    require_folder(args.folder)
    chosen = SETS[args.set]
    source = read_source(chosen, args.source, args.sha256, log)
    log(f"{source.origin}: {len(source.rows)} problems, SHA-256 {source.sha256}, license {chosen.source_license}")
    with open_sandbox("tasks-import", log, [chosen.language]) as sandbox:
        report = import_set(chosen, source, args.folder, partial(score, sandbox=sandbox), log)
    show(f"{report.imported} of {len(source.rows)} problems of {chosen.title} are tasks in {args.folder}")
    for each in report.excluded:
        show(plain_text(f"left out: {each.id}: {each.reason}"))
    if not report.imported:
        return CheckError.exit_code
    selection = ["--suite", chosen.name, *tasks_arguments([args.folder])]
    log(f"measure models with them: {command_line('bench --config bench.toml', *selection)}")
    return 0


def _mine(args: argparse.Namespace) -> int:
    from harness.mining import MiningOptions, mine
    from harness.sandbox import open_sandbox
    from harness.tasks import require_folder

    if args.max < 1:
        raise ConfigError(f"--max must be at least 1, got {args.max}")
    # A task of the kit's own folder is public: a result that names it would hold the repository's code.
    require_folder(args.folder)
    with open_sandbox("tasks-mine", log, ["javascript", "python"]) as sandbox:
        options = MiningOptions(args.since, args.max, sandbox.architecture)
        report = mine(args.repository, args.folder, options, sandbox, log)
    show(f"{report.commits} commits that change source and tests were tried; {len(report.tasks)} became tasks")
    for reason, count in report.reasons.most_common():
        show(f"{count:>5}  {reason}")
    if report.tasks:
        selection = [*tasks_arguments([args.folder]), "--suite", "mined"]
        log(f"check them:            {command_line('tasks check', *selection)}")
        log(f"measure models on them: {command_line('bench --config bench.toml', *selection)}")
    return 0
