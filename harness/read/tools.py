"""Pieces of tool calls to calls: whole ones, ones in pieces, with and without an index. Arguments stay text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.read.json_text import words_of
from harness.types import Json, ToolCall


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event says of one call."""

    index: int | None
    id: str | None
    name: str
    arguments: str

    @property
    def generated(self) -> bool:
        """Whether a token stands behind it: an id alone is the server's, not the model's."""
        return bool(self.name or self.arguments)


@dataclass(slots=True)
class _Call:
    id: str | None
    name: str = ""
    arguments: list[str] = field(default_factory=list)


def _text(value: Json) -> str:
    """Arguments as text: some servers send them as an object."""
    return words_of(value) if isinstance(value, str | dict | list) else ""


def _piece(value: Json) -> Piece | None:
    if not isinstance(value, dict):
        return None
    function = value.get("function")
    function = function if isinstance(function, dict) else {}
    index, call_id, name = value.get("index"), value.get("id"), function.get("name")
    return Piece(
        index=index if isinstance(index, int) and not isinstance(index, bool) else None,
        id=call_id if isinstance(call_id, str) and call_id else None,
        name=name if isinstance(name, str) else "",
        arguments=_text(function.get("arguments")),
    )


def pieces_of(value: Json) -> tuple[Piece, ...]:
    """The pieces in a delta's or a message's `tool_calls`; whatever is not a call is left out."""
    if not isinstance(value, list):
        return ()
    return tuple(piece for piece in map(_piece, value) if piece is not None)


class _Desk:
    """The calls that were begun, found again by id or by index."""

    def __init__(self) -> None:
        self.calls: list[_Call] = []
        self.by_id: dict[str, _Call] = {}
        self.by_index: dict[int, _Call] = {}

    def find(self, piece: Piece) -> _Call | None:
        if piece.id is not None and piece.id in self.by_id:
            return self.by_id[piece.id]
        # A name beside an id that is new begins a call, even under an index that is taken: Ollama has sent
        # several whole calls that all say index 0.
        if piece.id is not None and piece.name:
            return None
        if piece.index is not None:
            return self.by_index.get(piece.index)
        return self.calls[-1] if self.calls and not piece.name else None

    def put(self, piece: Piece) -> None:
        call = self.find(piece)
        if call is None:
            call = _Call(piece.id)
            self.calls.append(call)
        call.id = call.id or piece.id
        if call.id is not None:
            self.by_id.setdefault(call.id, call)
        if piece.index is not None:
            self.by_index[piece.index] = call
        if piece.name != call.name:
            call.name += piece.name
        call.arguments.append(piece.arguments)


def calls_of(pieces: Iterable[Piece]) -> tuple[ToolCall, ...]:
    """The calls in the order in which they were begun.

    A piece belongs to the call with its id, else to the one with its index, else to the last one. It begins a call
    when there is none, when it has a name and an id that is new, or a name and no index.
    """
    desk = _Desk()
    for piece in pieces:
        desk.put(piece)
    return tuple(ToolCall(call.id, call.name, "".join(call.arguments)) for call in desk.calls)
