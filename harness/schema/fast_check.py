"""A schema as one function that says yes to what is valid, many times faster than a validator that explains.

It may say no to something valid, never yes to something that is not: a no is put before jsonschema, which decides and
tells the faults. Schemas with keywords that are not in the table have no such function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from harness.types import Json

Check = Callable[[Json], bool]
_ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description", "default"}


class UnknownKeywordError(Exception):
    """A keyword that this module does not understand: the schema has no quick check."""


def ecma_pattern(pattern: str) -> str:
    """The pattern in Python's words: in ECMA 262 `$` does not match before a newline at the end."""
    return re.sub(r"(?<!\\)\$$", r"\\Z", pattern)


def _is_whole(value: Json) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_KINDS: Mapping[str, Check] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list | tuple),
    "string": lambda value: isinstance(value, str),
    "integer": _is_whole,
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def _of_kind(wanted: Json) -> Check:
    names = [wanted] if isinstance(wanted, str) else wanted
    if len(names) == 1:
        return _KINDS[names[0]]
    checks = [_KINDS[name] for name in names]
    return lambda value: any(check(value) for check in checks)


def _texts(wanted: Json) -> Check:
    if not all(one is None or isinstance(one, str) for one in wanted):
        raise UnknownKeywordError("enum of other things than texts and null")
    known = frozenset(wanted)
    # Asked for its kind first: what has no hash cannot be looked up.
    return lambda value: (value is None or isinstance(value, str)) and value in known


def _pattern(wanted: Json) -> Check:
    search = re.compile(ecma_pattern(wanted)).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _of_numbers(holds: Callable[[Json, Json], bool]) -> Callable[[Json], Check]:
    return lambda wanted: lambda value: not _is_number(value) or holds(value, wanted)


def _of_length(kind: str, holds: Callable[[int, Json], bool]) -> Callable[[Json], Check]:
    is_kind = _KINDS[kind]
    return lambda wanted: lambda value: not is_kind(value) or holds(len(value), wanted)


def _unique(wanted: Json) -> Check:
    def check(value: Json) -> bool:
        if not wanted or not isinstance(value, list | tuple):
            return True
        return all(isinstance(one, str) for one in value) and len(set(value)) == len(value)

    return check


_SIMPLE: Mapping[str, Callable[[Json], Check]] = {
    "type": _of_kind,
    "enum": _texts,
    "const": lambda wanted: _texts([wanted]),
    "pattern": _pattern,
    "minimum": _of_numbers(lambda value, wanted: bool(value >= wanted)),
    "maximum": _of_numbers(lambda value, wanted: bool(value <= wanted)),
    "exclusiveMinimum": _of_numbers(lambda value, wanted: bool(value > wanted)),
    "exclusiveMaximum": _of_numbers(lambda value, wanted: bool(value < wanted)),
    "minLength": _of_length("string", lambda length, wanted: bool(length >= wanted)),
    "maxLength": _of_length("string", lambda length, wanted: bool(length <= wanted)),
    "minItems": _of_length("array", lambda length, wanted: bool(length >= wanted)),
    "maxItems": _of_length("array", lambda length, wanted: bool(length <= wanted)),
    "minProperties": _of_length("object", lambda length, wanted: bool(length >= wanted)),
    "uniqueItems": _unique,
}
_OF_OBJECTS = {"properties", "required", "additionalProperties", "propertyNames"}


class _Compiler:
    """One schema document; a definition that is used twice is compiled once."""

    def __init__(self, root: Json) -> None:
        self.root = root
        self.named: dict[str, Check] = {}

    def compile(self, node: Json) -> Check:
        """The check of one node. Raises UnknownKeywordError."""
        checks = [self._keyword(name, wanted) for name, wanted in node.items() if self._is_simple(name)]
        if _OF_OBJECTS & node.keys():
            checks.append(self._object(node))
        if not checks:
            return lambda value: True
        if len(checks) == 1:
            return checks[0]
        return lambda value: all(check(value) for check in checks)

    def _is_simple(self, name: str) -> bool:
        return name not in _ANNOTATIONS and name not in _OF_OBJECTS

    def _keyword(self, name: str, wanted: Json) -> Check:
        if name == "$ref":
            return self._definition(wanted)
        if name == "items":
            inner = self.compile(wanted)
            return lambda value: not isinstance(value, list | tuple) or all(map(inner, value))
        if name == "anyOf":
            branches = [self.compile(branch) for branch in wanted]
            return lambda value: any(branch(value) for branch in branches)
        if name not in _SIMPLE:
            raise UnknownKeywordError(name)
        return _SIMPLE[name](wanted)

    def _definition(self, place: str) -> Check:
        name = place.removeprefix("#/$defs/")
        if name not in self.named:
            # Stands there while the definition is compiled, in case it names itself.
            self.named[name] = lambda value: self.named[name](value)
            self.named[name] = self.compile(self.root["$defs"][name])
        return self.named[name]

    def _object(self, node: Json) -> Check:
        inner = {name: self.compile(value) for name, value in node.get("properties", {}).items()}
        required = frozenset(node.get("required", ()))
        extra = node.get("additionalProperties", True)
        others = self.compile(extra) if isinstance(extra, dict) else (lambda value: bool(extra))
        names = self.compile(node.get("propertyNames", {}))

        def check(value: Json) -> bool:
            if not isinstance(value, dict):
                return True
            return required <= value.keys() and all(
                names(name) and inner.get(name, others)(one) for name, one in value.items()
            )

        return check


def quick_check(schema: Json) -> Check | None:
    """The function that says yes to what is valid; None where the schema uses more than is understood here."""
    try:
        return _Compiler(schema).compile(schema)
    except UnknownKeywordError:
        return None
