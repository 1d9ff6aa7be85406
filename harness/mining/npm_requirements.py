"""Reads what a JavaScript repository says of its tests in package.json: the runner, and the packages that they need.

`read_npm_requirements` is the entry point. Scripts are read and never executed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import TaskError
from harness.files import from_json
from harness.repository_tasks import JAVASCRIPT, is_kept
from harness.sandbox import LOCK_FILE

_RUNNERS: Mapping[str, re.Pattern[str]] = {
    "mocha": re.compile(r"(?<![\w.:-])_?mocha(?![\w:-])"),
    "tape": re.compile(r"(?<![\w.:-])tape(?![\w:-])"),
    "node": re.compile(r"\bnode\b[^&|;]*\s--test\b"),
}
"""Each as a word of a command; the name of a script or of an option may have it as a part."""
_OTHERS = re.compile(r"(?<![\w.:-])(?:ava|borp|jasmine|jest|karma|tap|uvu|vitest|web-test-runner)(?![\w:-])")
_SCRIPT = re.compile(r"\b(?:npm|pnpm|yarn)(?:\s+(?:-[\w=-]+|run(?:-script)?))*\s+([\w:.-]+)")
_LINTER = re.compile(
    r"(?:^|[&|;])\s*(?:npx\s+)?(?:\S*/)?(?:biome|eslint|jshint|oxlint|prettier|semistandard|standard|xo)\b[^&|;\n]*",
    re.M,
)
"""The command of a linter, whose options may name a runner: `eslint --env mocha`."""
_PRELOAD = re.compile(r"(?:^|\s)(?:-r|--require)[ =](\S+)")
_NAME = re.compile(r"(?:@[\w.-]+/)?[A-Za-z][\w.-]*")
_IMPORT = re.compile(r"""(?:\brequire\(|\bfrom|\bimport\(?)\s*["']((?:@[\w.-]+/)?[A-Za-z][\w.-]*)(?:/[^"']*)?["']""")
_RANGE = re.compile(r"[\w.*^~<>=| -]+")
"""A range of versions at the registry; an address, a path or an alias has a colon or a slash."""
_GROUPS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_MAX_SCRIPTS = 20


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
    script = "\n".join(_scripts(package.get("scripts")))
    imported = {found for path, text in files.items() for found in _imports(path, text)}
    runner = _runner(script, imported)
    preload = tuple(dict.fromkeys(name.strip("\"'") for name in _PRELOAD.findall(script)))
    ranges = {name: text for group in reversed(_GROUPS) for name, text in _ranges(package.get(group))}
    needed = {*_object_keys(package.get("dependencies")), *imported, *({runner} - {"node"})}
    needed |= {found[0] for name in preload if (found := _NAME.match(name)) is not None}
    dependencies = {
        name: text for name, text in sorted(ranges.items()) if name in needed and name != package.get("name")
    }
    return NpmRequirements(runner, preload, dependencies, files.get(LOCK_FILE))


def _runner(script: str, imported: set[str]) -> str:
    for name, pattern in _RUNNERS.items():
        if pattern.search(script):
            return name
    if "tape" in imported:
        return "tape"
    other = _OTHERS.search(script)
    what = f"{other[0]} starts its tests" if other else "its test script names no runner"
    raise TaskError(f"{what}; the runners are {', '.join(_RUNNERS)}")


def _scripts(scripts: Any) -> Iterator[str]:
    """The commands of the script `test` and of those that it starts, without their names and without linters."""
    known = {name: text for name, text in scripts.items() if isinstance(text, str)} if isinstance(scripts, dict) else {}
    waiting, seen = ["test"], set[str]()
    while waiting and len(seen) < _MAX_SCRIPTS:
        name = waiting.pop()
        if name in seen or name not in known:
            continue
        seen.add(name)
        yield _LINTER.sub("", _SCRIPT.sub(lambda found: "" if found[1] in known else found[0], known[name]))
        waiting += _SCRIPT.findall(known[name])


def _imports(path: str, text: str | None) -> list[str]:
    is_code = path.endswith(JAVASCRIPT.extensions) and is_kept(path)
    return _IMPORT.findall(text) if is_code and text is not None else []


def _ranges(group: Any) -> Iterator[tuple[str, str]]:
    for name, text in group.items() if isinstance(group, dict) else ():
        if isinstance(text, str) and _RANGE.fullmatch(text):
            yield name, text


def _object_keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, dict) else set()


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = from_json(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
