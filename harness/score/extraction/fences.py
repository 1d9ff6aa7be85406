"""Reads the fenced code blocks of Markdown as models write them: any indent, in list items and quotes, never closed.

Follows CommonMark 0.31, section 4.5, except that a fence may be indented by more than three spaces: models put fences
under list items and indent them to the item's text, or further; that a fence may begin below words of its line ("Here
it is: ```python"); and that marks with other text on their line close a block where its code is complete by then.
Without a check of completeness these are the first such marks of a block that nothing else closes.
`fenced_blocks` is the entry point.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

_OPEN = re.compile(
    r"^(?P<lead>[ \t]*(?:>[ \t]?)*(?:[ \t]*(?:[-*+]|\d+[.)])[ \t]+)?)(?P<mark>`{3,}+|~{3,}+)(?P<info>[^`\n]*+)$"
)
_OPEN_AFTER_WORDS = re.compile(
    r"(?:[:*][ \t]?|\b(?:code|function|solution|answer|program|script|query|is|this)[ \t])"
    r"(?P<mark>`{3,}+)(?P<info>[A-Za-z][\w+#.-]*+)[ \t]*+$"
)
_MAX_WORD_CHARS = 60
"""From the end of a line so many characters are searched for a fence below words."""
DOCUMENT_LABELS = ("markdown", "md")
_COMMENT_BEGINS = ("#", "//", "*", "--", ">", "|")
_MAX_INEXACT_CLOSES = 24
"""Each costs a search of all lines below it."""
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


@dataclass(frozen=True, slots=True)
class _Opening:
    """The first line of a fence: what stands before the marks as its indent, the marks, the info string, the words."""

    lead: str
    mark: str
    info: str
    words: str = ""


_IsComplete = Callable[[str], bool]


def label_of(info: str) -> str:
    """The language word of an info string: `python:answer.py`, `{.python}` and `python title=x` are `python`.

    Of a version only the first number counts: `python3.11` is `python3`.
    """
    words = re.split(r"[\s:,;({]+", info.strip().strip("{}").lstrip(".").lower(), maxsplit=1)
    return re.sub(r"(?<=[a-z]\d)(?:\.\d{1,3}){1,3}$", "", words[0].strip(".")) if words else ""


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
    lines: Sequence[str], start: int, opening: _Opening, is_complete: _IsComplete
) -> tuple[int | None, bool]:
    """The line that closes the block that begins at `start`, and whether the code above it is complete; None without.

    CommonMark takes the first closing fence. Models put fences into docstrings, so where the first one leaves code that
    is not complete, a later one is taken that does, if it comes soon.
    """
    lead, mark = opening.lead, opening.mark
    first = next((index for index in range(start, len(lines)) if _is_close(lines[index], lead, mark)), None)
    if first is None or is_complete(_body(lines[start:first], lead)):
        return first, first is not None
    soon = range(first + 1, min(len(lines), first + _MAX_LOOKAHEAD_LINES))
    closes = [index for index in soon if _is_close(lines[index], lead, mark)]
    later = (index for index in closes[:_MAX_LATER_CLOSES] if is_complete(_body(lines[start:index], lead)))
    found = next(later, None)
    return (first, False) if found is None else (found, True)


def _find_inexact_close(
    lines: Sequence[str], lines_of_block: range, opening: _Opening, is_complete: _IsComplete
) -> tuple[str, int] | None:
    """The code above the first mark that leaves complete code, and the line to go on from; None where no mark does.

    Models close a block at the end of its last line of code, with marks of another kind or number, or with text behind
    the marks. A document holds fences of its own, which close nothing.
    """
    start = lines_of_block.start
    is_document = label_of(opening.info) in ("", *DOCUMENT_LABELS)
    marked = ((index, _code_before_mark(lines[index], opening.lead)) for index in lines_of_block)
    candidates = ((index, code) for index, code in marked if code is not None)
    for index, code in islice(candidates, _MAX_LATER_CLOSES):
        if is_document and not code:
            continue
        text = _body(lines[start:index], opening.lead) + (f"{code}\n" if code else "")
        if text.strip() and is_complete(text):
            return text, index if not code and _begins_block(lines, index) else index + 1
    return None


def _code_before_mark(line: str, lead: str) -> str | None:
    """The code that a line with one fence's marks at its beginning ("") or its end has before them; else None."""
    if "```" not in line and "~~~" not in line:
        return None
    rest = _unindented(line, lead).rstrip()
    if re.match(r" {0,3}(?:`{3}|~{3})", rest):
        return ""
    code = rest.rstrip("`")
    is_comment = code.lstrip().startswith(_COMMENT_BEGINS)
    return None if len(rest) - len(code) < _MIN_MARKS or "```" in code or is_comment else code.rstrip()


