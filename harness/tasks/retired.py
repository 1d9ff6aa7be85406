"""Tasks as they were before they were mended, so that what was published with them can still be scored again.

`fixtures/_retired/DIGEST/NAME/` holds the folder of a task of the kit as a published result states it; DIGEST is the
beginning of the task's sha256. `as_published` finds them for a result; no run is made with one. `retired_at` reads when
a task was mended from `fixtures/_retired/dates.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

from harness.tasks.load import load_task
from harness.tasks.text_files import LIBRARY
from harness.types import Task, TaskInfo

RETIRED = "_retired"
DATES = "dates.toml"
DIGEST_DIGITS = 12


def as_published(known: Mapping[str, Task], stated: Iterable[TaskInfo], fixtures: Path) -> Mapping[str, Task]:
    """The known tasks by name, but those of which `stated` gives another digest as they were then, if they are kept."""
    others = [info for info in stated if info.name in known and known[info.name].sha256 != info.sha256]
    kept = {info.name: _retired_task(info, fixtures) for info in others}
    return {**known, **{name: task for name, task in kept.items() if task is not None}}


def retired_at(sha256: str, fixtures: Path) -> datetime | None:
    """When the task of this digest was mended, so that no later run has it; None if it is not kept as retired."""
    return _dates(fixtures).get(sha256[:DIGEST_DIGITS])


@cache
def _dates(fixtures: Path) -> Mapping[str, datetime]:
    """When each retired task was mended, by its digest; read once, and asked for every task of every result."""
    path = fixtures / RETIRED / DATES
    known = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {digest: time for digest, time in known.items() if isinstance(time, datetime)}


def _retired_task(info: TaskInfo, fixtures: Path) -> Task | None:
    folder = fixtures / RETIRED / info.sha256[:DIGEST_DIGITS] / info.name
    if not folder.is_dir():
        return None
    task, _ = load_task(folder, [fixtures / LIBRARY], fixtures)
    return task if task is not None and task.sha256 == info.sha256 else None
