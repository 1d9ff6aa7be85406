"""Tasks as they were before they were mended, so that what was published with them can still be scored again.

`fixtures/_retired/DIGEST/NAME/` holds the folder of a task of the kit as a published result states it; DIGEST is the
beginning of the task's sha256. `as_published` finds them for a result; no run is made with one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.tasks.load import load_task
from harness.tasks.text_files import LIBRARY
from harness.types import Task, TaskInfo

RETIRED = "_retired"
DIGEST_DIGITS = 12


def as_published(known: Mapping[str, Task], stated: Iterable[TaskInfo], fixtures: Path) -> Mapping[str, Task]:
    """The known tasks by name, but those of which `stated` gives another digest as they were then, if they are kept."""
    others = [info for info in stated if info.name in known and known[info.name].sha256 != info.sha256]
    kept = {info.name: _retired_task(info, fixtures) for info in others}
    return {**known, **{name: task for name, task in kept.items() if task is not None}}


def _retired_task(info: TaskInfo, fixtures: Path) -> Task | None:
    folder = fixtures / RETIRED / info.sha256[:DIGEST_DIGITS] / info.name
    if not folder.is_dir():
        return None
    task, _ = load_task(folder, [fixtures / LIBRARY], fixtures)
    return task if task is not None and task.sha256 == info.sha256 else None
