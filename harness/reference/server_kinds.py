"""A behavior for each server kind, derived from the facts in its TOML: `as-omlx`, `as-vllm` and so on.

The reply has what the kind sends before the prefill, reasoning under its key, content, one tool call, usage and end. A
reader that fails on it fails on that server. No kind is named here: a new TOML is a new behavior.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from harness.reference.preamble import EARLY, spread
from harness.reference.scripts import ROLE, Pace, Script, Tail, Write, chunk, words
from harness.reference.tool_calls import TOOL
from harness.servers import ServerKind, load_kinds
from harness.types import Json

TOKENS_PER_BURST = 4
CALL_TOKENS = 4
_TIMINGS: Mapping[str, Literal["timings", "stats", "usage"]] = {
    "timings": "timings",
    "stats": "stats",
    "usage": "usage",
}
_USAGE: Mapping[str, Literal["extra", "finish", "both"]] = {"finish_chunk": "finish", "both": "both"}


def _tail_of(kind: ServerKind) -> Tail:
    return Tail(
        finish_reason="tool_calls",
        usage=_USAGE.get(kind.stream.usage, "extra"),
        done=kind.stream.sends_done,
        cached=None if kind.cache.cached_tokens is None else "details",
        timings=None if kind.timings is None else _TIMINGS.get(kind.timings.json_path),
    )


def _call_deltas(kind: ServerKind, arguments: str) -> list[Mapping[str, Json]]:
    """The deltas of the call: all in one event, or the name and then the arguments in two pieces."""
    head = {"index": 0, "id": "c1", "type": "function"}
    if kind.stream.tool_calls == "complete":
        return [{**head, "function": {"name": TOOL, "arguments": arguments}}]
    first = {**head, "function": {"name": TOOL, "arguments": ""}}
    middle = len(arguments) // 2
    pieces = (arguments[:middle], arguments[middle:])
    return [first, *({"index": 0, "function": {"arguments": piece}} for piece in pieces)]


def _text_writes(
    kind: ServerKind, pace: Pace, texts_by_key: Mapping[str, list[str]], role: Mapping[str, Json]
) -> list[Write]:
    burst = TOKENS_PER_BURST if kind.stream.tokens_per_event == "many" else 1
    writes, tokens = [], 0
    for key, texts in texts_by_key.items():
        for start in range(0, len(texts), burst):
            piece = texts[start : start + burst]
            tokens += len(piece)
            data = chunk({**role, key: "".join(piece)})
            writes.append(Write(pace.at_s(tokens - 1), data, 1, len(piece), is_output=key == "content"))
    return writes


def _call_writes(kind: ServerKind, pace: Pace, arguments: str, role: Mapping[str, Json]) -> list[Write]:
    """The call as the last tokens of the reply, spread evenly over its deltas."""
    deltas, writes, sent = _call_deltas(kind, arguments), [], 0
    for number, delta in enumerate(deltas, 1):
        due = round(CALL_TOKENS / len(deltas) * number)
        at_s = pace.at_s(pace.tokens - CALL_TOKENS + due - 1)
        writes.append(Write(at_s, chunk({**role, "tool_calls": [delta]}), 1, due - sent, is_output=True))
        sent = due
    return writes


def make_kind_script(kind: ServerKind, pace: Pace) -> Script:
    """Make a reply of this kind. A third of its tokens is reasoning, unless the kind only echoes an empty thought."""
    facts, tail, texts = kind.stream, _tail_of(kind), words(pace.tokens)
    third = 0 if "synthetic_echo" in facts.early_events else pace.tokens // 3
    reasoning, content = texts[:third], texts[third : pace.tokens - CALL_TOKENS]
    arguments = json.dumps({"words": "".join(texts[-CALL_TOKENS:])})
    role: Mapping[str, Json] = {"role": "assistant"} if facts.role_chunk == "every_chunk" else {}
    writes = spread(pace, [piece for name in facts.early_events for piece in EARLY[name]()])
    if facts.role_chunk in ("after_prefill", "with_first_token"):
        writes.append(Write(pace.ttft_s, ROLE))
    writes += _text_writes(kind, pace, {facts.reasoning_keys[0]: reasoning, "content": content}, role)
    writes += _call_writes(kind, pace, arguments, role)
    writes.append(Write(writes[-1].at_s, tail.data(pace, role)))
    expected = replace(
        tail.expected(pace),
        content="".join(content),
        reasoning="".join(reasoning),
        tool_calls=((TOOL, arguments),),
    )
    return Script(tuple(writes), expected)


def _maker_of(kind: ServerKind) -> Callable[[Pace], Script]:
    return lambda pace: make_kind_script(kind, pace)


SERVER_KINDS: Mapping[str, Callable[[Pace], Script]] = {
    f"as-{name}": _maker_of(kind) for name, kind in sorted(load_kinds().items())
}
