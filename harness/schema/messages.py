"""Broken keywords as sentences: "$.path: fault, fix"."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jsonschema.exceptions import ValidationError

from harness.types import Json

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


def place_of(path: Sequence[str | int]) -> str:
    """`$.models[1].base_url`; a name with other signs in it stands in brackets and quotes."""
    out = "$"
    for step in path:
        if isinstance(step, int):
            out += f"[{step}]"
        else:
            out += f".{step}" if re.fullmatch(r"[A-Za-z0-9_-]+", step) else f"[{json.dumps(step)}]"
    return out


def shown(value: Json) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _like(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _kinds(wanted: str | Sequence[str]) -> str:
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    return " or ".join(_WORDS.get(name, name) for name in names)


def _wrong_type(fault: _Fault) -> str:
    return f"is {shown(fault.found)}, give {_kinds(fault.wanted)}"


def _not_listed(fault: _Fault) -> str:
    known = [str(value) for value in fault.wanted]
    return f"is {shown(fault.found)}, give one of {', '.join(known)}{_like(str(fault.found), known)}"


_TOLD: Mapping[str, Callable[[_Fault], str]] = {
    "type": _wrong_type,
    "enum": _not_listed,
    "const": lambda fault: f"is {shown(fault.found)}, give {shown(fault.wanted)}",
    "minimum": lambda fault: f"is {shown(fault.found)}, give {fault.wanted} or more",
    "maximum": lambda fault: f"is {shown(fault.found)}, give {fault.wanted} or less",
    "exclusiveMinimum": lambda fault: f"is {shown(fault.found)}, give more than {fault.wanted}",
    "exclusiveMaximum": lambda fault: f"is {shown(fault.found)}, give less than {fault.wanted}",
    "minLength": lambda fault: f"is {shown(fault.found)}, give at least {fault.wanted} characters",
    "maxLength": lambda fault: f"has {len(fault.found)} characters, give {fault.wanted} at most",
    "minItems": lambda fault: f"has {len(fault.found)} entries, give at least {fault.wanted}",
    "maxItems": lambda fault: f"has {len(fault.found)} entries, give {fault.wanted} at most",
    "uniqueItems": lambda fault: f"names something twice in {shown(fault.found)}, leave one out",
    "pattern": lambda fault: f"is {shown(fault.found)}, give a text that matches {fault.wanted}",
}


def _missing(fault: _Fault) -> Iterator[str]:
    properties = fault.around.get("properties", {})
    for name in fault.wanted:
        if name not in fault.found:
            about = properties.get(name, {}).get("description", "")
            yield f"{place_of(fault.path)}: {name!r} is missing, add it{f' ({about})' if about else ''}"


def _unknown(fault: _Fault) -> Iterator[str]:
    known = sorted(fault.around.get("properties", {}))
    patterns = list(fault.around.get("patternProperties", {}))
    for name in fault.found:
        if name in known or any(re.search(pattern, name) for pattern in patterns):
            continue
        hint = _like(name, known) or (f"; known here: {', '.join(known)}" if known else "")
        yield f"{place_of((*fault.path, name))}: unknown field, take it out{hint}"


def _is_of_another_kind(fault: _Fault) -> bool:
    other = fault.keyword == "const" and type(fault.wanted) is not type(fault.found)
    return fault.depth == 0 and (fault.keyword == "type" or other)


def _of_another_kind(branch: Sequence[_Fault]) -> bool:
    return any(map(_is_of_another_kind, branch))


def _wanted(fault: _Fault) -> str:
    return _kinds(fault.wanted) if fault.keyword == "type" else shown(fault.wanted)


def _of_branches(fault: _Fault) -> Iterator[str]:
    """The faults of the branch that came nearest: of the right kind, and with its faults deepest inside."""
    if not fault.branches:
        yield f"{place_of(fault.path)}: is {shown(fault.found)}, which fits more than one form; leave one"
        return
    if all(_of_another_kind(branch) for branch in fault.branches.values()):
        inners = (inner for branch in fault.branches.values() for inner in branch)
        wanted = [_wanted(inner) for inner in inners if _is_of_another_kind(inner)]
        yield f"{place_of(fault.path)}: is {shown(fault.found)}, give {' or '.join(wanted)}"
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
        yield f"{place_of(fault.path)}: " + (
            tell(fault) if tell else f"is {shown(fault.found)}, which breaks {fault.keyword} {shown(fault.wanted)}"
        )


def sentences(error: ValidationError) -> Iterator[str]:
    """What a user reads of one error."""
    return _sentences(_fault(error))
