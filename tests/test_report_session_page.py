"""The page of a session: its time axis has few marks with round labels, however long the session was."""

import re

import pytest

from harness.report import PageTable, SessionPage, render_session_page

HOUR_S, DAY_S = 3600, 86400


def _labels(wall_s: float) -> list[str]:
    page = SessionPage("a session", (), wall_s, (), PageTable((), ()), ())
    return re.findall(r'class="tick" style="left:[\d.]+%">([^<]+)<', render_session_page(page))


@pytest.mark.parametrize(
    ("wall_s", "labels"),
    [
        (100, ["0", "30.0 s", "60.0 s", "90.0 s"]),
        (50 * 60, ["0", "10.0 min", "20.0 min", "30.0 min", "40.0 min", "50.0 min"]),
        (10 * HOUR_S, ["0", "2 h", "4 h", "6 h", "8 h", "10 h"]),
        (2 * DAY_S, ["0", "12 h", "24 h", "36 h", "48 h"]),
        (5 * DAY_S, ["0", "1 d", "2 d", "3 d", "4 d", "5 d"]),
        (30 * DAY_S, ["0", "7 d", "14 d", "21 d", "28 d"]),
        (400 * DAY_S, ["0", "84 d", "168 d", "252 d", "336 d"]),
    ],
)
def test_the_time_axis_has_round_marks(wall_s: float, labels: list[str]) -> None:
    assert _labels(wall_s) == labels


@pytest.mark.parametrize("wall_s", [0.0, 0.5, *(1.7**power for power in range(45))])
def test_the_time_axis_has_few_marks(wall_s: float) -> None:
    labels = _labels(wall_s)
    assert 1 < len(labels) <= 7
    assert len(set(labels)) == len(labels)
