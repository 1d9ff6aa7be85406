"""The body of a chat request -> Ask; what is wrong with it is said in the protocol's own shape."""

from __future__ import annotations

import json
from collections.abc import Mapping

from harness.demo.replies import Ask
from harness.demo.simulated_models import VOICES, Voice
from harness.types import Json


class RefusedError(Exception):
    """A request that gets an error object instead of an answer."""

    def __init__(self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        """`param` is the field at fault."""
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code

    @property
    def document(self) -> dict[str, Json]:
        """The error object."""
        kind = "not_found_error" if self.status == 404 else "invalid_request_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


def _voice_of(body: Mapping[str, Json]) -> Voice:
    name = body.get("model")
    for voice in VOICES:
        if voice.name == name:
            return voice
    known = ", ".join(voice.name for voice in VOICES)
    raise RefusedError(f"no model {name!r} here; there are {known}", status=404, param="model", code="model_not_found")


def _messages_of(body: Mapping[str, Json]) -> tuple[Mapping[str, Json], ...]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RefusedError("messages must be a list with at least one message", param="messages")
    for at, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise RefusedError(f"messages[{at}] must be an object with a role", param=f"messages[{at}]")
        if not isinstance(message.get("content"), str | list | None):
            raise RefusedError(f"messages[{at}].content must be text or parts", param=f"messages[{at}].content")
    return tuple(messages)


def _max_tokens_of(body: Mapping[str, Json]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise RefusedError(f"{name} must be a whole number of at least 1", param=name)
        return value
    return None


def _flag(body: Mapping[str, Json], name: str, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise RefusedError(f"{name} must be true or false", param=name)
    return value


def _has_tools(body: Mapping[str, Json]) -> bool:
    tools = body.get("tools")
    if not isinstance(tools, list | None):
        raise RefusedError("tools must be a list", param="tools")
    return bool(tools)


def _section(body: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    value = body.get(name) or {}
    if not isinstance(value, dict):
        raise RefusedError(f"{name} must be an object", param=name)
    return value


def parse_ask(data: bytes) -> Ask:
    """A checked request from the bytes of its body. Raises RefusedError."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise RefusedError("the body must be a JSON object")
    voice = _voice_of(body)
    template = _section(body, "chat_template_kwargs")
    return Ask(
        voice=voice,
        messages=_messages_of(body),
        max_tokens=_max_tokens_of(body),
        thinking=bool(voice.thought_tokens) and _flag(template, "enable_thinking", True),
        stream=_flag(body, "stream", False),
        include_usage=_flag(_section(body, "stream_options"), "include_usage", False),
        tools=_has_tools(body),
    )
