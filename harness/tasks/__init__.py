"""Task folders: load, select, copy and self-check them. fixtures/README.md describes the format.

`load_tasks` returns tasks, `vary` fills in one variant, `check_tasks` validates tasks with their reference answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.errors import TaskError
from harness.files import find_data
from harness.tasks.copy import USER_SUITE, copy_task
from harness.tasks.hidden_cases import SELF_CHECK_SEED, HiddenCases, check_draws
from harness.tasks.job_cache import JobCache
from harness.tasks.lanes import lane_differences, lanes_of_run
from harness.tasks.load import load_task, vary
from harness.tasks.manifest import TASK_FILE
from harness.tasks.mutants import mutants_of
from harness.tasks.readings import readings_of
from harness.tasks.replies import split_reply
from harness.tasks.retired import as_published, retired_at
from harness.tasks.scorable import require_scorable, scorer_problems
from harness.tasks.select import UnknownNameError, find_folders, select, task_name_from
from harness.tasks.self_check import CaseExtension, Coverage, Scorer, check_tasks
from harness.tasks.strength import MutantReport, check_mutants, check_variants
from harness.tasks.text_files import LIBRARY
from harness.tasks.writing import edit_form, escape_braces, fence_of, toml_value, write_folder
from harness.types import Task

__all__ = [
    "LIBRARY",
    "SELF_CHECK_SEED",
    "TASK_FILE",
    "USER_SUITE",
    "CaseExtension",
    "Coverage",
    "HiddenCases",
    "JobCache",
    "MutantReport",
    "Scorer",
    "UnknownNameError",
    "as_published",
    "check_draws",
    "check_mutants",
    "check_tasks",
    "check_variants",
    "copy_task",
    "edit_form",
    "escape_braces",
    "fence_of",
    "find_fixtures",
    "find_folders",
    "is_kit_task",
    "lane_differences",
    "lanes_of_run",
    "load_tasks",
    "mutants_of",
    "readings_of",
    "require_folder",
    "require_scorable",
    "retired_at",
    "scorer_problems",
    "split_reply",
    "task_name_from",
    "toml_value",
    "vary",
    "write_folder",
]


def find_fixtures() -> Path:
    """The folder of the tasks that ship with the kit."""
    return find_data("fixtures")


def require_folder(folder: Path) -> None:
    """Raises TaskError for a folder among the kit's own tasks: what stands there is public."""
    if folder.resolve().is_relative_to(find_fixtures().resolve()):
        raise TaskError(f"{folder}: holds the kit's own tasks", fix="name a folder outside of it")


def is_kit_task(name: str) -> bool:
    """Whether a task of this name ships with the kit."""
    return (find_fixtures() / name / TASK_FILE).is_file()


def load_tasks(folders: Sequence[Path], *, suite: str | None = None, names: Iterable[str] = ()) -> tuple[Task, ...]:
    """The tasks of these folders, sorted by name: those of a suite, or those named, or all.

    A folder contains task folders or is one. Raises TaskError with every problem of the selected tasks.
    """
    public = find_fixtures()
    tasks, problems = [], []
    for folder in select(find_folders(folders), suite, tuple(names)):
        libraries = list(dict.fromkeys((folder.parent / LIBRARY, public / LIBRARY)))
        task, found = load_task(folder, libraries, public)
        problems += found
        if task is not None:
            tasks.append(task)
    if problems:
        raise TaskError(*problems)
    return tuple(tasks)
