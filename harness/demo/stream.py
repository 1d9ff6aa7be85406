"""Schedule of a simulated reply: the bytes of each server-sent event and the moment at which it is due."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.demo.replies import ChatRequest, Reply
from harness.demo.simulated_models import SERVER_NAME
from harness.types import Json


def _event(document: Mapping[str, Json]) -> bytes:
    return b"data: " + json.dumps(document, ensure_ascii=False).encode("utf-8") + b"\n\n"


def _join_calls(pieces: Iterable[Mapping[str, Json]]) -> list[Json]:
    """The streamed pieces of each tool call joined, as a reply that is not streamed has them."""
    calls: dict[int, dict[str, Json]] = {}
    for piece in pieces:
        call = calls.setdefault(piece["index"], {"id": piece.get("id"), "type": "function", "function": {}})
        for name, text in piece["function"].items():
            call["function"][name] = call["function"].get(name, "") + text
    return list(calls.values())


@dataclass(frozen=True, slots=True)
class ScheduledReply:
    """One reply that starts at `started_s` of the monotonic clock.

    Due times are absolute, so that a token that is written late does not delay the tokens after it.
    """

    request: ChatRequest
    reply: Reply
    started_s: float
    created: int

    @property
    def prefill_s(self) -> float:
        """Seconds from the complete request to the first token."""
        model, reply = self.request.model, self.reply
        return model.overhead_s + (reply.prompt_tokens - reply.cached_tokens) / model.prefill_tps

    @property
    def decode_s(self) -> float:
        """Seconds that all the tokens take."""
        return self.reply.completion_tokens / self.request.model.decode_tps

    @property
    def ends_s(self) -> float:
        """The moment at which the last token is due."""
        intervals = max(0, self.reply.completion_tokens - 1)
        return self.started_s + self.prefill_s + intervals / self.request.model.decode_tps

    def events(self) -> Iterator[tuple[float, bytes]]:
        """The due time and the bytes of each write, in the order of llama-server."""
        model, first_s = self.request.model, self.started_s + self.prefill_s
        role = self._chunk({"role": "assistant", "content": None})
        if model.early_role:
            yield self.started_s, role
            role = b""
        for number, delta in enumerate(self.reply.deltas()):
            yield first_s + number / model.decode_tps, role + self._chunk(delta)
            role = b""
        yield self.ends_s, role + b"".join(self._last_events())

    def document(self) -> dict[str, Json]:
        """The reply as one JSON document, for a request without streaming."""
        message: dict[str, Json] = {"role": "assistant", "content": "".join(self.reply.content)}
        if self.reply.reasoning:
            message["reasoning_content"] = "".join(self.reply.reasoning)
        if self.reply.calls:
            message["tool_calls"] = _join_calls(self.reply.calls)
        choice = {"index": 0, "finish_reason": self.reply.finish_reason, "message": message}
        head = self._head() | {"object": "chat.completion"}
        return head | {"choices": [choice], "usage": self.reply.usage, "timings": self._timings()}

    def _head(self) -> dict[str, Json]:
        name = self.request.model.name
        kind = {"object": "chat.completion.chunk", "system_fingerprint": SERVER_NAME}
        return {"id": f"chatcmpl-{name}", "created": self.created, "model": name, **kind}

    def _chunk(self, delta: Mapping[str, Json], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return _event(self._head() | {"choices": [choice]})

    def _last_events(self) -> Iterator[bytes]:
        yield self._chunk({}, self.reply.finish_reason)
        if self.request.include_usage:
            yield _event(self._head() | {"choices": [], "usage": self.reply.usage, "timings": self._timings()})
        yield b"data: [DONE]\n\n"

    def _timings(self) -> dict[str, Json]:
        """The stated speeds in the form of llama.cpp's timings, whose prompt_n excludes cached tokens."""
        reply = self.reply
        prompt_n = reply.prompt_tokens - reply.cached_tokens
        return {
            "cache_n": reply.cached_tokens,
            "prompt_n": prompt_n,
            "prompt_ms": round(self.prefill_s * 1e3, 3),
            "prompt_per_second": round(prompt_n / self.prefill_s, 3),
            "predicted_n": reply.completion_tokens,
            "predicted_ms": round(self.decode_s * 1e3, 3),
            "predicted_per_second": self.request.model.decode_tps,
        }
