"""Each server kind as its TOML states it, as one behaviour: what comes before the prefill is done, thoughts under its
key, text, a call, usage and end. A reader that goes wrong on one of them goes wrong on that server.

Nothing stands here of any one kind: a new TOML is a new behaviour.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from harness.calibration.reference.preamble import EARLY, spread
from harness.calibration.reference.scripts import ROLE, Pace, Script, Tail, Write, chunk, words
from harness.servers import ServerKind, load_kinds
from harness.types import Json

TOKENS_IN_A_BURST = 4
_SPEEDS: Mapping[str, Literal["timings", "stats", "usage"]] = {"timings": "timings", "stats": "stats", "usage": "usage"}
_USAGE: Mapping[str, Literal["extra", "finish", "both"]] = {"finish_chunk": "finish", "both": "both"}


def _tail_of(kind: ServerKind) -> Tail:
    told = kind.cache.cached_tokens is not None
    return Tail(
        finish="tool_calls",
        usage=_USAGE.get(kind.stream.usage, "extra"),
        done=kind.stream.sends_done,
        cached="details" if told else None,
        speeds=None if kind.timings is None else _SPEEDS.get(kind.timings.json_path),
    )


def _call_deltas(kind: ServerKind, arguments: str) -> list[Mapping[str, Json]]:
    """The call as this kind sends it: name first and then its arguments, or all at once."""
    head = {"index": 0, "id": "c1", "type": "function"}
    if kind.stream.tool_calls == "complete":
        return [{**head, "function": {"name": "look_up", "arguments": arguments}}]
    first = {**head, "function": {"name": "look_up", "arguments": ""}}
    middle = len(arguments) // 2
    rest = [{"index": 0, "function": {"arguments": part}} for part in (arguments[:middle], arguments[middle:])]
    return [first, *rest]


def _text_writes(kind: ServerKind, pace: Pace, parts: Mapping[str, list[str]], role: Mapping[str, Json]) -> list[Write]:
    size, out, at = TOKENS_IN_A_BURST if kind.stream.tokens_per_event == "many" else 1, [], 0
    for key, texts in parts.items():
        for start in range(0, len(texts), size):
            piece = texts[start : start + size]
            at += len(piece)
            data = chunk({**role, key: "".join(piece)})
            out.append(Write(pace.at_s(at - 1), data, 1, len(piece), usable=key == "content"))
    return out


def as_kind(kind: ServerKind, pace: Pace) -> Script:
    """A reply of this kind: a third of the tokens a thought, unless it only echoes an empty one; text; one call."""
    facts, tail = kind.stream, _tail_of(kind)
    texts, calls = words(pace.tokens), 4
    third = 0 if "echo" in facts.early_events else pace.tokens // 3
    thought, content = texts[:third], texts[third : pace.tokens - calls]
    role: Mapping[str, Json] = {"role": "assistant"} if facts.role_chunk == "every_chunk" else {}
    writes = spread(pace, [piece for name in facts.early_events for piece in EARLY[name]()])
    if facts.role_chunk in ("after_prefill", "with_first_token"):
        writes.append(Write(pace.ttft_s, ROLE))
    writes += _text_writes(kind, pace, {facts.reasoning_keys[0]: thought, "content": content}, role)
    arguments = json.dumps({"words": "".join(texts[-calls:])})
    deltas = _call_deltas(kind, arguments)
    each = calls / len(deltas)
    for number, delta in enumerate(deltas, 1):
        tokens = round(each * number) - round(each * (number - 1))
        due_s = pace.at_s(pace.tokens - calls + round(each * number) - 1)
        writes.append(Write(due_s, chunk({**role, "tool_calls": [delta]}), 1, tokens, usable=True))
    writes.append(Write(writes[-1].at_s, tail.data(pace, role)))
    said = replace(tail.expected(pace), content="".join(content), reasoning="".join(thought))
    return Script(tuple(writes), replace(said, calls=(("look_up", arguments),)))


def _script_of(kind: ServerKind) -> Callable[[Pace], Script]:
    return lambda pace: as_kind(kind, pace)


KINDS: Mapping[str, Callable[[Pace], Script]] = {
    f"as-{name}": _script_of(kind) for name, kind in sorted(load_kinds().items())
}
