"""Where two JSON documents differ, with numbers equal up to rounding. Tuples count as lists."""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.files import to_json
from harness.types import Json

RELATIVE = 1e-9
"""Another scipy or another processor may round the last digits of a float otherwise; whole numbers are exact."""
MOST = 20


def _shown(value: Json) -> str:
    text = to_json(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _same_number(left: Json, right: Json) -> bool:
    kinds = {type(left), type(right)}
    if kinds == {float} or kinds == {int, float}:
        return math.isclose(left, right, rel_tol=RELATIVE, abs_tol=1e-12)
    return type(left) is type(right) and bool(left == right)


def differences(stated: Json, found: Json, path: str) -> Iterator[tuple[str, str]]:
    """(path, "is X, found Y") for each leaf that differs, in the order of the stated document.

    A key that only the found document has is not reported: the schema decides which keys the stated one must have.
    """
    if isinstance(stated, dict) and isinstance(found, dict):
        for name, value in stated.items():
            inner = f"{path}.{name}"
            if name in found:
                yield from differences(value, found[name], inner)
            else:
                yield inner, f"is {_shown(value)}, found nothing of that name"
    elif isinstance(stated, list | tuple) and isinstance(found, list | tuple):
        if len(stated) != len(found):
            yield path, f"has {len(stated)} entries, found {len(found)}"
        for at, (left, right) in enumerate(zip(stated, found, strict=False)):
            yield from differences(left, right, f"{path}[{at}]")
    elif not _same_number(stated, found):
        yield path, f"is {_shown(stated)}, found {_shown(found)}"
