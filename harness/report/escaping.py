"""The one escaping of text that others wrote: `plain_text` for a line, `plain_lines` for output of several lines.

Everything that a command prints passes one of them, so that no model, server or result can control the terminal, turn
the direction of a line, or pile marks over the lines around it. Escapes have the form of JSON, `\\u202e`: escaped JSON
is the same JSON.
"""

from __future__ import annotations

import unicodedata

MAX_MARKS = 4
"""Of one character; written languages need up to three, and a hundred cover the lines above."""
_UNSAFE_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories: controls, formats (bidirectional marks), surrogates, private use, unassigned, separators."""


def plain_text(untrusted: str) -> str:
    """One line in which unsafe characters are spelled out: `\\u001b`, `\\u202e`, `\\u000a`."""
    if untrusted.isascii() and untrusted.isprintable():
        return untrusted
    pieces, marks = [], 0
    for char in untrusted:
        category = unicodedata.category(char)
        marks = marks + 1 if category[0] == "M" else 0
        is_safe = category not in _UNSAFE_CATEGORIES and marks <= MAX_MARKS
        pieces.append(char if is_safe else _spell_out(char))
    return "".join(pieces)


def plain_lines(text: str) -> str:
    """Text of several lines, each as `plain_text` gives it."""
    return "\n".join(map(plain_text, text.split("\n")))


def _spell_out(char: str) -> str:
    """A character as JSON escapes it: beyond U+FFFF as two surrogates."""
    data = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{data[at : at + 4]}" for at in range(0, len(data), 4))
