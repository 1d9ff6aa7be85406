"""A JSON object in an answer: alone, in a fence, or between sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.score.extraction.fences import blocks_of
from harness.score.extraction.template_tokens import clean
from harness.types import Json

_TRIES = 200


def _loaded(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _begun(text: str) -> Iterator[Json]:
    """The values that begin with a brace somewhere in a text, the last one first."""
    decoder = json.JSONDecoder()
    starts = [at for at, char in enumerate(text) if char == "{"]
    for at in starts[:_TRIES]:
        try:
            yield decoder.raw_decode(text, at)[0]
        except (ValueError, RecursionError):
            continue


def object_in(answer: str) -> dict[str, Json] | None:
    """The last object in a fence, else the whole text, else the first that stands in it; None where there is none."""
    text = clean(answer)
    candidates = [_loaded(block.text) for block in reversed(blocks_of(text))]
    candidates.append(_loaded(text))
    found = next((one for one in candidates if isinstance(one, dict)), None)
    return found if found is not None else next((one for one in _begun(text) if isinstance(one, dict)), None)
