"""The items of one response of the Responses API, found again by any of their names: `ResponseItems.find`.

By OpenAI's schema the `id` of an item is optional, and servers differ: vLLM ends a call of gpt-oss with `item_id` and
no `id`, and older builds of it with another `call_id` than the one it began with; others name an item by `call_id` or
`output_index` alone. So every name of an item is kept when it is seen. A name that is known finds its item; an event
without one continues the item that its `call_id`, its place or, at last, the order of the events points to.

What kinds of items there are, is here too: `item_channel`, and the name and the input of a call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.apis.delta import as_index, as_text
from harness.apis.json_text import to_text
from harness.types import Json

Channel = Literal["content", "reasoning", "call"]
Phase = Literal["begin", "piece", "end"]
"""What an event says of an item: that it begins, a piece of it, or its end with the whole."""
_CALL, _RESULT = "_call", "_output"
_NAMED_CALLS = ("function_call", "custom_tool_call", "mcp_call")
_INPUT_KEYS = ("arguments", "input", "action", "code")


def is_call(item: Mapping[str, Json]) -> bool:
    """Whether an item is a tool call, of a function or of any tool that the API knows."""
    return as_text(item.get("type")).endswith(_CALL)


def is_result(item: Mapping[str, Json]) -> bool:
    """Whether an item is the result of a tool call."""
    return as_text(item.get("type")).endswith(_RESULT)


def call_name(item: Mapping[str, Json]) -> str:
    """The name of the tool that is called; that of its type, such as `local_shell`, where the item needs no name."""
    kind = as_text(item.get("type"))
    return as_text(item.get("name")) or ("" if kind in _NAMED_CALLS else kind.removesuffix(_CALL))


def call_input(item: Mapping[str, Json]) -> str:
    """What a tool is called with, as text; "" if the item has none yet."""
    return next((to_text(value) for key in _INPUT_KEYS if (value := item.get(key))), "")


def item_channel(item: Mapping[str, Json]) -> Channel | None:
    """The channel on which a model generated an item; None for an item without text."""
    if is_call(item):
        return "call"
    kind = item.get("type")
    return "content" if kind == "message" else "reasoning" if kind == "reasoning" else None


@dataclass(frozen=True, slots=True)
class ItemNames:
    """What one event calls an item: its ids, its place in the output, and the id of its call."""

    ids: tuple[str, ...] = ()
    index: int | None = None
    call_id: str | None = None


def names_of(item: Mapping[str, Json], document: Mapping[str, Json]) -> ItemNames:
    """The names in an item and in the event that holds it."""
    found = (as_text(value) for value in (item.get("id"), item.get("item_id"), document.get("item_id")))
    call_id = as_text(item.get("call_id")) or None
    return ItemNames(tuple(name for name in found if name), as_index(document.get("output_index")), call_id)


@dataclass(slots=True, eq=False)
class ResponseItem:
    """One item. `seen` are its parts of which text came, `whole` those that came at once: each with its indices."""

    key: str
    has_id: bool = False
    index: int | None = None
    call_id: str | None = None
    begun: bool = False
    ended: bool = False
    seen: dict[str, set[int | None]] = field(default_factory=dict)
    whole: dict[str, set[int | None]] = field(default_factory=dict)

    def unseen(self, part: str, text: str, *, is_whole: bool, index: int | None = None) -> str:
        """The text, or "" if it repeats what came: the whole after its pieces, or the other way around.

        A part can have several texts, each with an index; one without an index can be any of them.
        """
        came = (self.seen if is_whole else self.whole).get(part, ())
        if came and (index is None or index in came or None in came):
            return ""
        if text:
            self.seen.setdefault(part, set()).add(index)
        if text and is_whole:
            self.whole.setdefault(part, set()).add(index)
        return text


class ResponseItems:
    """The items of one channel in the order in which they came."""

    def __init__(self) -> None:
        self.items: list[ResponseItem] = []
        self._by_id: dict[str, ResponseItem] = {}
        self._by_call: dict[str | None, ResponseItem] = {}
        self._by_index: dict[int, ResponseItem] = {}

    def find(self, names: ItemNames, phase: Phase) -> ResponseItem:
        """The item that an event is about; a new one if none of the known can be meant."""
        item = next((self._by_id[name] for name in names.ids if name in self._by_id), None)
        item = item or self._continued(names, phase) or self._new()
        self._name(item, names)
        item.begun = item.begun or phase == "begin"
        item.ended = item.ended or phase == "end"
        return item

    def match(self, output: Sequence[ItemNames]) -> list[ResponseItem]:
        """The item for each one of a response's whole output, whose `index` is its place there.

        Names come first. vLLM gives the output new ids, so then the place counts, and then the order. An item that came
        before keeps its names: they are those that the client has used.
        """
        found: dict[int, ResponseItem] = {}
        taken = set[str]()
        for at, names in enumerate(output):
            known = [*map(self._by_id.get, names.ids), self._by_call.get(names.call_id)]
            item = next((each for each in known if each is not None and each.key not in taken), None)
            if item is not None:
                found[at] = item
                taken.add(item.key)
        free = (item for item in self.items if item.key not in taken)
        for at, names in enumerate(output):
            if at not in found:
                item = None if names.index is None else self._by_index.get(names.index)
                if item is None or item.key in taken:
                    item = next(free, None)
                if item is None:
                    item = self._new()
                    self._name(item, names)
                taken.add(item.key)
                found[at] = item
        return [found[at] for at in range(len(output))]

    def _continued(self, names: ItemNames, phase: Phase) -> ResponseItem | None:
        """The open item that an event without a known id continues."""
        candidates = (*self._by_call_id(names), *self._at_place(names, phase), *self._last(names))
        is_open = (item for item in candidates if not item.ended and not (phase == "begin" and item.begun))
        return next(is_open, None)

    def _by_call_id(self, names: ItemNames) -> list[ResponseItem]:
        """The calls with this call id, which some servers write as `item_id`."""
        return [self._by_call[name] for name in (*names.ids, names.call_id) if name in self._by_call]

    def _at_place(self, names: ItemNames, phase: Phase) -> list[ResponseItem]:
        """The item at this place. Its end is its own under any id; a piece with another id is another item's."""
        item = None if names.index is None else self._by_index.get(names.index)
        return [] if item is None or (phase != "end" and names.ids and item.has_id) else [item]

    def _last(self, names: ItemNames) -> list[ResponseItem]:
        """The last item, unless a name speaks against it."""
        return [item for item in self.items[-1:] if not _differ(item, names)]

    def _new(self) -> ResponseItem:
        item = ResponseItem(f"item {len(self.items)}")
        self.items.append(item)
        return item

    def _name(self, item: ResponseItem, names: ItemNames) -> None:
        """Keep the names of an item. A call id that two calls share, or a place, is that of the later one."""
        for name in names.ids:
            self._by_id.setdefault(name, item)
        item.has_id = item.has_id or bool(names.ids)
        if names.index is not None:
            item.index = names.index
            self._by_index[names.index] = item
        if names.call_id is not None:
            item.call_id = names.call_id
            self._by_call[names.call_id] = item


def _differ(item: ResponseItem, names: ItemNames) -> bool:
    """Whether an event names an item by something else than the item has."""
    pairs = ((item.index, names.index), (item.call_id, names.call_id))
    return (item.has_id and bool(names.ids)) or any(None not in pair and pair[0] != pair[1] for pair in pairs)
