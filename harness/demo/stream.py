"""A reply as the bytes of its events and the moment at which each is due; nothing here waits or writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.demo.replies import Ask, Reply
from harness.types import Json


def _event(document: Mapping[str, Json]) -> bytes:
    return b"data: " + json.dumps(document, ensure_ascii=False).encode("utf-8") + b"\n\n"


def _whole_calls(pieces: Iterable[Mapping[str, Json]]) -> list[Json]:
    """The pieces of each call put together, as a reply that is not streamed has them."""
    calls: dict[int, dict[str, Json]] = {}
    for piece in pieces:
        call = calls.setdefault(piece["index"], {"id": piece.get("id"), "type": "function", "function": {}})
        for name, text in piece["function"].items():
            call["function"][name] = call["function"].get(name, "") + text
    return list(calls.values())


@dataclass(frozen=True, slots=True)
class Talk:
    """One reply from `started_s` of the monotonic clock on. Moments are absolute: a late token delays no other."""

    ask: Ask
    reply: Reply
    started_s: float
    created: int

    @property
    def prefill_s(self) -> float:
        """Seconds from the whole request to the first token."""
        voice, reply = self.ask.voice, self.reply
        return voice.overhead_s + (reply.prompt_tokens - reply.cached_tokens) / voice.prefill_tps

    @property
    def decode_s(self) -> float:
        """Seconds that all the tokens take."""
        return self.reply.completion_tokens / self.ask.voice.decode_tps

    @property
    def ends_s(self) -> float:
        """When the last token is due."""
        return self.started_s + self.prefill_s + max(0, self.reply.completion_tokens - 1) / self.ask.voice.decode_tps

    def events(self) -> Iterator[tuple[float, bytes]]:
        """When each write is due, and its bytes, in the order in which llama-server sends them."""
        first_s = self.started_s + self.prefill_s
        role = self._chunk({"role": "assistant", "content": None})
        if self.ask.voice.role_early:
            yield self.started_s, role
            role = b""
        for at, delta in enumerate(self.reply.tokens()):
            yield first_s + at / self.ask.voice.decode_tps, role + self._chunk(delta)
            role = b""
        yield self.ends_s, role + b"".join(self._last_events())

    def whole(self) -> dict[str, Json]:
        """The reply as one document."""
        message: dict[str, Json] = {"role": "assistant", "content": "".join(self.reply.content)}
        if self.reply.thought:
            message["reasoning_content"] = "".join(self.reply.thought)
        if self.reply.calls:
            message["tool_calls"] = _whole_calls(self.reply.calls)
        choice = {"index": 0, "finish_reason": self.reply.finish_reason, "message": message}
        head = self._head() | {"object": "chat.completion"}
        return head | {"choices": [choice], "usage": self.reply.usage, "timings": self._timings()}

    def _head(self) -> dict[str, Json]:
        name = self.ask.voice.name
        return {"id": f"chatcmpl-{name}", "object": "chat.completion.chunk", "created": self.created, "model": name}

    def _chunk(self, delta: Mapping[str, Json], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return _event(self._head() | {"choices": [choice]})

    def _last_events(self) -> Iterator[bytes]:
        yield self._chunk({}, self.reply.finish_reason)
        if self.ask.include_usage:
            yield _event(self._head() | {"choices": [], "usage": self.reply.usage, "timings": self._timings()})
        yield b"data: [DONE]\n\n"

    def _timings(self) -> dict[str, Json]:
        """The stated speeds in the shape of llama.cpp's timings, whose prompt_n leaves cached tokens out."""
        reply, voice = self.reply, self.ask.voice
        prompt_n = reply.prompt_tokens - reply.cached_tokens
        return {
            "cache_n": reply.cached_tokens,
            "prompt_n": prompt_n,
            "prompt_ms": round(self.prefill_s * 1e3, 3),
            "prompt_per_second": round(prompt_n / self.prefill_s, 3),
            "predicted_n": reply.completion_tokens,
            "predicted_ms": round(self.decode_s * 1e3, 3),
            "predicted_per_second": voice.decode_tps,
        }
