"""Markdown to its fenced blocks, as models write them: any indent, list items, quotes, never closed, glued ends.

Follows CommonMark 0.31 section 4.5, except that a fence may be indented further than three spaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_OPEN = re.compile(
    r"^(?P<lead>[ \t]*(?:>[ \t]?)*(?:[ \t]*(?:[-*+]|\d+[.)])[ \t]+)?)(?P<mark>`{3,}|~{3,})(?P<info>[^`\n]*)$"
)
_INVISIBLE = "\ufeff\u200b"
_LOOKED_AHEAD = 8
_LOOKED_AHEAD_LINES = 400
_DEEPEST = 120
_GLUED = 3


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its label in lower case, the whole info line, its text, the line before it, and whether it
    was closed."""

    label: str
    info: str
    text: str
    before: str
    closed: bool = True


def label_of(info: str) -> str:
    """The language's word of an info line: `python:answer.py`, `{.python}` and `python title=x` are `python`."""
    words = re.split(r"[\s:,;({]+", info.strip().strip("{}").lstrip(".").lower(), maxsplit=1)
    return words[0].strip(".") if words else ""


def _unindented(line: str, lead: str) -> str:
    if lead and lead.isspace() and line.startswith(lead):
        return line[len(lead) :]
    quoted = lead.count(">")
    for _ in range(quoted):
        line = re.sub(r"^[ \t]*>[ ]?", "", line, count=1)
    width = 0 if quoted else len(lead.expandtabs(4))
    spaces = len(line) - len(line.lstrip(" \t"))
    return line[min(spaces, width) :]


def _is_close(line: str, lead: str, mark: str) -> bool:
    if mark not in line:
        return False
    rest = _unindented(line, lead)
    close = re.fullmatch(rf"[ ]{{0,3}}({re.escape(mark[0])}{{{len(mark)},}})[ \t]*", rest)
    return close is not None


def _body(lines: Sequence[str], lead: str) -> str:
    return "".join(f"{_unindented(line, lead)}\n" for line in lines)


def _find_close(lines: Sequence[str], start: int, opened: tuple[str, str], whole: Callable[[str], bool]) -> int | None:
    """Where the block that begins at `start` ends: at its first close, unless one soon after it leaves the code whole
    where the first does not (a fence inside a text)."""
    lead, mark = opened
    first = next((at for at in range(start, len(lines)) if _is_close(lines[at], lead, mark)), None)
    if first is None or whole(_body(lines[start:first], lead)):
        return first
    soon = range(first + 1, min(len(lines), first + _LOOKED_AHEAD_LINES))
    closes = [at for at in soon if _is_close(lines[at], lead, mark)]
    return next((at for at in closes[:_LOOKED_AHEAD] if whole(_body(lines[start:at], lead))), first)


def _unglued(text: str, mark: str) -> tuple[str, bool]:
    """A close at the end of the last line of code is a close; so is one that is followed by words."""
    stripped = text.rstrip()
    if stripped.endswith(mark[0] * _GLUED):
        return stripped.rstrip(mark[0]) + "\n", True
    worded = re.search(rf"(?m)^{re.escape(mark)}[ \t]+\S", text)
    return (text, False) if worded is None else (text[: worded.start()], True)


def _opening(line: str) -> re.Match[str] | None:
    """The fence that a line opens; only its beginning is looked at, so that a long line costs nothing."""
    at = min((place for place in (line.find("```"), line.find("~~~")) if place >= 0), default=_DEEPEST)
    return _OPEN.match(line) if at < _DEEPEST else None


def blocks_of(text: str, whole: Callable[[str], bool] = lambda _: True) -> list[Block]:
    """Every fenced block of a cleaned answer, in order. `whole` says whether a block's text is complete."""
    lines = text.split("\n")
    blocks, at, before = [], 0, ""
    while at < len(lines):
        opened = _opening(lines[at])
        if opened is None:
            before = lines[at].strip() or before
            at += 1
            continue
        lead, mark, info = opened["lead"], opened["mark"], opened["info"].strip()
        end = _find_close(lines, at + 1, (lead, mark), whole)
        body, closed = _body(lines[at + 1 : end], lead), end is not None
        if not closed:
            body, closed = _unglued(body.rstrip("\n") + "\n", mark)
        blocks.append(Block(label_of(info), info, body.lstrip(_INVISIBLE), before, closed))
        at, before = len(lines) if end is None else end + 1, ""
    return blocks
