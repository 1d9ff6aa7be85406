"""The chat completions API, in every dialect of it that servers speak.

The tables at the end are the dialects: the keys that hold the text of each channel. vLLM, mlx-lm and Ollama write
`reasoning`, llama.cpp and most others `reasoning_content`, Ollama's native API `thinking`. A kind that depends on
earlier events is decided in harness/read/fold.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from harness.apis.api import Api, EventParser, Message, PromptPart
from harness.apis.delta import (
    Delta,
    EventKind,
    ToolCallDelta,
    as_index,
    as_list,
    as_object,
    as_text,
    extract_text,
)
from harness.apis.json_text import to_text
from harness.apis.reported_errors import find_error
from harness.apis.request_parts import SYSTEM_ROLES, RequestPart, content_parts, result_part, tool_parts
from harness.apis.usage import parse_openai_usage, parse_server_timings
from harness.types import Json, Usage

_KEEPALIVE_MODEL = "keepalive"
"""The model name in oMLX's keep-alive events, which look like a role-only chunk otherwise."""


class ChatApi(Api):
    """`POST /chat/completions`. The name of the output limit and the thinking switch are the server kind's."""

    name = "chat"
    title = "Chat Completions"
    path = "/chat/completions"
    conversation_fields = ("messages",)
    limit_fields = ("max_tokens", "max_completion_tokens")
    sampling_fields = None
    fixed_fields: ClassVar[Mapping[str, Json]] = {"stream_options": {"include_usage": True}}
    count_path = None
    stop_field = "stop"
    last_event = "[DONE]"

    @property
    def reserved_fields(self) -> tuple[str, ...]:
        """Also `n`: usage counts the tokens of all choices, and one of them is read."""
        return (*super().reserved_fields, "n")

    def write_conversation(self, messages: Sequence[Message]) -> dict[str, Json]:
        """The messages as they are."""
        return {"messages": [dict(message) for message in messages]}

    def write_tools(self, tools: Sequence[Mapping[str, Json]]) -> list[Json]:
        """The tools as they are."""
        return [dict(tool) for tool in tools]

    def read_prompt(self, request: Mapping[str, Json]) -> tuple[PromptPart, ...] | None:
        """One part for each message."""
        messages = request.get("messages")
        if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
            return None
        return tuple(PromptPart(str(message.get("role")), extract_text(message.get("content"))) for message in messages)

    def read_parts(self, request: Mapping[str, Json]) -> tuple[RequestPart, ...]:
        """Leading system messages, tools, then the other messages with their thoughts before their content."""
        system, others = list[RequestPart](), list[RequestPart]()
        for at, message in enumerate(as_list(request.get("messages"))):
            if isinstance(message, dict):
                is_leading = not others and message.get("role") in SYSTEM_ROLES
                (system if is_leading else others).extend(_message_parts(f"messages[{at}]", message))
        return (*system, *tool_parts(request), *others) if system or others else ()

    def event_parser(self) -> EventParser:
        """Chat events can be read one by one."""
        return _parse_event

    def parse_usage(self, usage: Mapping[str, Json]) -> Usage:
        """The counts under any of the names that servers use."""
        return parse_openai_usage(usage)


def _message_parts(path: str, message: Mapping[str, Json]) -> list[RequestPart]:
    role = str(message.get("role"))
    if role == "tool":
        return [result_part(f"{path}.content", message.get("content"), message.get("tool_call_id"))]
    parts = [
        RequestPart(f"{path}.{key}", role, "thinking", text)
        for key in REASONING_KEYS
        if (text := as_text(message.get(key)))
    ]
    parts += content_parts(path, role, message.get("content"))
    for at, call in enumerate(as_list(message.get("tool_calls"))):
        function, call_id = as_object(as_object(call).get("function")), as_text(as_object(call).get("id"))
        place, arguments = f"{path}.tool_calls[{at}]", _arguments_text(function.get("arguments"))
        parts.append(RequestPart(place, role, "tool_call", arguments, as_text(function.get("name")), call_id))
    return parts


def _arguments_text(value: Json) -> str:
    """Arguments as text; some servers send them as an object."""
    return to_text(value) if isinstance(value, str | dict | list) else ""


