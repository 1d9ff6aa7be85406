"""The reference server's replies over the other APIs: `translate` turns a script of chat events into theirs.

So that every behavior exists over every API, with the same content at the same times. `ENCODERS` has one encoder for
each API but chat. What is no chat event (comments, broken events, error bodies) stays as it is.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.apis import DEFAULT_API, REASONING_KEYS, parse_object
from harness.reference.scripts import DONE, Script, Write
from harness.types import Json

_END = b"\n\n"
_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


class _Encoder(ABC):
    """Encodes the events of one reply: `events` counts those with generated text, `ended`: the last one came."""

    def __init__(self) -> None:
        self.events = 0
        self.ended = False

    def encode(self, frame: bytes) -> bytes:
        """Encode one frame of a chat stream, without its empty line."""
        if frame + _END == DONE:
            return self.done()
        document = parse_object(frame.rpartition(b"data: ")[2].decode("utf-8", "replace"))
        if document is None:
            return frame + _END
        if document.get("error"):
            return self.error(document["error"])
        if document.get("model") == "keepalive" or "prompt_progress" in document or document.keys() == {"choices"}:
            return self.send({"type": self.keepalive})
        return self._encode_chunk(document)

    def _encode_chunk(self, document: Mapping[str, Json]) -> bytes:
        choice = (document.get("choices") or [{}])[0]
        delta = choice.get("delta") or {}
        reasoning = next((delta[key] for key in REASONING_KEYS if delta.get(key)), "")
        pieces = [self.text("thinking", reasoning), self.text("text", delta.get("content") or "")]
        pieces += [self.call(call) for call in delta.get("tool_calls") or ()]
        self.note_end(choice.get("finish_reason"), document)
        if not any(pieces) and choice and not choice.get("finish_reason"):
            pieces.append(self.start())
        return b"".join([*pieces, self.finish(choice.get("finish_reason"), document)])

    def send(self, document: Mapping[str, Json]) -> bytes:
        """Encode one event under its name."""
        data = json.dumps(document, ensure_ascii=False)
        return f"event: {document['type']}\ndata: {data}\n\n".encode()

    def send_token(self, document: Mapping[str, Json]) -> bytes:
        """Encode one event with generated text."""
        self.events += 1
        return self.send(document)

    keepalive: str

    @abstractmethod
    def note_end(self, reason: str | None, document: Mapping[str, Json]) -> None:
        """Remember what the last event will say."""

    def flush(self) -> bytes:
        """What is left to say when the script has no further event."""
        return b""

    @abstractmethod
    def start(self) -> bytes:
        """The first event, if it was not sent yet."""

    @abstractmethod
    def text(self, channel: str, text: str) -> bytes:
        """A piece of text; nothing if it is empty."""

    @abstractmethod
    def call(self, call: Mapping[str, Json]) -> bytes:
        """A piece of a tool call."""

    @abstractmethod
    def finish(self, reason: str | None, document: Mapping[str, Json]) -> bytes:
        """The end of the answer, and its counts where they come."""

    @abstractmethod
    def error(self, error: Mapping[str, Json]) -> bytes:
        """An error inside the stream."""

    @abstractmethod
    def done(self) -> bytes:
        """The end of the stream."""


def _timings(document: Mapping[str, Json]) -> dict[str, Json]:
    return {key: document[key] for key in ("timings", "stats") if key in document}


class MessagesEncoder(_Encoder):
    """Events of the Messages API; the counts come in `message_delta`."""

    keepalive = "ping"

    def __init__(self) -> None:
        super().__init__()
        self.started = False
        self.block: str | None = None
        self.index = -1

    def start(self) -> bytes:
        """`message_start`, which llama.cpp's server sends with the first token and others before the prefill."""
        if self.started:
            return b""
        self.started = True
        message = {"type": "message", "role": "assistant", "model": "reference", "content": []}
        return self.send({"type": "message_start", "message": message})

    def text(self, channel: str, text: str) -> bytes:
        """A delta in a block of its type."""
        if not text:
            return b""
        head = self._open(channel, {"type": channel, channel: ""})
        return head + self._delta({"type": f"{channel}_delta", channel: text})

    def call(self, call: Mapping[str, Json]) -> bytes:
        """A block of its own for each call, and its arguments as JSON text."""
        function, head = call["function"], b""
        if call.get("id"):
            self.events += 1
            content = {"type": "tool_use", "id": call["id"], "name": function["name"], "input": {}}
            head = self._open(call["id"], content)
        arguments = function.get("arguments")
        return head + (self._delta({"type": "input_json_delta", "partial_json": arguments}) if arguments else b"")

    def note_end(self, reason: str | None, document: Mapping[str, Json]) -> None:
        """Nothing: `finish` says it at once."""

    def finish(self, reason: str | None, document: Mapping[str, Json]) -> bytes:
        """`message_delta`, once for the stop reason and once for counts that come apart."""
        usage = document.get("usage")
        if not reason and not usage:
            return b""
        head = self.start() + (self._close() if reason else b"")
        delta = {"stop_reason": _FINISH.get(reason, reason) if reason else None}
        counts = _messages_usage(usage) if usage else {}
        return head + self.send({"type": "message_delta", "delta": delta, "usage": counts, **_timings(document)})

    def error(self, error: Mapping[str, Json]) -> bytes:
        """An event named `error`."""
        return self.send({"type": "error", "error": error})

    def done(self) -> bytes:
        """`message_stop`."""
        self.ended = True
        return self.send({"type": "message_stop"})

    def _open(self, block: str, content: Mapping[str, Json]) -> bytes:
        if self.block == block:
            return b""
        head = self.start() + self._close()
        self.block, self.index = block, self.index + 1
        return head + self.send({"type": "content_block_start", "index": self.index, "content_block": content})

    def _close(self) -> bytes:
        if self.block is None:
            return b""
        self.block = None
        return self.send({"type": "content_block_stop", "index": self.index})

    def _delta(self, delta: Mapping[str, Json]) -> bytes:
        return self.send_token({"type": "content_block_delta", "index": self.index, "delta": delta})


