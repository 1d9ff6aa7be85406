"""Task folders to Tasks: texts, includes, variants, digests, and every fault by its name. Runs nothing, scores nothing.

The format stands in fixtures/README.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.errors import TaskError
from harness.files import find_data
from harness.tasks.copy import OWN_SUITE, copy_task
from harness.tasks.load import load_task, vary
from harness.tasks.replies import split_reply
from harness.tasks.scorable import require_scorable, scorer_problems
from harness.tasks.select import choose, find_folders
from harness.tasks.self_check import check_tasks
from harness.tasks.table import FILE
from harness.tasks.text_files import LIBRARY
from harness.types import Task

__all__ = [
    "FILE",
    "LIBRARY",
    "OWN_SUITE",
    "check_tasks",
    "copy_task",
    "find_fixtures",
    "load_tasks",
    "require_scorable",
    "scorer_problems",
    "split_reply",
    "vary",
]


def find_fixtures() -> Path:
    """The folder of the tasks that ship with the kit."""
    return find_data("fixtures")


def load_tasks(folders: Sequence[Path], *, suite: str | None = None, names: Iterable[str] = ()) -> tuple[Task, ...]:
    """The tasks of these folders, sorted by name: those of a suite, or those named, or all.

    A folder holds task folders or is one. Raises TaskError with every fault of the tasks that were chosen, or with
    what there is to choose from.
    """
    chosen = choose(find_folders(folders), suite, tuple(names))
    public = find_fixtures()
    tasks, faults = [], []
    for folder in chosen:
        libraries = list(dict.fromkeys((folder.parent / LIBRARY, public / LIBRARY)))
        task, found = load_task(folder, libraries, public)
        faults += found
        if task is not None:
            tasks.append(task)
    if faults:
        raise TaskError(*faults)
    return tuple(tasks)
