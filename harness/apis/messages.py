"""The Messages API of Anthropic, as Claude Code speaks it and as local servers imitate it.

Sources: Anthropic's reference of the API and of its streaming; captured streams of llama.cpp's server (xllamacpp
2026.10.11549), which sends `message_start` with the first token. Its `input_tokens` leaves the cached tokens out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from harness.apis.api import Api, EventParser, Message, PromptPart
from harness.apis.delta import (
    EVENT_ORDER,
    Delta,
    ReportedError,
    ToolCallDelta,
    as_index,
    as_list,
    as_object,
    as_text,
    extract_text,
)
from harness.apis.json_text import parse_object, to_text
from harness.apis.reported_errors import find_error
from harness.apis.request_parts import RequestPart, content_parts, tool_parts
from harness.apis.usage import find_count, parse_server_timings
from harness.types import Json, Usage

_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_CACHE_COUNTS = ("cache_read_input_tokens", "cache_creation_input_tokens")


class MessagesApi(Api):
    """`POST /messages`: system text in `system`, calls and results as blocks of messages."""

    name = "messages"
    title = "Messages"
    path = "/messages"
    conversation_fields = ("system", "messages")
    limit_fields = ("max_tokens",)
    sampling_fields = ("temperature", "top_p", "top_k")
    fixed_fields: ClassVar[Mapping[str, Json]] = {}
    count_path = "/messages/count_tokens"
    stop_field = "stop_sequences"
    last_event = "message_stop"

    def write_conversation(self, messages: Sequence[Message]) -> dict[str, Json]:
        """The system text apart, and the results of one reply's calls in one message."""
        system = "\n\n".join(as_text(message["content"]) for message in messages if message["role"] == "system")
        written: list[dict[str, Json]] = []
        for message in messages:
            if message["role"] == "tool":
                result = {
                    "type": "tool_result",
                    "tool_use_id": message["tool_call_id"],
                    "content": message["content"],
                }
                if written and written[-1]["role"] == "user" and isinstance(written[-1]["content"], list):
                    written[-1]["content"].append(result)
                else:
                    written.append({"role": "user", "content": [result]})
            elif message["role"] != "system":
                written.append({"role": message["role"], "content": _content(message)})
        return {**({"system": system} if system else {}), "messages": written}

    def write_tools(self, tools: Sequence[Mapping[str, Json]]) -> list[Json]:
        """Name, description and schema without the objects that chat wraps them in."""
        functions = [tool["function"] for tool in tools]
        return [
            {
                "name": function["name"],
                "description": function.get("description", ""),
                "input_schema": function["parameters"],
            }
            for function in functions
        ]

    def read_prompt(self, request: Mapping[str, Json]) -> tuple[PromptPart, ...] | None:
        """The system text, then one part for each message."""
        messages = request.get("messages")
        if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
            return None
        system = extract_text(request.get("system"))
        parts = [PromptPart("system", system)] if system else []
        return (
            *parts,
            *(PromptPart(str(message.get("role")), extract_text(message.get("content"))) for message in messages),
        )

    def read_parts(self, request: Mapping[str, Json]) -> tuple[RequestPart, ...]:
        """The system texts, tools, then the blocks of each message."""
        system = request.get("system")
        texts = [RequestPart("system", "system", "text", system)] if isinstance(system, str) and system else []
        for at, block in enumerate(as_list(system)):
            texts.append(RequestPart(f"system[{at}]", "system", "text", extract_text(block)))
        parts = [
            part
            for at, message in enumerate(as_list(request.get("messages")))
            for part in content_parts(
                f"messages[{at}]", str(as_object(message).get("role")), as_object(message).get("content")
            )
        ]
        return (*texts, *tool_parts(request), *parts) if texts or parts else ()

    def event_parser(self) -> EventParser:
        """A parser that knows which blocks have ended."""
        return _MessagesParser()

    def parse_usage(self, usage: Mapping[str, Json]) -> Usage:
        """The counts; a prompt has its cached tokens too, read or newly written, which the API counts apart."""
        uncached = find_count(usage, (("input_tokens",),))
        read = find_count(usage, (("cache_read_input_tokens",),))
        written = find_count(usage, (("cache_creation_input_tokens",),))
        return Usage(
            prompt_tokens=None if uncached is None else uncached + (read or 0) + (written or 0),
            completion_tokens=find_count(usage, (("output_tokens",),)),
            cached_tokens=read,
        )


def _content(message: Message) -> Json:
    """The text of a message; with calls, a block of text and one for each call."""
    calls = message.get("tool_calls")
    if not calls:
        return message["content"]
    text = [{"type": "text", "text": message["content"]}] if message["content"] else []
    functions = [(call["id"], call["function"]) for call in calls]
    return [
        *text,
        *(
            {
                "type": "tool_use",
                "id": call_id,
                "name": function["name"],
                "input": parse_object(function["arguments"]) or {},
            }
            for call_id, function in functions
        ),
    ]


