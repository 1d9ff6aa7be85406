"""Markdown to its fenced blocks, as models write them: any indent, list items, quotes, never closed, glued ends.

Follows CommonMark 0.31 section 4.5, except that a fence may be indented further than three spaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_OPEN = re.compile(
    r"^(?P<lead>[ \t]*(?:>[ \t]?)*(?:[ \t]*(?:[-*+]|\d+[.)])[ \t]+)?)(?P<mark>`{3,}|~{3,})(?P<info>[^`\n]*)$"
)
_END_MARKS = re.compile(r"(?:\s*(?:<\|[\w.-]+\|>|</s>|<end_of_turn>|<eos>|\[/INST\]))+\s*\Z")
_WHOLE_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>.*?</\1>", re.DOTALL)
_END_OF_THOUGHT = re.compile(r".*</(?:think|thinking)>", re.DOTALL)
_OPEN_THOUGHT = re.compile(r"\A\s*<(?:think|thinking)>.*", re.DOTALL)
_LOOKED_AHEAD = 8
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


def clean(answer: str) -> str:
    """The answer as lines that end in a newline, without thoughts, byte order mark and end-of-turn marks."""
    text = answer.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    text = _WHOLE_THOUGHT.sub("", text)
    text = _END_OF_THOUGHT.sub("", text)
    text = _OPEN_THOUGHT.sub("", text)
    return _END_MARKS.sub("\n", text)


def label_of(info: str) -> str:
    """The language's word of an info line: `python:answer.py`, `{.python}` and `python title=x` are `python`."""
    words = re.split(r"[\s:,;({]+", info.strip().strip("{}").lstrip(".").lower(), maxsplit=1)
    return words[0].strip(".") if words else ""


def _unindented(line: str, lead: str) -> str:
    quoted = lead.count(">")
    for _ in range(quoted):
        line = re.sub(r"^[ \t]*>[ ]?", "", line, count=1)
    width = 0 if quoted else len(lead.expandtabs(4))
    spaces = len(line) - len(line.lstrip(" \t"))
    return line[min(spaces, width) :]


def _is_close(line: str, lead: str, mark: str) -> bool:
    rest = _unindented(line, lead)
    close = re.fullmatch(rf"[ ]{{0,3}}({re.escape(mark[0])}{{{len(mark)},}})[ \t]*", rest)
    return close is not None


def _body(lines: list[str], lead: str) -> str:
    return "".join(f"{_unindented(line, lead)}\n" for line in lines)


def _find_close(lines: list[str], opened: tuple[str, str], whole: Callable[[str], bool]) -> int | None:
    """Where the block ends: at its first close, unless only a later one leaves the code whole (a fence in a text)."""
    lead, mark = opened
    closes = [at for at, line in enumerate(lines) if _is_close(line, lead, mark)]
    for at in closes[:_LOOKED_AHEAD]:
        if whole(_body(lines[:at], lead)):
            return at
    return closes[0] if closes else None


def _unglued(text: str, mark: str) -> tuple[str, bool]:
    """A close at the end of the last line of code is a close."""
    stripped = text.rstrip()
    if stripped.endswith(mark[0] * _GLUED):
        return stripped.rstrip(mark[0]) + "\n", True
    return text, False


def blocks_of(text: str, whole: Callable[[str], bool] = lambda _: True) -> list[Block]:
    """Every fenced block of a cleaned answer, in order. `whole` says whether a block's text is complete."""
    lines = text.split("\n")
    blocks, at, before = [], 0, ""
    while at < len(lines):
        opened = _OPEN.match(lines[at])
        if opened is None:
            before = lines[at].strip() or before
            at += 1
            continue
        lead, mark, info = opened["lead"], opened["mark"], opened["info"].strip()
        rest = lines[at + 1 :]
        end = _find_close(rest, (lead, mark), whole)
        body, closed = (
            (_body(rest, lead).rstrip("\n") + "\n", False) if end is None else (_body(rest[:end], lead), True)
        )
        if end is None:
            body, closed = _unglued(body, mark)
        blocks.append(Block(label_of(info), info, body, before, closed))
        at += 1 + (len(rest) if end is None else end + 1)
        before = ""
    return blocks
