"""Schema violations as problems: place, what is wrong, and how to fix it.

`problems_of_error` words one violation; `suggestion` is the only "did you mean" of the kit. Two annotations of a schema
are for these messages: `x-aliases` lists what a field is called by mistake, and of a field with `x-secret` no value is
repeated, since a secret may stand there by mistake.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches

from jsonschema_rs import ValidationError

from harness.errors import Problem
from harness.schema.location import Location
from harness.types import Json

MAX_SHOWN_CHARS = 60
MAX_UNKNOWN_FIELDS = 50
"""Of one object; searching a near name for each of a million would take minutes."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """The fix for a misspelled name: "did you mean 'x'?", or "" if no known name is near."""
    near = nearest(word, known)
    return "" if near is None else f"did you mean {near!r}?"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelled one probably stands for; None if none is near."""
    return next(iter(get_close_matches(word.lower(), list(known), n=1)), None)


def shorten(value: Json) -> str:
    """A value as JSON, cut if it is long; of a large value only the beginning is encoded."""
    text = ""
    for piece in json.JSONEncoder(ensure_ascii=True, default=str).iterencode(value):
        text += piece
        if len(text) > MAX_SHOWN_CHARS:
            return text[: MAX_SHOWN_CHARS - 3] + "..."
    return text


def _count(number: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def _types(wanted: Json) -> str:
    return " or ".join([wanted] if isinstance(wanted, str) else wanted)


_EXPECTED: Mapping[str, Callable[[Json], str]] = {
    "type": _types,
    "enum": lambda values: f"one of {', '.join(map(str, values))}",
    "const": shorten,
    "minimum": lambda bound: f"{bound} or more",
    "maximum": lambda bound: f"{bound} or less",
    "exclusiveMinimum": lambda bound: f"more than {bound}",
    "exclusiveMaximum": lambda bound: f"less than {bound}",
    "minLength": lambda bound: f"at least {_count(bound, 'character')}",
    "maxLength": lambda bound: f"at most {_count(bound, 'character')}",
    "minItems": lambda bound: f"at least {_count(bound, 'entry')}",
    "maxItems": lambda bound: f"at most {_count(bound, 'entry')}",
    "minProperties": lambda bound: f"at least {_count(bound, 'field')}",
    "maxProperties": lambda bound: f"at most {_count(bound, 'field')}",
    "pattern": lambda pattern: f"a string that matches {pattern}",
    "uniqueItems": lambda _: "each entry once",
}
"""What a keyword demands, in the words that follow "expected"."""


def _lookup(schema: Json, path: Sequence[str | int]) -> Json:
    for step in path:
        schema = schema[step]
    return schema


def problems_of_error(error: ValidationError, schema: Json, location: Location) -> Iterator[Problem]:
    """One violation of `schema` as problems; `location` is where the validated document is."""
    here, keyword = location.at(*error.instance_path), error.kind.name
    if keyword == "required":
        yield _missing(error, schema, here)
    elif keyword == "additionalProperties":
        yield from _unknown(error, schema, here)
    elif keyword == "propertyNames":
        name = error.kind.as_dict()["error"]
        yield here.at(str(name.instance)).problem(f"expected a name that {_name_rule(error, schema)}")
    elif keyword in ("anyOf", "oneOf"):
        yield from _no_alternative(error, schema, location)
    else:
        yield _unexpected(error, schema, here)


def _missing(error: ValidationError, schema: Json, here: Location) -> Problem:
    name = str(error.kind.as_dict()["property"])
    node = _lookup(schema, error.schema_path[:-1]).get("properties", {}).get(name, {})
    description = node.get("description", "")
    return here.at(name).problem("required field is missing", f"add it: {description}" if description else "add it")


def _unknown(error: ValidationError, schema: Json, here: Location) -> Iterator[Problem]:
    fields = _lookup(schema, error.schema_path[:-1]).get("properties", {})
    known = sorted(fields)
    for name in error.kind.as_dict()["unexpected"][:MAX_UNKNOWN_FIELDS]:
        fix = (
            _meant_by_alias(name, fields)
            or suggestion(name, known)
            or (f"known fields: {', '.join(known)}" if known else "remove it")
        )
        yield here.at(name).problem("unknown field", fix)


def _meant_by_alias(name: str, fields: Mapping[str, Json]) -> str:
    """The fix for a field that goes by another name; "" if it is no alias."""
    alias = name.lower().replace("-", "_")
    meant = next((field for field, node in fields.items() if alias in node.get("x-aliases", ())), None)
    return f"did you mean {meant!r}? {fields[meant].get('description', '')}".rstrip() if meant is not None else ""


def _name_rule(error: ValidationError, schema: Json) -> str:
    keyword, wanted = str(error.schema_path[-1]), _lookup(schema, error.schema_path)
    return f"matches {wanted}" if keyword == "pattern" else f"is {_EXPECTED.get(keyword, shorten)(wanted)}"


def _unexpected(error: ValidationError, schema: Json, here: Location) -> Problem:
    keyword, wanted = error.kind.name, _lookup(schema, error.schema_path)
    if keyword not in _EXPECTED:
        return here.problem(error.message)
    node, value = _lookup(schema, error.schema_path[:-1]), error.instance
    fix = suggestion(str(value), map(str, wanted)) if keyword == "enum" else _written_like(node)
    got = len(value) if keyword == "maxItems" and isinstance(value, list) else shorten(value)
    if node.get("x-secret"):
        got = "another value"
    return here.problem(f"expected {_EXPECTED[keyword](wanted)}, got {got}", fix)


def _written_like(node: Json) -> str:
    """The fix for a value of the wrong form: an example with what it means, if the schema has one."""
    examples = " or ".join(node.get("examples", ()))
    return f"write it like {examples}: {node.get('description', '')}".removesuffix(": ") if examples else ""


def _has_other_type(branch: Sequence[ValidationError], path: Sequence[str | int], schema: Json) -> bool:
    """Whether a branch of anyOf is meant for values of another type."""
    return any(
        error.instance_path == path
        and (error.kind.name == "type" or (error.kind.name == "const" and _is_other_constant(error, schema)))
        for error in branch
    )


def _is_other_constant(error: ValidationError, schema: Json) -> bool:
    return type(_lookup(schema, error.schema_path)) is not type(error.instance)


def _no_alternative(error: ValidationError, schema: Json, location: Location) -> Iterator[Problem]:
    """The problems of the branch that came nearest: of the value's type, with its violations deepest inside."""
    here, path = location.at(*error.instance_path), error.instance_path
    branches: list[list[ValidationError]] = error.kind.as_dict().get("context", [])
    if not all(branches):
        forms = [form for form, found in zip(_lookup(schema, error.schema_path), branches, strict=True) if not found]
        # Each form is a group of names: "tool with arguments, and edit".
        names = sorted(" with ".join(form["required"]) for form in forms if "required" in form)
        yield here.problem(f"has {', and '.join(names)}: only one of these may be given", "leave one of them out")
        return
    if all(_has_other_type(branch, path, schema) for branch in branches):
        wanted = [
            _EXPECTED[inner.kind.name](_lookup(schema, inner.schema_path))
            for branch in branches
            for inner in branch
            if inner.kind.name in ("type", "const") and inner.instance_path == path
        ]
        yield here.problem(f"expected {' or '.join(wanted)}, got {shorten(error.instance)}")
        return
    nearest = max(
        branches,
        key=lambda branch: (
            not _has_other_type(branch, path, schema),
            max(len(inner.instance_path) for inner in branch),
            -len(branch),
        ),
    )
    for inner in nearest:
        yield from problems_of_error(inner, schema, location)
