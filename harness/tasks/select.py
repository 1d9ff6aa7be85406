"""Finds task folders and selects some of them, by suite or by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.errors import Problem, TaskError, first_of
from harness.files import sha256_of
from harness.schema import read_toml, suggestion
from harness.tasks.manifest import TASK_FILE

MAX_NAME_CHARS = 64
MAX_NAMED = 12
"""Known names in a message about an unknown one."""
NAME = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{MAX_NAME_CHARS - 1}}}")
NAME_RULE = f"lower-case letters, digits and hyphens, {MAX_NAME_CHARS} at most"
_DIGEST_CHARS = 8
_EVERY_SUITE = "*"


def task_name_from(prefix: str, words: str, identity: str) -> str:
    """A valid name of a task, from words of any characters; one that is too long ends in a digest of the identity."""
    name = f"{prefix}-{re.sub('[^a-z0-9]+', '-', words.lower()).strip('-') or 'x'}"
    if len(name) <= MAX_NAME_CHARS:
        return name
    return f"{name[: MAX_NAME_CHARS - _DIGEST_CHARS - 1]}-{sha256_of(identity)[:_DIGEST_CHARS]}"


def find_folders(folders: Sequence[Path]) -> Mapping[str, Path]:
    """Task name -> its folder, sorted. Folders whose name starts with "_" or "." are not tasks.

    Raises TaskError, also for a folder that is named here and holds no task or is none by its name.
    """
    found: dict[str, Path] = {}
    problems = []
    for folder in folders:
        if not folder.is_dir():
            problems.append(Problem(f"{folder}: no such folder of tasks"))
            continue
        candidates = list(_candidates(folder))
        problems += [_no_task_problem(folder)] if not candidates else []
        for path in candidates:
            problem = _folder_problem(path, found.get(path.name))
            problems += [problem] if problem is not None else []
            found.setdefault(path.name, path)
    if problems:
        raise TaskError(*problems)
    return dict(sorted(found.items()))


def _candidates(folder: Path) -> Iterator[Path]:
    """The task folders in a folder, or the folder itself if it is one."""
    is_task = (folder / TASK_FILE).is_file()
    for path in [folder.resolve()] if is_task else sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith(("_", ".")):
            yield path


def _no_task_problem(folder: Path) -> Problem:
    if not (folder / TASK_FILE).is_file():
        return Problem(f"{folder}: has no folder of a task", f"name a folder of tasks, or one with a {TASK_FILE}")
    return Problem(f"{folder}: a folder whose name starts with {folder.resolve().name[0]!r} is no task", "rename it")


def _folder_problem(path: Path, namesake: Path | None) -> Problem | None:
    if namesake is not None and namesake.resolve() != path.resolve():
        return Problem(f"{path}: {namesake} has the same name", "rename one of them")
    if not NAME.fullmatch(path.name):
        return Problem(f"{path}: not a valid name for a task", f"use {NAME_RULE}")
    if not (path / TASK_FILE).is_file():
        return Problem(f"{path}: has no {TASK_FILE}", "write one, or start the folder's name with '_'")
    return None


def _suites_of(folder: Path) -> list[str]:
    """The suites that a task belongs to; a broken task.toml belongs to every suite, so that its problems are shown."""
    try:
        document = read_toml((folder / TASK_FILE).read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return [_EVERY_SUITE]
    suites = document.get("suites", [])
    return [str(suite) for suite in suites] if isinstance(suites, list) else [_EVERY_SUITE]


def _unknown(noun: str, name: str, known: Sequence[str]) -> Problem:
    if near := suggestion(name, known):
        return Problem(f"unknown {noun} {name!r}", near)
    return Problem(f"unknown {noun} {name!r}; known: {first_of(known, MAX_NAMED)}")


class UnknownNameError(TaskError):
    """No task or no suite of the given folders has the name."""


def select(folders: Mapping[str, Path], suite: str | None, names: Sequence[str]) -> list[Path]:
    """The folders of the named tasks, else of the suite, else all. Raises TaskError."""
    unknown = [_unknown("task", name, list(folders)) for name in names if name not in folders]
    if unknown:
        raise UnknownNameError(*unknown)
    if names:
        return [folders[name] for name in sorted(set(names))]
    if suite is None:
        return list(folders.values())
    suites = {name: _suites_of(folder) for name, folder in folders.items()}
    known = sorted({each for members in suites.values() for each in members} - {_EVERY_SUITE})
    if suite not in known:
        raise UnknownNameError(_unknown("suite", suite, known))
    return [folders[name] for name, members in suites.items() if suite in members or _EVERY_SUITE in members]
