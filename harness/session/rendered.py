"""How the live server writes two requests into prompts: `Renderer` asks llama.cpp's `/apply-template` and `/tokenize`.

These take a conversation in the form of chat, so that requests of the other APIs are written in it first, as llama.cpp
itself does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.apis import RequestPart
from harness.errors import ServerError
from harness.servers import fetch
from harness.session.requests import SessionRequest
from harness.session.units import shared_prefix
from harness.types import Json

GENERATION_PROMPT_TOKENS = 16
"""A prompt ends with the words that open the reply: so many tokens the next prompt may have otherwise."""
_SHOWN_CHARS = 40


@dataclass(frozen=True, slots=True)
class RenderedComparison:
    """The tokens that both prompts begin with, of those of the earlier one; `agree` if that is all of it."""

    shared_tokens: int
    old_tokens: int
    agree: bool
    sentence: str


class Renderer:
    """Asks one server; `problem` says why it cannot, and then nothing more is asked."""

    def __init__(self, url: str) -> None:
        """Remember the server's address, with or without /v1."""
        self.url = url.rstrip("/").removesuffix("/v1")
        self.problem: str | None = None

    def compare(self, old: SessionRequest, new: SessionRequest) -> RenderedComparison | None:
        """Where the rendered prompts of two requests part; None if the server does not say."""
        if self.problem is not None:
            return None
        prompts = [self._render(request) for request in (old, new)]
        tokens = [self._tokenize(prompt) for prompt in prompts if prompt is not None]
        if len(tokens) < 2 or tokens[0] is None or tokens[1] is None:
            return None
        shared = shared_prefix_tokens(tokens[0], tokens[1])
        agree = shared >= len(tokens[0]) - GENERATION_PROMPT_TOKENS
        at = shared_prefix(prompts[0] or "", prompts[1] or "")
        words = [repr((prompt or "")[max(0, at - 12) : at + _SHOWN_CHARS]) for prompt in prompts]
        sentence = f"after {shared} of {len(tokens[0])} tokens {words[0]} became {words[1]}"
        return RenderedComparison(shared, len(tokens[0]), agree, sentence)

    def _render(self, request: SessionRequest) -> str | None:
        body = {"messages": chat_messages(request.parts), **request.options}
        tools = request.recording.request.get("tools")
        if isinstance(tools, list) and tools:
            body["tools"] = [_chat_tool(tool) for tool in tools if isinstance(tool, dict)]
        prompt = self._ask("/apply-template", body).get("prompt")
        return prompt if isinstance(prompt, str) else None

    def _tokenize(self, prompt: str) -> list[Json] | None:
        tokens = self._ask("/tokenize", {"content": prompt, "add_special": True, "parse_special": True}).get("tokens")
        return tokens if isinstance(tokens, list) else None

    def _ask(self, path: str, body: dict[str, Json]) -> dict[str, Json]:
        if self.problem is not None:
            return {}
        try:
            reply = fetch("POST", self.url + path, body=body)
        except ServerError as error:
            self.problem = str(error.problems[0].message)
            return {}
        if reply.status != 200 or not isinstance(reply.document, dict):
            self.problem = f"{self.url}{path} answered {reply.status}: {reply.text[:200]}"
            return {}
        return reply.document


def shared_prefix_tokens(old: Sequence[Json], new: Sequence[Json]) -> int:
    """How many leading tokens are the same."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(old), len(new)))


def chat_messages(parts: Sequence[RequestPart]) -> list[Json]:
    """The conversation in the form of chat: each result is a message of its own, thoughts are `reasoning_content`."""
    spoken = [part for part in parts if part.kind != "tool"]
    groups = groupby(enumerate(spoken), key=lambda pair: _message_key(*pair))
    return [_chat_message([part for _, part in group]) for _, group in groups]


def _message_key(at: int, part: RequestPart) -> tuple[str, str, int]:
    """Items of Responses that a model wrote in one reply are one message; each result stands alone."""
    is_item = part.message.startswith("input") and part.role == "assistant"
    return ("reply" if is_item else part.message, part.role, at if part.kind == "tool_result" else -1)


def _chat_message(parts: Sequence[RequestPart]) -> dict[str, Json]:
    if parts[0].kind == "tool_result":
        return {"role": "tool", "tool_call_id": parts[0].call_id, "content": parts[0].text}
    message: dict[str, Json] = {
        "role": parts[0].role,
        "content": "".join(part.text for part in parts if part.kind in ("text", "other")),
    }
    thoughts = "".join(part.text for part in parts if part.kind == "thinking")
    calls = [part for part in parts if part.kind == "tool_call"]
    if thoughts:
        message["reasoning_content"] = thoughts
    if calls:
        message["tool_calls"] = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.text}}
            for call in calls
        ]
    return message


def _chat_tool(tool: dict[str, Json]) -> dict[str, Json]:
    function = tool.get("function")
    fields = function if isinstance(function, dict) else tool
    parameters = fields.get("parameters") or fields.get("input_schema") or {"type": "object", "properties": {}}
    function = {"name": fields.get("name"), "description": fields.get("description") or "", "parameters": parameters}
    return {"type": "function", "function": function}
