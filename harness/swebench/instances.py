"""Reads instances of SWE-bench from a JSONL file in the official format, of which each line is one instance.

`read_instances` is the entry point. It reads the file line by line and keeps the rows that are asked for, so that the
size of a data set does not matter. Rows are hostile input: names become paths, and patches name files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import Problem, TaskError
from harness.files import from_json, open_regular
from harness.schema import suggestion
from harness.types import Json

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

MAX_LINE_BYTES = 32 << 20
MAX_INSTANCES = 3000
"""More than the full test set has; each becomes a task folder."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_TEXTS = ("instance_id", "repo", "base_commit", "problem_statement", "patch", "test_patch")
_TESTS = ("FAIL_TO_PASS", "PASS_TO_PASS")


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance: `patch` is the official solution, `row` the whole row."""

    id: str
    repository: str
    base_commit: str
    problem_statement: str
    patch: str
    row: Json


@dataclass(frozen=True, slots=True)
class InstanceFile:
    """The instances that were asked for, and the name and digest of the file that they are from."""

    name: str
    sha256: str
    instances: tuple[Instance, ...]


def read_instances(path: Path, wanted: Sequence[str]) -> InstanceFile:
    """The instances of a file with these ids, or all. Raises TaskError with every problem, RunError."""
    digest, found, problems = sha256(), dict[str, Instance](), list[Problem]()
    for place, line in _wanted_lines(path, wanted, digest):
        try:
            instance = _instance(line, wanted)
        except ValueError as error:
            problems.append(Problem(f"{place}: {error}"))
            continue
        if instance is not None and instance.id in found:
            problems.append(Problem(f"{place}: the id {instance.id!r} is a duplicate", "remove one of the two rows"))
        elif instance is not None and len(found) == MAX_INSTANCES:
            raise TaskError(f"{path}: has over {MAX_INSTANCES} instances", fix="name those that you want")
        elif instance is not None:
            found[instance.id] = instance
    problems = problems or [_unknown(path, name, list(found)) for name in wanted if name not in found]
    if not found and not problems:
        problems.append(Problem(f"{path}: has no rows"))
    if problems:
        raise TaskError(*problems)
    return InstanceFile(path.name, digest.hexdigest(), tuple(found.values()))


def _wanted_lines(path: Path, wanted: Sequence[str], digest: Hash) -> Iterator[tuple[str, bytes]]:
    """The lines that may hold a wanted instance, each with its place; `digest` takes all lines."""
    needles = [instance_id.encode() for instance_id in wanted]
    for number, line in enumerate(_lines(path), 1):
        digest.update(line)
        if line.strip() and (not needles or any(needle in line for needle in needles)):
            yield f"{path}, line {number}", line


def _lines(path: Path) -> Iterator[bytes]:
    with open_regular(path) as file:
        while line := file.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                raise TaskError(f"{path}: has a line over {MAX_LINE_BYTES >> 20} MiB", fix="name a JSONL file")
            yield line


def _unknown(path: Path, name: str, known: Sequence[str]) -> Problem:
    return Problem(f"{path}: has no instance {name!r}", suggestion(name, known))


def _instance(line: bytes, wanted: Sequence[str]) -> Instance | None:
    """The instance of a line; None for one that is not wanted. Raises ValueError that says what is wrong."""
    try:
        row = from_json(line)
    except ValueError as error:
        raise ValueError(f"invalid JSON: {error}") from error
    row_id = row.get("instance_id") if isinstance(row, dict) else None
    if not isinstance(row_id, str) or not _ID.fullmatch(row_id):
        raise ValueError("has no instance_id of letters, digits, '.', '_' and '-'")
    if wanted and row_id not in wanted:
        return None
    missing = [name for name in _TEXTS if not isinstance(row.get(name), str) or not row[name].strip()]
    if missing:
        raise ValueError(f"{row_id} has no {', '.join(missing)}")
    if not _REPOSITORY.fullmatch(row["repo"]):
        raise ValueError(f"{row_id}: repo is not OWNER/NAME: {row['repo'][:80]!r}")
    if not _COMMIT.fullmatch(row["base_commit"]):
        raise ValueError(f"{row_id}: base_commit is not the digest of a commit: {row['base_commit'][:80]!r}")
    for name in _TESTS:
        row[name] = _tests(row_id, name, row.get(name))
    _require_unicode(row_id, row)
    return Instance(row_id, row["repo"], row["base_commit"], row["problem_statement"], row["patch"], row)


def _tests(row_id: str, name: str, value: Json) -> list[str]:
    """A list of tests, which the official rows hold as a string of JSON."""
    try:
        tests = from_json(value) if isinstance(value, str) else value
    except ValueError:
        tests = None
    if not isinstance(tests, list) or not all(isinstance(test, str) for test in tests):
        raise ValueError(f"{row_id}: {name} is no list of tests")
    return tests


def _require_unicode(row_id: str, row: Json) -> None:
    for name, value in row.items():
        if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
            raise ValueError(f"{row_id}: {name} is not Unicode text")
