"""What two requests are compared by: `PromptUnit`, the texts of one message that a template writes one after the other.

A message whose content is a string in one request and a list of texts in the next is the same unit in both; so is one
whose blocks are cut elsewhere. `units_of` joins the parts; a `Prompt` holds all units of a request, and `equal_prefix`,
`prefix_chars`, `common_chars` and `shared_chars` measure what two requests have in common.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby, takewhile

from harness.apis import RequestPart


def is_head(part: RequestPart) -> bool:
    """Whether a part is a system text or a tool."""
    return part.kind == "tool" or part.role in ("system", "developer")


@dataclass(frozen=True)
class PromptUnit:
    """Neighboring parts of the same message and kind; a tool, a call or a result is a unit of its own."""

    parts: tuple[RequestPart, ...]

    @cached_property
    def text(self) -> str:
        """The whole text."""
        return "".join(part.text for part in self.parts)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Equal for two units that say the same: the way in which blocks are joined may add whitespace."""
        first = self.parts[0]
        return (first.role, first.kind, first.name, "".join(self.text.split()))

    @cached_property
    def slot(self) -> tuple[str, str, str]:
        """What a unit must have in common with the one that took its place."""
        first = self.parts[0]
        return (first.role, first.kind, first.name)

    @property
    def shape(self) -> tuple[str, ...]:
        """The places of its parts inside the message."""
        return tuple(part.path.removeprefix(part.message) for part in self.parts)

    @cached_property
    def chars(self) -> int:
        """Its length, with the name of a call."""
        return len(self.text) + len(self.parts[0].name)

    @property
    def is_head(self) -> bool:
        """Whether it is a system text or a tool."""
        return is_head(self.parts[0])

    @property
    def is_reply(self) -> bool:
        """Whether a model wrote it."""
        return self.parts[0].role == "assistant"


@dataclass(frozen=True)
class Prompt:
    """The units of one request, with what makes it quick to compare with many others.

    A chain has for each unit a hash of it and of all units before it: two requests agree up to a unit if their chains
    do there, so that the end of their common beginning is found by bisection. A session compares every request with a
    hundred others, which all repeat the whole conversation.
    """

    units: tuple[PromptUnit, ...]

    @cached_property
    def key_chain(self) -> tuple[int, ...]:
        """Equal up to where two requests say the same."""
        return _chain(hash(unit.key) for unit in self.units)

    @cached_property
    def text_chain(self) -> tuple[int, ...]:
        """Equal up to where two requests have the very same text."""
        return _chain(hash((unit.slot, unit.text)) for unit in self.units)

    @cached_property
    def numbered_chars(self) -> dict[int, int]:
        """The length of each unit by its key and its number among those with the same key."""
        counts, found = Counter[tuple[str, ...]](), dict[int, int]()
        for unit in self.units:
            counts[unit.key] += 1
            found[hash((unit.key, counts[unit.key]))] = unit.chars
        return found

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """How many characters come before each unit, and before the end."""
        return tuple(accumulate((unit.chars for unit in self.units), initial=0))

    @property
    def head_chars(self) -> int:
        """The length of the system text and the tools, which come before the conversation."""
        return self.starts[sum(1 for _ in takewhile(lambda unit: unit.is_head, self.units))]

    @cached_property
    def first_key(self) -> tuple[str, ...]:
        """What the first message after system text and tools says; () without one."""
        return next((unit.key for unit in self.units if not unit.is_head), ())

    @property
    def chars(self) -> int:
        """The length of everything."""
        return self.starts[-1]


def _chain(hashes: Iterable[int]) -> tuple[int, ...]:
    return tuple(accumulate(hashes, lambda before, each: hash((before, each))))


def units_of(parts: Sequence[RequestPart]) -> tuple[PromptUnit, ...]:
    """The units of a request; an empty text is none, since a template writes nothing for it."""
    written = (part for part in parts if part.text or part.kind not in ("text", "thinking"))
    groups = groupby(enumerate(written), key=lambda pair: _group(*pair))
    return tuple(PromptUnit(tuple(part for _, part in group)) for _, group in groups)


def _group(at: int, part: RequestPart) -> tuple[str, str, str, int]:
    alone = at if part.kind not in ("text", "thinking") else -1
    return (part.message, part.role, part.kind, alone)


def equal_prefix(old: Prompt, new: Prompt) -> int:
    """How many leading units say the same."""
    return _equal_links(old.key_chain, new.key_chain)


def common_chars(old: Prompt, new: Prompt) -> int:
    """How many characters of the old request stand in the new one as whole units, wherever they moved."""
    if equal_prefix(old, new) == len(old.units):
        return old.chars
    common = old.numbered_chars.keys() & new.numbered_chars.keys()
    return sum(map(old.numbered_chars.__getitem__, common))


def prefix_chars(old: Prompt, new: Prompt) -> int:
    """How many leading characters of the old request the new one repeats exactly."""
    at = _equal_links(old.text_chain, new.text_chain)
    chars = old.starts[at]
    if at < min(len(old.units), len(new.units)) and old.units[at].slot == new.units[at].slot:
        chars += shared_prefix(old.units[at].text, new.units[at].text)
    return chars


def _equal_links(old: Sequence[int], new: Sequence[int]) -> int:
    """How many leading links of two chains are equal; after the first that differs none is."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if old[middle - 1] == new[middle - 1] else (low, middle - 1)
    return low


def shared_prefix(old: str, new: str) -> int:
    """The length of the common beginning of two texts."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if old[low:middle] == new[low:middle] else (low, middle - 1)
    return low


def shared_chars(old: Sequence[PromptUnit], new: Sequence[PromptUnit]) -> int:
    """How many characters of the old request stand in the new one, wherever they moved."""
    counts = Counter(unit.key for unit in new)
    chars, lost = 0, list[PromptUnit]()
    for unit in old:
        if counts[unit.key] > 0:
            counts[unit.key] -= 1
            chars += unit.chars
        else:
            lost.append(unit)
    if not lost:
        return chars
    found = Counter(unit.key for unit in old)
    replacing = list[PromptUnit]()
    for unit in new:
        if found[unit.key] > 0:
            found[unit.key] -= 1
        else:
            replacing.append(unit)
    return chars + _changed_chars(lost, replacing)


def _changed_chars(lost: Sequence[PromptUnit], replacing: Sequence[PromptUnit]) -> int:
    """What units that changed still have in common with those in their place: the beginning and the end."""
    chars, left = 0, defaultdict[tuple[str, str, str], deque[PromptUnit]](deque)
    for unit in replacing:
        left[unit.slot].append(unit)
    for unit in lost:
        if not left[unit.slot]:
            continue
        other = left[unit.slot].popleft()
        start = shared_prefix(unit.text, other.text)
        end = shared_prefix(unit.text[start:][::-1], other.text[start:][::-1])
        chars += start + end + len(unit.parts[0].name)
    return chars
