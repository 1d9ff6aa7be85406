"""The parts that scorer kinds validate their tasks with: schema fragments, locations, and checks beyond schemas.

A kind composes fragments into the JSON Schemas of its settings and cases (`ScorerKind`). The functions at the end find
problems that a schema cannot express, as a file that a setting names and the task does not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.errors import Problem
from harness.languages import LANGUAGES
from harness.schema import Location, suggestion
from harness.trees import path_problem
from harness.types import Case, Json, Task

ANY: Json = {}
STRING: Json = {"type": "string"}
STRINGS: Json = {"type": "array", "items": {"type": "string", "minLength": 1}}
INTEGER: Json = {"type": "integer"}
NUMBER: Json = {"type": "number"}
BOOLEAN: Json = {"type": "boolean"}
EQUALITY: Json = {"enum": ["exact", "equal"]}
RUN_SETTINGS: dict[str, Json] = {"separate": BOOLEAN, "clients": {"type": "array", "items": INTEGER}}
"""Settings of every kind, which say how a trial is run (harness/run/conversation.py)."""


def object_schema(properties: dict[str, Json], required: Sequence[str] = (), **keywords: Json) -> Json:
    """The schema of an object that has no other fields than these."""
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return {**schema, **keywords}


def one_of_schema(properties: dict[str, Json]) -> Json:
    """The schema of an object that has exactly one of these fields."""
    return object_schema(properties, minProperties=1, maxProperties=1)


def settings_schema(properties: dict[str, Json], required: Sequence[str]) -> Json:
    """The schema of a task's scorer settings."""
    return object_schema({**properties, **RUN_SETTINGS}, required)


def case_schema(give: Json, expect: Json) -> Json:
    """The schema of a case."""
    return {"type": "object", "properties": {"give": give, "expect": expect}}


def case_document(case: Case) -> Json:
    """A case as the document that is validated."""
    return {"give": dict(case.give), "expect": dict(case.expect)}


# --- locations --------------------------------------------------------------------------------------------------------


def task_location(task: Task, *steps: str) -> Location:
    """A place in task.toml."""
    return Location(f"{task.name}/task.toml", steps, task.manifest)


def settings_location(task: Task, *steps: str) -> Location:
    """A place among the scorer settings."""
    return task_location(task, "scorer", *steps)


def case_location(task: Task, case: Case) -> Location:
    """A case in cases.json."""
    return Location(f"{task.name}/cases.json, case {case.id!r}")


# --- beyond schemas ---------------------------------------------------------------------------------------------------


def language_problems(task: Task) -> list[Problem]:
    """The problem of a task that runs code in no language that can be run."""
    if task.language in LANGUAGES:
        return []
    fix = suggestion(task.language or "", LANGUAGES) or f"known languages: {', '.join(LANGUAGES)}"
    return [task_location(task, "language").problem(f"expected a language that can be run, got {task.language!r}", fix)]


def entry_problems(task: Task) -> Iterator[Problem]:
    """The problem of a setting `entry` that names no file of the folder in which the answer runs."""
    entry = task.settings.get("entry")
    why = path_problem(entry) if isinstance(entry, str) else None
    if why is not None:
        fix = "name a file, relative to the folder of the answer"
        yield settings_location(task, "entry").problem(f"{entry!r}: {why}", fix)


def no_cases_problem(task: Task) -> Problem:
    """The problem of a task that has no cases but needs some."""
    return Problem(f"{task.name}/cases.json: there is no case", "write at least one")


def missing_files(task: Task, setting: str) -> Iterator[Problem]:
    """The problem of each file that a setting names, alone or in a list, and that neither files/ nor host/ has."""
    value = task.settings.get(setting, ())
    names = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    for name in names:
        if name not in task.files and name not in task.host_files:
            yield no_such_file(settings_location(task, setting), task, name)


def no_such_file(location: Location, task: Task, name: str) -> Problem:
    """The problem of a file that files/ does not have."""
    return location.problem(f"files/{name} does not exist", suggestion(name, task.files) or "write it or name another")
