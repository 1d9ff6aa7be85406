"""The parts of a request that a server renders into its prompt, each with its place in the words of the request.

`RequestPart` is one text, thought, tool, call or result; `content_parts` reads the content of a message, which is a
string or a list of blocks, and `tool_parts` the tools. `prompt_options` are the other fields that a template can see.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from harness.apis.delta import as_list, as_object, as_text, extract_text
from harness.apis.json_text import to_text
from harness.types import Json

PartKind = Literal["text", "thinking", "tool", "tool_call", "tool_result", "other"]
SYSTEM_ROLES = ("system", "developer")
PROMPT_OPTIONS = (
    "chat_template_kwargs",
    "enable_thinking",
    "output_config",
    "reasoning",
    "reasoning_effort",
    "response_format",
    "thinking",
    "tool_choice",
)
"""Fields beside conversation and tools that chat templates and servers write into the prompt."""
_TEXT_TYPES = ("text", "input_text", "output_text", "refusal")
_THINKING_TYPES = ("thinking", "redacted_thinking")
_BASE64 = re.compile(r"(data:[^,]{0,200},)?[A-Za-z0-9+/_\r\n-]+={0,2}")
_MIN_DATA_CHARS, _DIGEST_CHARS = 256, 16
_MAX_DIGEST_DEPTH = 4
"""An image stands at most so deep in its block."""


@dataclass(frozen=True, slots=True)
class RequestPart:
    """One part; `path` is its place, such as `messages[4].content[0]`.

    `name` and `call_id` are those of a tool, a call or a result; the text of a call is its arguments.
    """

    path: str
    role: str
    kind: PartKind
    text: str
    name: str = ""
    call_id: str = ""

    @property
    def message(self) -> str:
        """The place of the message or item that it belongs to; all system texts belong together."""
        place = self.path.partition(".")[0]
        return "system" if place.startswith("system") else place


def content_parts(path: str, role: str, content: Json) -> Iterator[RequestPart]:
    """The parts of a message's content; `path` is the message's place."""
    if isinstance(content, str):
        yield RequestPart(f"{path}.content", role, "text", content)
    for at, block in enumerate(as_list(content)):
        yield _block(path, f"{path}.content[{at}]", role, as_object(block))


def _block(message: str, path: str, role: str, block: Mapping[str, Json]) -> RequestPart:
    kind = block.get("type")
    if kind in _TEXT_TYPES:
        return RequestPart(path, role, "text", extract_text(block.get("text") or block.get("refusal")))
    if kind in _THINKING_TYPES:
        text = as_text(block.get("thinking")) or as_text(block.get("data"))
        return RequestPart(f"{message}.thinking", role, "thinking", text)
    if kind == "tool_use":
        arguments, call_id = to_text(block.get("input") or {}), as_text(block.get("id"))
        return RequestPart(path, role, "tool_call", arguments, as_text(block.get("name")), call_id)
    if kind == "tool_result":
        return result_part(path, block.get("content"), block.get("tool_use_id"))
    return json_part(path, role, block)


def json_part(path: str, role: str, value: Json) -> RequestPart:
    """A part that is compared as JSON, such as an image, of which it has a digest."""
    return RequestPart(path, role, "other", _digested_json(value))


def _digested_json(value: Json) -> str:
    """JSON with digests for the data of images and sounds, whose characters are no measure of their tokens."""
    return _json_text(_with_digests(value, _MAX_DIGEST_DEPTH))


def _with_digests(value: Json, depth: int) -> Json:
    if isinstance(value, str):
        return _digest(value)
    if depth and isinstance(value, dict):
        return {key: _with_digests(each, depth - 1) for key, each in value.items()}
    if depth and isinstance(value, list):
        return [_with_digests(each, depth - 1) for each in value]
    return value


def _digest(text: str) -> str:
    if len(text) < _MIN_DATA_CHARS or _BASE64.fullmatch(text) is None:
        return text
    return f"sha256:{sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]}"


def _json_text(value: Json) -> str:
    """JSON of what a prompt can have: `cache_control` asks for a cache and moves from block to block, never into it."""
    if isinstance(value, list):
        value = [_without_cache_control(each) for each in value]
    return to_text(_without_cache_control(value))


def _without_cache_control(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    return {key: each for key, each in value.items() if key != "cache_control"}


def result_part(path: str, content: Json, call_id: Json) -> RequestPart:
    """The result of a call: its texts, and whatever else is in it, such as an image, as JSON."""
    blocks = content if isinstance(content, list) else [] if content is None else [content]
    text = "".join(map(_result_text, blocks))
    return RequestPart(path, "tool", "tool_result", text, call_id=as_text(call_id))


def _result_text(block: Json) -> str:
    is_text = isinstance(block, str) or as_object(block).get("type") in _TEXT_TYPES
    return extract_text(block) or ("" if is_text or block is None else _digested_json(block))


def tool_parts(request: Mapping[str, Json]) -> Iterator[RequestPart]:
    """The tools, each as JSON in the order of its keys: a template writes them in that order."""
    for at, tool in enumerate(as_list(request.get("tools"))):
        fields = as_object(tool)
        name = as_text(fields.get("name")) or as_text(as_object(fields.get("function")).get("name"))
        yield RequestPart(f"tools[{at}]", "tool", "tool", _json_text(tool), name)


def prompt_options(request: Mapping[str, Json]) -> dict[str, Json]:
    """The other fields that can change the rendered prompt."""
    return {name: request[name] for name in PROMPT_OPTIONS if name in request}
