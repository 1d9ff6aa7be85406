"""Parse one event into a `Delta`, whichever dialect of the chat completions API its server speaks.

`parse_event` takes a server-sent event, `parse_delta` a JSON object. The tables at the end are the dialects: the keys
that hold the text of each channel. vLLM, mlx-lm and Ollama write `reasoning`, llama.cpp and most others
`reasoning_content`, Ollama's native API `thinking`. A kind that depends on earlier events is decided in fold.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from harness.read.json_text import parse_object
from harness.read.sse import DONE, Event
from harness.read.stream_errors import ReportedError, find_error
from harness.read.tool_calls import ToolCallDelta, parse_tool_calls
from harness.read.usage import parse_server_timings
from harness.types import Json

EventKind = Literal["token", "role_only", "keepalive", "empty", "malformed", "done", "other", "synthetic"]
_MAX_TEXT_DEPTH = 4
_KEEPALIVE_MODEL = "keepalive"
"""The model name in oMLX's keep-alive events, which look like a role-only chunk otherwise."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What one event says.

    Kind `token` means generated text on any channel. `is_message` marks a complete message instead of a delta,
    `lacks_metadata` an event without id and model.
    """

    kind: EventKind
    at_ns: int
    content: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    finish_reason: str | None = None
    usage: Mapping[str, Json] | None = None
    server_timings: Mapping[str, Json] | None = None
    model: str | None = None
    error: ReportedError | None = None
    is_message: bool = False
    lacks_metadata: bool = False

    @property
    def has_tool_call(self) -> bool:
        """Whether it holds a generated part of a tool call."""
        return any(call.is_generated for call in self.tool_calls)


def extract_text(value: Json, depth: int = _MAX_TEXT_DEPTH) -> str:
    """Return the text of a string, or of the text parts in a list or object; "" for anything else."""
    if isinstance(value, str):
        return value
    if depth == 0:
        return ""
    if isinstance(value, list):
        return "".join(extract_text(part, depth - 1) for part in value)
    if isinstance(value, dict):
        return next((text for key in PART_KEYS if (text := extract_text(value.get(key), depth - 1))), "")
    return ""


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


def parse_delta(document: Mapping[str, Json], event_name: str | None, at_ns: int) -> Delta:
    """Parse a JSON object that came as an event or as the whole body."""
    choice = _first_choice(document)
    message, is_message = _message_of(choice)
    finish_reason, usage = choice.get("finish_reason"), document.get("usage")
    delta = Delta(
        kind="token",
        at_ns=at_ns,
        content=_first_text(message, CONTENT_KEYS),
        reasoning=_first_text(message, REASONING_KEYS),
        tool_calls=parse_tool_calls(message.get("tool_calls")),
        finish_reason=finish_reason if isinstance(finish_reason, str) and finish_reason else None,
        usage=usage if isinstance(usage, dict) and usage else None,
        server_timings=parse_server_timings(document),
        model=_model_of(document),
        error=find_error(document, event_name),
        is_message=is_message,
        lacks_metadata=document.keys() == {"choices"},
    )
    if delta.content or delta.reasoning or delta.has_tool_call:
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


def parse_event(event: Event) -> Delta:
    """Parse one event. One whose data is not a JSON object is `malformed`, or an error if the event is named so."""
    text = event.data.strip()
    if text == DONE:
        return Delta("done", event.at_ns)
    document = parse_object(text)
    if document is not None:
        return parse_delta(document, event.name, event.at_ns)
    if event.name == "error":
        return Delta("other", event.at_ns, error=ReportedError(text or "error event without a message", None))
    return Delta("malformed" if text else "keepalive", event.at_ns)


CONTENT_KEYS = ("content",)
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
PART_KEYS = ("text", "content", "thinking")
