"""What a recorded session cost and where its time went: `summarize_session`, by conversation and in all.

A request continues the conversation of its predecessor; any other begins one. Tool time lies before a request that
brings a tool's result for the first time, from the end of the last request of its conversation; before any other
request the person, or a client that sends it again, was waiting.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import takewhile

from harness.apis import RequestPart
from harness.session.diagnosis import CacheReport, CacheVerdict


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
    """The sums of one conversation, or of all.

    A token count is None if none of its requests has it; `uncounted` requests lack the prompt's or the output's.
    `cached_share` is that of the prompts whose cached tokens are stated.
    """

    number: int
    turns: int = 0
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    uncounted: int = 0
    prefill_s: float = 0.0
    decode_s: float = 0.0
    tool_s: float = 0.0
    waiting_s: float = 0.0
    stated_prompt_tokens: int = 0

    @property
    def cached_share(self) -> float | None:
        """The cached part of the prompts; None if no request states it."""
        if self.cached_tokens is None or not self.stated_prompt_tokens:
            return None
        return self.cached_tokens / self.stated_prompt_tokens

    def add(self, span: SessionSpan) -> None:
        """Add one request."""
        request = span.verdict.request
        prompt, cached, usage = request.prompt_tokens, request.cached_tokens, request.reading.usage
        completion = usage.completion_tokens if usage else None
        self.turns += 1
        self.prompt_tokens = _sum(self.prompt_tokens, prompt)
        self.cached_tokens = _sum(self.cached_tokens, None if prompt is None else cached)
        self.completion_tokens = _sum(self.completion_tokens, completion)
        self.uncounted += prompt is None or completion is None
        self.stated_prompt_tokens += 0 if cached is None else prompt or 0
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
class _Conversation:
    """What came before the next request of a conversation: when the last one ended, and the results that it has."""

    number: int
    end_s: float = -math.inf
    results: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, verdict: CacheVerdict) -> SessionSpan:
        """The next request; the gap before it begins where no request of the conversation is under way."""
        request = verdict.request
        gap_s = max(0.0, request.start_s - self.end_s) if self.end_s > -math.inf else 0.0
        results = Counter((part.call_id, part.text) for part in request.parts if part.kind == "tool_result")
        brought = {(part.call_id, part.text) for part in takewhile(_is_input, reversed(request.parts))}
        # A request that is sent again, or in parts, brings nothing that the one before it did not.
        is_tool_gap = any(results[result] > self.results[result] for result in brought & results.keys())
        self.end_s = max(self.end_s, request.end_s)
        self.results |= results
        return SessionSpan(verdict, self.number, gap_s, is_tool_gap)


@dataclass(slots=True)
class _Conversations:
    """Which conversation each request belongs to: that of its predecessor, also if it goes back behind later ones."""

    by_number: dict[int, _Conversation] = field(default_factory=dict)
    count: int = 0

    def find(self, verdict: CacheVerdict) -> _Conversation:
        old = verdict.predecessor
        if old is not None and old.continues:
            conversation = self.by_number[old.request.number]
        else:
            self.count += 1
            conversation = _Conversation(self.count)
        self.by_number[verdict.request.number] = conversation
        return conversation


def summarize_session(report: CacheReport) -> SessionCost:
    """The cost of a session, from its verdicts."""
    conversations, spans = _Conversations(), list[SessionSpan]()
    costs: dict[int, ConversationCost] = {}
    total = ConversationCost(0)
    for verdict in report.verdicts:
        span = conversations.find(verdict).add(verdict)
        spans.append(span)
        costs.setdefault(span.conversation, ConversationCost(span.conversation)).add(span)
        total.add(span)
    wall_s = max((verdict.request.end_s for verdict in report.verdicts), default=0.0)
    return SessionCost(tuple(spans), tuple(costs.values()), total, wall_s)


def _is_input(part: RequestPart) -> bool:
    """Whether it follows the last reply: older results may have been shortened meanwhile."""
    return part.role != "assistant"


def _sum(total: int | None, value: int | None) -> int | None:
    return total if value is None else (total or 0) + value
