"""Which earlier request each request goes on from: `find_predecessors`, over several conversations that run at once.

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
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from itertools import dropwhile, islice, takewhile
from typing import Literal

from harness.apis import parse_object
from harness.session.requests import CacheKey, SessionRequest
from harness.session.units import PromptUnit, common_chars, equal_prefix, prefix_chars, shared_chars

Relation = Literal["extends", "changed", "branch", "new"]
MAX_CANDIDATES = 100
"""How many of the latest requests are compared; so many conversations, and so many with the same first message."""
MAX_COMPARED = 3
"""How many of them are compared text by text."""
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
    def continues(self) -> bool:
        """Whether the new request belongs to the conversation of the earlier one."""
        return self.relation != "new"

    @property
    def prefix_share(self) -> float:
        """The share of the earlier request that the new one begins with."""
        return self.prefix_chars / max(1, self.request.chars)

    @property
    def kept_share(self) -> float:
        """The share of the earlier request that stands in the new one, wherever it moved."""
        return self.kept_chars / max(1, self.request.chars)

    def expected_tokens(self, request: SessionRequest) -> int | None:
        """What the new request has of the earlier one's prompt; of a branch only what comes before the edit."""
        old = self.request.prompt_tokens
        if old is None or request.prompt_tokens is None:
            return None
        share = {"extends": 1.0, "branch": self.prefix_share}.get(self.relation, self.kept_share)
        return min(round(old * share), request.prompt_tokens)


@dataclass(slots=True)
class _History:
    """The answered requests to one server and model: those that can still be in its cache, in the order of sending.

    `last` are the last requests of the conversations by their numbers, `last_alike` those of the conversations that
    begin with the same message: a main agent goes on from its own, however many requests its sub-agents sent meanwhile.
    The former find it if its first message changed; the latter if there were more conversations than are kept.
    """

    answered: list[SessionRequest] = field(default_factory=list)
    last: dict[int, SessionRequest] = field(default_factory=dict)
    last_alike: dict[tuple[str, ...], dict[int, SessionRequest]] = field(default_factory=dict)

    def candidates(self, request: SessionRequest) -> list[SessionRequest]:
        """The requests whose prompt had been read before this one was sent."""
        read = (other for other in reversed(self.answered) if _is_read(other, request))
        found = {other.number: other for other in islice(read, MAX_CANDIDATES)}
        last = self.last | self.last_alike.get(request.prompt.first_key, {})
        found |= {number: other for number, other in last.items() if _is_read(other, request)}
        return list(found.values())

    def add(self, request: SessionRequest, predecessor: Predecessor | None) -> None:
        """Remember a request; one that failed is not in the cache."""
        if not request.is_answered:
            return
        if predecessor is not None and predecessor.relation in ("extends", "changed"):
            old = predecessor.request
            for last in (self.last, self.last_alike.get(old.prompt.first_key, {})):
                last.pop(old.number, None)
        for last in (self.last, self.last_alike.setdefault(request.prompt.first_key, {})):
            last[request.number] = request
            if len(last) > MAX_CANDIDATES:
                del last[next(iter(last))]
        self.answered.append(request)


def find_predecessors(requests: Sequence[SessionRequest]) -> list[Predecessor | None]:
    """The predecessor of each request; None for the first to its server and model."""
    histories = defaultdict[CacheKey, _History](_History)
    found = list[Predecessor | None]()
    for request in requests:
        history = histories[request.cache_key]
        found.append(_closest(request, history.candidates(request)))
        history.add(request, found[-1])
    return found


def _is_read(other: SessionRequest, request: SessionRequest) -> bool:
    read_s = other.end_s if other.first_token_s is None else other.first_token_s
    return read_s <= request.start_s


def _closest(request: SessionRequest, candidates: Sequence[SessionRequest]) -> Predecessor | None:
    if not candidates:
        return None

    def rank(other: SessionRequest) -> tuple[int, int, int, int]:
        # Its text in common, then the common prefix; of equals the one that has nothing else, then the latest.
        prompt = other.prompt
        return (common_chars(prompt, request.prompt), prefix_chars(prompt, request.prompt), -prompt.chars, other.number)

    def closeness(other: SessionRequest) -> tuple[bool, int, tuple[int, int, int, int]]:
        # Two tasks of one agent can have more text in common, scattered, than a task has with its own beginning.
        is_related = _relation(other, request) != "new"
        return is_related, shared_chars(other.units, request.units), rank(other)

    best = max(nlargest(MAX_COMPARED, candidates, key=rank), key=closeness)
    return Predecessor(
        best,
        _relation(best, request),
        prefix_chars(best.prompt, request.prompt),
        shared_chars(best.units, request.units),
    )


def _relation(old: SessionRequest, new: SessionRequest) -> Relation:
    at = equal_prefix(old.prompt, new.prompt)
    if at == len(old.units):
        return "extends"
    if _goes_on(old, new, at):
        return "changed"
    return "branch" if _begins_alike(old.units, new.units, at) else "new"


def _goes_on(old: SessionRequest, new: SessionRequest, at: int) -> bool:
    """Whether the new request has the reply to the old one, or more replies, and what followed the first difference.

    An agent with a rolling window drops its oldest reply for each new one, so that their number alone says nothing.
    """
    if _count_replies(new.units) <= _count_replies(old.units) and not _has_reply(old, _last_reply(new.units)):
        return False
    following = old.units[at + 1 :]
    total = sum(unit.chars for unit in following)
    if total:
        return shared_chars(following, new.units) >= MIN_KEPT_SHARE * total
    return _has_reply(old, new.units)


def _count_replies(units: Sequence[PromptUnit]) -> int:
    return len({unit.parts[0].message for unit in units if unit.is_reply})


def _last_reply(units: Sequence[PromptUnit]) -> list[PromptUnit]:
    """The units of the last reply; in Responses its text and its calls are items of their own."""
    after_inputs = dropwhile(lambda unit: not unit.is_reply, reversed(units))
    return list(takewhile(lambda unit: unit.is_reply, after_inputs))


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
