"""The events of the Responses API: `ResponsesParser` reads those of one response.

Sources: OpenAI's reference of the API; captured streams of llama.cpp's server (xllamacpp 2026.10.11549), which numbers
neither events nor outputs, and says `response.completed` of an answer that its output limit cut.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

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
from harness.apis.reported_errors import find_error
from harness.apis.response_items import (
    Channel,
    ItemNames,
    ResponseItem,
    ResponseItems,
    call_input,
    call_name,
    item_channel,
    names_of,
)
from harness.apis.usage import parse_server_timings
from harness.types import Json

_INCOMPLETE = {"max_output_tokens": "length", "max_tokens": "length"}
_RUNNING = (None, "", "queued", "in_progress")
"""The statuses of a response that has not ended."""
_LAST_EVENT = re.compile(r"response\.(completed|incomplete|failed)")
_CALL_EVENT = re.compile(r"response\.\w+_call_(arguments|input|code)\.(delta|done)")
_KEEPALIVES = ("keepalive", "ping", "response.heartbeat")
_WHOLE_KEYS = ("text", "arguments", "refusal", "input", "code")
_SERVER_CALLS = ("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_call")
"""The calls that the server executes itself: the response goes on with their results."""


class ResponsesParser:
    """Reads the events of one response.

    Each text comes both in pieces and whole, and counts once: `items` knows what came of each item. `came` are the
    channels of which text came, `streamed` the items whose text came in events of its own and whose end did not come
    yet. `is_called` says that the client has a call to execute.
    """

    def __init__(self) -> None:
        self.items: dict[Channel, ResponseItems] = {
            "content": ResponseItems(), "reasoning": ResponseItems(), "call": ResponseItems(),
        }  # fmt: skip
        self.came: set[Channel] = set()
        self.streamed: dict[Channel, dict[str, ResponseItem]] = {"content": {}, "reasoning": {}, "call": {}}
        self.is_called = False
        self.ended = False
        self.sequence = -1

    def __call__(self, document: Mapping[str, Json], event_name: str | None, at_ns: int) -> Delta:
        """Read one event, or a whole response that was not streamed."""
        kind = as_text(document.get("type")) or (event_name or "")
        is_body = document.get("object") == "response"
        response = document if is_body else as_object(document.get("response"))
        delta = self._read_fields(document, response, event_name, at_ns)
        status, last = response.get("status"), _LAST_EVENT.fullmatch(kind)
        if last and status in _RUNNING:
            status = last[1]
        if is_body or status not in _RUNNING:
            return self._end(delta, response, status)
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
        item, is_whole = as_object(document.get("item")), kind.endswith(".done")
        if item:
            return self._generated(self._item(delta, item, names_of(item, document), is_whole=is_whole))
        channel = _channel_of(kind)
        if channel is None:
            return delta
        # The end of a call's arguments is not that of the call: its item follows.
        found = self.items[channel].find(names_of({}, document), "end" if is_whole and channel != "call" else "piece")
        keys = _WHOLE_KEYS if is_whole else ("delta",)
        text = next((text for key in keys if (text := extract_text(document.get(key)))), "")
        text = _unseen(found, channel, kind, text, document)
        if not text:
            return delta if is_whole else replace(delta, kind="empty")
        self.streamed[channel][found.key] = found
        return self._generated(_with_text(delta, channel, text, found))

    def _item(self, delta: Delta, item: Mapping[str, Json], names: ItemNames, *, is_whole: bool) -> Delta:
        """The beginning of an item, of a call with its name, or its whole."""
        channel = item_channel(item)
        if channel is None:
            return delta
        found = self.items[channel].find(names, "end" if is_whole else "begin")
        if channel == "call":
            return replace(delta, tool_calls=(self._call(item, found, is_whole=is_whole),))
        if not is_whole or self._is_repetition(channel, found, names):
            return delta
        return _with_text(delta, channel, found.unseen("text", _text_of(item), is_whole=True), found)

    def _is_repetition(self, channel: Channel, found: ResponseItem, names: ItemNames) -> bool:
        """Whether the end of an item repeats what was streamed: of it, or of one that may be it under another id.

        A message and a thought can have several texts, each with an end of its own: only if none came is that of the
        item new.
        """
        streamed = self.streamed[channel]
        if found.seen:
            streamed.pop(found.key, None)
            return True
        last = next(reversed(streamed.values()), None)
        if last is None or (None not in (last.index, names.index) and last.index != names.index):
            return False
        del streamed[last.key]
        return True

    def _call(self, item: Mapping[str, Json], found: ResponseItem, *, is_whole: bool) -> ToolCallDelta:
        """What is new of a call in its item."""
        name = found.unseen("name", call_name(item), is_whole=is_whole)
        arguments = found.unseen("text", call_input(item), is_whole=is_whole)
        self.is_called = self.is_called or item.get("type") not in _SERVER_CALLS
        return ToolCallDelta(None, found.call_id, name, arguments, found.key)

    def _generated(self, delta: Delta) -> Delta:
        """A delta with text: a token, and an error after the event that should have been the last."""
        self.came |= _channels(delta)
        if not delta.is_generated:
            return delta
        late = ReportedError("text came after the end of the response", EVENT_ORDER) if self.ended else None
        return replace(delta, kind="token", error=delta.error or late)

    def _end(self, delta: Delta, response: Mapping[str, Json], status: Json) -> Delta:
        """The last event: how the response ended, and its whole text, of which only counts what did not come."""
        delta = delta if self.ended else self._generated(self._rest(delta, as_list(response.get("output"))))
        self.ended = True
        return replace(
            delta,
            finish_reason=_finish_reason(response, status, is_called=self.is_called),
            is_last=True,
            error=delta.error or _end_error(response, status),
        )

    def _rest(self, delta: Delta, output: list[Json]) -> Delta:
        """What only the last event has: calls that did not come before, and the text of channels that did not."""
        items = [as_object(item) for item in output]
        calls = [(at, item) for at, item in enumerate(items) if item_channel(item) == "call"]
        found = self.items["call"].match([names_of(item, {"output_index": at}) for at, item in calls])
        texts = {
            channel: "".join(_text_of(item) for item in items if item_channel(item) == channel)
            for channel in ("content", "reasoning")
        }
        return replace(
            delta,
            content="" if "content" in self.came else texts["content"],
            # Reasoning that comes after the content is the part of the content that a server took out of it.
            reasoning="" if self.came & {"content", "reasoning"} else texts["reasoning"],
            tool_calls=tuple(
                self._call(item, each, is_whole=True) for (_, item), each in zip(calls, found, strict=True)
            ),
        )


def _channel_of(kind: str) -> Channel | None:
    """The channel of a piece of text; summaries of reasoning are reasoning, refusals are content."""
    if not kind.endswith((".delta", ".done")):
        return None
    if kind.startswith(("response.output_text.", "response.refusal.")):
        return "content"
    if _CALL_EVENT.fullmatch(kind):
        return "call"
    return "reasoning" if kind.startswith("response.reasoning") and "part" not in kind else None


def _unseen(item: ResponseItem, channel: Channel, kind: str, text: str, document: Mapping[str, Json]) -> str:
    """What is new of a text; of a thought and its summary only the one that came first counts."""
    part = "summary" if "summary" in kind else "refusal" if "refusal" in kind else "text"
    if channel == "reasoning" and item.seen.keys() - {part}:
        return ""
    index = as_index(document.get("summary_index" if part == "summary" else "content_index"))
    return item.unseen(part, text, is_whole=kind.endswith(".done"), index=index)


def _channels(delta: Delta) -> set[Channel]:
    """The channels on which a delta has text."""
    found: tuple[tuple[Channel, bool], ...] = (
        ("content", bool(delta.content)),
        ("reasoning", bool(delta.reasoning)),
        ("call", delta.has_tool_call),
    )
    return {channel for channel, has_text in found if has_text}


def _with_text(delta: Delta, channel: Channel, text: str, item: ResponseItem) -> Delta:
    if channel == "content":
        return replace(delta, content=text)
    if channel == "reasoning":
        return replace(delta, reasoning=text)
    return replace(delta, tool_calls=(ToolCallDelta(None, item.call_id, "", text, item.key),))


def _text_of(item: Mapping[str, Json]) -> str:
    return extract_text(item.get("content")) if item.get("type") == "message" else reasoning_text(item)


def reasoning_text(item: Mapping[str, Json]) -> str:
    """The text of a thought, or of its summary."""
    return extract_text(item.get("content")) or extract_text(item.get("summary"))


def _finish_reason(response: Mapping[str, Json], status: Json, *, is_called: bool) -> str | None:
    """How the response ended, in the words of chat."""
    if status == "completed":
        return "tool_calls" if is_called else "stop"
    if status != "incomplete":
        return None
    reason = as_text(as_object(response.get("incomplete_details")).get("reason"))
    return _INCOMPLETE.get(reason, reason or "length")


def _end_error(response: Mapping[str, Json], status: Json) -> ReportedError | None:
    if status in ("completed", "incomplete") and not response.get("error"):
        return None
    return find_error(response) or ReportedError(f"the response ended as {status}", f"response_{status}")
