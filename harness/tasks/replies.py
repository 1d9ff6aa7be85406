"""A reply as it stands in solution/ and wrong/: its text, and the tool calls that it ends with.

A reply that calls tools ends with one block fenced as `tool_calls` that holds a JSON list of {"name", "arguments"};
arguments that are a text are sent as they are, so that a broken call can be written down too.
"""

from __future__ import annotations

import re

from harness.files import from_json, to_json
from harness.types import Json, ToolCall

_BLOCK = re.compile(r"(?:\A|\n)```tool_calls[ \t]*\n(.*?)\n```[ \t]*\s*\Z", re.DOTALL)


def split_reply(text: str) -> tuple[str, tuple[ToolCall, ...]]:
    """The reply's content and its calls, numbered from 1. Raises ValueError for a block that is no list of calls."""
    found = _BLOCK.search(text)
    if found is None:
        return text, ()
    calls = from_json(found[1])
    if not isinstance(calls, list):
        raise ValueError("a tool_calls block holds a list")
    return text[: found.start()].rstrip("\n"), tuple(_call(one, number) for number, one in enumerate(calls, 1))


def _call(document: Json, number: int) -> ToolCall:
    if not isinstance(document, dict) or set(document) != {"name", "arguments"}:
        raise ValueError(f"call {number} must have a name and arguments, and nothing else")
    arguments = document["arguments"]
    text = arguments if isinstance(arguments, str) else to_json(arguments)
    return ToolCall(f"call_{number}", str(document["name"]), text)
