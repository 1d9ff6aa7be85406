"""Whether a server's counts of cached tokens can be believed: `find_false_zeros` finds those that are always 0.

Ollama's /v1/responses writes 0 whatever its cache held. Where all counts of a server, model and API are 0, the rate of
the requests that began anew says how long the others had taken without a cache.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from harness.apis import find_api
from harness.session.predecessors import Predecessor
from harness.session.prefill_rate import cached_by_ttft, measure_prefill, ttft_of
from harness.session.reasons import TOLERANCE_TOKENS
from harness.session.requests import SessionRequest

MIN_HELD_SHARE = 0.5
"""So much of what was expected must have been cached by TTFT, and in so many of the requests."""
MIN_GROWTH, MAX_RATIO_SPREAD = 1.5, 1.25
"""How much prompts must differ, and how little their seconds per token, to say that TTFT follows the whole prompt."""


@dataclass(frozen=True, slots=True)
class FalseZeros:
    """The numbers of the requests whose counts say nothing, and the sentence that tells it."""

    numbers: frozenset[int]
    sentence: str


def find_false_zeros(
    requests: Sequence[SessionRequest],
    predecessors: Sequence[Predecessor | None],
    new: Set[int],
    alone: Set[int],
) -> list[FalseZeros]:
    """The servers, models and APIs whose counts are all 0 although TTFT shows a cache.

    `new` are the requests that began anew, `alone` those that had the server for themselves.
    """
    stated = defaultdict[tuple[str, str, str], list[tuple[SessionRequest, Predecessor | None]]](list)
    for request, predecessor in zip(requests, predecessors, strict=True):
        if request.cached_tokens is not None:
            stated[(*request.cache_key, find_api(request.recording.url).title)].append((request, predecessor))
    found = []
    for (server, model, api), pairs in stated.items():
        if any(request.cached_tokens for request, _ in pairs) or not _shows_cache(pairs, new, alone):
            continue
        stated_words = f"{server} states 0 cached tokens in all {len(pairs)} requests over {api} (model {model})"
        sentence = f"{stated_words}, but its TTFT shows a cache: the counts are taken as not stated"
        found.append(FalseZeros(frozenset(request.number for request, _ in pairs), sentence))
    return found


def _shows_cache(pairs: Sequence[tuple[SessionRequest, Predecessor | None]], new: Set[int], alone: Set[int]) -> bool:
    unstated = [replace(request, states_cached=False) for request, _ in pairs]
    rate = measure_prefill(unstated, new, alone)
    if rate is None:
        return False
    held, points = list[bool](), list[tuple[int, float]]()
    for request, predecessor in pairs:
        expected = predecessor.expected_tokens(request) if predecessor is not None and predecessor.continues else None
        cached, ttft_s = cached_by_ttft(request, rate, alone), ttft_of(request)
        if expected is None or expected <= TOLERANCE_TOKENS or cached is None or not ttft_s:
            continue
        held.append(cached >= MIN_HELD_SHARE * expected)
        points.append((request.prompt_tokens or 0, ttft_s))
    return sum(held) > MIN_HELD_SHARE * len(held) and not _follows_prompt(points)


def _follows_prompt(points: Sequence[tuple[int, float]]) -> bool:
    """Whether TTFT grows with the whole prompt: nothing was cached, and the first request was slow for another reason.

    A server that loads the model for the first request is such a case.
    """
    prompts, ratios = [tokens for tokens, _ in points], [ttft_s / tokens for tokens, ttft_s in points]
    return max(prompts) >= MIN_GROWTH * min(prompts) and max(ratios) <= MAX_RATIO_SPREAD * min(ratios)
