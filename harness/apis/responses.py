"""The Responses API of OpenAI, as Codex speaks it and as local servers imitate it; its events: response_events.py.

Source: OpenAI's reference of the API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from harness.apis.api import Api, EventParser, Message, PromptPart
from harness.apis.delta import as_index, as_list, as_object, as_text, extract_text
from harness.apis.request_parts import SYSTEM_ROLES, RequestPart, content_parts, json_part, result_part, tool_parts
from harness.apis.response_events import ResponsesParser, reasoning_text
from harness.apis.response_items import call_input, call_name, is_call, is_result
from harness.apis.usage import parse_openai_usage
from harness.types import Json, Usage

LIMIT_FIELD = "max_output_tokens"


class ResponsesApi(Api):
    """`POST /responses`: system text in `instructions`, and messages, calls and results as items of `input`."""

    name = "responses"
    title = "Responses"
    path = "/responses"
    conversation_fields = ("instructions", "input")
    limit_fields = (LIMIT_FIELD,)
    sampling_fields = ("temperature", "top_p")
    # Each request holds the whole conversation: a server must not keep one of its own.
    fixed_fields: ClassVar[Mapping[str, Json]] = {"store": False}
    count_path = None
    stop_field = None
    last_event = "response.completed"

    def write_conversation(self, messages: Sequence[Message]) -> dict[str, Json]:
        """The system text as instructions, the rest as items."""
        system = "\n\n".join(as_text(message["content"]) for message in messages if message["role"] == "system")
        items = [item for message in messages if message["role"] != "system" for item in _items(message)]
        return {**({"instructions": system} if system else {}), "input": items}

    def write_tools(self, tools: Sequence[Mapping[str, Json]]) -> list[Json]:
        """Functions without the object that chat wraps them in."""
        return [{"type": "function", **tool["function"]} for tool in tools]

    def read_prompt(self, request: Mapping[str, Json]) -> tuple[PromptPart, ...] | None:
        """The instructions, then one part for each item."""
        items = request.get("input")
        if isinstance(items, str):
            items = [{"role": "user", "content": items}]
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            return None
        system = as_text(request.get("instructions"))
        parts = [PromptPart("system", system)] if system else []
        return (*parts, *(PromptPart(*_role_and_text(item)) for item in items))

    def read_parts(self, request: Mapping[str, Json]) -> tuple[RequestPart, ...]:
        """The instructions and leading system items, tools, then the other items."""
        instructions, items = as_text(request.get("instructions")), request.get("input")
        system = [RequestPart("instructions", "system", "text", instructions)] if instructions else []
        if isinstance(items, str):
            return (*system, *tool_parts(request), RequestPart("input", "user", "text", items))
        others = list[RequestPart]()
        for at, item in enumerate(as_list(items)):
            fields = as_object(item)
            is_leading = not others and fields.get("role") in SYSTEM_ROLES
            (system if is_leading else others).extend(_item_parts(f"input[{at}]", fields))
        return (*system, *tool_parts(request), *others) if system or others else ()

    def event_parser(self) -> EventParser:
        """A parser that knows which items came in pieces, since their whole text follows."""
        return ResponsesParser()

    def parse_usage(self, usage: Mapping[str, Json]) -> Usage:
        """The counts; the cached tokens are part of the input's."""
        return parse_openai_usage(usage)

    def resolve_finish(self, reason: str | None, usage: Usage | None, request: Mapping[str, Json]) -> str | None:
        """`length` for an answer that has all tokens of its limit: llama.cpp's server reports it as complete."""
        limit, tokens = as_index(request.get(LIMIT_FIELD)), usage.completion_tokens if usage else None
        return "length" if reason == "stop" and limit and tokens and tokens >= limit else reason


def _items(message: Message) -> list[dict[str, Json]]:
    if message["role"] == "tool":
        return [
            {"type": "function_call_output", "call_id": message["tool_call_id"], "output": message["content"]},
        ]
    calls = [
        {"type": "function_call", "call_id": call["id"], **call["function"]} for call in message.get("tool_calls") or ()
    ]
    text = {"role": message["role"], "content": message["content"]}
    return [text, *calls] if message["content"] or not calls else calls


def _role_and_text(item: Mapping[str, Json]) -> tuple[str, str]:
    """The role and the text of an item, in the words of chat."""
    if is_result(item):
        return "tool", extract_text(item.get("output"))
    if not _is_message(item):
        return "assistant", ""
    return str(item.get("role")), extract_text(item.get("content"))


def _is_message(item: Mapping[str, Json]) -> bool:
    """Whether an item is a message, which may leave its type out."""
    return item.get("type") in (None, "message")


def _item_parts(path: str, item: Mapping[str, Json]) -> list[RequestPart]:
    """The parts of an item: of a message its content, of any other one part.

    A call that the server itself executed has its result in the same item.
    """
    call_id = as_text(item.get("call_id")) or as_text(item.get("id"))
    if is_result(item):
        return [result_part(path, item.get("output"), call_id)]
    if is_call(item):
        call = RequestPart(path, "assistant", "tool_call", call_input(item), call_name(item), call_id)
        output = item.get("output")
        return [call] if output is None else [call, result_part(f"{path}.output", output, call_id)]
    if item.get("type") == "reasoning":
        text = reasoning_text(item) or as_text(item.get("encrypted_content"))
        return [RequestPart(f"{path}.reasoning", "assistant", "thinking", text)]
    if _is_message(item):
        return list(content_parts(path, str(item.get("role")), item.get("content")))
    return [json_part(path, as_text(item.get("role")) or "assistant", item)]
