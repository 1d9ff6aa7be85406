"""Validation of chat requests: bytes of a body -> ChatRequest, or an error object in the protocol's form."""

from __future__ import annotations

import json
from collections.abc import Mapping

from harness.demo.replies import ChatRequest
from harness.demo.simulated_models import SIMULATED_MODELS, SimulatedModel
from harness.types import Json


class InvalidRequestError(Exception):
    """A request that gets an error object instead of an answer."""

    def __init__(self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        """`param` names the invalid field."""
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code

    @property
    def document(self) -> dict[str, Json]:
        """The error object."""
        kind = "not_found_error" if self.status == 404 else "invalid_request_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


def parse_request(data: bytes) -> ChatRequest:
    """Parse and validate the body of a request. Raises InvalidRequestError."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise InvalidRequestError("the body must be a JSON object")
    model = _find_model(body)
    template = _object(body, "chat_template_kwargs")
    return ChatRequest(
        model=model,
        messages=_messages(body),
        max_tokens=_max_tokens(body),
        thinking=bool(model.reasoning_tokens) and _flag(template, "enable_thinking", True),
        stream=_flag(body, "stream", False),
        include_usage=_flag(_object(body, "stream_options"), "include_usage", False),
        tools=_has_tools(body),
    )


def _find_model(body: Mapping[str, Json]) -> SimulatedModel:
    name = body.get("model")
    for model in SIMULATED_MODELS:
        if model.name == name:
            return model
    names = ", ".join(model.name for model in SIMULATED_MODELS)
    message = f"unknown model {name!r}; the models are {names}"
    raise InvalidRequestError(message, status=404, param="model", code="model_not_found")


def _messages(body: Mapping[str, Json]) -> tuple[Mapping[str, Json], ...]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequestError("messages must be a list with at least one message", param="messages")
    for number, message in enumerate(messages):
        param = f"messages[{number}]"
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise InvalidRequestError(f"{param} must be an object with a role", param=param)
        if not isinstance(message.get("content"), str | list | None):
            raise InvalidRequestError(f"{param}.content must be a string or a list of parts", param=f"{param}.content")
    return tuple(messages)


def _max_tokens(body: Mapping[str, Json]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InvalidRequestError(f"{name} must be an integer of at least 1", param=name)
        return value
    return None


def _flag(body: Mapping[str, Json], name: str, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise InvalidRequestError(f"{name} must be true or false", param=name)
    return value


def _has_tools(body: Mapping[str, Json]) -> bool:
    tools = body.get("tools")
    if not isinstance(tools, list | None):
        raise InvalidRequestError("tools must be a list", param="tools")
    return bool(tools)


def _object(body: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    value = body.get(name) or {}
    if not isinstance(value, dict):
        raise InvalidRequestError(f"{name} must be an object", param=name)
    return value
