"""The cache doctor: `diagnose` says for every request of a session what the cache should have saved and what it did.

Expected are the tokens of the predecessor's prompt that the new request has, wherever they stand now: what a prefix
cache would have had if nothing before them had changed. A prefix cache never has the reply's last token, and servers
keep whole blocks, so a difference up to the tolerance is a hit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.session.differences import PromptDifference, first_difference, first_option, first_reshaping
from harness.session.predecessors import Predecessor, find_predecessors
from harness.session.prefill_rate import PrefillRate, measure_prefill, overlaps_another, ttft_of
from harness.session.reasons import TOLERANCE_TOKENS, Miss, ServerReason, find_server_reason
from harness.session.rendered import RenderedComparison, Renderer
from harness.session.requests import SessionRequest
from harness.types import CacheState

TOLERANCE_SHARE = 0.05
MISS_SHARE = 0.1
"""A cache that has less than this share of what was expected missed."""
MIN_PLACE_SHARE = 0.15
"""How far the cached tokens may be from a place, in parts of the prompt, to be explained by it."""


@dataclass(frozen=True, slots=True)
class CacheVerdict:
    """What happened to one request.

    `by_ttft_tokens` is what the time to the first token says was cached, None where another request was under way. For
    a loss either `difference` or `reason` explains it; `lost_s` is None if no prefill rate could be measured.
    """

    request: SessionRequest
    predecessor: Predecessor | None
    state: CacheState
    expected_tokens: int | None = None
    cached_tokens: int | None = None
    by_ttft_tokens: int | None = None
    lost_tokens: int = 0
    lost_s: float | None = None
    difference: PromptDifference | None = None
    reason: ServerReason | None = None
    rendered: RenderedComparison | None = None

    @property
    def is_loss(self) -> bool:
        """Whether the server read again what it could have had."""
        return self.state in ("partial", "miss")

    @property
    def contradicts_ttft(self) -> bool:
        """Whether the server states a cache that its time to the first token rules out."""
        stated, measured = self.request.cached_tokens, self.by_ttft_tokens
        if stated is None or measured is None:
            return False
        return stated - measured > max(4 * TOLERANCE_TOKENS, (self.request.prompt_tokens or 0) // 2)


@dataclass(frozen=True, slots=True)
class CacheReport:
    """The verdicts of a session, and the prefill rate that was measured on it."""

    verdicts: tuple[CacheVerdict, ...]
    rate: PrefillRate | None

    @property
    def losses(self) -> tuple[CacheVerdict, ...]:
        """The requests that lost something."""
        return tuple(verdict for verdict in self.verdicts if verdict.is_loss)


def diagnose(requests: Sequence[SessionRequest], renderer: Renderer | None = None) -> CacheReport:
    """The verdict of each request; `renderer` asks the live server how it writes two requests."""
    found = find_predecessors(requests)
    new = frozenset(
        request.number
        for request, predecessor in zip(requests, found, strict=True)
        if predecessor is None or predecessor.prefix_share < MISS_SHARE
    )
    rate = measure_prefill(requests, new)
    verdicts = [
        _measure(request, predecessor, rate, requests) for request, predecessor in zip(requests, found, strict=True)
    ]
    return CacheReport(
        tuple(_explain(verdict, verdicts, renderer) if verdict.is_loss else verdict for verdict in verdicts), rate
    )


def describe_prefix_change(requests: Sequence[SessionRequest]) -> str | None:
    """The first place at which a request changed what its predecessor began with; None if each only goes on."""
    for request, predecessor in zip(requests, find_predecessors(requests), strict=True):
        if predecessor is not None and predecessor.relation in ("changed", "branch"):
            difference = first_difference(predecessor.request.prompt, request.prompt)
            return f"request {request.number}: {difference.sentence}" if difference else None
    return None


def _measure(
    request: SessionRequest, predecessor: Predecessor | None, rate: PrefillRate | None, all_: Sequence[SessionRequest]
) -> CacheVerdict:
    """The state of a request, still without its explanation."""
    by_ttft = _cached_by_ttft(request, rate, all_)
    cached = by_ttft if request.cached_tokens is None else request.cached_tokens
    verdict = CacheVerdict(request, predecessor, "new", cached_tokens=cached, by_ttft_tokens=by_ttft)
    if not request.is_answered:
        return replace(verdict, state="unknown")
    if predecessor is None or predecessor.relation == "new":
        return verdict
    expected = _expected_tokens(request, predecessor)
    if cached is None or expected is None:
        return replace(verdict, state="unknown", expected_tokens=expected)
    lost = expected - cached
    tolerance = max(TOLERANCE_TOKENS, TOLERANCE_SHARE * expected)
    # An edit's place is known by its characters only; and half of a prompt comes with the time's noise.
    if predecessor.relation == "branch" or request.cached_tokens is None:
        tolerance = max(2 * TOLERANCE_TOKENS, 0.25 * expected)
    if lost <= tolerance:
        return replace(verdict, state="hit", expected_tokens=expected)
    state: CacheState = "miss" if cached < MISS_SHARE * expected else "partial"
    lost_s = None if rate is None else rate.seconds(lost)
    return replace(verdict, state=state, expected_tokens=expected, lost_tokens=lost, lost_s=lost_s)


def _cached_by_ttft(request: SessionRequest, rate: PrefillRate | None, all_: Sequence[SessionRequest]) -> int | None:
    ttft_s, prompt = ttft_of(request), request.prompt_tokens
    if rate is None or ttft_s is None or prompt is None or overlaps_another(request, all_):
        return None
    return round(min(prompt, max(0.0, prompt - rate.tokens_read(ttft_s))))


def _expected_tokens(request: SessionRequest, predecessor: Predecessor) -> int | None:
    """What the new request has of the predecessor's prompt; of a branch only what comes before the edit."""
    old = predecessor.request.prompt_tokens
    if old is None or request.prompt_tokens is None:
        return None
    share = predecessor.prefix_share if predecessor.relation == "branch" else predecessor.kept_share
    if predecessor.relation == "extends":
        share = 1.0
    return min(round(old * share), request.prompt_tokens)


