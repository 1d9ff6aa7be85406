"""JSON text to objects and back: `parse_object` and `to_text`. They never raise and tolerate what servers send."""

from __future__ import annotations

import json
import math

from harness.types import Json


def _finite(text: str) -> float | None:
    """The number; None beyond the range of a float, where Python has infinity and JSON has no word for it."""
    number = float(text)
    return number if math.isfinite(number) else None


# Python servers write NaN and Infinity when they divided by zero. strict=False accepts raw control characters.
_DECODER = json.JSONDecoder(strict=False, parse_constant=lambda _: None, parse_float=_finite)


def parse_object(text: str) -> dict[str, Json] | None:
    """Parse a JSON object; None for anything else. NaN and infinities become None, `1e999` too."""
    try:
        document = _DECODER.decode(text.strip())
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def to_text(value: Json) -> str:
    """Return a string as it is and anything else as JSON on one line."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply)"
