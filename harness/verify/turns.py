"""Checks of one turn's numbers against each other: counts, the order of its moments, its rates, its tokens."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping

from harness.types import Finding, Severity, TurnResult
from harness.verify.evidence import Evidence

RELATIVE = 1e-6
SLACK_S = 1e-6
TOKENS_MORE = 64
CHARS_A_TOKEN = 128

Look = Callable[[TurnResult], Iterator[tuple[str, str]]]
"""Yields (field, text) for each fault of a turn."""


def _text_bytes(turn: TurnResult) -> int:
    calls = sum(len(call.name) + len(call.arguments) for call in turn.tool_calls)
    return len(turn.content.encode("utf-8", "surrogatepass")) + 4 * turn.reasoning_chars + calls


def _counts(turn: TurnResult) -> Iterator[tuple[str, str]]:
    counts = turn.counts
    if not counts.token_events_first <= counts.token_events or not counts.arrivals <= counts.token_events:
        yield "counts", "more first events or arrivals than events with tokens"
    if (counts.arrivals == 0) != (counts.token_events == 0):
        yield "counts", "arrivals without tokens, or tokens that never arrived"
    if counts.role_only + counts.empty + counts.keepalives + counts.malformed > counts.events:
        yield "counts", "its kinds of events are more than its events"


def _order(turn: TurnResult) -> Iterator[tuple[str, str]]:
    times = turn.timings
    named = [("ttfb_s", times.ttfb_s), ("ttft_s", times.ttft_s), ("ttfc_s", times.ttfc_s), ("e2e_s", times.e2e_s)]
    known = [(name, value) for name, value in named if value is not None]
    for (before, early), (after, late) in itertools.pairwise(known):
        if late < early - SLACK_S:
            yield f"timings.{after}", f"{late} s comes before {before}, {early} s"
    for name, value in (("role_s", times.role_s), ("echo_s", times.echo_s)):
        if value is not None and times.ttfb_s is not None and value < times.ttfb_s - SLACK_S:
            yield f"timings.{name}", f"{value} s comes before the first byte, {times.ttfb_s} s"


def _tokens_of(turn: TurnResult) -> int | None:
    if turn.usage is not None and turn.usage.completion_tokens:
        return turn.usage.completion_tokens
    return turn.counts.token_events or None


def _differs(stated: float | None, right: float | None) -> bool:
    if stated is None or right is None:
        return stated is not right
    return not math.isclose(stated, right, rel_tol=RELATIVE)


def _decode_rate(turn: TurnResult) -> float | None:
    times, counts, tokens = turn.timings, turn.counts, _tokens_of(turn)
    if times.decode_null_reason is not None or tokens is None or times.ttft_s is None or times.e2e_s is None:
        return None
    span_s = times.e2e_s - times.ttft_s
    share = 1 - counts.token_events_first / counts.token_events if counts.token_events else 0.0
    return tokens * share / span_s if span_s > 0 else None


def _prefill_rate(turn: TurnResult) -> float | None:
    usage, ttft_s = turn.usage, turn.timings.ttft_s
    if usage is None or usage.prompt_tokens is None or usage.cached_tokens is None or not ttft_s:
        return None
    uncached = usage.prompt_tokens - usage.cached_tokens
    return uncached / ttft_s if uncached > 0 else None


def _rates(turn: TurnResult) -> Iterator[tuple[str, str]]:
    times, tokens = turn.timings, _tokens_of(turn)
    decode, prefill = _decode_rate(turn), _prefill_rate(turn)
    if _differs(times.decode_tps, decode):
        yield "timings.decode_tps", f"is {times.decode_tps}, its tokens and times give {decode}"
    if _differs(times.apparent_prefill_tps, prefill):
        yield "timings.apparent_prefill_tps", f"is {times.apparent_prefill_tps}, prompt and TTFT give {prefill}"
    if times.e2e_tps is not None or times.decode_tps is not None:
        e2e = tokens / times.e2e_s if tokens and times.e2e_s else None
        if _differs(times.e2e_tps, e2e):
            yield "timings.e2e_tps", f"is {times.e2e_tps}, its tokens and time give {e2e}"
    counted = turn.usage is not None and bool(turn.usage.completion_tokens)
    if (times.tokens_source == "usage") != counted:
        yield "timings.tokens_source", f"is {times.tokens_source}, which its usage contradicts"


def _tokens(turn: TurnResult) -> Iterator[tuple[str, str]]:
    usage = turn.usage
    if usage is None:
        return
    cached, prompt, said = usage.cached_tokens, usage.prompt_tokens, usage.completion_tokens
    if cached is not None and prompt is not None and cached > prompt:
        yield "usage.cached_tokens", f"{cached} of {prompt} prompt tokens were cached"
    if usage.reasoning_tokens is not None and said is not None and usage.reasoning_tokens > said:
        yield "usage.reasoning_tokens", f"{usage.reasoning_tokens} of {said} tokens were thoughts"


def _plausible(turn: TurnResult) -> Iterator[tuple[str, str]]:
    said = turn.usage.completion_tokens if turn.usage else None
    if said is None or turn.error is not None:
        return
    size = _text_bytes(turn)
    hidden = (turn.usage.reasoning_tokens or 0) if turn.usage and turn.reasoning_chars == 0 else 0
    if said - hidden > size + TOKENS_MORE:
        yield "usage.completion_tokens", f"{said} tokens for {size} bytes of text: more than one a byte"
    if size > CHARS_A_TOKEN * (said + 1):
        yield "usage.completion_tokens", f"{said} tokens for {size} bytes of text: more than {CHARS_A_TOKEN} bytes each"


DOUBTED: Mapping[str, Severity] = {"tokens-for-text": "doubt", "usage": "doubt"}
"""What a server counts is its own affair: an odd count makes nobody dishonest who wrote it down."""


def _findings(evidence: Evidence, check: str, look: Look) -> Iterator[Finding]:
    for at, trial in enumerate(evidence.result.trials):
        for number, turn in enumerate(trial.turns):
            for field, text in look(turn):
                place = evidence.place(f"$.trials[{at}].turns[{number}].{field}")
                yield Finding(check, place, text, DOUBTED.get(check, "fault"))


def check_counts(evidence: Evidence) -> Iterator[Finding]:
    """A stream's events, arrivals and first events agree with each other."""
    return _findings(evidence, "counts", _counts)