def _explain(verdict: CacheVerdict, all_: Sequence[CacheVerdict], renderer: Renderer | None) -> CacheVerdict:
    """The difference that broke the prefix, or the server's reason where the requests agree."""
    predecessor = verdict.predecessor
    if predecessor is None or verdict.cached_tokens is None:
        return verdict
    difference = _find_difference(verdict, predecessor)
    rendered = renderer.compare(predecessor.request, verdict.request) if renderer else None
    if difference is not None and not (rendered is not None and rendered.agree):
        return replace(verdict, difference=difference, rendered=rendered)
    if rendered is not None and not rendered.agree:
        reason = ServerReason("template", f"the template writes the same messages differently: {rendered.sentence}")
        return replace(verdict, reason=reason, rendered=rendered)
    losses = [_miss(each) for each in all_ if each.predecessor is not None]
    reason = find_server_reason(_miss(verdict), losses, [each.request for each in all_])
    return replace(verdict, reason=reason, rendered=rendered)


def _find_difference(verdict: CacheVerdict, predecessor: Predecessor) -> PromptDifference | None:
    """The first difference that the cached tokens agree with; a branch was edited on purpose."""
    old, new = predecessor.request, verdict.request
    if predecessor.relation == "branch":
        return None
    difference = first_difference(old.prompt, new.prompt)
    if difference is not None:
        return difference
    reshaping = first_reshaping(old.units, new.units)
    if reshaping is not None and _is_at(reshaping, verdict, old):
        return reshaping
    return first_option(old.options, new.options)


def _is_at(difference: PromptDifference, verdict: CacheVerdict, old: SessionRequest) -> bool:
    """Whether what was cached ends about where this difference is."""
    prompt, cached = old.prompt_tokens or 0, verdict.cached_tokens or 0
    place = prompt * (difference.prefix_chars or 0) / max(1, old.chars)
    return abs(place - cached) <= max(TOLERANCE_TOKENS, MIN_PLACE_SHARE * prompt)


def _miss(verdict: CacheVerdict) -> Miss:
    return Miss(
        verdict.request,
        None if verdict.predecessor is None else verdict.predecessor.request,
        verdict.expected_tokens or 0,
        verdict.cached_tokens or 0,
        is_loss=verdict.is_loss,
    )
