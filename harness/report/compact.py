"""Text for a terminal of WIDTH columns and MAX_LINES lines: wrapping by display width, and fitting paragraphs.

`wrap_display` counts columns as a terminal does (wide characters take two), `cut` shortens a line, `fit` shortens
paragraphs, the longest first, until they fit into the lines that there are, and `fit_whole` leaves out the last ones.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from harness.report.escaping import plain_text

WIDTH = 80
MAX_LINES = 30
ELLIPSIS = "…"


def display_width(text: str) -> int:
    """The columns that a terminal gives a text: two for a wide character, none for a combining mark."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def cut(text: str, width: int) -> str:
    """The text, or its beginning with an ellipsis, in at most `width` columns."""
    if display_width(text) <= width:
        return text
    head, used = "", 1
    for char in text:
        used += _columns(char)
        if used > width:
            break
        head += char
    return head.rstrip() + ELLIPSIS


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text with spaces to `width` columns, behind it, or before it for a number."""
    spaces = " " * (width - display_width(text))
    return spaces + text if right else text + spaces


def wrap_display(text: str, width: int = WIDTH, indent: str = "  ") -> list[str]:
    """The lines of a paragraph, all but the first with an indent; a word longer than a line is broken."""
    lines, line = list[str](), ""
    for word in plain_text(text).split(" "):
        for piece in _pieces(word, width - len(indent)):
            if line.strip() and display_width(line) + 1 + display_width(piece) > width:
                lines.append(line)
                line = indent + piece
            else:
                line = f"{line} {piece}" if line.strip() else line + piece
    return [*lines, line] if line.strip() else lines


def _pieces(word: str, width: int) -> Iterator[str]:
    piece = ""
    for char in word:
        if display_width(piece) + _columns(char) > width:
            yield piece
            piece = ""
        piece += char
    yield piece


def fit(paragraphs: Sequence[str], lines: int, noun: str) -> list[str]:
    """Paragraphs in at most `lines` lines: the longest ones are cut, then whole ones at the end counted as `noun`."""
    if lines < 1 or not paragraphs:
        return []
    kept = list(paragraphs)
    if len(kept) > lines:
        left_out = len(kept) - (lines - 1)
        return [*fit(kept[: lines - 1], lines - 1, noun), f"... and {left_out} more {noun}"]
    wrapped = [wrap_display(paragraph) for paragraph in kept]
    limits = [len(each) for each in wrapped]
    while sum(limits) > lines:
        longest = max(range(len(limits)), key=limits.__getitem__)
        limits[longest] -= 1
    return [line for each, limit in zip(wrapped, limits, strict=True) for line in _shortened(each, limit)]


def fit_whole(paragraphs: Sequence[str], lines: int, noun: str) -> list[str]:
    """As many whole paragraphs as fit into `lines` lines, the others counted as `noun`; `fit` where not one does."""
    wrapped = [wrap_display(paragraph) for paragraph in paragraphs]
    for kept in range(len(wrapped), 0, -1):
        left_out = len(wrapped) - kept
        shown = [line for each in wrapped[:kept] for line in each]
        if left_out:
            shown.append(f"... and {left_out} more {noun}")
        if len(shown) <= lines:
            return shown
    return fit(paragraphs, lines, noun)


def _shortened(lines: Sequence[str], limit: int) -> list[str]:
    """The first lines of a paragraph, up to the end of a sentence if there is one in the last of them."""
    if len(lines) <= limit:
        return list(lines)
    last = lines[limit - 1]
    end = max(last.rfind(". "), last.rfind("; "))
    shown = f"{last[: end + 1]} {ELLIPSIS}" if end > len(last) // 2 else cut(f"{last} {lines[limit].strip()}", WIDTH)
    return [*lines[: limit - 1], cut(shown, WIDTH)]
