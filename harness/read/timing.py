"""When the generated tokens came, and the rates that follow (DESIGN, section 2). Numbers in, numbers out.

An arrival is one moment at which bytes were read: events that came with one read share one `at_ns`, and where a
read brought several chunks they share it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.types import Timings, Usage

MIN_ARRIVALS = 8
MIN_SPAN_NS = 50_000_000

NOT_A_STREAM = "one JSON answer, not a stream"
NOTHING_SAID = "no generated token"
ERROR_TOLD = "an error in the reply"
UNFINISHED = "neither a finish reason nor [DONE]"
FEW_ARRIVALS = f"fewer than {MIN_ARRIVALS} arrivals"
SHORT_SPAN = f"less than {MIN_SPAN_NS // 1_000_000} ms between the first token and the last"


@dataclass(frozen=True, slots=True)
class Moments:
    """When what came, in nanoseconds: one entry in `tokens_ns` for each event with generated text, in their order."""

    first_byte_ns: int | None
    role_ns: int | None
    echo_ns: int | None
    tokens_ns: Sequence[int]
    usable_ns: int | None


@dataclass(frozen=True, slots=True)
class Ending:
    """What the rates hang on beside the times: how the stream ended."""

    streamed: bool
    failed: bool
    finished: bool


def _seconds(at_ns: int | None) -> float | None:
    return None if at_ns is None else at_ns / 1e9


def _no_rate(moments: Moments, ending: Ending) -> str | None:
    """Why no rate can be told at all, None when one can."""
    if ending.failed:
        return ERROR_TOLD
    if not ending.streamed:
        return NOT_A_STREAM
    if not moments.tokens_ns:
        return NOTHING_SAID
    return None if ending.finished else UNFINISHED


def count_tokens(usage: Usage | None, token_events: int) -> tuple[int, Literal["usage", "chunks", "none"]]:
    """How many tokens were generated and who says so. A usage of 0 beside text counts as none."""
    if usage is not None and usage.completion_tokens:
        return usage.completion_tokens, "usage"
    return (token_events, "chunks") if token_events else (0, "none")


def decode_rate(tokens: int, times_ns: Sequence[int]) -> tuple[float | None, str | None]:
    """(N - n1) / (t_last - t_first) with n1 = N x token events of the first arrival / all; or None and the reason.

    Source: measured in this project's own study of streaming clients; the usual (N - 1) is 5 to 14 % too high as
    soon as an event or a write holds several tokens.
    """
    span_ns = times_ns[-1] - times_ns[0]
    if len(set(times_ns)) < MIN_ARRIVALS:
        return None, FEW_ARRIVALS
    if span_ns < MIN_SPAN_NS:
        return None, SHORT_SPAN
    first = first_arrival(times_ns)
    return tokens * (1 - first / len(times_ns)) / (span_ns / 1e9), None


def first_arrival(times_ns: Sequence[int]) -> int:
    """How many token events came with the first one."""
    return sum(1 for at_ns in times_ns if at_ns == times_ns[0])


def apparent_prefill(usage: Usage | None, ttft_ns: int) -> float | None:
    """Uncached prompt tokens over TTFT; None where the server does not tell both counts. Means something on cold
    turns only, and only where the first token waits for the prefill."""
    if usage is None or usage.prompt_tokens is None or usage.cached_tokens is None or ttft_ns <= 0:
        return None
    uncached = usage.prompt_tokens - usage.cached_tokens
    return uncached / (ttft_ns / 1e9) if uncached > 0 else None


def measure(moments: Moments, usage: Usage | None, ending: Ending) -> Timings:
    """The timings of one reading. A time is told whenever it was seen; a rate only when the stream carries it."""
    ttfb_s = _seconds(moments.first_byte_ns)
    tokens, source = count_tokens(usage, len(moments.tokens_ns) if ending.streamed else 0)
    reason = _no_rate(moments, ending)
    if not ending.streamed or not moments.tokens_ns:
        return Timings(
            ttfb_s=ttfb_s,
            role_s=_seconds(moments.role_ns),
            decode_reason=reason,
            tokens_source=source,
        )
    ttft_ns, last_ns = moments.tokens_ns[0], moments.tokens_ns[-1]
    rate, e2e_tps = None, None
    if reason is None:
        rate, reason = decode_rate(tokens, moments.tokens_ns)
        e2e_tps = tokens / (last_ns / 1e9) if last_ns > 0 else None
    return Timings(
        ttfb_s=ttfb_s,
        role_s=_seconds(moments.role_ns),
        echo_s=_seconds(moments.echo_ns),
        ttft_s=_seconds(ttft_ns),
        ttfc_s=_seconds(moments.usable_ns),
        e2e_s=_seconds(last_ns),
        decode_tps=rate,
        decode_reason=reason,
        e2e_tps=e2e_tps,
        apparent_prefill_tps=apparent_prefill(usage, ttft_ns),
        tokens_source=source,
    )
