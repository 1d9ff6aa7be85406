"""Checks of one turn's numbers against each other: event counts, order of times, rates, and token counts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping

from harness.types import Finding, Severity, Timings, TurnResult
from harness.verify.evidence import Evidence

REL_TOLERANCE = 1e-6
TIME_TOLERANCE_S = 1e-6
MAX_TOKENS_BEYOND_TEXT = 64
"""Template and end tokens have no text; apart from them a token has at least one byte."""
MAX_BYTES_PER_TOKEN = 128
"""The longest tokens of common vocabularies are runs of 128 spaces."""

SEVERITIES: Mapping[str, Severity] = {"token-count": "warning", "token-usage": "warning"}
"""Wrong token counts are the server's, so they do not make the result wrong. Other checks find problems."""

TurnCheck = Callable[[TurnResult], Iterator[tuple[str, str]]]
"""Yields the field and the message of everything that is wrong with a turn."""


def check_event_counts(evidence: Evidence) -> Iterator[Finding]:
    """The event counts of a stream agree with each other."""
    return _findings(evidence, "event-counts", _event_counts)


def check_turn_times(evidence: Evidence) -> Iterator[Finding]:
    """First byte, first token, first content and last token are in this order, and within the trial."""
    yield from _findings(evidence, "turn-times", _times)
    for at, trial in enumerate(evidence.result.trials):
        # Turns of several clients run concurrently; only a single turn must fit into its trial.
        if trial.started_ns is None or trial.ended_ns is None or len(trial.turns) != 1:
            continue
        turn_s = trial.turns[0].timings.e2e_s or trial.turns[0].timings.ttfb_s or 0.0
        trial_s = (trial.ended_ns - trial.started_ns) / 1e9
        if turn_s > trial_s + TIME_TOLERANCE_S:
            message = f"its turn took {turn_s:.3f} s, the whole trial {trial_s:.3f} s"
            yield Finding("turn-times", evidence.location(f"$.trials[{at}]"), message)


def check_rates(evidence: Evidence) -> Iterator[Finding]:
    """Each rate is its tokens divided by its time."""
    return _findings(evidence, "rates", _rates)


def check_token_usage(evidence: Evidence) -> Iterator[Finding]:
    """No part of the server's token counts exceeds the whole."""
    return _findings(evidence, "token-usage", _token_usage)


def check_token_count(evidence: Evidence) -> Iterator[Finding]:
    """The server's token count is plausible for the text that it sent. Servers that hide reasoning may differ."""
    return _findings(evidence, "token-count", _token_count)


def _findings(evidence: Evidence, check: str, turn_check: TurnCheck) -> Iterator[Finding]:
    severity = SEVERITIES.get(check, "error")
    for at, trial in enumerate(evidence.result.trials):
        for number, turn in enumerate(trial.turns):
            for field, message in turn_check(turn):
                location = evidence.location(f"$.trials[{at}].turns[{number}].{field}")
                yield Finding(check, location, message, severity)


def _event_counts(turn: TurnResult) -> Iterator[tuple[str, str]]:
    counts = turn.counts
    if max(counts.token_events_in_first_read, counts.arrivals) > counts.token_events:
        yield "counts", "token_events_in_first_read or arrivals exceed token_events"
    if (counts.arrivals == 0) != (counts.token_events == 0):
        yield "counts", "arrivals and token_events must both be zero or both positive"
    if counts.role_only + counts.empty + counts.keepalives + counts.malformed > counts.events:
        yield "counts", "the counts of the event types exceed events"


def _times(turn: TurnResult) -> Iterator[tuple[str, str]]:
    times = turn.timings
    ordered = {"ttfb_s": times.ttfb_s, "ttft_s": times.ttft_s, "ttfc_s": times.ttfc_s, "e2e_s": times.e2e_s}
    known = [(name, value) for name, value in ordered.items() if value is not None]
    for (previous, early_s), (name, late_s) in itertools.pairwise(known):
        if late_s < early_s - TIME_TOLERANCE_S:
            yield f"timings.{name}", f"{late_s} s is before {previous}, {early_s} s"
    for name, value in (("role_s", times.role_s), ("first_synthetic_s", times.first_synthetic_s)):
        if value is not None and times.ttfb_s is not None and value < times.ttfb_s - TIME_TOLERANCE_S:
            yield f"timings.{name}", f"{value} s is before the first byte, {times.ttfb_s} s"


