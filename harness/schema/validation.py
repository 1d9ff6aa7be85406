"""Validates documents against JSON Schemas (draft 2020-12): `validate` by a schema's name, `problems_of` by the schema.

What a schema cannot express is refused in every document: numbers and types that two JSON readers could understand
differently. What a document means is for the callers to check.
"""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import jsonschema_rs

from harness.apis import APIS
from harness.errors import Problem
from harness.files import MAX_JSON_DEPTH, find_data, is_deeper_than, plain
from harness.schema.location import JsonPath, Location
from harness.schema.messages import problems_of_error, shorten
from harness.types import Json, run_options

MAX_INTEGER = 2**53 - 1
"""Beyond it a reader that keeps numbers as doubles (JavaScript, jq) reads another number (RFC 8259, section 6)."""
MAX_EXPLAINED_VALUES = 20_000
"""Of a larger document only the first problem is reported: it can have a million, and jsonschema-rs collects all."""
_SAFE_TYPES = frozenset({str, bool, type(None)})
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


_FindErrors = Callable[[jsonschema_rs.Validator, Json], Iterable[jsonschema_rs.ValidationError]]


class _Validator(NamedTuple):
    schema: Json
    compiled: jsonschema_rs.Validator


@cache
def load_schema(name: str) -> Json:
    """The schema document schemas/<name>.v1.schema.json, with the run options and the names of the APIs filled in."""
    path = find_data("schemas") / f"{name}.v1.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    if "settings" in schema.get("$defs", {}):
        _fill_settings(schema["$defs"]["settings"], require_all=name == "run")
    if "api" in schema.get("$defs", {}):
        schema["$defs"]["api"]["enum"] = list(APIS)
    return schema


def _fill_settings(schema: Json, *, require_all: bool) -> None:
    """Put the declared run options into the schema of the run settings, which its file leaves open."""
    options = run_options()
    schema["additionalProperties"] = False
    schema["properties"] = {option.name: dict(option.schema) for option in options}
    if require_all:
        schema["required"] = [option.name for option in options if option.absent is None]


@cache
def _validator(name: str) -> _Validator:
    schema = load_schema(name)
    return _Validator(schema, jsonschema_rs.validator_for(schema))


def format_version(name: str) -> str:
    """MAJOR.MINOR of a file format: the constant that its schema gives for `schema_version`."""
    return str(load_schema(name)["properties"]["schema_version"]["const"])


def as_document(name: str, value: Any) -> Json:
    """A dataclass as a document of the file format `name`: its fields, and the version of the format."""
    return {"schema_version": format_version(name), **plain(value)}


def validate(name: str, document: Json, location: Location | None = None) -> list[Problem]:
    """Every problem of a document under schemas/<name>.v1.schema.json, in the order of their places; [] if valid.

    Of a document in another version of the format only the version is reported: this schema says nothing about its
    other fields.
    """
    location = location or Location()
    version = document.get("schema_version") if isinstance(document, dict) else None
    if (
        isinstance(version, str)
        and "schema_version" in load_schema(name).get("properties", {})
        and version != format_version(name)
    ):
        message = f"version {shorten(version)} is not supported, this version of lanebench reads {format_version(name)}"
        return [location.at("schema_version").problem(message, "use the version of lanebench that wrote the file")]
    validator = _validator(name)
    if _is_valid(validator, document) and not _survey(document)[1]:
        return []
    return _explain(validator, document, location, safe_integers=True)


def problems_of(value: Json, schema: Json, location: Location | None = None) -> list[Problem]:
    """Every problem of a value under a schema given inline; `location` is where the value is.

    Unlike in the kit's files, integers may be of any size.
    """
    validator = _Validator(schema, jsonschema_rs.validator_for(schema))
    if _is_valid(validator, value) and not _survey(value)[1]:
        return []
    return _explain(validator, value, location or Location(), safe_integers=False)


def has_safe_numbers(value: Json) -> bool:
    """Whether `validate` accepts each number of a JSON value: finite, and no integer beyond MAX_INTEGER."""
    return not _survey(value)[1]


def schema_problems(schema: Json) -> list[Problem]:
    """What is wrong with a schema itself; [] for a valid draft 2020-12 schema."""
    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        return [Location().at(*error.instance_path).problem(error.message)]
    return []


