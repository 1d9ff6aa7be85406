"""What two requests are compared by: `PromptUnit`, the texts of one message that a template writes one after the other.

A message whose content is a string in one request and a list of texts in the next is the same unit in both; so is one
whose blocks are cut elsewhere. `units_of` joins the parts, `shared_units` measures what two requests have in common.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from harness.apis import RequestPart


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

    @property
    def chars(self) -> int:
        """Its length, with the name of a call."""
        return len(self.text) + len(self.parts[0].name)

    @property
    def is_reply(self) -> bool:
        """Whether a model wrote it."""
        return self.parts[0].role == "assistant"


def units_of(parts: Sequence[RequestPart]) -> tuple[PromptUnit, ...]:
    """The units of a request."""
    groups = groupby(enumerate(parts), key=lambda pair: _group(*pair))
    return tuple(PromptUnit(tuple(part for _, part in group)) for _, group in groups)


def _group(at: int, part: RequestPart) -> tuple[str, str, str, int]:
    alone = at if part.kind not in ("text", "thinking") else -1
    return (part.message, part.role, part.kind, alone)


def equal_prefix(old: Sequence[PromptUnit], new: Sequence[PromptUnit]) -> int:
    """How many leading units say the same."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((at for at, (a, b) in pairs if a.key != b.key), min(len(old), len(new)))


def prefix_chars(old: Sequence[PromptUnit], new: Sequence[PromptUnit]) -> int:
    """How many leading characters of the old request the new one repeats exactly."""
    chars = 0
    for a, b in zip(old, new, strict=False):
        if a.slot != b.slot or a.text != b.text:
            same_place = a.slot == b.slot
            return chars + (shared_prefix(a.text, b.text) if same_place else 0)
        chars += a.chars
    return chars


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
    chars, left = 0, list(replacing)
    for unit in lost:
        other = next((candidate for candidate in left if candidate.slot == unit.slot), None)
        if other is None:
            continue
        left.remove(other)
        start = shared_prefix(unit.text, other.text)
        end = shared_prefix(unit.text[start:][::-1], other.text[start:][::-1])
        chars += start + end + len(unit.parts[0].name)
    return chars
