"""Reads what a JavaScript repository says of its tests in package.json: the runner, and the packages that they need.

`read_npm_requirements` is the entry point. Scripts are read and never executed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import TaskError
from harness.files import from_json
from harness.mining.npm_scripts import NODE, OTHER_RUNNERS, RUNNERS, ScriptCommand, commands_of
from harness.repository_tasks import JAVASCRIPT, is_kept
from harness.sandbox import LOCK_FILE

_PRELOAD = re.compile(r"(?:^|\s)(?:-r|--require)[ =](\S+)")
_NAME = re.compile(r"(?:@[\w.-]+/)?[A-Za-z][\w.-]*")
_IMPORT = re.compile(r"""(?:\brequire\(|\bfrom|\bimport\(?)\s*["']((?:@[\w.-]+/)?[A-Za-z][\w.-]*)(?:/[^"']*)?["']""")
_RANGE = re.compile(r"[\w.*^~<>=| -]+")
"""A range of versions at the registry; an address, a path or an alias has a colon or a slash."""
_GROUPS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")


@dataclass(frozen=True, slots=True)
class NpmRequirements:
    """The runner of the tests, what it loads first, the packages with their ranges, and the lock file's text."""

    runner: str
    preload: tuple[str, ...]
    dependencies: Mapping[str, str]
    lock: str | None


def read_npm_requirements(files: Mapping[str, str | None]) -> NpmRequirements:
    """The requirements of a repository with these files. Raises TaskError where its tests have another runner."""
    package = _object(files.get("package.json"))
    commands = tuple(commands_of(_strings(package.get("scripts")), "test"))
    imported = {found for path, text in files.items() for found in _imports(path, text)}
    runner = _runner([command.program for command in commands], imported)
    preload = _preload(commands, runner)
    ranges = {name: text for group in reversed(_GROUPS) for name, text in _ranges(package.get(group))}
    needed = {*_object_keys(package.get("dependencies")), *imported, *({runner} - {"node"})}
    needed |= {found[0] for name in preload if (found := _NAME.match(name)) is not None}
    dependencies = {
        name: text for name, text in sorted(ranges.items()) if name in needed and name != package.get("name")
    }
    return NpmRequirements(runner, preload, dependencies, files.get(LOCK_FILE))


def _runner(programs: Collection[str], imported: set[str]) -> str:
    for program, runner in RUNNERS.items():
        if program in programs:
            return runner
    if "tape" in imported:
        return "tape"
    other = next((program for program in programs if program in OTHER_RUNNERS), None)
    what = f"{other} starts its tests" if other else "its test script names no runner"
    raise TaskError(f"{what}; the runners are {', '.join(RUNNERS.values())}")


def _preload(commands: Sequence[ScriptCommand], runner: str) -> tuple[str, ...]:
    """What the options of the runner's commands load first; a test of tape is often started with node."""
    texts = (" ".join(each.words) for each in commands if each.program == NODE or RUNNERS.get(each.program) == runner)
    return tuple(dict.fromkeys(name.strip("\"'") for text in texts for name in _PRELOAD.findall(text)))


def _imports(path: str, text: str | None) -> list[str]:
    is_code = path.endswith(JAVASCRIPT.extensions) and is_kept(path)
    return _IMPORT.findall(text) if is_code and text is not None else []


def _strings(group: Any) -> dict[str, str]:
    return {name: text for name, text in group.items() if isinstance(text, str)} if isinstance(group, dict) else {}


def _ranges(group: Any) -> Iterator[tuple[str, str]]:
    return ((name, text) for name, text in _strings(group).items() if _RANGE.fullmatch(text))


def _object_keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, dict) else set()


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = from_json(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
