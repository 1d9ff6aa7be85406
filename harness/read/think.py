"""Move reasoning that a server left in the content (`<think>` ... `</think>`) to the reasoning channel.

`split_thinking` applies two rules to the joined text, so that it does not matter where deltas cut the tags:

1. The text begins with `<think>`, whitespace aside: what follows up to the first `</think>` is reasoning, all of it
   when there is none (the answer reached its token limit while reasoning).
2. The text holds a `</think>` without an opening tag before it, the server sent no reasoning by itself, and the tag is
   not quoted as code: the chat template had opened the reasoning, which ends at the tag. "Quoted as code" is inside a
   ``` fence or right behind a quotation mark or a backtick.

Limits: by rule 2 an answer that writes a bare `</think>` in its prose loses what precedes it to reasoning, and
reasoning cut inside an open fence stays content. A tag anywhere else is content.
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
class SplitContent:
    """Content and the reasoning taken out of it; `first_delta` is the index of the delta where that content begins."""

    content: str
    reasoning: str
    first_delta: int | None


def _bare_closer(text: str) -> int:
    """Where the reasoning ends that the template opened; -1 if there was none."""
    fences, counted_to, at = 0, 0, text.find(CLOSER)
    opener = text.find(OPENER)
    while at >= 0 and (opener < 0 or at < opener):
        fences += text.count(_FENCE, counted_to, at)
        counted_to = at
        if fences % 2 == 0 and text[at - 1 : at] not in _QUOTES:
            return at
        at = text.find(CLOSER, at + 1)
    return -1


def _bounds(text: str, has_reasoning: bool) -> tuple[int, int, int]:
    """Where the reasoning starts, where it ends, where the content starts."""
    opening = _OPENING.match(text)
    if opening is not None:
        start, closer = opening.end(), text.find(CLOSER, opening.end())
    else:
        start, closer = 0, -1 if has_reasoning else _bare_closer(text)
    if closer >= 0:
        return start, closer, closer + len(CLOSER)
    return (start, len(text), len(text)) if opening is not None else (0, 0, 0)


def split_thinking(texts: Sequence[str], has_reasoning: bool) -> SplitContent:
    """Split content deltas; `has_reasoning` says that the server itself sent reasoning on its own channel."""
    text = "".join(texts)
    start, end, content = _bounds(text, has_reasoning)
    ends = list(accumulate(map(len, texts)))
    first = bisect_right(ends, content) if content < len(text) else None
    return SplitContent(text[content:], text[start:end], first)
