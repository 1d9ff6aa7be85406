"""A reply of the scripted server over each API, whole or streamed: `encode_reply` writes it as real clients need it.

Clients are stricter than the kit's own reader: they want ids, the events around a block, and counts. A new API needs
its two functions and its row in `_ENCODERS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from harness.types import Json

Events = Iterator[tuple[str, Json]]
"""The events of a stream: name and data."""
CHARS_PER_TOKEN = 4
_STOP = {False: "stop", True: "tool_calls"}


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """One reply: a text, or the call of a tool. `number` makes its ids; `prompt_chars` is the length of the request."""

    number: int
    prompt_chars: int
    text: str = ""
    tool: str = ""
    arguments: Mapping[str, Json] | None = None

    @property
    def arguments_json(self) -> str:
        """The arguments as the model writes them."""
        return json.dumps(self.arguments)

    @property
    def prompt_tokens(self) -> int:
        """An estimate, for the server has no tokenizer."""
        return self.prompt_chars // CHARS_PER_TOKEN

    @property
    def tokens(self) -> int:
        """An estimate, too."""
        return 1 + len(self.arguments_json if self.tool else self.text) // CHARS_PER_TOKEN


def encode_reply(api: str, reply: ScriptedReply, *, is_streamed: bool) -> bytes:
    """The body of a response."""
    whole, events = _ENCODERS[api]
    if not is_streamed:
        return json.dumps(whole(reply)).encode()
    named = (f"event: {name}\n" if name else "" for name, _ in events(reply))
    frames = (f"data: {json.dumps(data)}\n\n" for _, data in events(reply))
    end = "data: [DONE]\n\n" if api == "chat" else ""
    return ("".join(name + frame for name, frame in zip(named, frames, strict=True)) + end).encode()


# --- chat -------------------------------------------------------------------------------------------------------------


def _chat_head(reply: ScriptedReply, kind: str) -> Json:
    return {"id": f"chatcmpl-{reply.number}", "object": kind, "created": 1, "model": "scripted"}


def _chat_usage(reply: ScriptedReply) -> Json:
    total = reply.prompt_tokens + reply.tokens
    return {"prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.tokens, "total_tokens": total}


def _chat_message(reply: ScriptedReply) -> Json:
    if not reply.tool:
        return {"role": "assistant", "content": reply.text}
    function = {"name": reply.tool, "arguments": reply.arguments_json}
    calls = [{"index": 0, "id": f"call_{reply.number}", "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def _whole_chat(reply: ScriptedReply) -> Json:
    choice = {"index": 0, "message": _chat_message(reply), "finish_reason": _STOP[bool(reply.tool)]}
    return {**_chat_head(reply, "chat.completion"), "choices": [choice], "usage": _chat_usage(reply)}


def _chat_events(reply: ScriptedReply) -> Events:
    head = _chat_head(reply, "chat.completion.chunk")
    for delta, reason in ((_chat_message(reply), None), ({}, _STOP[bool(reply.tool)])):
        yield "", {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
    yield "", {**head, "choices": [], "usage": _chat_usage(reply)}


# --- messages ---------------------------------------------------------------------------------------------------------


def _whole_message(reply: ScriptedReply) -> Json:
    block: Json = {"type": "text", "text": reply.text}
    if reply.tool:
        block = {"type": "tool_use", "id": f"toolu_{reply.number}", "name": reply.tool, "input": reply.arguments}
    return {
        "id": f"msg_{reply.number}", "type": "message", "role": "assistant", "model": "scripted", "content": [block],
        "stop_reason": "tool_use" if reply.tool else "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": reply.prompt_tokens, "output_tokens": reply.tokens},
    }  # fmt: skip


def _message_events(reply: ScriptedReply) -> Events:
    whole = _whole_message(reply)
    block = whole["content"][0]
    start = {**block, "input": {}} if reply.tool else {**block, "text": ""}
    delta = {"type": "text_delta", "text": reply.text}
    if reply.tool:
        delta = {"type": "input_json_delta", "partial_json": reply.arguments_json}
    message = {**whole, "content": [], "stop_reason": None}
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    for event in (
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": start},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": whole["usage"]},
        {"type": "message_stop"},
    ):
        yield str(event["type"]), event


# --- responses --------------------------------------------------------------------------------------------------------


def _response_item(reply: ScriptedReply, status: str) -> Json:
    if reply.tool:
        return {
            "id": f"fc_{reply.number}", "type": "function_call", "status": status, "call_id": f"call_{reply.number}",
            "name": reply.tool, "arguments": reply.arguments_json if status == "completed" else "",
        }  # fmt: skip
    content = [{"type": "output_text", "text": reply.text, "annotations": []}] if status == "completed" else []
    return {"id": f"msg_{reply.number}", "type": "message", "status": status, "role": "assistant", "content": content}


def _whole_response(reply: ScriptedReply) -> Json:
    usage = {
        "input_tokens": reply.prompt_tokens, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": reply.tokens, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": reply.prompt_tokens + reply.tokens,
    }  # fmt: skip
    return {
        "id": f"resp_{reply.number}", "object": "response", "created_at": 1, "status": "completed", "model": "scripted",
        "output": [_response_item(reply, "completed")], "usage": usage,
    }  # fmt: skip


def _response_events(reply: ScriptedReply) -> Events:
    whole, item = _whole_response(reply), _response_item(reply, "completed")
    place = {"item_id": item["id"], "output_index": 0}
    if reply.tool:
        arguments = reply.arguments_json
        inner = [
            {"type": "response.function_call_arguments.delta", **place, "delta": arguments},
            {"type": "response.function_call_arguments.done", **place, "arguments": arguments},
        ]
    else:
        part, place = item["content"][0], {**place, "content_index": 0}
        inner = [
            {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
            {"type": "response.output_text.delta", **place, "delta": reply.text},
            {"type": "response.output_text.done", **place, "text": reply.text},
            {"type": "response.content_part.done", **place, "part": part},
        ]
    events = [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}},
        {"type": "response.output_item.added", "output_index": 0, "item": _response_item(reply, "in_progress")},
        *inner,
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    for number, event in enumerate(events):
        yield str(event["type"]), {**event, "sequence_number": number}


_ENCODERS: Mapping[str, tuple[Callable[[ScriptedReply], Json], Callable[[ScriptedReply], Events]]] = {
    "chat": (_whole_chat, _chat_events),
    "messages": (_whole_message, _message_events),
    "responses": (_whole_response, _response_events),
}
