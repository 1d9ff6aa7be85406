"""Splits a reply of solution/ or wrong/ into its text and its tool calls.

A reply that calls tools ends with one block fenced as `tool_calls`, a JSON list of {"name", "arguments"}. Arguments
given as a string are sent as they are, so that a malformed call can be written down too.
"""

from __future__ import annotations

import re

from harness.files import from_json, to_json
from harness.types import Json, ToolCall

_BLOCK = re.compile(r"(?:\A|\n)```tool_calls[ \t]*\n(.*?)\n```[ \t]*\s*\Z", re.DOTALL)


def split_reply(text: str) -> tuple[str, tuple[ToolCall, ...]]:
    """The reply's content and its calls, numbered from 1. Raises ValueError for a block that is not a list of calls."""
    found = _BLOCK.search(text)
    if found is None:
        return text, ()
    calls = from_json(found[1])
    if not isinstance(calls, list):
        raise ValueError("a tool_calls block must be a list")
    return text[: found.start()].rstrip("\n"), tuple(_call(call, number) for number, call in enumerate(calls, 1))


def _call(document: Json, number: int) -> ToolCall:
    if not isinstance(document, dict) or set(document) != {"name", "arguments"}:
        raise ValueError(f"call {number} must have the fields name and arguments only")
    arguments = document["arguments"]
    text = arguments if isinstance(arguments, str) else to_json(arguments)
    return ToolCall(f"call_{number}", str(document["name"]), text)
