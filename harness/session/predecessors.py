"""Which earlier request a request goes on from: `find_predecessor`, over several conversations that run at once.

The predecessor is the earlier request that has most of its text in common with it; one of another conversation only if
no other comes near. Of equals it is the one with the longest common prefix, then the latest. The relation says what
became of the predecessor's text:

    extends   all of it is the beginning of the new request
    changed   the conversation goes on, but something inside of it became different: what a cache cannot use
    branch    the beginning of the conversation is the same, the rest was edited, taken back or compacted
    new       another conversation: a sub-agent, a request for a title, a summary that begins anew
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.apis import parse_object
from harness.session.requests import SessionRequest
from harness.session.units import PromptUnit, equal_prefix, prefix_chars, shared_chars

Relation = Literal["extends", "changed", "branch", "new"]
MAX_CANDIDATES = 100
"""How many of the latest requests are compared: agents rarely go back further, and all pairs would take too long."""
MIN_KEPT_SHARE = 0.5
"""A conversation in which less than this share of what followed the first difference is left was edited on purpose."""


@dataclass(frozen=True, slots=True)
class Predecessor:
    """An earlier request and what the new one has of it: `prefix_chars` at its beginning, `kept_chars` anywhere."""

    request: SessionRequest
    relation: Relation
    prefix_chars: int
    kept_chars: int

    @property
    def prefix_share(self) -> float:
        """The share of the earlier request that the new one begins with."""
        return self.prefix_chars / max(1, self.request.chars)

    @property
    def kept_share(self) -> float:
        """The share of the earlier request that stands in the new one, wherever it moved."""
        return self.kept_chars / max(1, self.request.chars)


def find_predecessor(request: SessionRequest, earlier: Sequence[SessionRequest]) -> Predecessor | None:
    """The predecessor among requests that were in order before; None for the first to this server and model."""
    candidates = [other for other in earlier if _can_be_cached(other, request)][-MAX_CANDIDATES:]
    if not candidates:
        return None
    counts = Counter(unit.key for unit in request.units)
    ranked = sorted(candidates, key=lambda other: _rank(other, request, counts))

    def closeness(other: SessionRequest) -> tuple[bool, int, tuple[int, int, int, int]]:
        # Two tasks of one agent can have more text in common, scattered, than a task has with its own beginning.
        is_related = _relation(other, request) != "new"
        return is_related, shared_chars(other.units, request.units), _rank(other, request, counts)

    best = max(ranked[-3:], key=closeness)
    return Predecessor(
        best,
        _relation(best, request),
        prefix_chars(best.units, request.units),
        shared_chars(best.units, request.units),
    )


def _can_be_cached(other: SessionRequest, request: SessionRequest) -> bool:
    read_s = other.end_s if other.first_token_s is None else other.first_token_s
    return other.cache_key == request.cache_key and other.is_answered and read_s <= request.start_s


def _rank(
    other: SessionRequest, request: SessionRequest, counts: Counter[tuple[str, ...]]
) -> tuple[int, int, int, int]:
    """Its text in common, then the common prefix; of equals the one that has nothing else, then the latest."""
    left, common = Counter(counts), 0
    for unit in other.units:
        if left[unit.key] > 0:
            left[unit.key] -= 1
            common += unit.chars
    return (common, prefix_chars(other.units, request.units), -other.chars, other.number)


def _relation(old: SessionRequest, new: SessionRequest) -> Relation:
    at = equal_prefix(old.units, new.units)
    if at == len(old.units):
        return "extends"
    if _goes_on(old, new, at):
        return "changed"
    return "branch" if _begins_alike(old.units, new.units, at) else "new"


def _goes_on(old: SessionRequest, new: SessionRequest, at: int) -> bool:
    """Whether the new request has more replies than the old one, and what followed the first difference."""
    if _count_replies(new.units) <= _count_replies(old.units):
        return False
    following = old.units[at + 1 :]
    total = sum(unit.chars for unit in following)
    if total:
        return shared_chars(following, new.units) >= MIN_KEPT_SHARE * total
    return _has_reply(old, new.units)


def _count_replies(units: Sequence[PromptUnit]) -> int:
    return len({unit.parts[0].message for unit in units if unit.is_reply})


def _has_reply(old: SessionRequest, units: Sequence[PromptUnit]) -> bool:
    """Whether what the model replied to the old request stands in the new one."""
    replies = [unit for unit in units if unit.is_reply]
    content = "".join(old.reading.content.split())
    if content and any(unit.key[-1] == content for unit in replies):
        return True
    calls = {(call.name, _canonical(call.arguments)) for call in old.reading.tool_calls}
    return any(
        (part.name, _canonical(part.text)) in calls
        for unit in replies
        for part in unit.parts
        if part.kind == "tool_call"
    )


def _canonical(arguments: str) -> str:
    document = parse_object(arguments)
    return arguments if document is None else json.dumps(document, sort_keys=True)


def _begins_alike(old: Sequence[PromptUnit], new: Sequence[PromptUnit], at: int) -> bool:
    """Whether the first message after system and tools is the same."""
    return any(unit.parts[0].kind != "tool" and unit.parts[0].message != "system" for unit in old[:at]) and any(
        unit.parts[0].role not in ("system", "developer", "tool") for unit in new[:at]
    )
