"""validate(name, document): every fault with its JSON path and its fix, against the hand-written files in schemas/.

Draft 2020-12. Knows nothing of what the documents mean; that a rate is k/n is `verify`'s to find.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from harness.files import find_data, plain
from harness.schema.fast_check import Check, ecma_pattern, quick_check
from harness.schema.messages import place_of, sentences, shown
from harness.schema.settings import fill_settings
from harness.types import Json

MAX_INTEGER = 2**53 - 1


def _bad_numbers(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[str]:
    """Numbers that two JSON readers could understand differently."""
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{place_of(path)}: is {value}, give a finite number or leave it out"
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_INTEGER:
        yield f"{place_of(path)}: is {shown(value)}, give a number up to 2^53 - 1 or a text"
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _bad_numbers(inner, (*path, name))
    elif isinstance(value, list | tuple):
        for at, inner in enumerate(value):
            yield from _bad_numbers(inner, (*path, at))


def _has_bad_numbers(document: Json) -> bool:
    """Whether `_bad_numbers` would find any, without places and so at once."""
    left = [document]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left.extend(value.values())
        elif isinstance(value, list | tuple):
            left.extend(value)
        elif isinstance(value, float):
            if not math.isfinite(value):
                return True
        elif isinstance(value, int) and abs(value) > MAX_INTEGER:
            return True
    return False


def _whole_pattern(_: Json, pattern: str, text: Json, __: Json) -> Iterator[ValidationError]:
    """Names with a newline at their end are refused, as ECMA 262 has it."""
    if isinstance(text, str) and not re.search(ecma_pattern(pattern), text):
        yield ValidationError(f"{text!r} does not match {pattern!r}")


_Validator: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"pattern": _whole_pattern},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("array", lambda _, value: isinstance(value, list | tuple)),
)


@cache
def _validator(name: str) -> tuple[Draft202012Validator, Check]:
    """The validator that explains what is wrong, and the fast predicate that is tried before it."""
    schema = load_schema(name)
    return _Validator(schema), quick_check(schema) or (lambda document: False)


def current(name: str) -> str:
    """MAJOR.MINOR of a file format: the constant that its schema gives for `schema_version`."""
    return str(load_schema(name)["properties"]["schema_version"]["const"])


def as_document(name: str, value: Any) -> Json:
    """A dataclass as a document of the file format `name`: its fields, and the version of the format."""
    return {"schema_version": current(name), **plain(value)}


def _sorted(faults: Iterator[str]) -> list[str]:
    """Without doubles, in the order of their places with list positions as numbers."""
    return sorted(set(faults), key=lambda fault: re.sub(r"\d+", lambda number: number[0].zfill(12), fault))


@cache
def load_schema(name: str) -> Json:
    """The schema document called `name`: config, run, recording, scores or result."""
    path = find_data("schemas") / f"{name}.v1.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    fill_settings(schema, require_all=name == "run")
    return schema


def validate(name: str, document: Json) -> list[str]:
    """Every fault of a document against schemas/<name>.v1.schema.json as "$.path: fault, fix"; [] when it is right.

    Beyond the schema, numbers that are not finite or past 2^53 are refused wherever they stand. Of a document in
    another version of the format only the version is reported: this schema says nothing about its other fields.
    """
    if (fault := _version_fault(name, document)) is not None:
        return [fault]
    validator, is_valid = _validator(name)
    if is_valid(document) and not _has_bad_numbers(document):
        return []

    def found() -> Iterator[str]:
        yield from _bad_numbers(document)
        for error in validator.iter_errors(document):
            yield from sentences(error)

    return _sorted(found())


def _version_fault(name: str, document: Json) -> str | None:
    version = document.get("schema_version") if isinstance(document, dict) else None
    if not isinstance(version, str) or "schema_version" not in load_schema(name)["properties"]:
        return None
    if version == current(name):
        return None
    return f"$.schema_version: is {shown(version)}, this kit reads {current(name)}: use the kit that wrote the file"


def faults(schema: Json, value: Json) -> list[str]:
    """Every fault of a value against a schema given in place, as `validate` tells them. See `schema_faults` too."""
    errors = _Validator(schema).iter_errors(value)
    return _sorted(sentence for error in errors for sentence in sentences(error))


def schema_faults(schema: Json) -> list[str]:
    """What is wrong with a schema itself; [] when it is a sound Draft 2020-12 schema."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return [f"{place_of(list(error.absolute_path))}: {error.message}"]
    return []
