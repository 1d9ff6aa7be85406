"""validate(name, document): every fault with its JSON path and its fix, against the hand-written files in schemas/.

Draft 2020-12. Knows nothing of what the documents mean; that a rate is k/n is `verify`'s to find.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import cache

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from harness.files import find_data
from harness.schema.fast_check import Check, ecma_pattern, quick_check
from harness.schema.messages import place_of, sentences, shown
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
def _validator(name: str, *, whole: bool) -> tuple[Draft202012Validator, Check]:
    """What tells the faults, and what says quickly that there are none."""
    schema = load_schema(name)
    demanded = _demanding(schema) if whole else schema
    return _Validator(demanded), quick_check(demanded) or (lambda document: False)


def _demanding(node: Json) -> Json:
    """The same schema with every field required: what is optional in it came with a later minor version."""
    if isinstance(node, list):
        return [_demanding(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    out = {name: _demanding(inner) for name, inner in node.items()}
    if node.get("additionalProperties") is False and "properties" in node:
        out["required"] = list(node["properties"])
    return out


def current(name: str) -> str:
    """MAJOR.MINOR of a form as its schema's $id states it."""
    return str(load_schema(name)["$id"]).rpartition(":")[2]


def _is_newer(version: Json, known: str) -> bool:
    """Whether a version is a later minor of the same major."""
    parts = version.split(".") if isinstance(version, str) else []
    major, minor = known.split(".")
    is_minor = len(parts) == 2 and parts[0] == major and re.fullmatch(r"[0-9]{1,9}", parts[1]) is not None
    return is_minor and int(parts[1]) > int(minor)


def _sorted(faults: Iterator[str]) -> list[str]:
    """Without doubles, in the order of their places with list positions as numbers."""
    return sorted(set(faults), key=lambda fault: re.sub(r"\d+", lambda number: number[0].zfill(12), fault))


@cache
def load_schema(name: str) -> Json:
    """The schema document called `name`: config, run, recording, scores or result."""
    path = find_data("schemas") / f"{name}.v1.schema.json"
    return json.loads(path.read_text(encoding="utf-8"))


def validate(name: str, document: Json) -> list[str]:
    """Every fault of a document against schemas/<name>.v1.schema.json as "$.path: fault, fix"; [] when it is right.

    Beyond the schema, numbers that are not finite or past 2^53 are refused wherever they stand, and a document of the
    schema's own minor version must have every field; older ones lack those that came later, newer ones are refused.
    """
    version = document.get("schema_version") if isinstance(document, dict) else None
    if _is_newer(version, current(name)):
        return [
            f"$.schema_version: is {version}, this kit knows {current(name)}: use the kit that made it or a newer one"
        ]
    validator, is_valid = _validator(name, whole=version == current(name))
    if is_valid(document) and not _has_bad_numbers(document):
        return []

    def found() -> Iterator[str]:
        yield from _bad_numbers(document)
        for error in validator.iter_errors(document):
            yield from sentences(error)

    return _sorted(found())


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
