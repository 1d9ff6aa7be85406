"""Reads the files that a command is given: `read_config` a bench.toml, `load_result` a result, `known_tasks` tasks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from harness.cli.console import command_line, log
from harness.cli.fixes import suggest
from harness.cli.options import tasks_arguments
from harness.config import Config, load_config
from harness.errors import ConfigError, Problem, RunError
from harness.schema import suggestion
from harness.tasks import UnknownNameError, find_fixtures, load_tasks
from harness.types import Lane, Result, Task, Verdict

_MAX_PROBLEMS = 20
_RESULT_SUFFIXES = (".json", ".zip")


def read_config(path: Path, *, for_requests: bool = True) -> Config:
    """Load a bench.toml; unless `for_requests`, without looking for its keys and files. Raises ConfigError."""
    if path.is_dir():
        raise ConfigError(f"{path}: a folder, not a file", fix="name the bench.toml in it")
    with suggest("" if path.exists() else f"write one with `{command_line('init')}`", ConfigError):
        return load_config(path, for_requests=for_requests)


def require_lane_tasks(lanes: Sequence[Lane], known: Collection[str]) -> None:
    """Raises ConfigError for each task of a lane that is none of the known ones: the lane would lack it silently."""
    problems = [
        Problem(
            f"lane {lane.name!r}: unknown task {name!r}",
            suggestion(name, known) or "correct it, or give the folder of your own tasks with --tasks",
        )
        for lane in lanes
        for name in lane.tasks
        if name not in known
    ]
    if problems:
        raise ConfigError(*problems)


def load_named_tasks(
    folders: Sequence[Path], *, suite: str | None = None, names: Iterable[str] = ()
) -> tuple[Task, ...]:
    """The tasks of a suite, or those named, or all, of lanebench and of the user's folders. Raises TaskError."""
    with suggest("correct it, or give the folder of your own tasks with --tasks", UnknownNameError):
        return load_tasks([find_fixtures(), *folders], suite=suite, names=names)


def known_tasks(folders: Sequence[Path]) -> Mapping[str, Task]:
    """The tasks of lanebench and those of the given folders, which cannot take the name of one of lanebench's."""
    users = load_tasks(folders) if folders else ()
    return {task.name: task for task in (*users, *_kit_tasks())}


@cache
def _kit_tasks() -> tuple[Task, ...]:
    """Loaded once: a command that reads many results would spend most of its time here."""
    return load_tasks([find_fixtures()])


def load_result(path: Path, task_folders: Sequence[Path]) -> Result:
    """The result in a file, folder or bundle, verified as by `load_verified`. Raises RunError."""
    return load_verified(path, task_folders)[1]


def load_verified(path: Path, task_folders: Sequence[Path]) -> tuple[Verdict, Result]:
    """A result and its verdict, to the level `consistent`; what could not be checked is logged.

    Raises RunError with every finding if a check failed.
    """
    # `record` reads configurations here, and verifies nothing.
    from harness.verify import VerifyOptions, read_verified

    verdict, result = read_verified(path, VerifyOptions("consistent", tasks=known_tasks(task_folders)))
    fix = fix_of_path(path, task_folders) or f"see `{command_line('verify', path, *tasks_arguments(task_folders))}`"
    findings = [finding for report in verdict.levels for finding in report.findings if finding.severity == "error"]
    if findings or result is None:
        problems = [Problem(f"{finding.location}: {finding.message}", fix) for finding in findings]
        raise RunError(*problems[:_MAX_PROBLEMS])
    for report in verdict.levels:
        if report.state == "unverified":
            log(f"{path}: {report.level} could not be checked: {report.detail}")
    return verdict, result


def fix_of_path(path: Path, task_folders: Sequence[Path] = ()) -> str:
    """What to do about a path that has no result: `verify` says no more of it than the other commands; else ""."""
    from harness.bundle import PLAN, RESULT, find_results

    if not path.exists():
        return "correct the path"
    if path.is_dir():
        if (path / RESULT).exists():
            return ""
        if (path / PLAN).is_file():
            return f"score it first: {command_line('score', path, *tasks_arguments(task_folders))}"
        inside = [found for found in find_results(path) if found != path]
        if inside:
            return f"name a result in it, such as {inside[-1]}"
    elif path.suffix in _RESULT_SUFFIXES:
        return ""
    return "name a run folder, its result.json or a bundle (.zip)"
