"""Finds a JSON object in an answer: alone, in a fence, or between sentences.

`find_object` is the entry point; `object_of` and `lone_object` find one that is a whole text or stands alone.
An object that gives a key twice is not guessed at: `DuplicateKeyError` names the key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice

from harness.files import MAX_JSON_DEPTH, is_deeper_than
from harness.score.extraction.fences import fenced_blocks
from harness.score.extraction.template_tokens import clean
from harness.types import Json

_MAX_TRIES = 50
_MAX_TEXT_CHARS = 100_000
"""A text of nothing but braces would otherwise be parsed once from each of them, and each time to its end."""
# What may stand around an object on its line: marks of a quote or emphasis, and tags; before it those of a list, too.
_MARKS_BEFORE = re.compile(r"(?:[ \t`*>]|<\w{1,20}>)*+")
_ITEM_BEFORE = re.compile(r"(?:[ \t`*>+-]|\d{1,3}[.)][ \t]|<\w{1,20}>)*+")
_MARKS_AFTER = re.compile(r"(?:[ \t`*>.]|</\w{1,20}>)*+")
_DECORATION = " \t`*>"
_OBJECT = re.compile(r"\{(?=\s{0,200}[\"}])")


class DuplicateKeyError(ValueError):
    """An object gives the same key twice, so that readers differ on its value (RFC 8259, section 4)."""


def unique_keys(pairs: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    """The object of these pairs, as `object_pairs_hook` of `json`. Raises DuplicateKeyError."""
    document: dict[str, Json] = {}
    for name, value in pairs:
        if name in document:
            raise DuplicateKeyError(name)
        document[name] = value
    return document


def _parse(text: str) -> Json:
    try:
        return _if_shallow(json.loads(text, object_pairs_hook=unique_keys))
    except DuplicateKeyError:
        raise
    except (ValueError, RecursionError):
        return None


def _if_shallow(value: Json) -> Json:
    """The value; None where it is nested too deeply for the functions that show and compare it."""
    return None if is_deeper_than(value, MAX_JSON_DEPTH) else value


def _values_in(text: str) -> Iterator[Json]:
    """The values that begin with a brace somewhere in a text."""
    decoder = json.JSONDecoder(object_pairs_hook=unique_keys)
    for tries, brace in enumerate(_OBJECT.finditer(text)):
        if tries == _MAX_TRIES:
            return
        try:
            yield _if_shallow(decoder.raw_decode(text, brace.start())[0])
        except DuplicateKeyError:
            raise
        except (ValueError, RecursionError):
            continue


def object_of(text: str) -> dict[str, Json] | None:
    """The object that is the whole text; None for any other. Raises DuplicateKeyError."""
    value = _parse(text)
    return value if isinstance(value, dict) else None


def lone_object(text: str, *, in_list: bool = False) -> tuple[dict[str, Json], str] | None:
    """The first object that stands on lines of its own, also in tags, and the text around it; with `in_list` also one
    that is a list item or ends a line after a colon, where a text beside an answer would only name it.

    None without one: an object inside a sentence is spoken of. Raises DuplicateKeyError. Of a text of more than 100,000
    characters only these are searched.
    """
    text, end = text[:_MAX_TEXT_CHARS], 0
    decoder = json.JSONDecoder(object_pairs_hook=unique_keys)
    for brace in islice(_OBJECT.finditer(text), _MAX_TRIES):
        if brace.start() < end:
            continue
        try:
            value, end = decoder.raw_decode(text, brace.start())
        except DuplicateKeyError:
            raise
        except (ValueError, RecursionError):
            continue
        before = text[text.rfind("\n", 0, brace.start()) + 1 : brace.start()]
        is_listed = in_list and (_ITEM_BEFORE.fullmatch(before) or before.rstrip(_DECORATION).endswith(":"))
        begins = is_listed or _MARKS_BEFORE.fullmatch(before)
        ends = _MARKS_AFTER.fullmatch(text[end:].partition("\n")[0])
        if begins and ends and _if_shallow(value) is not None:
            return value, text[: brace.start()] + text[end:]
    return None


def find_object(answer: str) -> dict[str, Json] | None:
    """The object in the last fence that has one, else the whole text, else the first in the text; None without one.

    Raises DuplicateKeyError. Of an answer of more than 100,000 characters only these are searched.
    """
    text = clean(answer)[:_MAX_TEXT_CHARS]
    candidates = [*(block.text for block in reversed(fenced_blocks(text))), text]
    found = next((value for value in map(_parse, candidates) if isinstance(value, dict)), None)
    return found if found is not None else next((value for value in _values_in(text) if isinstance(value, dict)), None)
