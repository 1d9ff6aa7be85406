"""The reply scripts of the reference server: what is written when, and what a correct reader finds in it.

A `Script` is a list of timed `Write`s and an `ExpectedReading`. `token_writes`, `text_stream` and `complete` build the
streams that behaviors.py, faults.py and server_kinds.py consist of. Everything here is pure; server.py does the
writing.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from harness.types import Json

PROMPT_TOKENS = 100
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds from the complete request to the first token, tokens per second, and the token counts of both sides."""

    ttft_s: float = 0.1
    tps: float = 200.0
    tokens: int = 40
    seed: int = 0
    prompt_tokens: int = PROMPT_TOKENS
    cached_tokens: int = 0

    def at_s(self, token: int) -> float:
        """When a token (counted from 0) is due."""
        return self.ttft_s + token / self.tps


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes that are sent in one write, and how many token events and tokens are complete with the last of them.

    `is_output` marks content or a tool call, which TTFC counts, as opposed to reasoning.
    """

    at_s: float
    data: bytes
    events: int = 0
    tokens: int = 0
    is_output: bool = False


@dataclass(frozen=True, slots=True)
class ExpectedReading:
    """What a correct reader finds.

    `tool_calls` are pairs of name and arguments, `server_timings` the names of the server's own timings, `error_kind`
    is None if no error is expected.
    """

    content: str = ""
    reasoning: str = ""
    tool_calls: tuple[tuple[str, str], ...] = ()
    finish_reason: str | None = "stop"
    done: bool = True
    completion_tokens: int | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    server_timings: tuple[str, ...] = ()
    error_kind: str | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """One reply: its writes, status and framing, what becomes of the connection, and what is to be read from it.

    `substitutions` are bytes that a server writes in another way, such as its newlines.
    """

    writes: tuple[Write, ...]
    expected: ExpectedReading
    status: int = 200
    content_type: str = "text/event-stream"
    framing: Literal["chunked", "close", "http/1.0", "garbage", "nothing"] = "chunked"
    ending: Literal["clean", "reset", "hang", "die"] = "clean"
    substitutions: tuple[tuple[bytes, bytes], ...] = ()

    def written(self, data: bytes) -> bytes:
        """The bytes of a write as they are sent, with the script's substitutions."""
        for old, new in self.substitutions:
            data = data.replace(old, new)
        return data


# --- bytes ------------------------------------------------------------------------------------------------------------


def event(document: Json) -> bytes:
    """Encode one event."""
    return b"data: " + json.dumps(document, ensure_ascii=False).encode("utf-8") + b"\n\n"


def chunk(delta: Mapping[str, Json], finish_reason: str | None = None, **fields: Json) -> bytes:
    """Encode one chunk of a chat completion."""
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish_reason}
    head = {"id": "reference", "object": "chat.completion.chunk", "model": "reference"}
    return event({**head, "choices": [choice], **fields})


def words(count: int) -> list[str]:
    """The text of each token: a word with its position, so that a lost token shows."""
    return [f"w{index} " for index in range(count)]


# --- building blocks --------------------------------------------------------------------------------------------------

