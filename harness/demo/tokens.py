"""The demo's tokens: a fixed split of text into pieces of about four characters. No real model's tokenizer."""

from __future__ import annotations

import re

_PIECE = re.compile(r" ?\w{1,6}|\s{1,8}|[^\w\s]{1,3}")


def split_tokens(text: str) -> list[str]:
    """The text's tokens; joined they are the text again."""
    return _PIECE.findall(text)


def count_tokens(text: str) -> int:
    """How many tokens a text has."""
    return len(split_tokens(text))
