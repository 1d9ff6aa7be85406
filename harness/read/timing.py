"""Compute timings and rates from the times at which generated tokens arrived; `compute_timings` is the entry point.

All events that came with one read share its `at_ns`. An arrival is one read, or several in a row that follow each other
much faster than the stream does: a server that generates several tokens in a step may write each by itself. One read
may carry several events, one event several tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

from harness.types import Timings, Usage

MIN_ARRIVALS = 8
MIN_SPAN_NS = 50_000_000
"""Fewer arrivals or a shorter span carry no rate. A server that buffers its answer and sends it in one burst got rates
from 11,000 to 267,000 tokens/s from the clients that were studied."""
MAX_BURST_GAP_NS, MAX_BURST_GAP_SHARE = 1_000_000, 0.1
"""Reads are one arrival if they come closer than both: a time, and a share of the mean time between reads.

A time alone would join a stream of some thousand tokens a second. The longest time between reads is left out of the
mean, so that one stall does not join what came before it."""
MAX_TOKENS_PER_EVENT = 1.25
"""Up to so many tokens per event each event counts as one: a few come unseen, such as the last, or with the rest of a
character."""
MAX_SIZE_RATIO, MAX_FIRST_SHARE = 4, 0.25
"""Events are of about one size if none has more than so many times the characters of the median one. One to five tokens
at random stay below it, a tool call among single tokens does not. Their characters tell tokens roughly, so that no
rate rests on them where they give the first arrival more than a share."""

NOT_STREAMED = "one JSON answer, not a stream"
NOTHING_GENERATED = "no generated token"
ERROR_IN_REPLY = "an error in the reply"
UNFINISHED = "neither a finish reason nor the last event"
FEW_ARRIVALS = f"fewer than {MIN_ARRIVALS} arrivals"
FIRST_AT_ONCE = f"over {MAX_FIRST_SHARE:.0%} of the tokens came at once with the first"
SHORT_SPAN = f"less than {MIN_SPAN_NS // 1_000_000} ms between the first token and the last"


@dataclass(frozen=True, slots=True)
class EventTimes:
    """Times in nanoseconds.

    `tokens_ns` and `token_chars` have one entry per event with generated text, in their order: when it was read, and
    how many characters of text, reasoning and tool calls it has. `arrivals` are the indexes of those with which an
    arrival begins.
    """

    first_byte_ns: int | None
    role_ns: int | None
    first_synthetic_ns: int | None
    tokens_ns: Sequence[int]
    token_chars: Sequence[int]
    arrivals: Sequence[int]
    first_output_ns: int | None


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """How the reply ended: rates are computed only for a stream that finished without an error."""

    streamed: bool
    failed: bool
    finished: bool


def _seconds(at_ns: int | None) -> float | None:
    return None if at_ns is None else at_ns / 1e9


def _why_no_rate(times: EventTimes, end: StreamEnd) -> str | None:
    """Why the reply can carry no rate at all; None if it can."""
    if end.failed:
        return ERROR_IN_REPLY
    if not end.streamed:
        return NOT_STREAMED
    if not times.tokens_ns:
        return NOTHING_GENERATED
    return None if end.finished else UNFINISHED


def count_tokens(usage: Usage | None, token_events: int) -> tuple[int, Literal["usage", "events", "none"]]:
    """Count the generated tokens, and say whose count it is. A server's count of 0 beside text is not believed."""
    if usage is not None and usage.completion_tokens:
        return usage.completion_tokens, "usage"
    return (token_events, "events") if token_events else (0, "none")


def count_first_read(times_ns: Sequence[int]) -> int:
    """Count the token events that came with the first read."""
    return sum(1 for at_ns in times_ns if at_ns == times_ns[0])


def arrival_starts(times_ns: Sequence[int]) -> list[int]:
    """The index of each arrival's first token event."""
    if not times_ns:
        return []
    reads = len(set(times_ns))
    gaps_ns = [later - earlier for earlier, later in pairwise(times_ns)]
    mean_gap_ns = (sum(gaps_ns) - max(gaps_ns, default=0)) / max(1, reads - 2)
    min_gap_ns = max(1, min(MAX_BURST_GAP_NS, MAX_BURST_GAP_SHARE * mean_gap_ns))
    return [0, *(at for at, gap_ns in enumerate(gaps_ns, 1) if gap_ns >= min_gap_ns)]


def first_share(tokens: int, chars: Sequence[int], first_events: int) -> float | None:
    """Estimate the share of the first arrival in all tokens; `chars` are the characters of each token event.

    Each event counts alike if it is about a token, or if all are of about one size. Otherwise the characters count: an
    event may be a whole tool call, or a thought that is sent at once. None if they give more than MAX_FIRST_SHARE.
    """
    if tokens <= MAX_TOKENS_PER_EVENT * len(chars) or max(chars) <= MAX_SIZE_RATIO * median(chars):
        return first_events / len(chars)
    share = sum(chars[:first_events]) / sum(chars)
    return share if share <= MAX_FIRST_SHARE else None


