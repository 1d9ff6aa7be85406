"""Compares two JSON documents: where they differ, with floats equal up to rounding and tuples equal to lists."""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.files import to_json
from harness.types import Json

MAX_DIFFERENCES = 20
"""How many differences of one part are reported."""
_REL_TOLERANCE = 1e-9
_ABS_TOLERANCE = 1e-12
"""Another version of scipy, or another CPU, may round the last digits of a float differently; integers are exact."""
_MAX_VALUE_CHARS = 80
_SCALARS = frozenset({str, int, float, bool, type(None)})


def differences(stated: Json, expected: Json, path: str) -> Iterator[tuple[str, str]]:
    """The path and the text "is X, expected Y" of each value that differs, in the order of the stated document.

    A key that only one of them has is a difference. So what a format adds later is compared as dataclasses, in which a
    document that lacks it has its default.
    """
    if isinstance(stated, dict) and isinstance(expected, dict):
        for name, value in stated.items():
            if name not in expected:
                yield f"{path}.{name}", f"is {_shorten(value)}, expected no value"
            elif not _same_scalar(value, expected[name]):
                yield from differences(value, expected[name], f"{path}.{name}")
        for name in sorted(expected.keys() - stated.keys()):
            yield f"{path}.{name}", f"is missing, expected {_shorten(expected[name])}"
    elif isinstance(stated, list | tuple) and isinstance(expected, list | tuple):
        if len(stated) != len(expected):
            yield path, f"has {len(stated)} entries, expected {len(expected)}"
        for at, (left, right) in enumerate(zip(stated, expected, strict=False)):
            if not _same_scalar(left, right):
                yield from differences(left, right, f"{path}[{at}]")
    elif not _equal(stated, expected):
        yield path, f"is {_shorten(stated)}, expected {_shorten(expected)}"


def _same_scalar(left: Json, right: Json) -> bool:
    """Whether two values are surely the same: most values of two results are, and no path is written for them."""
    return type(left) is type(right) and type(left) in _SCALARS and bool(left == right)


def _equal(left: Json, right: Json) -> bool:
    if type(left) is type(right) and not isinstance(left, float):
        return bool(left == right)
    if {type(left), type(right)} <= {int, float}:
        return math.isclose(left, right, rel_tol=_REL_TOLERANCE, abs_tol=_ABS_TOLERANCE)
    return False


def _shorten(value: Json) -> str:
    text = to_json(value)
    return text if len(text) <= _MAX_VALUE_CHARS else f"{text[: _MAX_VALUE_CHARS - 3]}..."
