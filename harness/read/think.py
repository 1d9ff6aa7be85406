"""Thoughts that a server left in the text: `<think>` ... `</think>` moved from content to reasoning.

Two rules, on the joined text, so that it does not matter where deltas cut the tags:

1. The text begins with `<think>`, white space aside: what follows up to the first `</think>` is the thought, all of
   it when there is none (the answer met its budget inside the thought).
2. The text holds a `</think>` without an opener before it, the server sent no reasoning of its own, and the closer is
   not shown as code: the template had opened the thought, and everything before the closer is the thought. "Shown as
   code" is inside a ``` fence or right behind a quotation mark or a backtick.

Limits: by rule 2 an answer that writes a bare `</think>` in its prose loses what stands before it to reasoning, and
a thought cut inside an open fence stays content. A tag anywhere else is content.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

OPENER, CLOSER = "<think>", "</think>"
_OPENING = re.compile(r"\s*" + re.escape(OPENER))
_QUOTES = frozenset("\"'`")
_FENCE = "```"


@dataclass(frozen=True, slots=True)
class Parted:
    """Content without its thought, and the number of the delta that held the first character of that content."""

    content: str
    thought: str
    first: int | None


def _bare_closer(text: str) -> int:
    """Where the thought that the template opened ends, -1 when there was none."""
    fences, seen, at = 0, 0, text.find(CLOSER)
    opener = text.find(OPENER)
    while at >= 0 and (opener < 0 or at < opener):
        fences += text.count(_FENCE, seen, at)
        seen = at
        if fences % 2 == 0 and text[at - 1 : at] not in _QUOTES:
            return at
        at = text.find(CLOSER, at + 1)
    return -1


def _bounds(text: str, reasoned: bool) -> tuple[int, int, int]:
    """Where the thought starts, where it ends, where the content starts."""
    opening = _OPENING.match(text)
    if opening is not None:
        start, closer = opening.end(), text.find(CLOSER, opening.end())
    else:
        start, closer = 0, -1 if reasoned else _bare_closer(text)
    if closer >= 0:
        return start, closer, closer + len(CLOSER)
    return (start, len(text), len(text)) if opening is not None else (0, 0, 0)


def part(texts: Sequence[str], reasoned: bool) -> Parted:
    """Part the content deltas; `reasoned` says that the server itself sent a thought on its own channel."""
    text = "".join(texts)
    start, end, content = _bounds(text, reasoned)
    ends = list(accumulate(map(len, texts)))
    first = bisect_right(ends, content) if content < len(text) else None
    return Parted(text[content:], text[start:end], first)
