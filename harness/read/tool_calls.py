"""Tool calls from their deltas: `assemble_tool_calls` joins those of a whole stream.

Servers send a call in one event or in pieces, with or without an index. The arguments stay text: the model wrote them,
and they need not be valid JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.apis import ToolCallDelta
from harness.types import ToolCall


@dataclass(slots=True)
class _OpenCall:
    id: str | None
    index: int | None = None
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    is_real: bool = False


class _Assembler:
    """The calls that have begun, found again by key, by id or by index."""

    def __init__(self) -> None:
        self.calls: list[_OpenCall] = []
        self._by_key: dict[str, _OpenCall] = {}
        self._by_id: dict[tuple[str | None, int | None], _OpenCall] = {}
        """By the id under each index of the call, and under none."""
        self._by_index: dict[int, _OpenCall] = {}

    def add(self, delta: ToolCallDelta) -> None:
        call = self._find(delta)
        if call is None:
            call = _OpenCall(delta.id)
            self.calls.append(call)
        call.id = call.id or delta.id
        call.is_real = call.is_real or delta.is_generated or delta.key is None
        if delta.key is not None:
            # The last id is the one that the client sees in the finished call, and answers.
            call.id = delta.id or call.id
            self._by_key[delta.key] = call
        if delta.index is not None:
            call.index = delta.index
            self._by_index[delta.index] = call
        if call.id is not None:
            self._by_id.setdefault((call.id, None), call)
            self._by_id.setdefault((call.id, call.index), call)
        if delta.name != call.name:
            call.name += delta.name
        call.arguments.append(delta.arguments)

    def _find(self, delta: ToolCallDelta) -> _OpenCall | None:
        """The call that this delta continues; None if it begins a new one."""
        # The API's own name of the call comes first: servers give two calls one id, or change the id of a call.
        if delta.key is not None:
            call = self._by_key.get(delta.key)
            return None if call is not None and delta.name and _differ(call.id, delta.id) else call
        call = None if delta.id is None else self._find_id(delta.id, delta.index)
        if call is not None:
            return call
        # A name with a new id begins a call even under an index that is taken: Ollama has sent several whole calls
        # that all say index 0.
        if delta.id is not None and delta.name:
            return None
        if delta.index is not None:
            # Only a name begins a call, another index of its id does not.
            return self._by_index.get(delta.index) or self._by_id.get((delta.id, None))
        return self.calls[-1] if self.calls and not delta.name else None

    def _find_id(self, call_id: str, index: int | None) -> _OpenCall | None:
        """The call with this id, unless both have an index and these differ: models give parallel calls one id."""
        call = self._by_id.get((call_id, index)) or self._by_id.get((call_id, None))
        return call if call is not None and (index is None or call.index in (None, index)) else None


def _differ(old: str | None, new: str | None) -> bool:
    return old is not None and new is not None and old != new


def assemble_tool_calls(deltas: Iterable[ToolCallDelta]) -> tuple[ToolCall, ...]:
    """Join deltas into calls, in the order in which the calls began.

    A delta continues the call with its key; without a key the one with its id, if their indices do not differ, else the
    one with its index, else any with its id, else the last one. It begins a call if there is none, if it has a name and
    a new id, or a name and neither key nor index. A call of which only key and id came is none yet.
    """
    assembler = _Assembler()
    for delta in deltas:
        assembler.add(delta)
    return tuple(ToolCall(call.id, call.name, "".join(call.arguments)) for call in assembler.calls if call.is_real)
