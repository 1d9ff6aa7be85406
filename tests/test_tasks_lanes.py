"""The built-in lanes: four of them, found by tags, replaced by name; a lane without a task says so."""

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.tasks import find_fixtures, lanes_of_run, load_tasks
from harness.tasks.lanes import BUILT_IN_LANES, read_built_in_lanes
from harness.types import Lane


def _lanes(suite: str, *own: Lane) -> dict[str, Lane]:
    return {lane.name: lane for lane in lanes_of_run(own, load_tasks([find_fixtures()], suite=suite))}


def test_without_lanes_a_run_has_the_four_built_in_ones_with_the_tasks_of_its_suite() -> None:
    lanes = _lanes("v1")
    assert list(lanes) == ["daily coding", "agent work", "writing", "long context"]
    assert {"code-bugfix", "code-refactor", "code-review"} <= set(lanes["daily coding"].tasks)
    assert set(lanes["agent work"].tasks) == {"code-tooluse"}
    assert set(lanes["writing"].tasks) == {"summarize-long", "write-voice"}
    assert "warm_ttft_s" in lanes["agent work"].rank_by


def test_a_lane_for_which_the_suite_has_no_task_stays_and_has_none() -> None:
    assert _lanes("demo")["writing"].tasks == {}


def test_ones_own_lane_replaces_the_built_in_one_of_its_name() -> None:
    own = Lane("writing", {"write-voice": 1.0}, min_pass_rate=0.9)
    lanes = _lanes("v1", own)
    assert lanes["writing"] is own
    assert len(lanes) == 4


def test_every_lane_finds_a_task_in_the_suite_v1() -> None:
    assert [name for name, lane in _lanes("v1").items() if not lane.tasks] == []


def test_a_lane_with_an_unknown_field_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "lanes.toml"
    path.write_text(BUILT_IN_LANES.read_text(encoding="utf-8") + "min_pas_rate = 0.5\n", encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        read_built_in_lanes(path)
    assert "min_pas_rate" in raised.value.problems[0].message