class _MessagesParser:
    """Reads the events of one message; `closed` are the blocks that have ended, `whole` the calls that began whole."""

    def __init__(self) -> None:
        self.whole: set[int | None] = set()
        self.closed: set[int | None] = set()
        self.ended = False

    def __call__(self, document: Mapping[str, Json], event_name: str | None, at_ns: int) -> Delta:
        """Read one event, or a whole message that was not streamed."""
        kind = as_text(document.get("type")) or (event_name or "")
        message = document if kind == "message" else as_object(document.get("message"))
        usage = as_object(document.get("usage")) or as_object(message.get("usage"))
        delta = Delta(
            kind="other",
            at_ns=at_ns,
            usage=_counted(usage, kind),
            server_timings=parse_server_timings({**document, "usage": usage}),
            model=as_text(message.get("model")) or None,
            error=find_error(document, event_name),
        )
        if kind == "message":
            return _whole_message(delta, message)
        if kind == "message_start":
            return replace(delta, kind="role_only")
        if kind == "ping":
            return replace(delta, kind="keepalive")
        if kind == "message_delta":
            return replace(delta, finish_reason=_finish_reason(as_object(document.get("delta"))))
        if kind == "message_stop":
            self.ended = True
            return replace(delta, is_last=True)
        return self._block(delta, kind, document)

    def _block(self, delta: Delta, kind: str, document: Mapping[str, Json]) -> Delta:
        """The beginning of a block, a piece of it, or its end."""
        index = as_index(document.get("index"))
        if kind == "content_block_stop":
            self.closed.add(index)
            return delta
        if kind == "content_block_start":
            self.closed.discard(index)
            started = _started(delta, as_object(document.get("content_block")), index)
            (self.whole.add if any(call.arguments for call in started.tool_calls) else self.whole.discard)(index)
            return _with_kind(started, "other")
        if kind != "content_block_delta":
            return delta
        delta = _continued(delta, as_object(document.get("delta")), index)
        if delta.tool_calls and index in self.whole:
            # The pieces repeat the object that the block began with.
            return replace(delta, tool_calls=())
        delta = _with_kind(delta, "empty")
        if delta.kind != "token" or not (self.ended or index in self.closed):
            return delta
        return replace(delta, error=delta.error or ReportedError("text came after the end of its block", EVENT_ORDER))


def _counted(usage: Mapping[str, Json], kind: str) -> Mapping[str, Json] | None:
    """The usage of an event. That of `message_start` counts no output: it comes before there is any.

    A count that a later event has as null does not replace an earlier one, and the counts of a prompt of 0 tokens are
    none: input, read from the cache and written to it are one count in three parts.
    """
    counts = {name: value for name, value in usage.items() if value is not None}
    if kind == "message_start":
        counts.pop("output_tokens", None)
    if counts.get("input_tokens") == 0 and not any(map(counts.get, _CACHE_COUNTS)):
        counts = {name: value for name, value in counts.items() if name not in ("input_tokens", *_CACHE_COUNTS)}
    return counts or None


def _with_kind(delta: Delta, otherwise: str) -> Delta:
    if delta.is_generated:
        return replace(delta, kind="token")
    return replace(delta, kind="empty") if otherwise == "empty" else delta


def _started(delta: Delta, block: Mapping[str, Json], index: int | None) -> Delta:
    """The beginning of a block: of a call its name, which the model generated; of text usually nothing."""
    if as_text(block.get("type")).endswith("tool_use"):
        # Also `server_tool_use`, a call that the server executes itself.
        arguments = to_text(block["input"]) if as_object(block.get("input")) else ""
        call_id = as_text(block.get("id")) or None
        return replace(
            delta, tool_calls=(ToolCallDelta(None, call_id, as_text(block.get("name")), arguments, _key(index)),)
        )
    if block.get("type") == "thinking":
        return replace(delta, reasoning=as_text(block.get("thinking")))
    return replace(delta, content=as_text(block.get("text")))


def _continued(delta: Delta, piece: Mapping[str, Json], index: int | None) -> Delta:
    """A piece of a block, by the field that holds it; signatures and citations are no text of the model's."""
    if "partial_json" in piece:
        call = ToolCallDelta(None, None, "", as_text(piece["partial_json"]), _key(index))
        return replace(delta, tool_calls=(call,))
    return replace(delta, content=as_text(piece.get("text")), reasoning=as_text(piece.get("thinking")))


def _key(index: int | None) -> str | None:
    return None if index is None else f"block {index}"


def _whole_message(delta: Delta, message: Mapping[str, Json]) -> Delta:
    """A message that was not streamed."""
    blocks = [
        _started(delta, block, at)
        for at, block in enumerate(as_list(message.get("content")))
        if isinstance(block, dict)
    ]
    delta = replace(
        delta,
        content="".join(block.content for block in blocks),
        reasoning="".join(block.reasoning for block in blocks),
        tool_calls=tuple(call for block in blocks for call in block.tool_calls),
        finish_reason=_finish_reason(message),
        is_message=True,
        is_last=True,
    )
    return _with_kind(delta, "other")


def _finish_reason(holder: Mapping[str, Json]) -> str | None:
    """The stop reason in the words of chat; one that is not known stays as it is."""
    reason = as_text(holder.get("stop_reason"))
    return _FINISH_REASONS.get(reason, reason) or None
