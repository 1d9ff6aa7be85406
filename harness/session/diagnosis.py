"""The cache doctor: `diagnose` says for every request of a session what the cache should have saved and what it did.

Expected are the tokens of the predecessor's prompt that the new request has, wherever they stand now: what a prefix
cache would have had if nothing before them had changed. A prefix cache never has the reply's last token, and servers
keep whole blocks, so a difference up to the tolerance is a hit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.session.differences import (
    PromptDifference,
    find_differences,
    first_difference,
    first_id,
    first_option,
    first_reshaping,
)
from harness.session.predecessors import Predecessor, find_predecessors
from harness.session.prefill_rate import PrefillRate, cached_by_ttft, find_alone, measure_prefill
from harness.session.reasons import TOLERANCE_TOKENS, CacheEvidence, Miss, ServerReason, find_server_reason
from harness.session.rendered import RenderedComparison, Renderer
from harness.session.requests import CacheKey, SessionRequest
from harness.session.stated_counts import find_false_zeros
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
    a loss either `difference` or `reason` explains it; where both stand, the reason is what was lost and the difference
    only a part of it. `lost_s` is None if no prefill rate could be measured.
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
    """The verdicts of a session, the prefill rate of each server and model, and which counts were not believed."""

    verdicts: tuple[CacheVerdict, ...]
    rates: Mapping[CacheKey, PrefillRate]
    false_zeros: tuple[str, ...] = ()

    @property
    def rate(self) -> PrefillRate | None:
        """The only rate; None if there is none, or several."""
        return next(iter(self.rates.values())) if len(self.rates) == 1 else None

    @property
    def losses(self) -> tuple[CacheVerdict, ...]:
        """The requests that lost something."""
        return tuple(verdict for verdict in self.verdicts if verdict.is_loss)


def diagnose(requests: Sequence[SessionRequest], renderer: Renderer | None = None) -> CacheReport:
    """The verdict of each request; `renderer` asks the live server how it writes two requests.

    Servers and models are apart: none says anything of another's rate or cache.
    """
    found = find_predecessors(requests)
    new = frozenset(
        request.number
        for request, predecessor in zip(requests, found, strict=True)
        if predecessor is None or predecessor.prefix_share < MISS_SHARE
    )
    alone = find_alone(requests)
    false_zeros = find_false_zeros(requests, found, new, alone)
    unstated = frozenset[int]().union(*(each.numbers for each in false_zeros))
    groups = defaultdict[CacheKey, list[tuple[SessionRequest, Predecessor | None]]](list)
    servers = defaultdict[str, list[SessionRequest]](list)
    for request, predecessor in zip(requests, found, strict=True):
        servers[request.cache_key[0]].append(request)
        believed = replace(request, states_cached=False) if request.number in unstated else request
        groups[request.cache_key].append((believed, predecessor))
    rates, verdicts = dict[CacheKey, PrefillRate](), list[CacheVerdict]()
    for key, pairs in groups.items():
        rate = measure_prefill([request for request, _ in pairs], new, alone)
        if rate is not None:
            rates[key] = rate
        measured = [_measure(*pair, rate, cached_by_ttft(pair[0], rate, alone)) for pair in pairs]
        verdicts += _explain_all(measured, servers[key[0]], renderer)
    verdicts.sort(key=lambda verdict: verdict.request.number)
    return CacheReport(tuple(verdicts), rates, tuple(each.sentence for each in false_zeros))


def describe_prefix_change(requests: Sequence[SessionRequest]) -> str | None:
    """The first place at which a request changed what its predecessor began with; None if each only goes on."""
    for request, predecessor in zip(requests, find_predecessors(requests), strict=True):
        if predecessor is not None and predecessor.relation in ("changed", "branch"):
            difference = first_difference(predecessor.request.prompt, request.prompt)
            return f"request {request.number}: {difference.sentence}" if difference else None
    return None


def _measure(
    request: SessionRequest, predecessor: Predecessor | None, rate: PrefillRate | None, by_ttft: int | None
) -> CacheVerdict:
    """The state of a request, still without its explanation."""
    cached = by_ttft if request.cached_tokens is None else request.cached_tokens
    verdict = CacheVerdict(request, predecessor, "new", cached_tokens=cached, by_ttft_tokens=by_ttft)
    if not request.is_answered or not request.is_joined:
        return replace(verdict, state="unknown")
    if predecessor is None or predecessor.relation == "new":
        return verdict
    expected = predecessor.expected_tokens(request)
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


def _explain_all(
    verdicts: Sequence[CacheVerdict], sent: Sequence[SessionRequest], renderer: Renderer | None
) -> list[CacheVerdict]:
    """The verdicts on one model, each loss with its explanation; `sent` are all requests to its server."""
    others = [_miss(verdict) for verdict in verdicts if verdict.predecessor is not None]
    evidence = CacheEvidence(sent, others)
    return [_explain(verdict, evidence, renderer) if verdict.is_loss else verdict for verdict in verdicts]


def _explain(verdict: CacheVerdict, evidence: CacheEvidence, renderer: Renderer | None) -> CacheVerdict:
    """The difference that broke the prefix, or the server's reason where the requests agree."""
    predecessor = verdict.predecessor
    if predecessor is None or verdict.cached_tokens is None:
        return verdict
    difference = _find_difference(verdict, predecessor)
    rendered = renderer.compare(predecessor.request, verdict.request) if renderer else None
    if difference is not None and not (rendered is not None and rendered.agree):
        reason = _reason_beside(difference, verdict, evidence)
        return replace(verdict, difference=difference, reason=reason, rendered=rendered)
    if rendered is not None and not rendered.agree:
        reason = ServerReason("template", f"the template writes the same messages differently: {rendered.sentence}")
        return replace(verdict, reason=reason, rendered=rendered)
    return replace(verdict, reason=find_server_reason(_miss(verdict), evidence), rendered=rendered)