def check_order(evidence: Evidence) -> Iterator[Finding]:
    """First byte, first token, first usable token and last token come in this order, within the trial."""
    yield from _findings(evidence, "turn-times", _order)
    for at, trial in enumerate(evidence.result.trials):
        # Several turns may run side by side; a single one cannot be longer than its trial.
        if trial.started_ns is None or trial.ended_ns is None or len(trial.turns) != 1:
            continue
        took = trial.turns[0].timings.e2e_s or trial.turns[0].timings.ttfb_s or 0.0
        lasted = (trial.ended_ns - trial.started_ns) / 1e9
        if took > lasted + SLACK_S:
            place = evidence.place(f"$.trials[{at}]")
            yield Finding("turn-times", place, f"its turn takes {took:.3f} s, the trial only {lasted:.3f} s")


def check_rates(evidence: Evidence) -> Iterator[Finding]:
    """Each rate is its tokens over its time, as DESIGN defines it."""
    return _findings(evidence, "rates", _rates)


def check_usage(evidence: Evidence) -> Iterator[Finding]:
    """A part is not more than its whole. A doubt: it is the server's count."""
    return _findings(evidence, "usage", _tokens)


def check_tokens(evidence: Evidence) -> Iterator[Finding]:
    """The tokens that the server counted fit the text that it sent. A doubt: servers may hide thoughts."""
    return _findings(evidence, "tokens-for-text", _plausible)
