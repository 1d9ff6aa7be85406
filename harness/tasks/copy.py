"""Copies a task as the start of a new one: `copy_task` makes a folder that passes `lanebench tasks check` as it is.

Documents that the task includes from the library beside it are copied into the new folder. The kit's own library serves
every task.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import tomlkit

from harness.errors import DiskError, TaskError
from harness.files import find_data
from harness.tasks.manifest import TASK_FILE
from harness.tasks.select import NAME, NAME_RULE
from harness.tasks.text_files import LIBRARY, included_names, list_files

USER_SUITE = "own"
"""The suite of tasks that were copied, and of no task that ships."""


def copy_task(source: Path, parent: Path, name: str) -> Path:
    """Copy a task's folder to `parent`/`name`, in the suite `own` only; returns the new folder.

    Raises TaskError for an invalid name or one that is taken, DiskError when the copy cannot be written.
    """
    if not NAME.fullmatch(name):
        raise TaskError(f"{name!r} cannot be a task's name", fix=f"use {NAME_RULE}")
    target = parent / name
    if target.exists():
        raise TaskError(f"{target} exists already", fix="choose another name, or edit that task")
    try:
        _copy_files(source, target)
        if not source.resolve().is_relative_to(find_data("fixtures").resolve()):
            _copy_included(source, target)
        _edit_manifest(target / TASK_FILE, source.name)
    except OSError as error:
        # Half a task would have the name of the next attempt.
        shutil.rmtree(target, ignore_errors=True)
        raise DiskError(f"{target}: cannot be written: {error.strerror or error}") from error
    return target


def _copy_files(source: Path, target: Path) -> None:
    """Copy a task's files without their permissions: the source may be read-only, the copy is there to be edited."""
    target.mkdir(parents=True)
    for place in list_files(str(source)):
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / place, target / place)


def _copy_included(source: Path, target: Path) -> None:
    """Copy what the texts of a task include from the library beside it."""
    library = source.parent / LIBRARY
    for place in list_files(str(source)):
        # What is not text includes nothing.
        text = (source / place).read_bytes().decode("utf-8", "replace")
        for name in included_names(text):
            is_inside = not Path(name).is_absolute() and ".." not in Path(name).parts
            if is_inside and not (target / name).is_file() and (library / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(library / name, target / name)


def _edit_manifest(path: Path, source_name: str) -> None:
    """Set suite and title; tomlkit keeps the file's comments and layout."""
    manifest = tomlkit.parse(path.read_text(encoding="utf-8"))
    manifest["title"] = f"{manifest['title']} (copied from {source_name})"
    manifest["suites"] = [USER_SUITE]
    path.write_text(tomlkit.dumps(manifest), encoding="utf-8")
