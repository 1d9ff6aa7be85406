"""Every published bundle in results/ is sound up to the level `reread`."""

from pathlib import Path

from harness.files import ROOT
from harness.types import Verdict
from harness.verify import VerifyOptions, verify
from tests.bundle import good_bundle, tasks, write_bundle
from tests.samples import kit_tasks

BUNDLES = sorted((ROOT / "results").glob("*.zip"))


def problems_of(verdict: Verdict) -> list[str]:
    """What is wrong with a published bundle. A task that has changed since may leave `consistent` unverified."""
    states = {report.level: report.state for report in verdict.levels}
    problems = [
        f"{level} is {states[level]}" for level in ("readable", "schema", "reread") if states[level] != "reached"
    ]
    if states["consistent"] == "failed":
        problems.append("consistent is failed")
    notes = [
        finding.message for report in verdict.levels for finding in report.findings if finding.check == "simulated"
    ]
    return problems + notes


def test_every_published_bundle_is_sound() -> None:
    known = kit_tasks()
    assert {path.name: problems_of(verify(path, VerifyOptions("reread", tasks=known))) for path in BUNDLES} == {
        path.name: [] for path in BUNDLES
    }


def test_only_bundles_are_published() -> None:
    listed = {path.suffix for path in (ROOT / "results").iterdir() if path.is_file() and path.name != "README.md"}
    assert listed <= {".zip"}


def test_an_unsound_bundle_is_found(tmp_path: Path) -> None:
    bundle = good_bundle()
    bundle.result["cells"][0]["pass_rate"]["passed"] = 1
    assert problems_of(verify(write_bundle(tmp_path / "bad", bundle), VerifyOptions("reread", tasks=tasks()))) == [
        "consistent is failed"
    ]


def test_a_bundle_of_tasks_that_have_changed_since_is_accepted(tmp_path: Path) -> None:
    assert problems_of(verify(write_bundle(tmp_path / "old", good_bundle()), VerifyOptions("reread"))) == []
