"""Where two JSON documents differ, with numbers equal up to rounding. Tuples count as lists."""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.files import to_json
from harness.types import Json

RELATIVE = 1e-9
"""Another scipy or another processor may round the last digits otherwise."""
MOST = 20


def _shown(value: Json) -> str:
    text = to_json(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _same_number(left: Json, right: Json) -> bool:
    numbers = (int, float)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if not (isinstance(left, numbers) and isinstance(right, numbers)):
        return bool(left == right)
    return left == right or math.isclose(left, right, rel_tol=RELATIVE, abs_tol=1e-12)


def differences(stated: Json, found: Json, path: str) -> Iterator[tuple[str, str]]:
    """(path, "is X, found Y") for each leaf that differs, in the order of the stated document."""
    if isinstance(stated, dict) and isinstance(found, dict):
        for name in [*stated, *(name for name in found if name not in stated)]:
            inner = f"{path}.{name}"
            if name not in stated:
                yield inner, f"is missing, found {_shown(found[name])}"
            elif name not in found:
                yield inner, f"is {_shown(stated[name])}, found nothing of that name"
            else:
                yield from differences(stated[name], found[name], inner)
    elif isinstance(stated, list | tuple) and isinstance(found, list | tuple):
        if len(stated) != len(found):
            yield path, f"has {len(stated)} entries, found {len(found)}"
        for at, (left, right) in enumerate(zip(stated, found, strict=False)):
            yield from differences(left, right, f"{path}[{at}]")
    elif not _same_number(stated, found):
        yield path, f"is {_shown(stated)}, found {_shown(found)}"
