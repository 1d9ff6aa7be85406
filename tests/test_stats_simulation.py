"""What is said of many models holds in worlds with a known truth. The whole table: `python -m tests.simulation`."""

from pathlib import Path

import pytest

from tests.simulation import COVERS, WORLDS, Row, World, cell_rows, speed_rows, suite_rows

REPEATS = 600


@pytest.mark.parametrize("n", [5, 10, 20])
def test_the_intervals_of_a_cell_cover_what_they_say(n: int) -> None:
    assert [row for row in cell_rows(n) if not row.is_kept] == []


@pytest.mark.parametrize(("n", "variation"), [(6, 0.1), (10, 0.02)])
def test_the_intervals_of_speeds_cover_what_they_say(n: int, variation: float) -> None:
    assert [row for row in speed_rows(n, variation, REPEATS) if not row.is_kept] == []


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
@pytest.mark.parametrize("design", [(8, 10), (50, 3)])
def test_the_intervals_of_suites_cover_and_equal_models_are_rarely_told_apart(
    world: World, design: tuple[int, int]
) -> None:
    assert [row for row in suite_rows(world, design, REPEATS) if not row.is_kept] == []


def test_the_table_of_4000_repeats_is_kept_whole_and_was_made_by_this_code() -> None:
    kept = (Path(__file__).parent / "data" / "stats" / "simulation-4000.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in kept if "outside" in line] == []
    assert kept[:8] == [row.line for n in (5, 10, 20, 50) for row in cell_rows(n)]
    assert len([line for line in kept if line.startswith(("like", "gap like", "false like"))]) == 3 * 3 * 6


def test_a_row_outside_its_bounds_is_told() -> None:
    assert not Row("like", "world", "1x1", 0.90, COVERS).is_kept
