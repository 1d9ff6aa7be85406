"""Tool calls from their deltas: `parse_tool_calls` reads one event, `assemble_tool_calls` joins a whole stream.

Servers send a call in one event or in pieces, with or without an index. The arguments stay text: the model wrote them,
and they need not be valid JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.read.json_text import to_text
from harness.types import Json, ToolCall


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """What one event says about one call."""

    index: int | None
    id: str | None
    name: str
    arguments: str

    @property
    def is_generated(self) -> bool:
        """Whether the model generated a token of it: the server makes up the id by itself."""
        return bool(self.name or self.arguments)


@dataclass(slots=True)
class _OpenCall:
    id: str | None
    name: str = ""
    arguments: list[str] = field(default_factory=list)


def _arguments_text(value: Json) -> str:
    """Arguments as text; some servers send them as an object."""
    return to_text(value) if isinstance(value, str | dict | list) else ""


def _parse_tool_call(value: Json) -> ToolCallDelta | None:
    if not isinstance(value, dict):
        return None
    function = value.get("function")
    function = function if isinstance(function, dict) else {}
    index, call_id, name = value.get("index"), value.get("id"), function.get("name")
    return ToolCallDelta(
        index=index if isinstance(index, int) and not isinstance(index, bool) else None,
        id=call_id if isinstance(call_id, str) and call_id else None,
        name=name if isinstance(name, str) else "",
        arguments=_arguments_text(function.get("arguments")),
    )


def parse_tool_calls(value: Json) -> tuple[ToolCallDelta, ...]:
    """Parse the `tool_calls` of a delta or a message; entries that are not objects are dropped."""
    if not isinstance(value, list):
        return ()
    return tuple(delta for delta in map(_parse_tool_call, value) if delta is not None)


class _Assembler:
    """The calls that have begun, found again by id or by index."""

    def __init__(self) -> None:
        self.calls: list[_OpenCall] = []
        self._by_id: dict[str, _OpenCall] = {}
        self._by_index: dict[int, _OpenCall] = {}

    def add(self, delta: ToolCallDelta) -> None:
        call = self._find(delta)
        if call is None:
            call = _OpenCall(delta.id)
            self.calls.append(call)
        call.id = call.id or delta.id
        if call.id is not None:
            self._by_id.setdefault(call.id, call)
        if delta.index is not None:
            self._by_index[delta.index] = call
        if delta.name != call.name:
            call.name += delta.name
        call.arguments.append(delta.arguments)

    def _find(self, delta: ToolCallDelta) -> _OpenCall | None:
        """The call that this delta continues; None if it begins a new one."""
        if delta.id is not None and delta.id in self._by_id:
            return self._by_id[delta.id]
        # A name with a new id begins a call even under an index that is taken: Ollama has sent several whole calls
        # that all say index 0.
        if delta.id is not None and delta.name:
            return None
        if delta.index is not None:
            return self._by_index.get(delta.index)
        return self.calls[-1] if self.calls and not delta.name else None


def assemble_tool_calls(deltas: Iterable[ToolCallDelta]) -> tuple[ToolCall, ...]:
    """Join deltas into calls, in the order in which the calls began.

    A delta continues the call with its id, else the one with its index, else the last one. It begins a call if there is
    none, if it has a name and a new id, or a name and no index.
    """
    assembler = _Assembler()
    for delta in deltas:
        assembler.add(delta)
    return tuple(ToolCall(call.id, call.name, "".join(call.arguments)) for call in assembler.calls)
