"""Text for a terminal of WIDTH columns and MAX_LINES lines: wrapping by display width, and fitting paragraphs.

`wrap_display` counts columns as a terminal does (wide characters take two), `cut` shortens a line, `table_lines` gives
a table whose first column takes what the others leave, `fit` shortens paragraphs, the longest first, until they fit
into the lines that there are, and `fit_whole` leaves out the last ones. `closing_lines`
are the end of a screen.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from harness.report.escaping import plain_text

WIDTH = 80
MAX_LINES = 30
ELLIPSIS = "…"
MIN_NAME_WIDTH = 10
MAX_CLOSING_LINES = 10


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


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for the header and each row: the first column cut where the others leave it too little, numbers right."""
    widths = [max(display_width(row[at]) for row in [header, *rows]) for at in range(len(header))]
    widths[0] = max(MIN_NAME_WIDTH, min(widths[0], WIDTH - sum(widths[1:]) - 2 * (len(widths) - 1)))
    gap = "  " if sum(widths) + 2 * (len(widths) - 1) <= WIDTH else " "
    return [cut(_table_line(row, widths, gap), WIDTH) for row in [header, *rows]]


def _table_line(row: Sequence[str], widths: Sequence[int], gap: str) -> str:
    first = pad(cut(row[0], widths[0]), widths[0])
    return gap.join([first, *(pad(cell, width, right=True) for cell, width in zip(row[1:], widths[1:], strict=True))])


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


def fit_whole(paragraphs: Sequence[str], lines: int, noun: str, max_lines: int = MAX_LINES) -> list[str]:
    """As many paragraphs as fit into `lines` lines, the others counted as `noun`; `fit` where not one does.

    None is cut, unless it has more than `max_lines` lines.
    """
    wrapped = [_shortened(wrap_display(paragraph), max_lines) for paragraph in paragraphs]
    for kept in range(len(wrapped), 0, -1):
        left_out = len(wrapped) - kept
        shown = [line for each in wrapped[:kept] for line in each]
        if left_out:
            shown.append(f"... and {left_out} more {noun}")
        if len(shown) <= lines:
            return shown
    return fit(paragraphs, lines, noun)


def closing_lines(closing: Sequence[str]) -> list[str]:
    """Where to look and what to do next, after an empty line; long paths are cut before they take the whole screen."""
    return ["", *fit(closing, MAX_CLOSING_LINES, "lines")] if closing else []


def _shortened(lines: Sequence[str], limit: int) -> list[str]:
    """The first lines of a paragraph, up to the end of a sentence if there is one in the last of them."""
    if len(lines) <= limit:
        return list(lines)
    last = lines[limit - 1]
    end = max(last.rfind(". "), last.rfind("; "))
    shown = f"{last[: end + 1]} {ELLIPSIS}" if end > len(last) // 2 else cut(f"{last} {lines[limit].strip()}", WIDTH)
    return [*lines[: limit - 1], cut(shown, WIDTH)]
