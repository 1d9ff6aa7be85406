"""How fast a server reads a prompt, measured on its own requests: `measure_prefill` gives rate and fixed overhead.

Of each request that had the server for itself, TTFT and the tokens that were not cached are a point. Four sizes give a
line (weights 1/T^2, as for a run's prefill); fewer give the apparent rate of the largest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import takewhile
from statistics import median

from harness.session.requests import SessionRequest
from harness.stats import fit_polynomial

MIN_TOKENS = 64
"""Fewer tokens than this say more about the overhead than about the rate."""
MIN_SIZES = 4
MIN_SPREAD = 3.0
"""How many times larger the largest prompt must be than the smallest for a line."""


@dataclass(frozen=True, slots=True)
class PrefillRate:
    """Tokens per second, and the seconds of a request without any."""

    tokens_per_s: float
    overhead_s: float

    def seconds(self, tokens: float) -> float:
        """The time that these tokens take."""
        return tokens / self.tokens_per_s

    def tokens_read(self, ttft_s: float) -> float:
        """The tokens that were read in this time to the first token."""
        return max(0.0, (ttft_s - self.overhead_s) * self.tokens_per_s)


def measure_prefill(requests: Sequence[SessionRequest], new: Set[int], alone: Set[int]) -> PrefillRate | None:
    """The rate, from the requests that were `alone`; of those that state no cache only the `new` ones are known."""
    points = []
    for request in requests:
        tokens = _tokens_read(request, is_new=request.number in new)
        ttft_s = ttft_of(request)
        if tokens is not None and tokens >= MIN_TOKENS and ttft_s and request.number in alone:
            points.append((float(tokens), ttft_s))
    if not points:
        return None
    return _line(points) or _apparent(points)


def ttft_of(request: SessionRequest) -> float | None:
    """Seconds from the request to its first token."""
    return None if request.first_token_s is None else request.first_token_s - request.start_s


def cached_by_ttft(request: SessionRequest, rate: PrefillRate | None, alone: Set[int]) -> int | None:
    """What must have been cached, by the time to the first token; None where another request was under way."""
    ttft_s, prompt = ttft_of(request), request.prompt_tokens
    if rate is None or ttft_s is None or prompt is None or request.number not in alone:
        return None
    return round(min(prompt, max(0.0, prompt - rate.tokens_read(ttft_s))))


def find_alone(requests: Sequence[SessionRequest]) -> frozenset[int]:
    """The numbers of the requests that had all servers for themselves until their first token.

    One that another overlapped may have waited for it; two servers may share a machine.
    """
    ordered, alone = sorted(requests, key=lambda request: request.start_s), set[int]()
    busy_until_s = -math.inf
    for at, request in enumerate(ordered):
        if busy_until_s <= request.start_s and not _is_joined(ordered, at):
            alone.add(request.number)
        busy_until_s = max(busy_until_s, request.end_s)
    return frozenset(alone)


def _is_joined(ordered: Sequence[SessionRequest], at: int) -> bool:
    """Whether a request that began with this one or later did so before its first token."""
    request = ordered[at]
    until_s = request.end_s if request.first_token_s is None else request.first_token_s
    following = (ordered[each] for each in range(at + 1, len(ordered)))
    during = takewhile(lambda other: other.start_s < until_s, following)
    return any(other.end_s > request.start_s for other in during)


def _tokens_read(request: SessionRequest, *, is_new: bool) -> int | None:
    prompt, cached = request.prompt_tokens, request.cached_tokens
    if prompt is None:
        return None
    if cached is None:
        return prompt if is_new else None
    return prompt - cached


def _line(points: Sequence[tuple[float, float]]) -> PrefillRate | None:
    tokens = [point[0] for point in points]
    if len(set(tokens)) < MIN_SIZES or max(tokens) < MIN_SPREAD * min(tokens):
        return None
    times_s = [point[1] for point in points]
    overhead_s, slope = fit_polynomial(tokens, times_s, [1 / time_s**2 for time_s in times_s]).coefficients
    return PrefillRate(1 / slope, max(0.0, overhead_s)) if slope > 0 else None


def _apparent(points: Sequence[tuple[float, float]]) -> PrefillRate:
    largest = max(point[0] for point in points)
    return PrefillRate(median(tokens / time_s for tokens, time_s in points if tokens >= largest / 2), 0.0)
