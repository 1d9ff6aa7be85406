"""JSON text to objects and back: `parse_object` and `to_text`. They never raise and tolerate what servers send."""

from __future__ import annotations

import json

from harness.types import Json

# Python servers write NaN and Infinity when they divided by zero. strict=False accepts raw control characters.
_DECODER = json.JSONDecoder(strict=False, parse_constant=lambda _: None)


def parse_object(text: str) -> dict[str, Json] | None:
    """Parse a JSON object; None for anything else. NaN and infinities become None."""
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
