"""What one event says, whichever API it came over: `Delta`, with the text of each channel and the parts of tool calls.

`extract_text` finds the text in the content parts that APIs nest in each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.types import Json

EventKind = Literal["token", "role_only", "keepalive", "empty", "malformed", "done", "other", "synthetic"]
EVENT_ORDER = "event_order"
"""The kind of the error that events came in an impossible order."""
_MAX_TEXT_DEPTH = 4
PART_KEYS = ("text", "content", "thinking")


@dataclass(frozen=True, slots=True)
class ReportedError:
    """An error in the server's own words, or in the reader's: its message, and its kind if there is one."""

    message: str
    kind: str | None


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """What one event says about one call.

    `key` finds the call again where the API names it by something other than its index or id.
    """

    index: int | None
    id: str | None
    name: str
    arguments: str
    key: str | None = None

    @property
    def is_generated(self) -> bool:
        """Whether the model generated a token of it: the server makes up the id by itself."""
        return bool(self.name or self.arguments)


@dataclass(frozen=True, slots=True)
class Delta:
    """What one event says.

    Kind `token` means generated text on any channel. `is_message` marks complete text that repeats deltas before it,
    `is_last` the event that ends a complete stream, `lacks_metadata` an event without id and model.
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
    is_last: bool = False
    lacks_metadata: bool = False

    @property
    def has_tool_call(self) -> bool:
        """Whether it holds a generated part of a tool call."""
        return any(call.is_generated for call in self.tool_calls)

    @property
    def generated_chars(self) -> int:
        """The characters of generated text on all channels."""
        calls = sum(len(call.name) + len(call.arguments) for call in self.tool_calls)
        return len(self.content) + len(self.reasoning) + calls

    @property
    def is_generated(self) -> bool:
        """Whether it holds generated text on any channel."""
        return bool(self.content or self.reasoning or self.has_tool_call)


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


def as_object(value: Json) -> Mapping[str, Json]:
    """A JSON object as it is; {} for anything else."""
    return value if isinstance(value, dict) else {}


def as_text(value: Json) -> str:
    """A string as it is; "" for anything else."""
    return value if isinstance(value, str) else ""


def as_index(value: Json) -> int | None:
    """An integer as it is; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_list(value: Json) -> list[Json]:
    """A list as it is; [] for anything else."""
    return value if isinstance(value, list) else []
