"""Placement of labels next to the points of a scatter plot, with the least overlap of points, whiskers and labels."""

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

    def overlap(self, other: Box) -> float:
        """The area of the intersection, in square px."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, wide) * max(0.0, high)

    def contains(self, other: Box) -> bool:
        """Whether the other box lies inside this one."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


def _candidates(point: Box, label: str) -> Iterator[Box]:
    """The boxes for a label, the best first: right of its point, left of it, then higher and lower."""
    width, middle = CHAR_PX * len(label), (point.top + point.bottom) / 2
    x = (point.left + point.right) / 2
    for shift in _SHIFTS_PX:
        for left in (x + _GAP_PX, x - _GAP_PX - width):
            yield Box(left, middle + shift - LINE_PX / 2, left + width, middle + shift + LINE_PX / 2)


def place_labels(points: Sequence[Box], labels: Sequence[str], whiskers: Sequence[Box], frame: Box) -> list[Box]:
    """Choose for each label the box inside the frame with the least overlap of points, whiskers and earlier labels."""
    placed: list[Box] = []
    for point, label in zip(points, labels, strict=True):
        occupied = [*points, *whiskers, *placed]
        candidates = list(_candidates(point, label))
        inside = [box for box in candidates if frame.contains(box)] or candidates[:1]
        placed.append(min(inside, key=lambda box: sum(box.overlap(other) for other in occupied)))
    return placed
