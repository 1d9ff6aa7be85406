"""The Responses API of OpenAI, as Codex speaks it and as local servers imitate it.

Sources: OpenAI's reference of the API; captured streams of llama.cpp's server (xllamacpp 2026.10.11549), which numbers
neither events nor outputs, and says `response.completed` of an answer that its output limit cut.
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
from harness.apis.json_text import to_text
from harness.apis.reported_errors import find_error
from harness.apis.request_parts import SYSTEM_ROLES, RequestPart, content_parts, result_part, tool_parts
from harness.apis.usage import parse_openai_usage, parse_server_timings
from harness.types import Json, Usage

LIMIT_FIELD = "max_output_tokens"
_INCOMPLETE = {"max_output_tokens": "length", "max_tokens": "length"}
_RUNNING = (None, "", "queued", "in_progress")
"""The statuses of a response that has not ended."""
_KEEPALIVES = ("keepalive", "ping", "response.heartbeat")


class ResponsesApi(Api):
    """`POST /responses`: system text in `instructions`, and messages, calls and results as items of `input`."""

    name = "responses"
    title = "Responses"
    path = "/responses"
    conversation_fields = ("instructions", "input")
    max_tokens_field = LIMIT_FIELD
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
        return _ResponsesParser()

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
    kind = item.get("type")
    if kind == "function_call_output":
        return "tool", extract_text(item.get("output"))
    if kind in ("function_call", "reasoning"):
        return "assistant", ""
    return str(item.get("role")), extract_text(item.get("content"))


def _item_parts(path: str, item: Mapping[str, Json]) -> list[RequestPart]:
    """The parts of an item: of a message its content, of any other one part."""
    kind = item.get("type")
    if kind == "function_call_output":
        return [result_part(path, item.get("output"), item.get("call_id"))]
    if kind == "function_call":
        arguments, call_id = to_text(item.get("arguments") or ""), as_text(item.get("call_id"))
        return [RequestPart(path, "assistant", "tool_call", arguments, as_text(item.get("name")), call_id)]
    if kind == "reasoning":
        text = _reasoning_text(item) or as_text(item.get("encrypted_content"))
        return [RequestPart(f"{path}.reasoning", "assistant", "thinking", text)]
    return list(content_parts(path, str(item.get("role")), item.get("content")))


class _ResponsesParser:
    """Reads the events of one response.

    `seen` are the channels and items of which text came, `whole` those of which all came at once: each text comes both
    in pieces and whole, and counts once.
    """

    def __init__(self) -> None:
        self.seen: set[tuple[str, str | None]] = set()
        self.whole: set[tuple[str, str | None]] = set()
        self.ended = False
        self.sequence = -1

    def __call__(self, document: Mapping[str, Json], event_name: str | None, at_ns: int) -> Delta:
        """Read one event, or a whole response that was not streamed."""
        kind = as_text(document.get("type")) or (event_name or "")
        is_body = document.get("object") == "response"
        response = document if is_body else as_object(document.get("response"))
        delta = self._read_fields(document, response, event_name, at_ns)
        if is_body or (response and response.get("status") not in _RUNNING):
            return self._end(delta, response)
        if kind == "response.created":
            return replace(delta, kind="role_only")
        return replace(delta, kind="keepalive") if kind in _KEEPALIVES else self._piece(delta, kind, document)

    def _read_fields(
        self, document: Mapping[str, Json], response: Mapping[str, Json], event_name: str | None, at_ns: int
    ) -> Delta:
        """What any event may say beside text: counts, timings, the model and an error."""
        usage = as_object(response.get("usage")) or as_object(document.get("usage"))
        return Delta(
            kind="other",
            at_ns=at_ns,
            usage=usage or None,
            server_timings=parse_server_timings({**document, "usage": usage}),
            model=as_text(response.get("model")) or None,
            error=self._find_disorder(document) or find_error({} if response is document else document, event_name),
        )

    def _find_disorder(self, document: Mapping[str, Json]) -> ReportedError | None:
        """An event that is numbered lower than one before it: no order of its text can be trusted."""
        number, before = as_index(document.get("sequence_number")), self.sequence
        if number is None:
            return None
        self.sequence = max(before, number)
        if number >= before:
            return None
        return ReportedError(f"event {number} came after event {before}: text may be out of order", EVENT_ORDER)

    def _piece(self, delta: Delta, kind: str, document: Mapping[str, Json]) -> Delta:
        """A piece of text or of a call, or its whole if no pieces of it came."""
        item = as_object(document.get("item"))
        is_whole = kind.endswith(".done")
        if item.get("type") == "function_call":
            call = self._call_of_item(item, document, is_whole=is_whole)
            return self._generated(replace(delta, tool_calls=(call,)))
        channel = _channel_of(kind)
        if channel is None:
            return delta
        keys = ("text", "arguments", "refusal") if is_whole else ("delta",)
        text = next((found for key in keys if (found := extract_text(document.get(key)))), "")
        key = as_text(document.get("item_id")) or None
        text = self._unseen(channel, key, text, is_whole=is_whole)
        if not text:
            return delta if is_whole else replace(delta, kind="empty")
        return self._generated(_with_text(delta, channel, text, (key, as_index(document.get("output_index")))))

    def _call_of_item(self, item: Mapping[str, Json], document: Mapping[str, Json], *, is_whole: bool) -> ToolCallDelta:
        """The item of a call: its beginning with the name, or its whole."""
        key, arguments = as_text(item.get("id")) or None, to_text(item.get("arguments") or "")
        name = self._unseen("call", key, as_text(item.get("name")), is_whole=is_whole)
        arguments = self._unseen("arguments", key, arguments, is_whole=is_whole)
        call_id = as_text(item.get("call_id")) or None
        return ToolCallDelta(as_index(document.get("output_index")), call_id, name, arguments, key)

    def _unseen(self, channel: str, key: str | None, text: str, *, is_whole: bool) -> str:
        """The text, or "" if it repeats what came: the whole after its pieces, or the other way around."""
        if (channel, key) in (self.seen if is_whole else self.whole):
            return ""
        if text:
            self.seen.add((channel, key))
        if text and is_whole:
            self.whole.add((channel, key))
        return text

    def _generated(self, delta: Delta) -> Delta:
        """A delta with text: a token, and an error after the event that should have been the last."""
        if not delta.is_generated:
            return delta
        late = ReportedError("text came after the end of the response", EVENT_ORDER) if self.ended else None
        return replace(delta, kind="token", error=delta.error or late)

    def _end(self, delta: Delta, response: Mapping[str, Json]) -> Delta:
        """The last event: how the response ended, and its whole text, which only counts if no pieces came."""
        items = [item for item in as_list(response.get("output")) if isinstance(item, dict)]
        calls = [self._call_of_item(item, {}, is_whole=True) for item in items if item.get("type") == "function_call"]
        has_call = any(channel == "call" for channel, _ in self.seen)
        delta = replace(
            delta,
            content="".join(extract_text(item.get("content")) for item in items if item.get("type") == "message"),
            reasoning="".join(_reasoning_text(item) for item in items if item.get("type") == "reasoning"),
            tool_calls=tuple(calls),
            finish_reason=_finish_reason(response, has_call=has_call),
            is_message=True,
            is_last=True,
            error=delta.error or _end_error(response),
        )
        self.ended = True
        return replace(delta, kind="token") if delta.is_generated else delta


def _channel_of(kind: str) -> str | None:
    """The channel of a piece of text; summaries of reasoning are reasoning, refusals are content."""
    if kind in ("response.output_text.delta", "response.output_text.done", "response.refusal.delta"):
        return "content"
    if kind in ("response.function_call_arguments.delta", "response.function_call_arguments.done"):
        return "arguments"
    is_text = kind.endswith((".delta", ".done")) and "part" not in kind
    return "reasoning" if kind.startswith("response.reasoning") and is_text else None


def _with_text(delta: Delta, channel: str, text: str, place: tuple[str | None, int | None]) -> Delta:
    if channel == "content":
        return replace(delta, content=text)
    if channel == "reasoning":
        return replace(delta, reasoning=text)
    key, index = place
    return replace(delta, tool_calls=(ToolCallDelta(index, None, "", text, key),))


def _reasoning_text(item: Mapping[str, Json]) -> str:
    return extract_text(item.get("content")) or extract_text(item.get("summary"))


def _finish_reason(response: Mapping[str, Json], *, has_call: bool) -> str | None:
    """How the response ended, in the words of chat."""
    status = response.get("status")
    if status == "completed":
        return "tool_calls" if has_call else "stop"
    if status != "incomplete":
        return None
    reason = as_text(as_object(response.get("incomplete_details")).get("reason"))
    return _INCOMPLETE.get(reason, reason or "length")


def _end_error(response: Mapping[str, Json]) -> ReportedError | None:
    status = response.get("status")
    if status in ("completed", "incomplete") and not response.get("error"):
        return None
    return find_error(response) or ReportedError(f"the response ended as {status}", f"response_{status}")
