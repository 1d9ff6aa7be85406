"""Checks values that a task's cases give and expect, in the encoding of harness/sandbox/values.py.

`value_problems` is the entry point. A value with an unknown tag, or with a content that its tag does not have, would
fail in the container, as every answer's fault.
"""

from __future__ import annotations

import base64
import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from harness.errors import Problem
from harness.files import is_deeper_than
from harness.schema import Location, suggestion
from harness.score.validation import case_document, case_location
from harness.types import Case, Json, Task

_LIST_TAGS, _PAIR_TAGS = ("tuple", "set", "deque"), ("dict", "map")
_RESULT_TAGS = ("subclass", "other", "oversize")
"""What only a result can be."""
_UNHASHABLE_TAGS = ("dict", "map", "deque")
MAX_DEPTH = 256
"""Of a case. The drivers report no value that is nested more deeply (harness/sandbox/values.py)."""
_INTEGER = re.compile(r"-?[0-9]{1,4000}")
_FLOATS = ("nan", "inf", "-inf")


def _is_integer_text(content: Json) -> bool:
    return _INTEGER.fullmatch(content) is not None


def _is_integer(value: Json) -> bool:
    if isinstance(value, dict):
        return value.get("$") == "int" and _is_integer_text(value.get("v"))
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Json) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool))


def _is_base64(content: Json) -> bool:
    base64.b64decode(content, validate=True)
    return isinstance(content, str)


def _is_decimal(content: Json) -> bool:
    return isinstance(content, str) and bool(str(Decimal(content)))


def _is_fraction(content: Json) -> bool:
    return len(content) == 2 and all(map(_is_integer, content)) and content[1] != 0


def _is_date(content: Json) -> bool:
    kind = datetime.datetime if "T" in content else datetime.time if ":" in content else datetime.date
    return bool(str(kind.fromisoformat(content)))


def _is_pairs(content: Json) -> bool:
    return isinstance(content, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in content)


_CONTENTS: Mapping[str, tuple[str, Callable[[Json], bool]]] = {
    "int": ("decimal digits in a string", _is_integer_text),
    "bigint": ("decimal digits in a string", _is_integer_text),
    "float": (f"one of {', '.join(_FLOATS)}", lambda content: content in _FLOATS),
    "complex": ("[real, imaginary]", lambda content: len(content) == 2 and all(map(_is_number, content))),
    "bytes": ("base64 in a string", _is_base64),
    "range": ("[start, stop, step]", lambda content: len(content) == 3 and all(map(_is_integer, content))),
    "decimal": ("a number in a string", _is_decimal),
    "fraction": ("[numerator, denominator]", _is_fraction),
    "date": ("a date or time of ISO 8601 in a string", _is_date),
    "undefined": ("null", lambda content: content is None),
    **dict.fromkeys(_LIST_TAGS, ("a list of items", lambda content: isinstance(content, list))),
    **dict.fromkeys(_PAIR_TAGS, ("a list of [key, value]", _is_pairs)),
}
"""The content of each tag: in words, and whether a value is one. Each may raise."""
_TAGS, _CONTAINERS = tuple(_CONTENTS), (*_LIST_TAGS, *_PAIR_TAGS)


def value_problems(task: Task, case: Case) -> Iterator[Problem]:
    """The problems of the values of a case that calls a function; none of any other case."""
    if "call" not in case.give:
        return
    place, is_python = case_location(task, case), task.language == "python"
    if is_deeper_than(case_document(case), MAX_DEPTH):
        yield place.problem(f"nested more than {MAX_DEPTH} levels deep", "no answer could return such a value")
        return
    for name in ("args", "kwargs"):
        yield from _problems(case.give.get(name), place.at("give", name), (), is_python)
    for name in ("value", "one_of", "args_after"):
        yield from _problems(case.expect.get(name), place.at("expect", name), _RESULT_TAGS, is_python)


def _problems(value: Json, place: Location, more_tags: tuple[str, ...], is_python: bool) -> Iterator[Problem]:
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield from _problems(item, place.at(at), more_tags, is_python)
    elif isinstance(value, dict) and "$" not in value:
        for name, item in value.items():
            yield from _problems(item, place.at(name), more_tags, is_python)
    elif isinstance(value, dict):
        yield from _tagged_problems(value, place, more_tags, is_python)


def _tagged_problems(
    value: dict[str, Json], place: Location, more_tags: tuple[str, ...], is_python: bool
) -> Iterator[Problem]:
    tag, inner = value["$"], place.at("v")
    content: Json = value.get("v")
    if not isinstance(tag, str) or tag not in (*_TAGS, *more_tags):
        fix = suggestion(str(tag), _TAGS) or f"known tags: {', '.join(_TAGS)}"
        yield place.at("$").problem(f"{tag!r} is no tag of a value", fix)
    elif "v" not in value:
        yield inner.problem(f"a value of the tag {tag!r} has no content", "add it")
    elif tag in _CONTENTS and not _fits(content, tag):
        yield inner.problem(f"expected {_CONTENTS[tag][0]} for the tag {tag!r}", "write it so")
    elif is_python and not all(map(_is_hashable, _hashed_items(tag, content))):
        yield inner.problem("a list or an object is no item of a set and no key", "write tuples")
    elif tag in _CONTAINERS:
        yield from _problems(content, inner, more_tags, is_python)


def _fits(content: Json, tag: str) -> bool:
    try:
        return _CONTENTS[tag][1](content)
    except (ValueError, TypeError, ArithmeticError):
        return False


def _hashed_items(tag: str, content: list[Json]) -> list[Json]:
    """The values of a container's content that Python hashes."""
    return content if tag == "set" else [key for key, _ in content] if tag in _PAIR_TAGS else []


def _is_hashable(value: Json) -> bool:
    if not isinstance(value, dict):
        return not isinstance(value, list)
    content = value.get("v")
    items = content if value.get("$") == "tuple" and isinstance(content, list) else []
    return "$" in value and value["$"] not in _UNHASHABLE_TAGS and all(map(_is_hashable, items))
