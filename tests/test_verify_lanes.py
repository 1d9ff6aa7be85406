"""A lane under the name of a built-in one is that lane, or `verify` names what differs."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.files import plain
from harness.tasks import lanes_of_run
from harness.types import Finding, Json, Lane
from harness.verify import VerifyOptions, verify
from tests.bundle import good_bundle, summarized, tasks, write_bundle

CODING, *OTHER_LANES = lanes_of_run((), list(tasks().values()))


def _findings(lane: Lane, folder: Path, known: Json = None) -> list[Finding]:
    bundle = good_bundle()
    bundle.result["lanes"] = plain([lane, *OTHER_LANES])
    options = VerifyOptions("consistent", tasks=tasks() if known is None else known)
    verdict = verify(write_bundle(folder / "bundle", summarized(bundle)), options)
    return [finding for report in verdict.levels for finding in report.findings if finding.check == "lanes"]


def test_the_kits_own_lanes_are_as_they_ship(tmp_path: Path) -> None:
    assert CODING.name == "daily coding"
    assert _findings(CODING, tmp_path) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"min_pass_rate": None}, "min_pass_rate is null, 0.5 in the kit"),
        ({"min_context_tokens": 16384}, "min_context_tokens is 16384, null in the kit"),
        ({"rank_by": ("decode_tps",)}, 'rank_by is ["decode_tps"], ["pass_rate","decode_tps"] in the kit'),
        (
            {"tasks": {"code-bugfix": 1.0, "speed-small": 1.0}},
            "its tasks are others or weigh more or less: speed-small",
        ),
        ({"tasks": {"code-bugfix": 2.0}}, "its tasks are others or weigh more or less: code-bugfix"),
    ],
)
def test_another_lane_under_the_kits_name_is_a_warning_that_names_the_difference(
    change: Json, words: str, tmp_path: Path
) -> None:
    (finding,) = _findings(replace(CODING, **change), tmp_path)
    assert finding.severity == "warning"
    assert finding.message == f"daily coding is a lane of the kit, which this one is not: {words}"
    assert finding.location.endswith("$.lanes[0]")


def test_a_lane_of_ones_own_name_and_an_override_are_no_difference(tmp_path: Path) -> None:
    assert _findings(replace(CODING, name="my coding", min_pass_rate=0.1), tmp_path / "named") == []


def test_tasks_that_are_not_known_locally_leave_the_demands_to_compare(tmp_path: Path) -> None:
    own = replace(CODING, tasks={"speed-small": 1.0})
    assert _findings(own, tmp_path / "tasks", {}) == []
    assert len(_findings(replace(own, min_pass_rate=None), tmp_path / "demands", {})) == 1
