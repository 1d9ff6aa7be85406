"""Whether an encoded value equals another (the encoding: harness/sandbox/values.py). Nothing of an answer runs here.

`exact`: the same types all the way down (True is not 1, 1 is not 1.0, a tuple is no list, a subclass is not its base);
JavaScript has one kind of number, so there 1 is 1.0. `equal`: what `==` says, so numbers of all kinds compare by
value, a subclass as its base, and null equals undefined. In both the order of a set's items and of keys means nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from harness.languages import LANGUAGES
from harness.types import Json

DEEPEST = 100
SHOWN_CHARS = 200
_MAX_EXPONENT = 1000
_MAX_DIGITS = 4300


@dataclass(frozen=True, slots=True)
class Equality:
    """How two values are compared."""

    exact: bool = True
    one_number: bool = False


def equality_of(name: str, language: str | None) -> Equality:
    """The equality that a task names, in its language."""
    record = LANGUAGES.get(language or "")
    return Equality(exact=name != "equal", one_number=record is not None and record.has_one_number_type)


def _number(value: int | float | Decimal | Fraction, kind: str, how: Equality) -> Hashable:
    if how.one_number and kind in ("int", "float"):
        kind = "number"
    if isinstance(value, float) and not math.isfinite(value):
        return ("$float", str(value))
    if isinstance(value, Decimal) and (not value.is_finite() or abs(value.adjusted()) > _MAX_EXPONENT):
        return ("decimal", str(value))
    # As text: numbers hash alike where an answer wants them to, and a set of such takes hours to compare.
    return (kind if how.exact else "number", str(Fraction(value)))


def _parts(value: Json, how: Equality, depth: int) -> tuple[Hashable, ...]:
    return tuple(_key(item, how, depth + 1) for item in value)


def _pairs(pairs: Json, how: Equality, depth: int) -> Hashable:
    return frozenset((_key(key, how, depth + 1), _key(item, how, depth + 1)) for key, item in pairs)


def _special(value: Json, how: Equality, depth: int) -> Hashable:
    kind, content = value["$"], value["v"]
    if kind in ("int", "bigint"):
        return _number(int(content), kind, how)
    if kind == "float":
        return ("$float", content)
    if kind == "decimal":
        # A fraction of a million digits takes minutes to be reduced.
        return _number(Decimal(content), kind, how) if len(content) <= _MAX_DIGITS else ("decimal", str(content))
    if kind == "fraction":
        return _number(Fraction(*(_whole(part) for part in content)), kind, how)
    if kind == "set":
        return ("$set", frozenset(_parts(content, how, depth)))
    if kind in ("dict", "map"):
        # A mapping is the same whether its keys let it be written as an object or not.
        return (kind, _pairs(content, how, depth))
    if kind == "undefined" and not how.exact:
        return ("null",)
    if kind == "subclass":
        base = _key(content, how, depth + 1)
        return ("subclass", value["of"], value["name"], base) if how.exact else base
    if kind == "oversize":
        raise ValueError("too large to be reported")
    # With a mark of its own: what says that it is of kind "list" is none.
    return (f"${kind}", _parts(content, how, depth) if isinstance(content, list) else content)


def _whole(part: Json) -> int:
    return int(part["v"] if isinstance(part, dict) else part)


def _key(value: Json, how: Equality, depth: int = 0) -> Hashable:
    """A value that equals another's exactly when the two are equal. Raises ValueError past the depth that is read."""
    if depth > DEEPEST:
        raise ValueError("too deep")
    if value is None:
        return ("null",)
    if isinstance(value, bool):
        return ("bool", value) if how.exact or how.one_number else ("number", str(int(value)))
    if isinstance(value, int | float):
        return _number(value, type(value).__name__, how)
    if isinstance(value, str):
        return ("str", value)
    if isinstance(value, list):
        return ("list", _parts(value, how, depth))
    if "$" in value:
        return _special(value, how, depth)
    return ("dict", _pairs(value.items(), how, depth))


def same(expected: Json, seen: Json, how: Equality) -> bool:
    """Whether what was seen equals what was expected. Anything too large or malformed equals nothing."""
    try:
        return _key(seen, how) == _key(expected, how)
    except (TypeError, ValueError, KeyError, ArithmeticError, AttributeError):
        return False


def _is_printable(value: Json) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) < 2**53
    if isinstance(value, list):
        return all(_is_printable(item) for item in value)
    return not isinstance(value, dict) or all(_is_printable(item) for item in value.values())


def short(value: Json) -> Json:
    """The value where it is short enough to be shown, else the beginning of its JSON text."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    if len(text) > SHOWN_CHARS:
        return f"{text[: SHOWN_CHARS - 3]}..."
    return value if _is_printable(value) else text


def same_json(expected: Json, text: str, how: Equality) -> bool:
    """Whether a text is JSON that holds the expected value."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return same({"$": "json", "v": [expected]}, {"$": "json", "v": [document]}, how)
