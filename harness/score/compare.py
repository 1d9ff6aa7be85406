"""Compares an expected value with an observed one, both encoded as harness/sandbox/values.py describes.

`is_equal` has two modes. Exact: the types agree at every depth (True is not 1, 1 is not 1.0, a tuple is not a list); a
language with one number type does not tell 1 from 1.0. A class that derives from a tuple or a dict counts as its base,
others do not. Not exact: as `==` says, so numbers of all types compare by value, all subclasses as their base, and null
equals undefined. JavaScript has no such equality of objects: there an instance of a class never equals a plain value.
In both modes the order of a set's items and of a mapping's keys does not matter.

A value becomes a key, a nesting of tuples and frozensets, and keys are compared. The comparison is on the host, and the
container only sends values: of ten published harnesses that compare beside the answer, nine pass 7 to 15 of 33 wrong
answers that tamper with it, by a class that equals everything, a patched assert or an early exit (tests/attacks).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NoReturn

from harness.languages import LANGUAGES
from harness.types import Json

MAX_DEPTH = 100
"""Deeper values equal nothing: a key is built by recursion, and no answer may end the kit with a RecursionError."""
MAX_SHOWN_CHARS = 200
_BASES_OF_RECORDS = frozenset(("tuple", "dict"))
"""What a named tuple, a Counter or a defaultdict derives from: code that takes the base takes them as well."""
_MAX_EXPONENT = 1000
"""A Decimal with a larger exponent is compared as its string: as a Fraction, 1E+999999 has a million digits."""
_MAX_DIGITS = 4300
"""A longer decimal is compared as its string: to reduce a fraction of a million digits takes minutes."""


@dataclass(frozen=True, slots=True)
class Equality:
    """How two values are compared."""

    exact: bool = True
    one_number_type: bool = False


def equality_of(name: str, language: str | None) -> Equality:
    """The equality that a task names, in its language."""
    record = LANGUAGES.get(language or "")
    return Equality(exact=name != "equal", one_number_type=record is not None and record.has_one_number_type)


def is_equal(expected: Json, observed: Json, equality: Equality) -> bool:
    """Whether the observed value equals the expected one. A value that is too large or malformed equals nothing."""
    try:
        return _key(observed, equality, 0) == _key(expected, equality, 0)
    except (TypeError, ValueError, KeyError, ArithmeticError, AttributeError):
        return False


def is_equal_json(expected: Json, text: str, equality: Equality) -> bool:
    """Whether a text is JSON that holds the expected value. A document in which a key occurs twice equals nothing.

    Both are plain JSON: an object with the key "$" is an object like any other, and no value of the kit's encoding.
    """
    try:
        return is_equal(_plain_json(json.dumps(expected)), _plain_json(text), equality)
    except (ValueError, RecursionError):
        return False


def _plain_json(text: str) -> Json:
    """A JSON text as an encoded value. Raises ValueError."""
    return json.loads(text, object_pairs_hook=_plain_object, parse_constant=_refuse_constant)


def _plain_object(pairs: list[tuple[str, Json]]) -> Json:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key occurs twice")
    return {"$": "dict", "v": pairs}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def display(value: Json) -> Json:
    """The value where it is short enough to be shown, else the beginning of its JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    if len(text) > MAX_SHOWN_CHARS:
        return f"{text[: MAX_SHOWN_CHARS - 3]}..."
    return value if _is_portable(value) else text


def _is_portable(value: Json) -> bool:
    """Whether every JSON reader gives back the same value: no NaN, no infinity, no integer beyond 2**53 - 1."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) < 2**53
    if isinstance(value, list):
        return all(_is_portable(item) for item in value)
    return not isinstance(value, dict) or all(_is_portable(item) for item in value.values())


def _key(value: Json, equality: Equality, depth: int) -> Hashable:
    """A key that equals another value's exactly when the values are equal. Raises ValueError beyond MAX_DEPTH."""
    if depth > MAX_DEPTH:
        raise ValueError("too deeply nested")
    if value is None:
        return ("null",)
    if isinstance(value, bool):
        keeps_type = equality.exact or equality.one_number_type
        return ("bool", value) if keeps_type else ("number", str(int(value)))
    if isinstance(value, int | float):
        return _number_key(value, type(value).__name__, equality)
    if isinstance(value, str):
        return ("str", value)
    if isinstance(value, list):
        return ("list", _item_keys(value, equality, depth))
    if "$" in value:
        return _TYPED_KEYS.get(value["$"], _other_key)(value, equality, depth)
    return ("dict", _pair_keys(value.items(), equality, depth))


