"""Leaves of a final tree the changes that its task allows; everything else is as the task gave it.

`clean_tree` is the entry point. What an agent writes beside its work (scratch files, notes, caches) costs it nothing:
it is removed, and the report says so. What would change how the host's cases run is removed even where the task allows
changes: files that an interpreter, a test runner or a package manager loads by itself, and hidden files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.trees.archive import TOOL_FOLDERS
from harness.trees.tree import ExcludedPath, blocking_files

OUTSIDE = "outside of what may change"
_LOADED_BY_ITSELF: Mapping[str, tuple[str, ...]] = {
    "loaded by Python": ("sitecustomize.py", "usercustomize.py", "*.pth"),
    "configures tests": (
        "conftest.py", "pytest.ini", "tox.ini", "setup.cfg", "noxfile.py", "jest.config.*", "vitest.config.*",
        "vite.config.*", "babel.config.*", "karma.conf.*",
    ),
    "configures builds": ("setup.py", "pyproject.toml", "package.json", "tsconfig*.json", "go.mod", "go.work"),
    "compiled": ("*.pyc", "*.pyo", "*.so", "*.node", "*.dll", "*.dylib", "*.wasm"),
}  # fmt: skip
"""Patterns of names that something loads without being asked, by the reason that a report gives."""


@dataclass(frozen=True, slots=True)
class CleanTree:
    """The files that are scored, which of them differ from the task's, and what was undone.

    `put_back` are files of the task that had been changed or deleted, `removed` new ones, each with its reason.
    """

    files: Mapping[str, str]
    changed: tuple[str, ...]
    put_back: tuple[str, ...]
    removed: tuple[ExcludedPath, ...]


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether a path matches one of these patterns; `*` stands for any characters, also for "/"."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def clean_tree(
    before: Mapping[str, str],
    after: Mapping[str, str],
    editable: Sequence[str],
    is_trap: Callable[[str], bool] = lambda path: False,
) -> CleanTree:
    """The task's files with the allowed changes of a final tree.

    `editable` are patterns of paths; one that names a file exactly allows it whatever its name. `is_trap` tells a new
    file that would be imported in place of another.
    """
    files = dict(before)
    put_back, removed = [], []
    for path in sorted(path for path in {*before, *after} if before.get(path) != after.get(path)):
        reason = None if path in editable else _refusal(path, path in before, editable, is_trap)
        if reason is None and path in after:
            files[path] = after[path]
        elif reason is None:
            del files[path]
        elif path in before:
            put_back.append(path)
        else:
            removed.append(ExcludedPath(path, reason))
    for path in sorted(_out_of_place(files, put_back)):
        del files[path]
        removed.append(ExcludedPath(path, OUTSIDE))
    changed = tuple(path for path in sorted({*before, *files}) if before.get(path) != files.get(path))
    return CleanTree(files, changed, tuple(put_back), tuple(sorted(removed)))


def _out_of_place(files: Mapping[str, str], put_back: Sequence[str]) -> set[str]:
    """The new files that stand where one that was put back needs a file or a folder."""
    blocking = blocking_files(files)
    kept = blocking.intersection(put_back)
    below = {path for path in files if any(path.startswith(f"{name}/") for name in kept)}
    return (blocking - kept) | below


def _refusal(path: str, is_given: bool, editable: Sequence[str], is_trap: Callable[[str], bool]) -> str | None:
    """Why a change of a path does not count; None if it does."""
    *folders, name = path.split("/")
    if TOOL_FOLDERS.intersection(folders):
        return "repository, dependencies or cache"
    for reason, patterns in _LOADED_BY_ITSELF.items():
        if matches(name, patterns):
            return reason
    if not is_given and any(part.startswith(".") for part in (*folders, name)):
        return "hidden"
    if not matches(path, editable):
        return OUTSIDE
    return "imported in place of another file" if not is_given and is_trap(path) else None
