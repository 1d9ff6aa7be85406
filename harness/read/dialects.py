"""Events to deltas: what one event says, in whichever dialect its server speaks. Keeps nothing between events.

The tables at the foot are the dialects: under which keys text of each channel stands (vLLM and mlx-lm say
`reasoning`, llama.cpp and most others `reasoning_content`, Ollama's own interface `thinking`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.read.faults import Told, told_of
from harness.read.json_text import object_of
from harness.read.sse import DONE, Event
from harness.read.tools import Piece, pieces_of
from harness.read.usage import speeds_of
from harness.types import Json

Kind = Literal["token", "role_only", "keepalive", "empty", "malformed", "done", "other", "echo"]
_TEXT_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Delta:
    """What one event says. `token` means generated text on any channel; `whole` that it is a message, no delta;
    `nameless` that it names neither itself nor a model."""

    kind: Kind
    at_ns: int
    content: str = ""
    reasoning: str = ""
    pieces: tuple[Piece, ...] = ()
    finish_reason: str | None = None
    usage: Mapping[str, Json] | None = None
    speeds: Mapping[str, Json] | None = None
    model: str | None = None
    error: Told | None = None
    whole: bool = False
    nameless: bool = False


def text_of(value: Json, depth: int = _TEXT_DEPTH) -> str:
    """The text in a value that should be one: a text, or parts of a text in a list or an object; else nothing."""
    if isinstance(value, str):
        return value
    if depth == 0:
        return ""
    if isinstance(value, list):
        return "".join(text_of(part, depth - 1) for part in value)
    if isinstance(value, dict):
        return next((text for key in PART_KEYS if (text := text_of(value.get(key), depth - 1))), "")
    return ""


def _first_text(document: Mapping[str, Json], keys: tuple[str, ...]) -> str:
    """The first key with text: a server that sends a thought under two keys sends it once."""
    return next((text for key in keys if (text := text_of(document.get(key)))), "")


def _choice(document: Mapping[str, Json]) -> Mapping[str, Json]:
    """The choice with index 0, or without one; the kit asks for one answer, so others are not its own."""
    choices = document.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index", 0) in (0, None):
            return choice
    return {}


def _kind(document: Mapping[str, Json], said: Mapping[str, Json], spoken: bool, closing: bool) -> Kind:
    if spoken:
        return "token"
    if document.get("model") == "keepalive" or isinstance(document.get("prompt_progress"), dict):
        return "keepalive"
    if closing:
        return "other"
    return "role_only" if said.get("role") else "empty"


def delta_of(document: Mapping[str, Json], name: str | None, at_ns: int) -> Delta:
    """What a JSON object says, whether it came as an event or as the whole body."""
    choice = _choice(document)
    delta, message = choice.get("delta"), choice.get("message")
    whole = not isinstance(delta, dict) and isinstance(message, dict)
    spoken_in = message if whole else delta
    said: Mapping[str, Json] = spoken_in if isinstance(spoken_in, dict) else {}
    content, reasoning = _first_text(said, CONTENT_KEYS), _first_text(said, REASONING_KEYS)
    pieces = pieces_of(said.get("tool_calls"))
    finish, usage, model = choice.get("finish_reason"), document.get("usage"), document.get("model")
    speeds, error = speeds_of(document), told_of(document, name)
    spoken = bool(content or reasoning or any(piece.generated for piece in pieces))
    closing = bool(finish or usage or speeds or error or (document.get("choices") and not choice))
    return Delta(
        kind=_kind(document, said, spoken, closing),
        at_ns=at_ns,
        content=content,
        reasoning=reasoning,
        pieces=pieces,
        finish_reason=finish if isinstance(finish, str) and finish else None,
        usage=usage if isinstance(usage, dict) and usage else None,
        speeds=speeds,
        model=model if isinstance(model, str) and model != "keepalive" else None,
        error=error,
        whole=whole,
        nameless=document.keys() == {"choices"},
    )


def read_event(event: Event) -> Delta:
    """What one event says. Never raises: what is no JSON object is `malformed`, or an error where it is named so."""
    text = event.data.strip()
    if text == DONE:
        return Delta("done", event.at_ns)
    document = object_of(text)
    if document is not None:
        return delta_of(document, event.name, event.at_ns)
    if event.name == "error":
        return Delta("other", event.at_ns, error=Told(text or "an error event without a text", None))
    return Delta("malformed" if text else "keepalive", event.at_ns, content="")


CONTENT_KEYS = ("content",)
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
PART_KEYS = ("text", "content", "thinking")
