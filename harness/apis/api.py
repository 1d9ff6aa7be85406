"""What an API is: `Api` writes the fields of a request and reads its events, each API by its own rules.

The conversation comes in one form, that of chat messages: roles `system`, `user`, `assistant` (with `tool_calls`) and
`tool`. Everything here is pure; `harness/servers` joins the fields with what a server kind needs, `harness/read` feeds
the events.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from harness.apis.delta import Delta
from harness.apis.request_parts import RequestPart
from harness.types import Json, Usage

Message = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class PromptPart:
    """The text of one message or item of a request; tool calls and images have none."""

    role: str
    text: str


class EventParser(Protocol):
    """Reads the events of one response in their order. It never raises, whatever the document is."""

    def __call__(self, document: Mapping[str, Json], event_name: str | None, at_ns: int) -> Delta:
        """Read one JSON object that came as an event or as the whole body."""


class Api(ABC):
    """One API.

    `path` follows base_url; `conversation_fields` hold the conversation in a request. `limit_fields` are the names of
    the output limit: `max_tokens_field` is None where there are several and the server kind decides. `sampling_fields`
    are those that the API has, None for any. `fixed_fields` are in every streamed request. `stop_field` has the stop
    strings and `count_path` counts a prompt's tokens, None if the API has no such thing. `last_event` ends a complete
    stream.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    path: ClassVar[str]
    conversation_fields: ClassVar[tuple[str, ...]]
    limit_fields: ClassVar[tuple[str, ...]]
    sampling_fields: ClassVar[tuple[str, ...] | None]
    fixed_fields: ClassVar[Mapping[str, Json]]
    count_path: ClassVar[str | None]
    stop_field: ClassVar[str | None]
    last_event: ClassVar[str]

    def url(self, base_url: str) -> str:
        """Where its requests go."""
        return f"{base_url.rstrip('/')}{self.path}"

    @property
    def max_tokens_field(self) -> str | None:
        """The field that limits the output tokens; None where the server kind decides which it is."""
        return self.limit_fields[0] if len(self.limit_fields) == 1 else None

    @property
    def reserved_fields(self) -> tuple[str, ...]:
        """The fields of a request that are the run's own: a model's `extra` may set any other.

        Each name of the output limit is one, since a server may read another than the one that the run sends.
        """
        return ("model", *self.conversation_fields, "stream", "tools", *self.limit_fields, *self.fixed_fields)

    @abstractmethod
    def write_conversation(self, messages: Sequence[Message]) -> dict[str, Json]:
        """The fields of a request that hold a conversation."""

    @abstractmethod
    def write_tools(self, tools: Sequence[Mapping[str, Json]]) -> list[Json]:
        """The field `tools`, from the tools in the form of chat."""

    @abstractmethod
    def read_prompt(self, request: Mapping[str, Json]) -> tuple[PromptPart, ...] | None:
        """The texts of a request's conversation; None if it has no readable one."""

    @abstractmethod
    def read_parts(self, request: Mapping[str, Json]) -> tuple[RequestPart, ...]:
        """What a server renders into the prompt: system texts, tools, then the conversation; () if it has none."""

    @abstractmethod
    def event_parser(self) -> EventParser:
        """A parser for one response."""

    @abstractmethod
    def parse_usage(self, usage: Mapping[str, Json]) -> Usage:
        """The token counts of a usage object; `prompt_tokens` includes the cached ones."""

    def conversation(self, request: Mapping[str, Json]) -> dict[str, Json]:
        """The conversation of a request as it was sent."""
        return {name: request[name] for name in self.conversation_fields if name in request}

    def prompt_chars(self, request: Mapping[str, Json]) -> int | None:
        """The length of a request's conversation in characters; None if it has no readable one."""
        parts = self.read_prompt(request)
        return None if parts is None else sum(len(part.text) for part in parts)

    def resolve_finish(self, reason: str | None, usage: Usage | None, request: Mapping[str, Json]) -> str | None:
        """The finish reason in the words of chat, given the whole response."""
        return reason