def _reason_beside(difference: PromptDifference, verdict: CacheVerdict, evidence: CacheEvidence) -> ServerReason | None:
    """What was lost beside what the difference explains; None if that is all, or the only explanation that there is."""
    predecessor = verdict.predecessor
    if predecessor is None or _can_explain(difference, verdict, predecessor.request):
        return None
    reason = find_server_reason(_miss(verdict), evidence)
    if reason.kind != "unknown":
        return reason
    if _is_passed(difference, verdict, predecessor.request):
        return replace(reason, sentence="the cache held past the place that differs, and nothing explains the loss")
    return None


def _find_difference(verdict: CacheVerdict, predecessor: Predecessor) -> PromptDifference | None:
    """The difference that the cached tokens agree with; a branch was edited on purpose.

    A cache that went past a place does not have it from there: the server does not write what differs, as it may leave
    thoughts out. Then it is the place that is nearest to the cache's end, also one that most servers do not write.
    """
    old, new = predecessor.request, verdict.request
    if predecessor.relation == "branch":
        return None
    differences = find_differences(old.prompt, new.prompt)
    first = next(differences, None)
    if first is not None and not _is_passed(first, verdict, old):
        return first
    later = [each for each in differences if not _is_passed(each, verdict, old)]
    nearest = min(later, key=lambda each: abs(_missing_before(each, verdict, old)), default=None)
    if nearest is not None and _is_at(nearest, verdict, old):
        return nearest
    for lesser in (first_reshaping(old.units, new.units), first_id(old.units, new.units)):
        if lesser is not None and _is_at(lesser, verdict, old):
            return lesser
    return nearest or first or first_option(old.options, new.options)


def _can_explain(difference: PromptDifference, verdict: CacheVerdict, old: SessionRequest) -> bool:
    """Whether the loss can be this difference's: it costs what comes after its place, and nothing before it.

    Templates write system text and tools in any order, so that a difference there may be the prompt's very beginning.
    An option may be, too, but rarely is: it explains a loss only if the server's behavior does not.
    """
    if difference.prefix_chars is None:
        return False
    return _is_in_head(difference, old) or _is_at(difference, verdict, old)


def _is_passed(difference: PromptDifference, verdict: CacheVerdict, old: SessionRequest) -> bool:
    """Whether the cache had far more than precedes the difference; in the head it can stand at the head's end."""
    if difference.prefix_chars is None:
        return False
    place = replace(difference, prefix_chars=old.prompt.head_chars) if _is_in_head(difference, old) else difference
    return _missing_before(place, verdict, old) < -_place_tolerance(old)


def _is_in_head(difference: PromptDifference, old: SessionRequest) -> bool:
    return difference.prefix_chars is not None and difference.prefix_chars < old.prompt.head_chars


def _is_at(difference: PromptDifference, verdict: CacheVerdict, old: SessionRequest) -> bool:
    """Whether what was cached ends about where this difference is."""
    return abs(_missing_before(difference, verdict, old)) <= _place_tolerance(old)


def _missing_before(difference: PromptDifference, verdict: CacheVerdict, old: SessionRequest) -> float:
    """The tokens before a difference's place that were not cached; negative if the cache had more than these."""
    prompt, cached = old.prompt_tokens or 0, verdict.cached_tokens or 0
    return prompt * (difference.prefix_chars or 0) / max(1, old.chars) - cached


def _place_tolerance(old: SessionRequest) -> float:
    """How many tokens a place may be off: it is known by its characters only."""
    return max(TOLERANCE_TOKENS, MIN_PLACE_SHARE * (old.prompt_tokens or 0))


def _miss(verdict: CacheVerdict) -> Miss:
    return Miss(
        verdict.request,
        None if verdict.predecessor is None else verdict.predecessor.request,
        verdict.expected_tokens or 0,
        verdict.cached_tokens or 0,
        is_loss=verdict.is_loss,
    )