def _rates(turn: TurnResult) -> Iterator[tuple[str, str]]:
    times = turn.timings
    expected = {"decode_tps": _decode_tps(turn), "apparent_prefill_tps": _apparent_prefill_tps(turn)}
    if times.e2e_tps is not None or times.decode_tps is not None:
        expected["e2e_tps"] = _e2e_tps(turn)
    for name, rate in expected.items():
        stated: float | None = getattr(times, name)
        if not _equal(stated, rate):
            yield f"timings.{name}", f"is {stated}, its tokens and times give {rate}"
    has_usage = turn.usage is not None and bool(turn.usage.completion_tokens)
    if (times.decode_tokens or 0) > (_completion_tokens(turn) or 0):
        yield "timings.decode_tokens", f"is {times.decode_tokens}, more than all tokens"
    if (times.tokens_source == "usage") != has_usage:
        yield "timings.tokens_source", f"is {times.tokens_source}, which contradicts the usage"


def _equal(stated: float | None, expected: float | None) -> bool:
    if stated is None or expected is None:
        return stated is expected
    return math.isclose(stated, expected, rel_tol=REL_TOLERANCE)


def _completion_tokens(turn: TurnResult) -> int | None:
    if turn.usage is not None and turn.usage.completion_tokens:
        return turn.usage.completion_tokens
    return turn.counts.token_events or None


def _decode_tps(turn: TurnResult) -> float | None:
    """(N - n1) / (last token - first token); the tokens of the first arrival, n1, are not in that time span."""
    counts, tokens, span_s = turn.counts, _completion_tokens(turn), _decode_s(turn.timings)
    if tokens is None or span_s is None or not span_s > 0:
        return None
    if turn.timings.decode_tokens is not None:
        return turn.timings.decode_tokens / span_s
    share = 1 - counts.token_events_in_first_read / counts.token_events if counts.token_events else 0.0
    return tokens * share / span_s


def _decode_s(times: Timings) -> float | None:
    if times.decode_null_reason is not None or times.ttft_s is None or times.e2e_s is None:
        return None
    return times.e2e_s - times.ttft_s


def _apparent_prefill_tps(turn: TurnResult) -> float | None:
    usage, ttft_s = turn.usage, turn.timings.ttft_s
    if usage is None or usage.prompt_tokens is None or usage.cached_tokens is None or not ttft_s:
        return None
    uncached_tokens = usage.prompt_tokens - usage.cached_tokens
    return uncached_tokens / ttft_s if uncached_tokens > 0 else None


def _e2e_tps(turn: TurnResult) -> float | None:
    tokens, e2e_s = _completion_tokens(turn), turn.timings.e2e_s
    return tokens / e2e_s if tokens and e2e_s else None


def _token_usage(turn: TurnResult) -> Iterator[tuple[str, str]]:
    usage = turn.usage
    if usage is None:
        return
    cached, prompt = usage.cached_tokens, usage.prompt_tokens
    if cached is not None and prompt is not None and cached > prompt:
        yield "usage.cached_tokens", f"{cached} cached tokens exceed the {prompt} prompt tokens"
    reasoning, completion = usage.reasoning_tokens, usage.completion_tokens
    if reasoning is not None and completion is not None and reasoning > completion:
        yield "usage.reasoning_tokens", f"{reasoning} reasoning tokens exceed the {completion} completion tokens"


def _token_count(turn: TurnResult) -> Iterator[tuple[str, str]]:
    usage = turn.usage
    if usage is None or usage.completion_tokens is None or turn.error is not None or turn.is_withheld:
        return
    tokens, text_bytes = usage.completion_tokens, _text_bytes(turn)
    hidden_tokens = (usage.reasoning_tokens or 0) if turn.reasoning_chars == 0 else 0
    if tokens - hidden_tokens > text_bytes + MAX_TOKENS_BEYOND_TEXT:
        yield "usage.completion_tokens", f"{tokens} tokens for {text_bytes} bytes of text: more than one per byte"
    if text_bytes > MAX_BYTES_PER_TOKEN * (tokens + 1):
        message = f"{tokens} tokens for {text_bytes} bytes of text: more than {MAX_BYTES_PER_TOKEN} bytes per token"
        yield "usage.completion_tokens", message


def _text_bytes(turn: TurnResult) -> int:
    """Bytes of the generated text; of the reasoning only the characters are known, of up to 4 bytes each."""
    calls = sum(len(call.name) + len(call.arguments) for call in turn.tool_calls)
    return len(turn.content.encode("utf-8", "surrogatepass")) + 4 * turn.reasoning_chars + calls