def _cached(usage: Mapping[str, Json]) -> int | None:
    details = usage.get("prompt_tokens_details") or {}
    cached: int | None = details.get("cached_tokens", usage.get("cached_tokens"))
    return cached


_CHAT_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "cached_tokens")


def _messages_usage(usage: Mapping[str, Json]) -> dict[str, Json]:
    """The counts, with the cached tokens apart from the input's."""
    cached = _cached(usage)
    counts = {"input_tokens": usage["prompt_tokens"] - (cached or 0), "output_tokens": usage["completion_tokens"]}
    rest = {name: value for name, value in usage.items() if name not in _CHAT_COUNTS}
    return {**counts, **({} if cached is None else {"cache_read_input_tokens": cached}), **rest}


class ResponsesEncoder(_Encoder):
    """Numbered events of the Responses API; how the answer ended and its counts come in the last."""

    keepalive = "keepalive"

    def __init__(self) -> None:
        super().__init__()
        self.started = False
        self.item: str | None = None
        self.sequence = -1
        self.reason: str | None = None
        self.failure: Mapping[str, Json] | None = None
        self.counts: Mapping[str, Json] | None = None
        self.timings: dict[str, Json] = {}

    def send(self, document: Mapping[str, Json]) -> bytes:
        """Encode one event with its number."""
        self.sequence += 1
        return super().send({**document, "sequence_number": self.sequence})

    def start(self) -> bytes:
        """`response.created`."""
        if self.started:
            return b""
        self.started = True
        return self.send({"type": "response.created", "response": {"status": "in_progress", "model": "reference"}})

    def text(self, channel: str, text: str) -> bytes:
        """A delta of an item of its type."""
        if not text:
            return b""
        kind = "reasoning" if channel == "thinking" else "message"
        head = self.start() if self.item == kind else self.start() + self._add({"type": kind, "id": kind})
        self.item = kind
        name = "reasoning_text" if channel == "thinking" else "output_text"
        return head + self.send_token({"type": f"response.{name}.delta", "item_id": kind, "delta": text})

    def call(self, call: Mapping[str, Json]) -> bytes:
        """An item for each call, and its arguments as deltas."""
        function, head = call["function"], b""
        if call.get("id"):
            self.item, self.events = f"fc_{call['id']}", self.events + 1
            item = {"type": "function_call", "id": self.item, "call_id": call["id"], "name": function["name"]}
            head = self.start() + self._add({**item, "arguments": ""})
        if not function.get("arguments"):
            return head
        kind = "response.function_call_arguments.delta"
        return head + self.send_token({"type": kind, "item_id": self.item, "delta": function["arguments"]})

    def note_end(self, reason: str | None, document: Mapping[str, Json]) -> None:
        """The last finish reason, counts and timings."""
        self.reason = reason or self.reason
        self.counts = document.get("usage") or self.counts
        self.timings = _timings(document) or self.timings

    def finish(self, reason: str | None, document: Mapping[str, Json]) -> bytes:
        """Nothing: it is said at the end."""
        return b""

    def error(self, error: Mapping[str, Json]) -> bytes:
        """An event of type `error`, which names its kind `code`."""
        self.failure = {"code": error.get("code") or error.get("type"), "message": error["message"]}
        return self.send({"type": "error", **self.failure})

    def done(self) -> bytes:
        """`response.completed`, or `response.failed` after an error."""
        return self.flush()

    def flush(self) -> bytes:
        """The last event, if the script said how the answer ended."""
        if self.ended or (self.reason is None and self.failure is None):
            return b""
        self.ended = True
        status = "failed" if self.reason is None else "incomplete" if self.reason == "length" else "completed"
        usage = _responses_usage(self.counts)
        response: dict[str, Json] = {"object": "response", "status": status, "usage": usage, "output": []}
        if status == "failed":
            response["error"] = self.failure
        return self.start() + self.send({"type": f"response.{status}", "response": response, **self.timings})

    def _add(self, item: Mapping[str, Json]) -> bytes:
        return self.send({"type": "response.output_item.added", "item": item})


