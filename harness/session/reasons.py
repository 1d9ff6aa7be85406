"""Why a server reads again what two requests agree in: `find_server_reason` asks one rule after the other.

Each rule needs evidence from the session; a loss that none explains is `unknown`.

    restart       a connection failed, or the server was loading, between the two requests
    architecture  no request of the session ever found anything in the cache
    granularity   the server keeps whole blocks, and less than a block is missing
    evicted       another conversation came between, and just what is shared with it was cached
    tool_call     only requests after a tool call lose, and all of them do
    template      the chat template writes the same messages differently (found by asking the server)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Literal

from harness.session.requests import SessionRequest
from harness.session.units import prefix_chars

ReasonKind = Literal["restart", "architecture", "granularity", "evicted", "tool_call", "template", "unknown"]
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


Rule = Callable[[Miss, Sequence[Miss], Sequence[SessionRequest]], ServerReason | None]


def find_server_reason(miss: Miss, others: Sequence[Miss], requests: Sequence[SessionRequest]) -> ServerReason:
    """The first reason that the session has evidence for."""
    for rule in RULES:
        reason = rule(miss, others, requests)
        if reason is not None:
            return reason
    return ServerReason("unknown", "the requests agree, and nothing in this session explains it")


def _between(miss: Miss, requests: Sequence[SessionRequest]) -> list[SessionRequest]:
    """The requests that were sent after the predecessor and before this one."""
    if miss.predecessor is None:
        return []
    return [other for other in requests if miss.predecessor.number < other.number < miss.request.number]


def _restart(miss: Miss, others: Sequence[Miss], requests: Sequence[SessionRequest]) -> ServerReason | None:
    for other in _between(miss, requests):
        if other.recording.end_reason == "connect_failed" or other.recording.status in _LOADING:
            return ServerReason("restart", f"the server was down at request {other.number}: it was started again")
    return None


def _architecture(miss: Miss, others: Sequence[Miss], requests: Sequence[SessionRequest]) -> ServerReason | None:
    expecting = [other for other in others if other.expected_tokens > TOLERANCE_TOKENS]
    if len(expecting) < MIN_EVIDENCE or any(other.cached_tokens > TOLERANCE_TOKENS for other in expecting):
        return None
    words = f"none of {len(expecting)} requests found anything: the cache is off, or the server has none for this"
    return ServerReason("architecture", f"{words} architecture (sliding window, recurrent)")


def _granularity(miss: Miss, others: Sequence[Miss], requests: Sequence[SessionRequest]) -> ServerReason | None:
    counts = {other.cached_tokens for other in others if other.cached_tokens > 0}
    block = gcd(*counts) if counts else 0
    missing = miss.expected_tokens - miss.cached_tokens
    if len(counts) < MIN_EVIDENCE or block < MIN_BLOCK_TOKENS or missing >= block:
        return None
    return ServerReason("granularity", f"the server keeps whole blocks of {block} tokens, and less than one is missing")


def _evicted(miss: Miss, others: Sequence[Miss], requests: Sequence[SessionRequest]) -> ServerReason | None:
    prompt, chars = miss.request.prompt_tokens or 0, max(1, miss.request.chars)
    for other in reversed(_between(miss, requests)):
        if not other.is_answered or other.cache_key != miss.request.cache_key:
            continue
        shared = prompt * prefix_chars(miss.request.prompt, other.prompt) / chars
        if miss.cached_tokens <= shared + max(TOLERANCE_TOKENS, 0.1 * prompt):
            return ServerReason("evicted", f"request {other.number}, of another conversation, took its place")
    return None


def _tool_call(miss: Miss, others: Sequence[Miss], requests: Sequence[SessionRequest]) -> ServerReason | None:
    def follows_call(each: Miss) -> bool:
        return each.predecessor is not None and bool(each.predecessor.reading.tool_calls)

    after = [other for other in others if follows_call(other)]
    plain = [other for other in others if not follows_call(other) and other.expected_tokens > TOLERANCE_TOKENS]
    if len(after) < MIN_EVIDENCE or not follows_call(miss) or not all(other.is_loss for other in after):
        return None
    if not plain or any(other.is_loss for other in plain):
        return None
    return ServerReason("tool_call", f"all {len(after)} requests after a tool call were read again, and no other")


RULES: tuple[Rule, ...] = (_restart, _architecture, _granularity, _evicted, _tool_call)
