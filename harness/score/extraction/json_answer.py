"""Finds a JSON object in an answer: alone, in a fence, or between sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.score.extraction.fences import fenced_blocks
from harness.score.extraction.template_tokens import clean
from harness.types import Json

_MAX_TRIES = 200
"""A text of nothing but braces would otherwise be parsed once from each of them."""


def _parse(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _values_in(text: str) -> Iterator[Json]:
    """The values that begin with a brace somewhere in a text."""
    decoder = json.JSONDecoder()
    braces = [index for index, char in enumerate(text) if char == "{"]
    for brace in braces[:_MAX_TRIES]:
        try:
            yield decoder.raw_decode(text, brace)[0]
        except (ValueError, RecursionError):
            continue


def find_object(answer: str) -> dict[str, Json] | None:
    """The object in the last fence that has one, else the whole text, else the first in the text; None without one."""
    text = clean(answer)
    candidates = [_parse(block.text) for block in reversed(fenced_blocks(text))]
    candidates.append(_parse(text))
    found = next((value for value in candidates if isinstance(value, dict)), None)
    return found if found is not None else next((value for value in _values_in(text) if isinstance(value, dict)), None)
