"""Interval coverage and false-positive rate in simulated worlds; complete table: `python -m tests.simulation`."""

from pathlib import Path

import pytest

from tests.deep import sampled
from tests.simulation import COVERAGE, WORLDS, Row, World, cell_rows, speed_rows, suite_rows

REPEATS = 600


@pytest.mark.parametrize("n", [5, 10, 20])
def test_the_intervals_of_a_cell_have_their_nominal_coverage(n: int) -> None:
    assert [row for row in cell_rows(n) if not row.is_within] == []


@pytest.mark.parametrize(("n", "variation"), [(6, 0.1), (10, 0.02)])
def test_the_intervals_of_speeds_have_their_nominal_coverage(n: int, variation: float) -> None:
    assert [row for row in speed_rows(n, variation, REPEATS) if not row.is_within] == []


@pytest.mark.parametrize("world", sampled(WORLDS, 1), ids=lambda world: world.name)
@pytest.mark.parametrize("design", [(8, 10), (50, 3)])
def test_suite_intervals_cover_and_the_false_positive_rate_is_low(world: World, design: tuple[int, int]) -> None:
    assert [row for row in suite_rows(world, design, REPEATS) if not row.is_within] == []


def test_the_stored_table_of_4000_repeats_is_complete_and_was_made_by_this_code() -> None:
    kept = (Path(__file__).parent / "data" / "stats" / "simulation-4000.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in kept if "outside" in line] == []
    assert kept[:8] == [row.line for n in (5, 10, 20, 50) for row in cell_rows(n)]
    assert len([line for line in kept if "like these" in line]) == 3 * 3 * 6


def test_a_row_outside_its_bounds_is_reported() -> None:
    assert not Row("like", "world", "1x1", 0.90, COVERAGE).is_within
