"""Answers without what gives their authors away: thoughts, template tokens, names of models and vendors.

`neutralize` is a function of the answer and the names alone, so that `verify` can repeat it. Beyond that only
whitespace at the ends of lines and of the text is removed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from harness.score import clean
from harness.summarize import MODEL_FAMILIES
from harness.types import Contestant

REDACTED = "[redacted]"
_TOKEN = re.compile(r"\w(?:[-./:]?\w)*", re.ASCII)
"""A word with what is joined to it, such as `Qwen2.5-Coder-7B` or `Qwen/Qwen2.5`; CJK characters end it."""
_SOFTWARE = ("llama.cpp", "llama-server", "llama-cpp")
"""Programs that are named after a model: an answer may be about them."""


class NeutralText(NamedTuple):
    """An answer as it is shown, and how many names were replaced in it."""

    text: str
    redactions: int


def redacted_names(contestants: Iterable[Contestant]) -> tuple[str, ...]:
    """The names that are replaced: of all known families, and the ids of these contestants.

    An id that is a plain word, such as `fast`, is left: it would be replaced where it means something else.
    """
    ids = {name for contestant in contestants for name in (contestant.model, contestant.model.rsplit("/", 1)[-1])}
    return tuple(sorted({*MODEL_FAMILIES, *(name.lower() for name in ids if name and not name.isalpha())}))


def neutralize(answer: str, names: Collection[str]) -> NeutralText:
    """An answer as judges see it."""
    known, count = frozenset(names), 0

    def replaced(match: re.Match[str]) -> str:
        nonlocal count
        token = match[0].lower()
        if token.startswith(_SOFTWARE) or (token not in known and known.isdisjoint(re.findall("[a-z]+", token))):
            return match[0]
        count += 1
        return REDACTED

    text = _TOKEN.sub(replaced, clean(answer))
    return NeutralText("\n".join(line.rstrip() for line in text.split("\n")).strip(), count)
