"""Layout of the charts: positions in px for the SVG elements of the page's template, which escapes all text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.report.elements import Chart, IntervalRow, Point, Scatter
from harness.report.label_placement import CHAR_PX, LINE_PX, Box, place_labels

WIDTH = 880
ROW = 22
PLOT_HEIGHT = 300
LEFT, RIGHT, TOP, FOOT = 56, 170, 12, 44
HEAD = 28
"""Space above a scatter plot for the name of a point at its top."""
_RADIUS = 7.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line and its number."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A drawn mark: whisker from `low` to `high`, dot at `middle`; None if there is none."""

    y: float
    low: float | None
    middle: float | None
    high: float | None
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class BarPlot:
    """A chart with all positions."""

    title: str
    unit: str
    width: float
    height: float
    left: float
    right: float
    ticks: tuple[Tick, ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """A drawn point with its whisker; its label begins at `label_x` and is vertically centered on `label_y`."""

    x: float
    y: float
    low: float | None
    high: float | None
    label: str
    label_x: float = 0.0
    label_y: float = 0.0


@dataclass(frozen=True, slots=True)
class DotPlot:
    """A scatter plot with all positions."""

    title: str
    x_name: str
    y_name: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    dots: tuple[Dot, ...]


MIN_TOP, MAX_TOP = 1e-12, 1e12


def tick_step(top: float, max_steps: int = 6) -> float:
    """1, 2 or 5 times a power of ten, so that at most `max_steps` steps reach the top."""
    if not (math.isfinite(top) and top > 0):
        return 1.0
    power = 10.0 ** math.floor(math.log10(top / max_steps))
    return next(power * factor for factor in (1, 2, 5, 10) if top / (power * factor) <= max_steps)


def _ticks(top: float, start: float, length: float, factor: float = 1.0) -> tuple[Tick, ...]:
    step = tick_step(top)
    count = int(top / step + 1e-9) + 1
    return tuple(Tick(round(start + length * step * at / top, 1), f"{step * at * factor:,.6g}") for at in range(count))


def _max_drawable(values: list[float]) -> float:
    """The largest value, as far as an axis with ticks can show it: a result from elsewhere may hold any float."""
    top = max((value for value in values if math.isfinite(value)), default=0.0)
    return min(max(top, MIN_TOP), MAX_TOP) if top > 0 else 1.0


def _mark_values(mark: IntervalRow) -> list[float]:
    return [value for value in (mark.low, mark.middle, mark.high) if value is not None]


def bar_plot(chart: Chart) -> BarPlot:
    """Lay out marks one below the other on an axis from 0."""
    left = 12 + CHAR_PX * max((len(mark.label) for mark in chart.marks), default=0)
    right = WIDTH - 12 - CHAR_PX * max((len(mark.text) for mark in chart.marks), default=0)
    left, right = min(left, 360.0), max(right, 560.0)
    top = chart.top or 1.05 * _max_drawable([value for mark in chart.marks for value in _mark_values(mark)])

    def at(value: float | None) -> float | None:
        return None if value is None else round(left + (right - left) * min(max(value / top, 0.0), 1.0), 1)

    bars = tuple(
        Bar(TOP + ROW * (row + 0.5), at(mark.low), at(mark.middle), at(mark.high), mark.label, mark.text)
        for row, mark in enumerate(chart.marks)
    )
    ticks = _ticks(top, left, right - left, 100.0 if chart.unit == "%" else 1.0)
    return BarPlot(chart.title, chart.unit, WIDTH, TOP + ROW * len(bars) + 24, left, right, ticks, bars)


def _labeled(dots: Sequence[Dot], frame: Box) -> tuple[Dot, ...]:
    """The dots with a position for each label inside the frame."""
    points = [Box(dot.x - _RADIUS, dot.y - _RADIUS, dot.x + _RADIUS, dot.y + _RADIUS) for dot in dots]
    whiskers = [
        Box(dot.x - 2, dot.high, dot.x + 2, dot.low) for dot in dots if dot.low is not None and dot.high is not None
    ]
    boxes = place_labels(points, [dot.label for dot in dots], whiskers, frame)
    return tuple(
        replace(dot, label_x=round(box.left, 1), label_y=round((box.top + box.bottom) / 2, 1))
        for dot, box in zip(dots, boxes, strict=True)
    )


def dot_plot(scatter: Scatter) -> DotPlot:
    """Lay out points on two axes from 0."""
    right, bottom = WIDTH - RIGHT, HEAD + PLOT_HEIGHT
    x_top = scatter.x_top or 1.1 * _max_drawable([point.x for point in scatter.points])
    y_top = scatter.y_top or 1.1 * _max_drawable([point.y for point in scatter.points])

    def x_of(point: Point) -> float:
        return round(LEFT + (right - LEFT) * min(max(point.x / x_top, 0.0), 1.0), 1)

    def y_of(value: float) -> float:
        return round(bottom - PLOT_HEIGHT * min(max(value / y_top, 0.0), 1.0), 1)

    unlabeled = [
        Dot(
            x_of(point),
            y_of(point.y),
            None if point.low is None else y_of(point.low),
            None if point.high is None else y_of(point.high),
            point.label,
        )
        for point in scatter.points
    ]
    dots = _labeled(unlabeled, Box(LEFT, 0, WIDTH, bottom + LINE_PX / 2))
    x_ticks = _ticks(x_top, LEFT, right - LEFT)
    y_ticks = _ticks(y_top, bottom, -PLOT_HEIGHT)
    axes = (scatter.title, scatter.x_name, scatter.y_name)
    return DotPlot(*axes, WIDTH, bottom + FOOT, LEFT, right, HEAD, bottom, x_ticks, y_ticks, dots)
