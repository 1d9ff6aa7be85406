"""What a recorded session cost and where its time went: `summarize_session`, by conversation and in all.

A request continues the conversation of its predecessor; any other begins one. Tool time lies between the end of a reply
and the next request of its conversation that brings a tool's result; before any other request the person was thinking.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.session.diagnosis import CacheReport, CacheVerdict
from harness.session.requests import SessionRequest


@dataclass(slots=True)
class SessionSpan:
    """Where the seconds of one request went, for the time line; `gap_s` lies before it."""

    verdict: CacheVerdict
    conversation: int
    gap_s: float = 0.0
    is_tool_gap: bool = False

    @property
    def prefill_s(self) -> float:
        """Until the first token; of a response that failed, and of one not streamed by a silent server, all of it."""
        request = self.verdict.request
        return request.end_s - request.start_s - self.decode_s

    @property
    def decode_s(self) -> float:
        """From the first token to the end; of a response that was not streamed what llama.cpp's timings say."""
        request = self.verdict.request
        if request.first_token_s is not None:
            return request.end_s - request.first_token_s
        stated_ms, whole_s = (request.reading.server_timings or {}).get("predicted_ms"), request.end_s - request.start_s
        if not isinstance(stated_ms, int | float) or isinstance(stated_ms, bool) or not stated_ms >= 0:
            return 0.0
        return min(stated_ms / 1e3, whole_s)


@dataclass(slots=True)
class ConversationCost:
    """The sums of one conversation, or of all; a token count is None if any of its requests lacks it."""

    number: int
    turns: int = 0
    prompt_tokens: int | None = 0
    cached_tokens: int | None = 0
    completion_tokens: int | None = 0
    prefill_s: float = 0.0
    decode_s: float = 0.0
    tool_s: float = 0.0
    waiting_s: float = 0.0

    def add(self, span: SessionSpan) -> None:
        """Add one request."""
        request = span.verdict.request
        usage = request.reading.usage
        self.turns += 1
        self.prompt_tokens = _sum(self.prompt_tokens, request.prompt_tokens)
        self.cached_tokens = _sum(self.cached_tokens, request.cached_tokens)
        self.completion_tokens = _sum(self.completion_tokens, usage.completion_tokens if usage else None)
        self.prefill_s += span.prefill_s
        self.decode_s += span.decode_s
        if span.is_tool_gap:
            self.tool_s += span.gap_s
        else:
            self.waiting_s += span.gap_s


@dataclass(frozen=True, slots=True)
class SessionCost:
    """Every request as a span, the conversations in the order of their first request, and their sum."""

    spans: tuple[SessionSpan, ...]
    conversations: tuple[ConversationCost, ...]
    total: ConversationCost
    wall_s: float


@dataclass(slots=True)
class _Conversations:
    """Which conversation each request belongs to; a request that leaves its conversation's last one forks it."""

    by_number: dict[int, int] = field(default_factory=dict)
    count: int = 0

    def assign(self, verdict: CacheVerdict) -> int:
        old = verdict.predecessor
        if old is not None and old.continues:
            conversation = self.by_number[old.request.number]
        else:
            self.count += 1
            conversation = self.count
        self.by_number[verdict.request.number] = conversation
        return conversation


def summarize_session(report: CacheReport) -> SessionCost:
    """The cost of a session, from its verdicts."""
    conversations, spans = _Conversations(), list[SessionSpan]()
    costs: dict[int, ConversationCost] = {}
    total = ConversationCost(0)
    for verdict in report.verdicts:
        number = conversations.assign(verdict)
        span = SessionSpan(verdict, number, *_gap(verdict))
        spans.append(span)
        costs.setdefault(number, ConversationCost(number)).add(span)
        total.add(span)
    wall_s = max((verdict.request.end_s for verdict in report.verdicts), default=0.0)
    return SessionCost(tuple(spans), tuple(costs.values()), total, wall_s)


def _gap(verdict: CacheVerdict) -> tuple[float, bool]:
    """The seconds since the reply that it answers, and whether tools took them."""
    old = verdict.predecessor
    if old is None or not old.continues:
        return 0.0, False
    return max(0.0, verdict.request.start_s - old.request.end_s), _has_new_result(old.request, verdict.request)


def _has_new_result(old: SessionRequest, new: SessionRequest) -> bool:
    return _results(new) > _results(old)


def _results(request: SessionRequest) -> int:
    return sum(part.kind == "tool_result" for part in request.parts)


def _sum(total: int | None, value: int | None) -> int | None:
    return None if total is None or value is None else total + value
