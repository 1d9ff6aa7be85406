"""The nouns of the truth server and the pieces that its streams are made of. Pure: waits for nothing, writes nowhere.

What a reader has to find in a script stands beside its bytes in `Expected`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.types import Json

PROMPT_TOKENS = 100
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast: seconds from the whole request to the first token, tokens a second, and how many tokens; and how long
    the prompt is that was asked."""

    ttft_s: float = 0.1
    tps: float = 200.0
    tokens: int = 40
    seed: int = 0
    prompt_tokens: int = PROMPT_TOKENS
    cached_tokens: int = 0

    def at_s(self, token: int) -> float:
        """When a token (from 0) is due."""
        return self.ttft_s + token / self.tps


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes that leave at once, and how many token events, and tokens in them, are whole with their last byte."""

    at_s: float
    data: bytes
    events: int = 0
    tokens: int = 0
    usable: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What a right reader finds; `error` is the kind of error (None: no error), `calls` pairs of name and arguments,
    `speeds` the names of the server's own speeds."""

    content: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    finish_reason: str | None = "stop"
    done: bool = True
    completion_tokens: int | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    speeds: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """One reply: its writes, its status and framing, how the connection goes on, and what is to be read from it."""

    writes: tuple[Write, ...]
    expected: Expected
    status: int = 200
    content_type: str = "text/event-stream"
    framing: Literal["chunked", "close", "http/1.0", "garbage", "nothing"] = "chunked"
    ending: Literal["clean", "reset", "hang", "die"] = "clean"


# --- bytes ----------------------------------------------------------------------------------------------------


def event(document: Json) -> bytes:
    """One event."""
    return b"data: " + json.dumps(document, ensure_ascii=False).encode("utf-8") + b"\n\n"


def chunk(delta: Mapping[str, Json], finish: str | None = None, **more: Json) -> bytes:
    """One chunk of a chat completion."""
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish}
    return event({"id": "truth", "object": "chat.completion.chunk", "model": "truth", "choices": [choice], **more})


def words(count: int) -> list[str]:
    """The tokens: words that tell their place, so that a lost one is seen."""
    return [f"w{number} " for number in range(count)]


# --- building blocks --------------------------------------------------------------------------------------------

ROLE = chunk({"role": "assistant", "content": ""})
SPEEDS: Mapping[str, Mapping[str, Json]] = {
    "timings": {"prompt_per_second": 900.5, "predicted_per_second": 60.2},
    "stats": {"tokens_per_second": 60.2, "time_to_first_token": 0.1, "stop_reason": "eosFound"},
    "usage": {"time_to_first_token": 0.1, "generation_tokens_per_second": 60.2},
}
"""The server's own speeds, by the object in which they stand."""


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows the last token: finish chunk, usage, [DONE], and how long after the token they come.

    `cached` is where cached tokens are told, `speeds` where the server's own speeds are: None where they are not.
    `kind` is what a usage chunk calls itself.
    """

    finish: str | None = "stop"
    usage: Literal["extra", "finish", "both", "none"] = "extra"
    done: bool = True
    delay_s: float = 0.0
    cached: Literal["details", "usage", "timings"] | None = "details"
    speeds: Literal["timings", "stats", "usage"] | None = None
    kind: str = "chat.completion.chunk"

    def usage_of(self, pace: Pace) -> dict[str, Json]:
        """The usage object."""
        counts: dict[str, Json] = {"prompt_tokens": pace.prompt_tokens, "completion_tokens": pace.tokens}
        counts["total_tokens"] = pace.prompt_tokens + pace.tokens
        if self.cached == "details":
            counts["prompt_tokens_details"] = {"cached_tokens": pace.cached_tokens}
        elif self.cached == "usage":
            counts["cached_tokens"] = pace.cached_tokens
        return {**counts, **SPEEDS["usage"]} if self.speeds == "usage" else counts

    def _beside(self, pace: Pace) -> dict[str, Json]:
        """What stands beside usage on its chunk."""
        if self.speeds in (None, "usage"):
            return {}
        more = {"cache_n": pace.cached_tokens} if self.cached == "timings" else {}
        return {str(self.speeds): {**SPEEDS[str(self.speeds)], **more}}

    def data(self, pace: Pace, delta: Mapping[str, Json] | None = None) -> bytes:
        """Its bytes; the finish chunk has this delta."""
        told = {"usage": self.usage_of(pace), **self._beside(pace)}
        riding = told if self.usage in ("finish", "both") else {}
        finish = chunk(delta or {}, self.finish, **riding) if self.finish else b""
        own = event({"id": "truth", "object": self.kind, "choices": [], **told})
        extra = own if self.usage in ("extra", "both") else b""
        return finish + extra + (DONE if self.done else b"")

    def expected(self, pace: Pace) -> Expected:
        """What is to be read from it."""
        if self.usage == "none":
            return Expected(finish_reason=self.finish, done=self.done)
        speeds = {**SPEEDS.get(str(self.speeds), {}), **({"cache_n": 0} if self.cached == "timings" else {})}
        return Expected(
            finish_reason=self.finish,
            done=self.done,
            completion_tokens=pace.tokens,
            prompt_tokens=pace.prompt_tokens,
            cached_tokens=None if self.cached is None else pace.cached_tokens,
            speeds=tuple(sorted(speeds)),
        )


@dataclass(frozen=True, slots=True)
class StreamShape:
    """How tokens become writes: tokens an event, events a write, and what comes before and after."""

    tokens_an_event: Callable[[random.Random], int] = field(default=lambda _random: 1)
    events_a_write: int = 1
    before: Callable[[Pace], Sequence[Write]] = field(default=lambda _pace: ())
    tail: Tail = field(default_factory=Tail)


def _grouped(pace: Pace, shape: StreamShape) -> list[list[int]]:
    chance, groups, at = random.Random(pace.seed), [], 0
    while at < pace.tokens:
        size = min(shape.tokens_an_event(chance), pace.tokens - at)
        groups.append(list(range(at, at + size)))
        at += size
    return groups


def spoken(pace: Pace, shape: StreamShape, delta: Callable[[str], Mapping[str, Json]] | None = None) -> list[Write]:
    """The token events: each is due when its last token is, each write when its last event is."""
    texts, says = words(pace.tokens), delta or (lambda text: {"content": text})
    groups, out = _grouped(pace, shape), []
    for start in range(0, len(groups), shape.events_a_write):
        together = groups[start : start + shape.events_a_write]
        data = b"".join(chunk(says("".join(texts[token] for token in group))) for group in together)
        tokens = sum(map(len, together))
        out.append(Write(pace.at_s(together[-1][-1]), data, len(together), tokens, delta is None))
    return out


def stream(pace: Pace, shape: StreamShape | None = None) -> Script:
    """A whole reply in content."""
    shape = shape or StreamShape()
    writes = [*shape.before(pace), *spoken(pace, shape)]
    end = Write(writes[-1].at_s + shape.tail.delay_s, shape.tail.data(pace))
    expected = replace(shape.tail.expected(pace), content="".join(words(pace.tokens)))
    return Script((*writes, end), expected)
