"""Replies that call a tool: whole calls and calls in pieces, as each server streams them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.calibration.reference.scripts import Pace, Script, Tail, Write, chunk, words
from harness.types import Json


def _called(pace: Pace, deltas: Sequence[tuple[Mapping[str, Json], int]], *arguments: str) -> Script:
    """A reply of tool calls with these arguments: deltas and how many tokens each carries."""
    writes, at = [], 0
    for delta, tokens in deltas:
        at += tokens
        writes.append(Write(pace.at_s(at - 1), chunk({"tool_calls": [delta]}), 1, tokens, usable=True))
    tail, pace = Tail(finish="tool_calls"), replace(pace, tokens=at)
    said = replace(tail.expected(pace), calls=tuple(("look_up", one) for one in arguments))
    return Script((*writes, Write(writes[-1].at_s, tail.data(pace))), said)


def _whole(arguments: str, call_id: str = "c1") -> dict[str, Json]:
    return {"index": 0, "id": call_id, "type": "function", "function": {"name": "look_up", "arguments": arguments}}


def call_whole(pace: Pace) -> Script:
    """All of it at once, when it is written (oMLX, mlx_lm.server)."""
    arguments = json.dumps({"words": words(pace.tokens)})
    return _called(pace, [(_whole(arguments), pace.tokens)], arguments)


def call_withheld(pace: Pace) -> Script:
    """Comments while the call is written, then all of it (ds4)."""
    script = call_whole(pace)
    comments = [Write(pace.at_s(at), b": generating\n\n") for at in range(0, pace.tokens - 1, 8)]
    return replace(script, writes=(*comments, *script.writes))


def calls_under_one_index(pace: Pace) -> Script:
    """Whole calls that all say index 0 (Ollama)."""
    half = pace.tokens // 2
    both = [json.dumps({"words": part}) for part in (words(half), words(pace.tokens - half)[::-1])]
    first, second = _whole(both[0]), _whole(both[1], "c2")
    return _called(pace, [(first, half), (second, pace.tokens - half)], *both)


def call_pieces(pace: Pace) -> Script:
    """The name, then the arguments token by token (llama-server, vLLM)."""
    pieces = ['{"words": "', *words(pace.tokens - 3), '"}']
    head = {"index": 0, "id": "c1", "type": "function", "function": {"name": "look_up", "arguments": ""}}
    deltas: list[tuple[Mapping[str, Json], int]] = [(head, 1)]
    deltas += [({"index": 0, "function": {"arguments": piece}}, 1) for piece in pieces]
    return _called(pace, deltas, "".join(pieces))


def call_in_two(pace: Pace) -> Script:
    """The name, then all arguments (mlx-openai-server)."""
    arguments = json.dumps({"words": words(pace.tokens)})
    rest = {"index": 0, "function": {"arguments": arguments}}
    return _called(pace, [(_whole(""), 1), (rest, pace.tokens - 1)], arguments)