ROLE = chunk({"role": "assistant", "content": ""})
SERVER_TIMINGS: Mapping[str, Mapping[str, Json]] = {
    "timings": {"prompt_per_second": 900.5, "predicted_per_second": 60.2},
    "stats": {"tokens_per_second": 60.2, "time_to_first_token": 0.1, "stop_reason": "eosFound"},
    "usage": {"time_to_first_token": 0.1, "generation_tokens_per_second": 60.2},
}
"""The server's own timings, by the object that holds them."""


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows the last token: finish chunk, usage, [DONE], and how long after the token they come.

    `cached` says where cached tokens are reported and `timings` where the server's own timings are; None: nowhere.
    `usage_object` is the `object` field of the usage chunk.
    """

    finish_reason: str | None = "stop"
    usage: Literal["extra", "finish", "both", "none"] = "extra"
    done: bool = True
    delay_s: float = 0.0
    cached: Literal["details", "usage", "timings"] | None = "details"
    timings: Literal["timings", "stats", "usage"] | None = None
    usage_object: str = "chat.completion.chunk"

    def usage_counts(self, pace: Pace) -> dict[str, Json]:
        """The usage object."""
        counts: dict[str, Json] = {"prompt_tokens": pace.prompt_tokens, "completion_tokens": pace.tokens}
        counts["total_tokens"] = pace.prompt_tokens + pace.tokens
        if self.cached == "details":
            counts["prompt_tokens_details"] = {"cached_tokens": pace.cached_tokens}
        elif self.cached == "usage":
            counts["cached_tokens"] = pace.cached_tokens
        return {**counts, **SERVER_TIMINGS["usage"]} if self.timings == "usage" else counts

    def _timings_object(self, pace: Pace) -> dict[str, Json]:
        """The object with the server's own timings, which is next to the usage object."""
        if self.timings in (None, "usage"):
            return {}
        cache = {"cache_n": pace.cached_tokens} if self.cached == "timings" else {}
        return {str(self.timings): {**SERVER_TIMINGS[str(self.timings)], **cache}}

    def data(self, pace: Pace, delta: Mapping[str, Json] | None = None) -> bytes:
        """Encode the tail; `delta` is the delta of the finish chunk."""
        fields = {"usage": self.usage_counts(pace), **self._timings_object(pace)}
        on_finish = fields if self.usage in ("finish", "both") else {}
        finish = chunk(delta or {}, self.finish_reason, **on_finish) if self.finish_reason else b""
        usage = event({"id": "reference", "object": self.usage_object, "choices": [], **fields})
        extra = usage if self.usage in ("extra", "both") else b""
        return finish + extra + (DONE if self.done else b"")

    def expected(self, pace: Pace) -> ExpectedReading:
        """What is to be read from it."""
        if self.usage == "none":
            return ExpectedReading(finish_reason=self.finish_reason, done=self.done)
        timings = {**SERVER_TIMINGS.get(str(self.timings), {}), **({"cache_n": 0} if self.cached == "timings" else {})}
        return ExpectedReading(
            finish_reason=self.finish_reason,
            done=self.done,
            completion_tokens=pace.tokens,
            prompt_tokens=pace.prompt_tokens,
            cached_tokens=None if self.cached is None else pace.cached_tokens,
            server_timings=tuple(sorted(timings)),
        )


@dataclass(frozen=True, slots=True)
class StreamShape:
    """How tokens become writes: tokens per event, events per step, and what comes before and after.

    All events of a step are due when its last token is; they are one write, or one each (`writes_apart`).
    """

    tokens_per_event: Callable[[random.Random], int] = field(default=lambda _random: 1)
    events_per_step: int = 1
    writes_apart: bool = False
    before: Callable[[Pace], Sequence[Write]] = field(default=lambda _pace: ())
    tail: Tail = field(default_factory=Tail)


def _group_tokens(pace: Pace, shape: StreamShape) -> list[list[int]]:
    """The tokens of each event."""
    rng, groups, start = random.Random(pace.seed), [], 0
    while start < pace.tokens:
        size = min(shape.tokens_per_event(rng), pace.tokens - start)
        groups.append(list(range(start, start + size)))
        start += size
    return groups


def token_writes(
    pace: Pace, shape: StreamShape | None = None, delta: Callable[[str], Mapping[str, Json]] | None = None
) -> list[Write]:
    """The token events: each is due when its last token is, each step when its last event is.

    `delta` makes a delta of an event's text; the default is content.
    """
    shape, make_delta = shape or StreamShape(), delta or (lambda text: {"content": text})
    texts, groups, writes = words(pace.tokens), _group_tokens(pace, shape), []
    for start in range(0, len(groups), shape.events_per_step):
        step = groups[start : start + shape.events_per_step]
        for events in [[event] for event in step] if shape.writes_apart else [step]:
            data = b"".join(chunk(make_delta("".join(texts[token] for token in event))) for event in events)
            writes.append(Write(pace.at_s(step[-1][-1]), data, len(events), sum(map(len, events)), is_output=True))
    return writes


def complete(pace: Pace, writes: Sequence[Write], tail: Tail | None = None, **expected: Any) -> Script:
    """Make a reply that ends properly: writes and a tail. Its content is all words unless `expected` says otherwise."""
    tail = tail or Tail()
    end = Write(writes[-1].at_s + tail.delay_s, tail.data(pace))
    return Script((*writes, end), expect(pace, tail, **expected))


def expect(pace: Pace, tail: Tail | None = None, **expected: Any) -> ExpectedReading:
    """Expect all words as content and what the tail reports, but for the fields in `expected`."""
    content = "".join(words(pace.tokens))
    return replace((tail or Tail()).expected(pace), **{"content": content, **expected})


def text_stream(pace: Pace, shape: StreamShape | None = None) -> Script:
    """A complete reply of content."""
    shape = shape or StreamShape()
    return complete(pace, [*shape.before(pace), *token_writes(pace, shape)], shape.tail)