def decode_tokens(tokens: int, times: EventTimes) -> float | None:
    """Count the tokens of the decode rate, `(N - n1) / (t_last - t_first)`: those after the first arrival.

    None where `first_share` is. The tokens of the first arrival were generated before `t_first`, so they are no work of
    the span and must not be counted. The usual `(N - 1)` assumes that there was one. A server reports only N, the
    total, so that n1 is N times the share that `first_share` estimates.

    Largest errors, this formula against the usual one, for 60 tokens at 200 tokens/s: four tokens per event 0.0 against
    5.4 %, eight events per write 0.0 against 13.5 %, each of them written by itself 0.0 against 13.4 %, a random 1 to 5
    tokens per event 3.9 against 7.3 % (0.5 against 3.8 % on average), 30 tokens and then a call of 30 at once 0.9
    against 0.0 %. tests/test_read_timing.py computes them again.

    `t_last` is the last token event and not the end of the stream: with that, a server that sends its usage 400 ms
    after the last token would lose 58 % of its rate.

    Source: this project's study of streaming clients against a reference server (November 2026). `lanebench
    bench-client` repeats it on the machine at hand.
    """
    first_events = times.arrivals[1] if len(times.arrivals) > 1 else len(times.tokens_ns)
    share = first_share(tokens, times.token_chars, first_events)
    return None if share is None else tokens * (1 - share)


def _too_little(times: EventTimes) -> str | None:
    """Why the arrivals carry no decode rate; None if they do."""
    if len(times.arrivals) < MIN_ARRIVALS:
        return FEW_ARRIVALS
    return SHORT_SPAN if times.tokens_ns[-1] - times.tokens_ns[0] < MIN_SPAN_NS else None


def decode_tokens_by_counts(tokens: int, times_ns: Sequence[int]) -> float:
    """What `Counts` alone tell of `decode_tokens`: that each event holds as many tokens, and a read is an arrival."""
    return tokens * (1 - count_first_read(times_ns) / len(times_ns))


def count_streamed(tokens: int, usage: Usage | None, token_events: int, *, has_reasoning: bool) -> int:
    """Count the tokens that the stream carries: a server may count a thought that it does not send.

    It did send it, in a form that nothing tells from content, where fewer tokens would be left than events.
    """
    hidden = (usage.reasoning_tokens or 0) if usage is not None and not has_reasoning else 0
    return tokens - hidden if tokens - hidden >= token_events else tokens


def apparent_prefill_rate(usage: Usage | None, ttft_ns: int) -> float | None:
    """Compute uncached prompt tokens over TTFT; None if the server does not report prompt and cached tokens.

    Meaningful for cold turns only, and only if the first token waits for the prefill: TTFT has a fixed part, which
    makes this rate 24 % low for 512 tokens and 80 ms, 4 % low for 4096. The regression in summarize separates the two.
    """
    if usage is None or usage.prompt_tokens is None or usage.cached_tokens is None or ttft_ns <= 0:
        return None
    uncached = usage.prompt_tokens - usage.cached_tokens
    return uncached / (ttft_ns / 1e9) if uncached > 0 else None


def compute_timings(times: EventTimes, usage: Usage | None, end: StreamEnd, *, has_reasoning: bool) -> Timings:
    """Compute a reading's timings: every time that was observed, and rates only if the stream carries them."""
    ttfb_s, role_s = _seconds(times.first_byte_ns), _seconds(times.role_ns)
    tokens, source = count_tokens(usage, len(times.tokens_ns) if end.streamed else 0)
    reason = _why_no_rate(times, end)
    if not end.streamed or not times.tokens_ns:
        return Timings(ttfb_s=ttfb_s, role_s=role_s, decode_null_reason=reason, tokens_source=source)
    ttft_ns, last_ns = times.tokens_ns[0], times.tokens_ns[-1]
    decoded, e2e_tps = None, None
    if reason is None:
        e2e_tps = tokens / (last_ns / 1e9) if last_ns > 0 else None
        reason = _too_little(times)
    if reason is None:
        streamed = count_streamed(tokens, usage, len(times.tokens_ns), has_reasoning=has_reasoning)
        decoded = decode_tokens(streamed, times)
        reason = FIRST_AT_ONCE if decoded is None else None
    return Timings(
        ttfb_s=ttfb_s,
        role_s=role_s,
        first_synthetic_s=_seconds(times.first_synthetic_ns),
        ttft_s=_seconds(ttft_ns),
        ttfc_s=_seconds(times.first_output_ns),
        e2e_s=_seconds(last_ns),
        decode_tps=None if decoded is None else decoded / ((last_ns - ttft_ns) / 1e9),
        decode_null_reason=reason,
        e2e_tps=e2e_tps,
        apparent_prefill_tps=apparent_prefill_rate(usage, ttft_ns),
        tokens_source=source,
        decode_tokens=None if decoded == decode_tokens_by_counts(tokens, times.tokens_ns) else decoded,
    )
