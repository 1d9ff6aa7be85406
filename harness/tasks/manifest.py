"""task.toml as dataclasses: a task's title, budget, limits, scorer, wrong answers and variants.

`read_manifest` validates the file against schemas/task.v1.schema.json and keeps what is valid of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.errors import Problem
from harness.files import build
from harness.schema import Location, TomlDocument, load_schema, parse_toml, problems_of
from harness.types import Json, Limits, Outcome, TaskRequirement

TASK_FILE = "task.toml"
_PLACEHOLDERS: Mapping[str, Json] = {"title": "", "budget_tokens": 1, "scorer": {"kind": ""}}
"""Stand in for required keys that are missing or invalid, so that the rest of the folder can still be checked."""


@dataclass(frozen=True, slots=True)
class WrongAnswerEntry:
    """An entry of [[wrong]]: a file (or folder of turns) under wrong/, and how its score must come out."""

    file: str
    fails: tuple[str, ...] | Literal["*"] = ()
    outcome: Outcome = Outcome.FAILED
    finish_reason: str = "stop"
    breaks: str | None = None


@dataclass(frozen=True, slots=True)
class TaskManifest:
    """The content of task.toml."""

    title: str
    budget_tokens: int
    scorer: Mapping[str, Json]
    suites: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    language: str | None = None
    limits: Limits = field(default_factory=Limits)
    wrong: tuple[WrongAnswerEntry, ...] = ()
    variants: tuple[Mapping[str, str], ...] = ()
    requirements: tuple[TaskRequirement, ...] = ()
    renames: tuple[str, ...] = ()
    survivors: tuple[Mapping[str, str], ...] = ()
    source: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ManifestReading:
    """What was read of a task.toml: `invalid_keys` are the top-level keys whose values `manifest` does not hold."""

    manifest: TaskManifest
    location: Location
    problems: tuple[Problem, ...]
    invalid_keys: frozenset[str]


def read_manifest(text: str, path: Path) -> ManifestReading:
    """Read the text of a task.toml; `path` is named in the problems."""
    document = parse_toml("task", text, str(path))
    invalid = _invalid_keys(document)
    valid = {key: _integers(value) for key, value in document.values.items() if key not in invalid}
    manifest = build(TaskManifest, {**_PLACEHOLDERS, **valid})
    return ManifestReading(manifest, document.location, document.problems, invalid)


def _invalid_keys(document: TomlDocument) -> frozenset[str]:
    if not document.problems:
        return frozenset()
    properties = load_schema("task")["properties"]
    return frozenset(
        key for key, value in document.values.items() if key not in properties or problems_of(value, properties[key])
    )


def _integers(value: Json) -> Json:
    """Integral floats as integers: JSON Schema takes 100.0 for an integer, the dataclasses do not."""
    if isinstance(value, dict):
        return {name: _integers(inner) for name, inner in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value
