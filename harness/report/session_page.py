"""The page of a recorded session: a time line with a lane for each conversation, the sums, and what the cache lost.

`render_session_page` gives its HTML, one file without a script; every string is escaped as the report is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from harness.report.formatting import format_seconds
from harness.report.html_templates import html_environment

TEMPLATE = "session_page.html.j2"
BarKind = Literal["prefill", "again", "decode", "tools"]
_MIN_WIDTH = 0.05
"""In percent of the time line: a bar must be seen."""
_TICKS = 6
_HOUR_S, _DAY_S = 3600, 86400
_STEPS = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(hours * _HOUR_S for hours in (1, 2, 4, 12)),
    *(days * _DAY_S for days in (1, 2, 7, 28)),
)
"""Seconds between two marks of the time axis; a longer session has a multiple of the last."""


@dataclass(frozen=True, slots=True)
class TimelineBar:
    """A stretch of time; `title` is shown under the pointer."""

    kind: BarKind
    start_s: float
    length_s: float
    title: str


@dataclass(frozen=True, slots=True)
class TimelineLane:
    """The bars of one conversation, in lines under each other where they overlap."""

    name: str
    lines: tuple[tuple[TimelineBar, ...], ...]


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table of strings."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class SessionPage:
    """What the page shows; `losses` are the causes, each with what it cost and what helps."""

    title: str
    leads: tuple[str, ...]
    wall_s: float
    lanes: tuple[TimelineLane, ...]
    costs: PageTable
    losses: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class _Placed:
    kind: str
    left: float
    width: float
    title: str


def render_session_page(page: SessionPage) -> str:
    """The page."""
    total_s = max(page.wall_s, 1e-9)
    lanes = [(lane.name, [_place(line, total_s) for line in lane.lines]) for lane in page.lanes]
    return html_environment().get_template(TEMPLATE).render(page=page, lanes=lanes, ticks=_ticks(total_s))


def _place(bars: Sequence[TimelineBar], total_s: float) -> list[_Placed]:
    return [
        _Placed(
            bar.kind,
            round(100 * bar.start_s / total_s, 3),
            round(max(_MIN_WIDTH, 100 * bar.length_s / total_s), 3),
            bar.title,
        )
        for bar in bars
    ]


def _ticks(total_s: float) -> list[tuple[float, str]]:
    """The marks of the time axis: place in percent, and label."""
    longest_s = _STEPS[-1] * ceil(total_s / (_TICKS * _STEPS[-1]))
    step_s = next((step for step in _STEPS if total_s / step <= _TICKS), longest_s)
    step = total_s / _TICKS if total_s < _STEPS[0] else float(step_s)
    count = int(total_s / step)
    return [(round(100 * at * step / total_s, 3), _tick_label(at * step, step)) for at in range(count + 1)]


def _tick_label(at_s: float, step_s: float) -> str:
    """`0`, `20.0 min`, `8 h`, `14 d`: marks that are hours or days apart have whole ones."""
    if not at_s:
        return "0"
    if step_s < _HOUR_S:
        return format_seconds(at_s)
    return f"{at_s / _HOUR_S:.0f} h" if step_s < _DAY_S else f"{at_s / _DAY_S:.0f} d"
