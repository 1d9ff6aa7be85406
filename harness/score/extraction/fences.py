"""Reads the fenced code blocks of Markdown as models write them: any indent, in list items and quotes, never closed.

Follows CommonMark 0.31, section 4.5, except that a fence may be indented by more than three spaces: models put fences
under list items and indent them to the item's text, or further. `fenced_blocks` is the entry point.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_OPEN = re.compile(
    r"^(?P<lead>[ \t]*(?:>[ \t]?)*(?:[ \t]*(?:[-*+]|\d+[.)])[ \t]+)?)(?P<mark>`{3,}+|~{3,}+)(?P<info>[^`\n]*+)$"
)
_INVISIBLE = "\ufeff\u200b"
_MAX_LATER_CLOSES = 8
_MAX_LOOKAHEAD_LINES = 400
_MAX_LEAD_CHARS = 120
_MIN_MARKS = 3
_MAX_CLOSE_INDENT = 3


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: the language word of its info string in lower case, the info string, its text, the line before
    it, and whether it was closed."""

    label: str
    info: str
    text: str
    before: str
    closed: bool = True


def label_of(info: str) -> str:
    """The language word of an info string: `python:answer.py`, `{.python}` and `python title=x` are `python`."""
    words = re.split(r"[\s:,;({]+", info.strip().strip("{}").lstrip(".").lower(), maxsplit=1)
    return words[0].strip(".") if words else ""


def _unindented(line: str, lead: str) -> str:
    if lead and lead.isspace() and line.startswith(lead):
        return line[len(lead) :]
    quotes = lead.count(">")
    for _ in range(quotes):
        line = re.sub(r"^[ \t]*>[ ]?", "", line, count=1)
    width = 0 if quotes else len(lead.expandtabs(4))
    spaces = len(line) - len(line.lstrip(" \t"))
    return line[min(spaces, width) :]


def _is_close(line: str, lead: str, mark: str) -> bool:
    if mark not in line:
        return False
    rest = _unindented(line, lead).rstrip(" \t")
    marks = rest.lstrip(" ")
    return len(rest) - len(marks) <= _MAX_CLOSE_INDENT and len(marks) >= len(mark) and not marks.strip(mark[0])


def _body(lines: Sequence[str], lead: str) -> str:
    return "".join(f"{_unindented(line, lead)}\n" for line in lines)


def _find_close(
    lines: Sequence[str], start: int, opening: tuple[str, str], is_complete: Callable[[str], bool]
) -> int | None:
    """The line that closes the block that begins at `start`; None where nothing does.

    CommonMark takes the first closing fence. Models put fences into docstrings, so where the first one leaves code that
    is not complete, a later one is taken that does, if it comes soon.
    """
    lead, mark = opening
    first = next((index for index in range(start, len(lines)) if _is_close(lines[index], lead, mark)), None)
    if first is None or is_complete(_body(lines[start:first], lead)):
        return first
    soon = range(first + 1, min(len(lines), first + _MAX_LOOKAHEAD_LINES))
    closes = [index for index in soon if _is_close(lines[index], lead, mark)]
    later = (index for index in closes[:_MAX_LATER_CLOSES] if is_complete(_body(lines[start:index], lead)))
    return next(later, first)


def _cut_inexact_close(text: str, mark: str) -> tuple[str, bool]:
    """The text of a block without a closing fence, up to marks at the end of its last line or before other words."""
    stripped = text.rstrip()
    if stripped.endswith(mark[0] * _MIN_MARKS):
        return stripped.rstrip(mark[0]) + "\n", True
    followed = re.search(rf"(?m)^{re.escape(mark)}[ \t]+\S", text)
    return (text, False) if followed is None else (text[: followed.start()], True)


def _opening(line: str) -> re.Match[str] | None:
    """The fence that a line opens. Only the line's beginning is searched, so that a long line costs nothing."""
    beginning = line[: _MAX_LEAD_CHARS + _MIN_MARKS - 1]
    return _OPEN.match(line) if "```" in beginning or "~~~" in beginning else None


def fenced_blocks(text: str, is_complete: Callable[[str], bool] = lambda _: True) -> list[Block]:
    """Every fenced block of a cleaned answer, in order. `is_complete` says whether a block's text can be all of it."""
    return _split(text, is_complete)[0]


def outside_fences(text: str) -> str:
    """The lines of a cleaned answer that are in no fenced block."""
    return "\n".join(_split(text, lambda _: True)[1])


def _split(text: str, is_complete: Callable[[str], bool]) -> tuple[list[Block], list[str]]:
    """The fenced blocks of a text, and the lines outside of them."""
    lines = text.split("\n")
    blocks: list[Block] = []
    outside: list[str] = []
    index, before = 0, ""
    while index < len(lines):
        opening = _opening(lines[index])
        if opening is None:
            outside.append(lines[index])
            before = lines[index].strip() or before
            index += 1
            continue
        lead, mark, info = opening["lead"], opening["mark"], opening["info"].strip()
        end = _find_close(lines, index + 1, (lead, mark), is_complete)
        body, closed = _body(lines[index + 1 : end], lead), end is not None
        if not closed:
            body, closed = _cut_inexact_close(body.rstrip("\n") + "\n", mark)
        blocks.append(Block(label_of(info), info, body.lstrip(_INVISIBLE), before, closed))
        index, before = len(lines) if end is None else end + 1, ""
    return blocks, outside
