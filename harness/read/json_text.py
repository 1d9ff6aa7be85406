"""JSON text to objects and back, without ever raising. Lenient where servers are known to be."""

from __future__ import annotations

import json

from harness.types import Json

# Servers in Python write NaN and Infinity for a speed that they could not divide; raw control characters are kept.
_JSON = json.JSONDecoder(strict=False, parse_constant=lambda _: None)


def object_of(text: str) -> dict[str, Json] | None:
    """The JSON object that the text is, None for anything else. NaN and infinities become None."""
    try:
        document = _JSON.decode(text.strip())
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def words_of(value: Json) -> str:
    """A text as it is, anything else as JSON on one line."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply)"
