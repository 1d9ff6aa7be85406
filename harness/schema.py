"""validate(name, document): every fault with its JSON path and its fix, against the hand-written files in schemas/.

Draft 2020-12. Knows nothing of what the documents mean; that a rate is k/n is `verify`'s to find.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from harness.kit import find_data
from harness.types import Json

MAX_INTEGER = 2**53 - 1
_SHOWN = 60
_WORDS = {
    "object": "an object (a table)",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class _Fault:
    """One broken keyword: its name, what it demands, what was found, and the schema around it."""

    keyword: str
    wanted: Json
    found: Json
    around: Json
    path: tuple[str | int, ...]
    depth: int
    branches: Mapping[int, tuple[_Fault, ...]]


def _fault(error: ValidationError) -> _Fault:
    branches: dict[int, tuple[_Fault, ...]] = {}
    for inner in error.context or ():
        at = int(inner.relative_schema_path[0])
        branches[at] = (*branches.get(at, ()), _fault(inner))
    return _Fault(
        keyword=str(error.validator),
        wanted=error.validator_value,
        found=error.instance,
        around=error.schema,
        path=tuple(error.absolute_path),
        depth=len(error.relative_path),
        branches=branches,
    )


def _place(path: Sequence[str | int]) -> str:
    out = "$"
    for step in path:
        if isinstance(step, int):
            out += f"[{step}]"
        else:
            out += f".{step}" if re.fullmatch(r"[A-Za-z0-9_-]+", step) else f"[{json.dumps(step)}]"
    return out


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _like(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _kinds(wanted: str | Sequence[str]) -> str:
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    return " or ".join(_WORDS.get(name, name) for name in names)


def _wrong_type(fault: _Fault) -> str:
    return f"is {_shown(fault.found)}, give {_kinds(fault.wanted)}"


def _not_listed(fault: _Fault) -> str:
    known = [str(value) for value in fault.wanted]
    return f"is {_shown(fault.found)}, give one of {', '.join(known)}{_like(str(fault.found), known)}"


_TOLD: Mapping[str, Callable[[_Fault], str]] = {
    "type": _wrong_type,
    "enum": _not_listed,
    "const": lambda fault: f"is {_shown(fault.found)}, give {_shown(fault.wanted)}",
    "minimum": lambda fault: f"is {_shown(fault.found)}, give {fault.wanted} or more",
    "maximum": lambda fault: f"is {_shown(fault.found)}, give {fault.wanted} or less",
    "exclusiveMinimum": lambda fault: f"is {_shown(fault.found)}, give more than {fault.wanted}",
    "exclusiveMaximum": lambda fault: f"is {_shown(fault.found)}, give less than {fault.wanted}",
    "minLength": lambda fault: f"is {_shown(fault.found)}, give at least {fault.wanted} characters",
    "maxLength": lambda fault: f"has {len(fault.found)} characters, give {fault.wanted} at most",
    "minItems": lambda fault: f"has {len(fault.found)} entries, give at least {fault.wanted}",
    "maxItems": lambda fault: f"has {len(fault.found)} entries, give {fault.wanted} at most",
    "uniqueItems": lambda fault: f"names something twice in {_shown(fault.found)}, leave one out",
    "pattern": lambda fault: f"is {_shown(fault.found)}, give a text that matches {fault.wanted}",
}


def _missing(fault: _Fault) -> Iterator[str]:
    properties = fault.around.get("properties", {})
    for name in fault.wanted:
        if name not in fault.found:
            about = properties.get(name, {}).get("description", "")
            yield f"{_place(fault.path)}: {name!r} is missing, add it{f' ({about})' if about else ''}"


def _unknown(fault: _Fault) -> Iterator[str]:
    known = sorted(fault.around.get("properties", {}))
    patterns = list(fault.around.get("patternProperties", {}))
    for name in fault.found:
        if name in known or any(re.search(pattern, name) for pattern in patterns):
            continue
        hint = _like(name, known) or (f"; known here: {', '.join(known)}" if known else "")
        yield f"{_place((*fault.path, name))}: unknown field, take it out{hint}"


def _is_of_another_kind(fault: _Fault) -> bool:
    other = fault.keyword == "const" and type(fault.wanted) is not type(fault.found)
    return fault.depth == 0 and (fault.keyword == "type" or other)


def _of_another_kind(branch: Sequence[_Fault]) -> bool:
    return any(map(_is_of_another_kind, branch))


def _wanted(fault: _Fault) -> str:
    return _kinds(fault.wanted) if fault.keyword == "type" else _shown(fault.wanted)


def _of_branches(fault: _Fault) -> Iterator[str]:
    """The faults of the branch that came nearest: of the right kind, and with its faults deepest inside."""
    if not fault.branches:
        yield f"{_place(fault.path)}: is {_shown(fault.found)}, which fits more than one form; leave one"
        return
    if all(_of_another_kind(branch) for branch in fault.branches.values()):
        inners = (inner for branch in fault.branches.values() for inner in branch)
        wanted = [_wanted(inner) for inner in inners if _is_of_another_kind(inner)]
        yield f"{_place(fault.path)}: is {_shown(fault.found)}, give {' or '.join(wanted)}"
        return
    nearest = max(
        fault.branches.values(),
        key=lambda branch: (not _of_another_kind(branch), max(inner.depth for inner in branch), -len(branch)),
    )
    for inner in nearest:
        yield from _sentences(inner)


def _sentences(fault: _Fault) -> Iterator[str]:
    if fault.keyword == "required":
        yield from _missing(fault)
    elif fault.keyword == "additionalProperties" and fault.wanted is False:
        yield from _unknown(fault)
    elif fault.keyword in ("anyOf", "oneOf"):
        yield from _of_branches(fault)
    else:
        tell = _TOLD.get(fault.keyword)
        yield f"{_place(fault.path)}: " + (
            tell(fault) if tell else f"is {_shown(fault.found)}, which breaks {fault.keyword} {_shown(fault.wanted)}"
        )


def _bad_numbers(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[str]:
    """Numbers that two JSON readers could understand differently."""
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{_place(path)}: is {value}, give a finite number or leave it out"
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_INTEGER:
        yield f"{_place(path)}: is {_shown(value)}, give a number up to 2^53 - 1 or a text"
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _bad_numbers(inner, (*path, name))
    elif isinstance(value, list | tuple):
        for at, inner in enumerate(value):
            yield from _bad_numbers(inner, (*path, at))


def _whole_pattern(_: Json, pattern: str, text: Json, __: Json) -> Iterator[ValidationError]:
    """As in ECMA 262, where `$` does not match before a line's end: names with a newline at their end are refused."""
    python = re.sub(r"(?<!\\)\$$", r"\\Z", pattern)
    if isinstance(text, str) and not re.search(python, text):
        yield ValidationError(f"{text!r} does not match {pattern!r}")


_Validator: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"pattern": _whole_pattern},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("array", lambda _, value: isinstance(value, list | tuple)),
)


@cache
def _validator(name: str, *, whole: bool) -> Draft202012Validator:
    schema = load_schema(name)
    return _Validator(_demanding(schema) if whole else schema)


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
    schema's own minor version must have every field; older ones lack those that came later.
    """
    version = document.get("schema_version") if isinstance(document, dict) else None
    validator = _validator(name, whole=version == current(name))

    def found() -> Iterator[str]:
        yield from _bad_numbers(document)
        for error in validator.iter_errors(document):
            yield from _sentences(_fault(error))

    return _sorted(found())


def faults(schema: Json, value: Json) -> list[str]:
    """Every fault of a value against a schema given in place, as `validate` tells them. See `schema_faults` too."""
    errors = _Validator(schema).iter_errors(value)
    return _sorted(sentence for error in errors for sentence in _sentences(_fault(error)))


def schema_faults(schema: Json) -> list[str]:
    """What is wrong with a schema itself; [] when it is a sound Draft 2020-12 schema."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return [f"{_place(list(error.absolute_path))}: {error.message}"]
    return []
