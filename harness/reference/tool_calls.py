"""Replies that call a tool, as each server streams them: complete calls and calls in pieces."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.reference.scripts import Pace, Script, Tail, Write, chunk, complete, token_writes, words
from harness.types import Json

TOOL = "look_up"


def _call_script(pace: Pace, deltas: Sequence[tuple[Mapping[str, Json], int]], *arguments: str) -> Script:
    """A reply of tool calls with these arguments; `deltas` are pairs of a delta and the tokens that it carries."""
    writes, tokens = [], 0
    for delta, count in deltas:
        tokens += count
        writes.append(Write(pace.at_s(tokens - 1), chunk({"tool_calls": [delta]}), 1, count, is_output=True))
    calls = tuple((TOOL, text) for text in arguments)
    return complete(
        replace(pace, tokens=tokens), writes, Tail(finish_reason="tool_calls"), content="", tool_calls=calls
    )


def _complete_call(arguments: str, call_id: str = "c1") -> dict[str, Json]:
    return {"index": 0, "id": call_id, "type": "function", "function": {"name": TOOL, "arguments": arguments}}


def call_complete(pace: Pace) -> Script:
    """The complete call in one chunk after its last token (oMLX, mlx_lm.server)."""
    arguments = json.dumps({"words": words(pace.tokens)})
    return _call_script(pace, [(_complete_call(arguments), pace.tokens)], arguments)


def call_after_text(pace: Pace) -> Script:
    """Half of the tokens are text; the others, the complete call, come in one chunk after the last (mlx_lm.server)."""
    half, texts = pace.tokens // 2, words(pace.tokens)
    arguments = json.dumps({"words": texts[half:]})
    delta = {"tool_calls": [_complete_call(arguments)]}
    writes = token_writes(replace(pace, tokens=half))
    writes.append(Write(pace.at_s(pace.tokens - 1), chunk(delta), 1, pace.tokens - half, is_output=True))
    tail, call = Tail(finish_reason="tool_calls"), (TOOL, arguments)
    return complete(pace, writes, tail, content="".join(texts[:half]), tool_calls=(call,))


def call_withheld(pace: Pace) -> Script:
    """Comments while the call is generated, then the complete call (ds4)."""
    script = call_complete(pace)
    comments = [Write(pace.at_s(token), b": generating\n\n") for token in range(0, pace.tokens - 1, 8)]
    return replace(script, writes=(*comments, *script.writes))


def calls_under_one_index(pace: Pace) -> Script:
    """Complete calls that all have index 0 (Ollama)."""
    half = pace.tokens // 2
    first, second = (json.dumps({"words": part}) for part in (words(half), words(pace.tokens - half)[::-1]))
    deltas = [(_complete_call(first), half), (_complete_call(second, "c2"), pace.tokens - half)]
    return _call_script(pace, deltas, first, second)


def call_in_pieces(pace: Pace) -> Script:
    """The name, then the arguments token by token (llama-server, vLLM)."""
    pieces = ['{"words": "', *words(pace.tokens - 3), '"}']
    deltas: list[tuple[Mapping[str, Json], int]] = [(_complete_call(""), 1)]
    deltas += [({"index": 0, "function": {"arguments": piece}}, 1) for piece in pieces]
    return _call_script(pace, deltas, "".join(pieces))


def call_in_two(pace: Pace) -> Script:
    """The name, then all arguments (mlx-openai-server)."""
    arguments = json.dumps({"words": words(pace.tokens)})
    arguments_delta = {"index": 0, "function": {"arguments": arguments}}
    return _call_script(pace, [(_complete_call(""), 1), (arguments_delta, pace.tokens - 1)], arguments)
