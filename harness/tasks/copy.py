"""A new task made from one that is there: a folder that already passes `tasks check` and waits to be changed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from harness.errors import DiskError, TaskError
from harness.tasks.select import NAME
from harness.tasks.table import FILE

OWN_SUITE = "own"
_SUITES = re.compile(r"^suites\s*=\s*\[[^\]]*\]", re.MULTILINE)
_TITLE = re.compile(r'^title\s*=\s*"(.*)"', re.MULTILINE)


def copy_task(like: Path, into: Path, name: str) -> Path:
    """Copy a task's folder as `into`/`name`, in the suite `own` and no other; returns the new folder.

    Raises TaskError for a name that cannot be one or is taken, DiskError when it cannot be written.
    """
    if not NAME.fullmatch(name):
        raise TaskError(f"{name!r} cannot be a task's name: use lower-case letters, digits and hyphens")
    target = into / name
    if target.exists():
        raise TaskError(f"{target}: is there already; choose another name or change that one")
    try:
        shutil.copytree(like, target, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        recipe = target / FILE
        text = recipe.read_text(encoding="utf-8")
        text = _SUITES.sub(f'suites = ["{OWN_SUITE}"]', text, count=1)
        recipe.write_text(_TITLE.sub(rf'title = "\1 (made from {like.name})"', text, count=1), encoding="utf-8")
    except OSError as error:
        raise DiskError(f"{target}: cannot be written: {error.strerror or error}") from error
    return target