def _explain(validator: _Validator, document: Json, location: Location, *, safe_integers: bool) -> list[Problem]:
    """The problems of a document that may be invalid, in the order of their places; of a large one the first few."""
    if is_deeper_than(document, MAX_JSON_DEPTH):
        # Neither jsonschema-rs nor what words its errors walks such a document to its end.
        return [location.problem(f"nested more than {MAX_JSON_DEPTH} levels deep")]
    is_large, has_unsafe_values = _survey(document)
    # The walk with paths is slow: a document is walked only if it has such a value.
    values = _values(document) if has_unsafe_values else ()
    problems = ((path, problem) for path, value in values if (problem := _leaf_problem(value, safe_integers)))
    unsafe = dict(islice(problems, 1 if is_large else None))
    found = {location.at(*path).problem(message, fix) for path, (message, fix) in unsafe.items()}
    for error in _errors(_first_error if is_large else jsonschema_rs.Validator.iter_errors, validator, document):
        if tuple(error.instance_path) not in unsafe:
            found.update(problems_of_error(error, validator.schema, location))
    return sorted(found, key=lambda problem: re.sub(r"\d+", lambda number: number[0].zfill(12), problem.message))


def _is_valid(validator: _Validator, document: Json) -> bool:
    try:
        return validator.compiled.is_valid(document)
    except ValueError:
        # jsonschema-rs raises for lone surrogates (which models send) and for TOML's dates; `_errors` replaces both.
        return False


def _errors(find: _FindErrors, validator: _Validator, document: Json) -> Iterable[jsonschema_rs.ValidationError]:
    try:
        return list(find(validator.compiled, document))
    except ValueError:
        return find(validator.compiled, _replace_unsupported(document))


def _first_error(compiled: jsonschema_rs.Validator, document: Json) -> list[jsonschema_rs.ValidationError]:
    try:
        compiled.validate(document)
    except jsonschema_rs.ValidationError as error:
        return [error]
    return []


def _values(document: Json) -> Iterator[tuple[JsonPath, Json]]:
    """Every value with its path, in the order of the document."""
    root: JsonPath = ()
    open_containers = [iter([(root, document)])]
    while open_containers:
        entry = next(open_containers[-1], None)
        if entry is None:
            open_containers.pop()
            continue
        yield entry
        open_containers.append(_entries(*entry))


def _entries(path: JsonPath, value: Json) -> Iterator[tuple[JsonPath, Json]]:
    if isinstance(value, dict):
        yield from (((*path, name), inner) for name, inner in value.items())
    elif isinstance(value, list | tuple):
        yield from (((*path, at), inner) for at, inner in enumerate(value))


def _leaf_problem(value: Json, safe_integers: bool) -> tuple[str, str] | None:
    """Message and fix for a value that JSON lacks, or that two JSON readers could understand differently."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"expected a finite number, got {value}", ""
    if isinstance(value, datetime.date | datetime.time):
        return f"expected a JSON type, got the date or time {value}", "put it in quotes"
    if safe_integers and isinstance(value, int) and abs(value) > MAX_INTEGER:
        return f"expected an integer within 2^53 - 1, got {shorten(value)}", "write it as a string"
    return None


def _survey(document: Json) -> tuple[bool, bool]:
    """Whether a document is a large one, and whether `_leaf_problem` may find a value; quick, since without paths."""
    containers: list[Json] = [[document]]
    count = 0
    has_unsafe_values = False
    # Every line of every result is walked here, so the types that JSON has are told apart by identity, the usual first.
    for container in containers:
        count += len(container)
        for value in container.values() if isinstance(container, dict) else container:
            kind = type(value)
            if kind in _SAFE_TYPES:
                continue
            if kind is float:
                has_unsafe_values |= not math.isfinite(value)
            elif kind is int:
                has_unsafe_values |= abs(value) > MAX_INTEGER
            elif isinstance(value, dict | list | tuple):
                containers.append(value)
            else:
                has_unsafe_values |= not isinstance(value, str)
    return count > MAX_EXPLAINED_VALUES, has_unsafe_values


def _replace_unsupported(value: Json) -> Json:
    """The document with what jsonschema-rs cannot take replaced: lone surrogates by U+FFFD, dates by strings."""
    if isinstance(value, dict):
        return {_replace_unsupported(name): _replace_unsupported(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_unsupported(inner) for inner in value]
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    return str(value) if isinstance(value, datetime.date | datetime.time) else value
