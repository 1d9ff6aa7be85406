"""Where the names of a chart's points stand: beside their point, where they cover neither another point nor name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CHAR_PX, LINE_PX = 6.6, 13.0
_GAP_PX = 10.0
_SHIFTS_PX = (0.0, -14.0, 14.0, -28.0, 28.0, -42.0, 42.0)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in px; `bottom` is below `top`, so larger."""

    left: float
    top: float
    right: float
    bottom: float

    def covers(self, other: Box) -> float:
        """The area that both cover, in square px."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, wide) * max(0.0, high)

    def holds(self, other: Box) -> bool:
        """Whether the other lies inside."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


def _places(point: Box, name: str) -> Iterator[Box]:
    """The boxes where a name may stand, the best first: right of its point, left of it, then higher and lower."""
    width, middle = CHAR_PX * len(name), (point.top + point.bottom) / 2
    x = (point.left + point.right) / 2
    for shift in _SHIFTS_PX:
        for left in (x + _GAP_PX, x - _GAP_PX - width):
            yield Box(left, middle + shift - LINE_PX / 2, left + width, middle + shift + LINE_PX / 2)


def place_names(points: Sequence[Box], names: Sequence[str], whiskers: Sequence[Box], frame: Box) -> list[Box]:
    """A box in the frame for the name of each point, where it covers least of points, whiskers and other names."""
    placed: list[Box] = []
    for point, name in zip(points, names, strict=True):
        taken = [*points, *whiskers, *placed]
        places = list(_places(point, name))
        there = [box for box in places if frame.holds(box)] or places[:1]
        placed.append(min(there, key=lambda box: sum(box.covers(other) for other in taken)))
    return placed
