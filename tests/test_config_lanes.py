"""Lanes in bench.toml: what they state, and what is refused with its place."""

import re
from pathlib import Path

import pytest

from harness.config import load_config
from harness.errors import ConfigError
from harness.types import Lane, Override

MODELS = """
[[models]]
label = "steady"
server = "llama-server"
base_url = "http://127.0.0.1:8080/v1"
model = "steady-14b"
"""
LANE = """
[[lanes]]
name = "daily coding"
tasks = { code-bugfix = 2, code-refactor = 1 }
min_pass_rate = 0.7
min_context_tokens = 65536
max_memory_bytes = 34359738368
max_warm_ttft_s = 2.5
rank_by = ["pass_rate", "decode_tps"]
override = { model = "steady", reason = "I know it", date = "2026-11-20" }
"""


def _lanes(tmp_path: Path, text: str) -> tuple[Lane, ...]:
    path = tmp_path / "bench.toml"
    path.write_text(MODELS + text, encoding="utf-8")
    return load_config(path).lanes


def _problems(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        _lanes(tmp_path, text)
    return "\n".join(f"{problem.message}; {problem.fix}" for problem in caught.value.problems)


def test_a_lane_states_its_requirements_and_ranking_criteria(tmp_path: Path) -> None:
    (lane,) = _lanes(tmp_path, LANE)
    assert lane == Lane(
        name="daily coding",
        tasks={"code-bugfix": 2.0, "code-refactor": 1.0},
        min_pass_rate=0.7,
        min_context_tokens=65536,
        max_memory_bytes=32 * 2**30,
        max_warm_ttft_s=2.5,
        rank_by=("pass_rate", "decode_tps"),
        override=Override("steady", "I know it", "2026-11-20"),
    )


def test_listed_tasks_have_equal_weights_and_a_config_without_lanes_has_none(tmp_path: Path) -> None:
    (lane,) = _lanes(tmp_path, '[[lanes]]\nname = "long"\ntasks = ["code-bugfix", "code-refactor"]\n')
    assert lane == Lane("long", {"code-bugfix": 1.0, "code-refactor": 1.0})
    assert _lanes(tmp_path, "") == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("min_pass_rate = 0.7", "min_pass_rate = 70", "$.lanes[0].min_pass_rate: expected 1 or less, got 70"),
        ("max_warm_ttft_s", "max_ttft_s", "$.lanes[0].max_ttft_s: unknown field; did you mean 'max_warm_ttft_s'?"),
        ('"decode_tps"', '"decode"', "expected one of pass_rate, decode_tps"),
        (
            'model = "steady", reason',
            'model = "stedy", reason',
            "no model has the label 'stedy'; did you mean 'steady'?",
        ),
        ('"2026-11-20"', "2026-11-20", "$.lanes[0].override.date: "),
        ("code-bugfix = 2", "code-bugfix = 0", "$.lanes[0].tasks"),
        ("tasks = {", "# tasks = {", "$.lanes[0].tasks: required field is missing"),
    ],
)
def test_a_wrong_lane_is_refused_with_its_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in LANE
    assert expected in _problems(tmp_path, LANE.replace(old, new))


def test_two_lanes_with_the_same_name_are_refused(tmp_path: Path) -> None:
    assert "'daily coding' is already the name of lanes[0]" in _problems(tmp_path, LANE + LANE)


def test_the_readmes_examples_are_a_valid_config(tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    path = tmp_path / "bench.toml"
    path.write_text("\n".join(re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)), encoding="utf-8")
    config = load_config(path)
    assert [model.label for model in config.models] == ["qwen-coder-4bit"]
    assert [lane.name for lane in config.lanes] == ["my coding"]