def _parse_tool_call(value: Json) -> ToolCallDelta | None:
    if not isinstance(value, dict):
        return None
    function = value.get("function")
    function = function if isinstance(function, dict) else {}
    index, call_id, name = value.get("index"), value.get("id"), function.get("name")
    return ToolCallDelta(
        index=as_index(index),
        id=call_id if isinstance(call_id, str) and call_id else None,
        name=name if isinstance(name, str) else "",
        arguments=_arguments_text(function.get("arguments")),
    )


def parse_tool_calls(value: Json, *, is_whole: bool = False) -> tuple[ToolCallDelta, ...]:
    """Parse the `tool_calls` of a delta or of a whole message; entries that are not objects are dropped.

    Each entry of a whole message is a call, whatever its id and index say: its index becomes its place.
    """
    calls = tuple(delta for delta in map(_parse_tool_call, as_list(value)) if delta is not None)
    return tuple(replace(call, index=at) for at, call in enumerate(calls)) if is_whole else calls


def _first_text(document: Mapping[str, Json], keys: tuple[str, ...]) -> str:
    """The text under the first key that has any: a server that writes its reasoning under two keys means it once."""
    for key in keys:
        value = document.get(key)
        text = value if isinstance(value, str) else extract_text(value)
        if text:
            return text
    return ""


def _first_choice(document: Mapping[str, Json]) -> Mapping[str, Json]:
    """The choice with index 0 or without an index. The kit asks for one answer, so it ignores all others."""
    choices = document.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index", 0) in (0, None):
            return choice
    return {}


def _message_of(choice: Mapping[str, Json]) -> tuple[Mapping[str, Json], bool]:
    """The object that holds the text, and whether it is a complete message."""
    delta, message = choice.get("delta"), choice.get("message")
    if isinstance(delta, dict):
        return delta, False
    return (message, True) if isinstance(message, dict) else ({}, False)


def _is_keepalive(document: Mapping[str, Json]) -> bool:
    """oMLX's keep-alive chunk, or llama-server's progress of the prefill (`return_progress`)."""
    return document.get("model") == _KEEPALIVE_MODEL or isinstance(document.get("prompt_progress"), dict)


def _carries_no_text(document: Mapping[str, Json], choice: Mapping[str, Json]) -> bool:
    """Whether an event without text belongs to the end of the stream, or to a choice that the kit did not ask for."""
    only_other_choices = bool(document.get("choices")) and not choice
    return bool(choice.get("finish_reason") or document.get("usage")) or only_other_choices


def _model_of(document: Mapping[str, Json]) -> str | None:
    model = document.get("model")
    return model if isinstance(model, str) and model != _KEEPALIVE_MODEL else None


def _parse_event(document: Mapping[str, Json], event_name: str | None, at_ns: int) -> Delta:
    choice = _first_choice(document)
    message, is_message = _message_of(choice)
    finish_reason, usage = choice.get("finish_reason"), document.get("usage")
    delta = Delta(
        kind="token",
        at_ns=at_ns,
        content=_first_text(message, CONTENT_KEYS),
        reasoning=_first_text(message, REASONING_KEYS),
        tool_calls=parse_tool_calls(message.get("tool_calls"), is_whole=is_message),
        finish_reason=finish_reason if isinstance(finish_reason, str) and finish_reason else None,
        usage=usage if isinstance(usage, dict) and usage else None,
        server_timings=parse_server_timings(document),
        model=_model_of(document),
        error=find_error(document, event_name),
        is_message=is_message,
        lacks_metadata=document.keys() == {"choices"},
    )
    if delta.is_generated:
        return delta
    return replace(delta, kind=_kind_without_text(document, choice, message, delta))


def _kind_without_text(
    document: Mapping[str, Json], choice: Mapping[str, Json], message: Mapping[str, Json], delta: Delta
) -> EventKind:
    if _is_keepalive(document):
        return "keepalive"
    if delta.server_timings or delta.error or _carries_no_text(document, choice):
        return "other"
    return "role_only" if message.get("role") else "empty"


CONTENT_KEYS = ("content",)
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
