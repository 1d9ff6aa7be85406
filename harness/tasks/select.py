"""Which task folders there are and which of them are wanted, by suite or by name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from harness.errors import TaskError
from harness.tasks.table import FILE

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def find_folders(folders: Sequence[Path]) -> Mapping[str, Path]:
    """Task name -> its folder, sorted. A name that starts with "_" or "." is no task. Raises TaskError."""
    found: dict[str, Path] = {}
    faults = []
    for folder in folders:
        if not folder.is_dir():
            faults.append(f"{folder}: no such folder of tasks")
            continue
        alone = (folder / FILE).is_file()
        for path in [folder.resolve()] if alone else sorted(path for path in folder.iterdir() if path.is_dir()):
            if path.name.startswith(("_", ".")):
                continue
            if path.name in found and found[path.name].resolve() != path.resolve():
                faults.append(f"{path}: {found[path.name]} has the same name; give this one another")
            elif not NAME.fullmatch(path.name):
                faults.append(f"{path}: a task's name is lower-case letters, digits and hyphens; rename the folder")
            elif not (path / FILE).is_file():
                faults.append(f"{path}: has no {FILE}; write one, or start the folder's name with '_'")
            found.setdefault(path.name, path)
    if faults:
        raise TaskError(*faults)
    return dict(sorted(found.items()))


def _suites_of(folder: Path) -> list[str]:
    """The suites that a task says it is in; a broken task.toml is in every suite, so that its faults are told."""
    try:
        document = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError):
        return ["*"]
    suites = document.get("suites", [])
    return [str(one) for one in suites] if isinstance(suites, list) else ["*"]


def _unknown(kind: str, name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"no {kind} is called {name!r}; {hint}known: {', '.join(known)}"


def choose(folders: Mapping[str, Path], suite: str | None, names: Sequence[str]) -> list[Path]:
    """The folders that are wanted: the named ones, else the suite's, else all. Raises TaskError."""
    missing = [_unknown("task", name, list(folders)) for name in names if name not in folders]
    if missing:
        raise TaskError(*missing)
    if names:
        return [folders[name] for name in sorted(set(names))]
    if suite is None:
        return list(folders.values())
    suites = {name: _suites_of(folder) for name, folder in folders.items()}
    known = sorted({one for own in suites.values() for one in own} - {"*"})
    if suite not in known:
        raise TaskError(_unknown("suite", suite, known))
    return [folders[name] for name, own in suites.items() if suite in own or "*" in own]