def _begins_block(lines: Sequence[str], index: int) -> bool:
    """Whether a labeled mark opens a block of its own: the next line with marks closes it."""
    opening = _opening(lines[index])
    if opening is None or not opening.info:
        return False
    below = (lines[at] for at in range(index + 1, len(lines)) if _code_before_mark(lines[at], opening.lead) == "")
    return _is_close(next(below, ""), opening.lead, opening.mark)


def _is_mention(lines: Sequence[str], index: int) -> bool:
    """Whether the fence below words of a line is only spoken of: the next marks that are not open a labeled block."""
    for at in range(index + 1, len(lines)):
        opening = _opening(lines[at])
        if opening is not None:
            return bool(opening.info)
        code = _code_before_mark(lines[at], "")
        if code is not None and not code.endswith(":"):
            return False
    return False


def _cut_inexact_close(text: str, mark: str) -> tuple[str, bool]:
    """The text of a block without a closing fence, up to marks at the end of its last line or before other words."""
    stripped = text.rstrip()
    if stripped.endswith(mark[0] * _MIN_MARKS):
        return stripped.rstrip(mark[0]) + "\n", True
    followed = re.search(rf"(?m)^{re.escape(mark)}[ \t]+\S", text)
    return (text, False) if followed is None else (text[: followed.start()], True)


def _opening(line: str) -> _Opening | None:
    """The fence that a line opens. Only the line's beginning and end are searched: a long line costs nothing."""
    beginning = line[: _MAX_LEAD_CHARS + _MIN_MARKS - 1]
    found = _OPEN.match(line) if "```" in beginning or "~~~" in beginning else None
    if found is not None:
        return _Opening(found["lead"], found["mark"], found["info"].strip())
    ending = line[-_MAX_WORD_CHARS:]
    found = _OPEN_AFTER_WORDS.search(ending) if "```" in ending else None
    words = line[: len(line) - len(ending) + found.start("mark")] if found else ""
    return None if found is None or "```" in words else _Opening("", found["mark"], found["info"], words)


def fenced_blocks(text: str, is_complete: _IsComplete = lambda _: True) -> list[Block]:
    """Every fenced block of a cleaned answer, in order. `is_complete` says whether a block's text can be all of it."""
    return _split(text, is_complete)[0]


def outside_fences(text: str) -> str:
    """The lines of a cleaned answer that are in no fenced block."""
    return "\n".join(_split(text, lambda _: True)[1])


def _read_block(
    lines: Sequence[str], start: int, opening: _Opening, is_complete: _IsComplete, *, is_exact: bool
) -> tuple[str, int, bool]:
    """(text, the line below it, whether it was closed) of the block that begins at `start`.

    `is_exact`: no marks with other text on their line close it.
    """
    end, whole = _find_close(lines, start, opening, is_complete)
    # Longer marks, or tildes, are chosen for code that holds fences.
    if not (is_exact or whole or (end is not None and opening.mark != "```")):
        block = range(start, len(lines) if end is None else end)
        found = _find_inexact_close(lines, block, opening, is_complete)
        if found is not None:
            return *found, True
    body = _body(lines[start:end], opening.lead)
    if end is not None:
        return body, end + 1, True
    body, closed = _cut_inexact_close(body.rstrip("\n") + "\n", opening.mark)
    return body, len(lines), closed


def _split(text: str, is_complete: _IsComplete) -> tuple[list[Block], list[str]]:
    """The fenced blocks of a text, and the lines outside of them."""
    lines = text.split("\n")
    blocks: list[Block] = []
    outside: list[str] = []
    index, before, inexact = 0, "", 0
    while index < len(lines):
        opening = _opening(lines[index])
        if opening is not None and opening.words and _is_mention(lines, index):
            opening = None
        words = lines[index] if opening is None else opening.words
        before = words.strip() or before
        if opening is None or words:
            outside.append(words)
        index += 1
        if opening is None:
            continue
        is_exact = inexact >= _MAX_INEXACT_CLOSES
        body, index, closed = _read_block(lines, index, opening, is_complete, is_exact=is_exact)
        inexact += not _is_close(lines[index - 1], opening.lead, opening.mark)
        blocks.append(Block(label_of(opening.info), opening.info, body.lstrip(_INVISIBLE), before, closed))
        before = ""
    return blocks, outside