def _responses_usage(usage: Mapping[str, Json] | None) -> dict[str, Json] | None:
    if usage is None:
        return None
    cached = _cached(usage)
    counts = {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]}
    rest = {name: value for name, value in usage.items() if name not in _CHAT_COUNTS}
    return {**counts, **({} if cached is None else {"input_tokens_details": {"cached_tokens": cached}}), **rest}


def translate(script: Script, api: str) -> Script:
    """The script over another API: the same content, each write at its time."""
    if api == DEFAULT_API or script.content_type != "text/event-stream" or not script.writes:
        return script
    encoder, writes, group = ENCODERS[api](), [], list[Write]()
    for write in script.writes:
        group.append(write)
        if b"".join(part.data for part in group).endswith(_END):
            writes += _translate_group(encoder, group)
            group = []
    last = encoder.flush()
    writes += group
    if last:
        writes[-1] = replace(writes[-1], data=writes[-1].data + last)
    expected = replace(script.expected, done=encoder.ended)
    return replace(script, writes=tuple(write for write in writes if write.data), expected=expected)


def _translate_group(encoder: _Encoder, group: Sequence[Write]) -> list[Write]:
    """Translate writes that hold whole events together; they are cut in the same places."""
    old, before = b"".join(write.data for write in group), encoder.events
    new = b"".join(encoder.encode(frame) for frame in old.split(_END)[:-1])
    events, start, at, out = encoder.events - before, 0, 0, []
    for number, write in enumerate(group, 1):
        at += len(write.data)
        end = len(new) if number == len(group) else _same_place(old, new, at)
        out.append(replace(write, data=new[start:end], events=events if write.events else 0))
        start = end
    return out


def _same_place(old: bytes, new: bytes, at: int) -> int:
    """Where a cut belongs: inside the same character, or as far from the end."""
    start = at
    while old[start] & 0xC0 == 0x80:
        start -= 1
    if start == at:
        return len(new) - (len(old) - at)
    character = old[start:].decode("utf-8", "replace")[0].encode()
    return new.index(character) + at - start


ENCODERS: Mapping[str, Callable[[], _Encoder]] = {"responses": ResponsesEncoder, "messages": MessagesEncoder}