def _number_key(value: int | float | Decimal | Fraction, kind: str, equality: Equality) -> Hashable:
    if equality.one_number_type and kind in ("int", "float"):
        kind = "number"
    if isinstance(value, float) and not math.isfinite(value):
        return ("$float", str(value))
    if isinstance(value, Decimal) and (not value.is_finite() or abs(value.adjusted()) > _MAX_EXPONENT):
        return ("decimal", str(value))
    # A string, since its hash is randomized for each process. Python hashes a number modulo 2**61 - 1, so an answer can
    # return thousands of numbers with one hash, and a set of those takes hours to build (tests/attacks has one).
    return (kind if equality.exact else "number", str(Fraction(value)))


def _item_keys(items: Json, equality: Equality, depth: int) -> tuple[Hashable, ...]:
    return tuple(_key(item, equality, depth + 1) for item in items)


def _pair_keys(pairs: Json, equality: Equality, depth: int) -> Hashable:
    return frozenset((_key(key, equality, depth + 1), _key(item, equality, depth + 1)) for key, item in pairs)


# --- values that JSON does not have: {"$": kind, "v": content} ------------------------------------------------------


def _integer_key(value: Json, equality: Equality, depth: int) -> Hashable:
    return _number_key(int(value["v"]), value["$"], equality)


def _nonfinite_key(value: Json, equality: Equality, depth: int) -> Hashable:
    return ("$float", value["v"])


def _decimal_key(value: Json, equality: Equality, depth: int) -> Hashable:
    digits = value["v"]
    return _number_key(Decimal(digits), "decimal", equality) if len(digits) <= _MAX_DIGITS else ("decimal", str(digits))


def _fraction_key(value: Json, equality: Equality, depth: int) -> Hashable:
    parts = (int(part["v"] if isinstance(part, dict) else part) for part in value["v"])
    return _number_key(Fraction(*parts), "fraction", equality)


def _set_key(value: Json, equality: Equality, depth: int) -> Hashable:
    return ("$set", frozenset(_item_keys(value["v"], equality, depth)))


def _mapping_key(value: Json, equality: Equality, depth: int) -> Hashable:
    """The key of a plain object with the same items: whether the keys are strings does not change what a mapping is."""
    return (value["$"], _pair_keys(value["v"], equality, depth))


def _undefined_key(value: Json, equality: Equality, depth: int) -> Hashable:
    return _other_key(value, equality, depth) if equality.exact else ("null",)


def _subclass_key(value: Json, equality: Equality, depth: int) -> Hashable:
    base = _key(value["v"], equality, depth + 1)
    keeps_type = equality.one_number_type or (equality.exact and value["of"] not in _BASES_OF_RECORDS)
    return ("subclass", value["of"], value["name"], base) if keeps_type else base


def _oversize_key(value: Json, equality: Equality, depth: int) -> Hashable:
    raise ValueError("too large to be reported")


def _other_key(value: Json, equality: Equality, depth: int) -> Hashable:
    """The mark keeps a value that claims the kind "list" from equaling a list."""
    kind, content = value["$"], value["v"]
    return (f"${kind}", _item_keys(content, equality, depth) if isinstance(content, list) else content)


_TYPED_KEYS: Mapping[str, Callable[[Json, Equality, int], Hashable]] = {
    "int": _integer_key,
    "bigint": _integer_key,
    "float": _nonfinite_key,
    "decimal": _decimal_key,
    "fraction": _fraction_key,
    "set": _set_key,
    "dict": _mapping_key,
    "map": _mapping_key,
    "undefined": _undefined_key,
    "subclass": _subclass_key,
    "oversize": _oversize_key,
}
