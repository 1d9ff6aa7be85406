"""Why a server reads again what two requests agree in: `find_server_reason` asks one rule after the other.

Each rule needs evidence from the requests to the same server and model; a loss that none explains is `unknown`.

    restart       a connection failed, or the server was loading, between the two requests
    architecture  no request ever found anything in the cache
    granularity   the server keeps whole blocks, and less than a block is missing
    busy          the request that it goes on from was still being answered: its cache was in use
    evicted       another conversation came between, and just what is shared with it was cached
    tool_call     only requests after a tool call lose, and all of them do
    template      the chat template writes the same messages differently (found by asking the server)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import Literal

from harness.session.requests import SessionRequest
from harness.session.units import equal_prefix, prefix_chars

ReasonKind = Literal["restart", "architecture", "granularity", "busy", "evicted", "tool_call", "template", "unknown"]
MIN_BLOCK_TOKENS = 16
MIN_EVIDENCE = 2
"""How many requests must lose, or keep, for a rule that speaks of all of them."""
_LOADING = (502, 503, 504)
TOLERANCE_TOKENS = 64
"""A cache that lacks or has so few tokens tells nothing: the reply's end, and a part of a block."""


@dataclass(frozen=True, slots=True)
class ServerReason:
    """A reason and its evidence in a sentence."""

    kind: ReasonKind
    sentence: str


@dataclass(frozen=True, slots=True)
class Miss:
    """What the rules look at: a request, its predecessor, and its expected and cached tokens."""

    request: SessionRequest
    predecessor: SessionRequest | None
    expected_tokens: int
    cached_tokens: int
    is_loss: bool

    @property
    def follows_call(self) -> bool:
        """Whether it brings what a call of its predecessor's reply gave."""
        return self.predecessor is not None and bool(self.predecessor.reading.tool_calls)


@dataclass(frozen=True)
class CacheEvidence:
    """All requests to one server in the order of their numbers, and those to one of its models with a predecessor.

    What a rule says of all of them is found once: each loss of a long session asks for it.
    """

    requests: Sequence[SessionRequest]
    others: Sequence[Miss]

    def between(self, miss: Miss) -> list[SessionRequest]:
        """The requests that were sent after the predecessor and before this one, the latest first."""
        if miss.predecessor is None:
            return []
        start, end = (
            bisect_right(self.requests, number, key=lambda request: request.number)
            for number in (miss.predecessor.number, miss.request.number - 1)
        )
        return list(reversed(self.requests[start:end]))

    @cached_property
    def without_cache(self) -> int:
        """How many requests expected something, if none of them found anything; else 0."""
        expecting = [other for other in self.others if other.expected_tokens > TOLERANCE_TOKENS]
        return 0 if any(other.cached_tokens > TOLERANCE_TOKENS for other in expecting) else len(expecting)

    @cached_property
    def block_tokens(self) -> int:
        """The size of the blocks that all counts of cached tokens are made of; 0 if there are too few counts."""
        counts = {other.cached_tokens for other in self.others if other.cached_tokens > 0}
        return gcd(*counts) if len(counts) >= MIN_EVIDENCE else 0

    @cached_property
    def read_again_after_calls(self) -> int:
        """How many requests came after a tool call, if all of these lost and no other did; else 0."""
        after = [other for other in self.others if other.follows_call]
        plain = [other for other in self.others if not other.follows_call and other.expected_tokens > TOLERANCE_TOKENS]
        if not plain or any(other.is_loss for other in plain) or not all(other.is_loss for other in after):
            return 0
        return len(after)


Rule = Callable[[Miss, CacheEvidence], ServerReason | None]


def find_server_reason(miss: Miss, evidence: CacheEvidence) -> ServerReason:
    """The first reason that there is evidence for."""
    for rule in RULES:
        reason = rule(miss, evidence)
        if reason is not None:
            return reason
    return ServerReason("unknown", "the requests agree, and nothing in this session explains it")


def _restart(miss: Miss, evidence: CacheEvidence) -> ServerReason | None:
    for other in reversed(evidence.between(miss)):
        if other.recording.end_reason == "connect_failed" or other.recording.status in _LOADING:
            return ServerReason("restart", f"the server was down at request {other.number}: it was started again")
    return None


def _architecture(miss: Miss, evidence: CacheEvidence) -> ServerReason | None:
    if evidence.without_cache < MIN_EVIDENCE:
        return None
    words = f"none of {evidence.without_cache} requests found anything: the cache is off, or the server has none for"
    return ServerReason("architecture", f"{words} this architecture (sliding window, recurrent)")


def _granularity(miss: Miss, evidence: CacheEvidence) -> ServerReason | None:
    block, missing = evidence.block_tokens, miss.expected_tokens - miss.cached_tokens
    if block < MIN_BLOCK_TOKENS or missing >= block:
        return None
    return ServerReason("granularity", f"the server keeps whole blocks of {block} tokens, and less than one is missing")


def _busy(miss: Miss, evidence: CacheEvidence) -> ServerReason | None:
    old = miss.predecessor
    if old is None or old.end_s <= miss.request.start_s:
        return None
    return ServerReason("busy", f"request {old.number}, which it goes on from, was still being answered")


def _evicted(miss: Miss, evidence: CacheEvidence) -> ServerReason | None:
    prompt, chars = miss.request.prompt_tokens or 0, max(1, miss.request.chars)
    for other in evidence.between(miss):
        if other.cache_key != miss.request.cache_key or not other.may_be_read or _extends(miss.predecessor, other):
            continue
        shared = prompt * prefix_chars(miss.request.prompt, other.prompt) / chars
        if miss.cached_tokens <= shared + max(TOLERANCE_TOKENS, 0.1 * prompt):
            return ServerReason("evicted", f"request {other.number}, of another conversation, took its place")
    return None


def _extends(old: SessionRequest | None, new: SessionRequest) -> bool:
    """Whether the new request has all of the old one, as its retry has: it takes no place from it."""
    return old is not None and equal_prefix(old.prompt, new.prompt) == len(old.units)


def _tool_call(miss: Miss, evidence: CacheEvidence) -> ServerReason | None:
    if not miss.follows_call or evidence.read_again_after_calls < MIN_EVIDENCE:
        return None
    words = f"all {evidence.read_again_after_calls} requests after a tool call were read again, and no other"
    return ServerReason("tool_call", words)


RULES: tuple[Rule, ...] = (_restart, _architecture, _granularity, _busy, _evicted, _tool_call)
