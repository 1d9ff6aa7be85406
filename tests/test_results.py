"""Every published bundle in results/ is sound up to the level `reread`, and asks the prompts of known tasks."""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from harness import __version__
from harness.bundle.publish import manifest_digest, signer_of
from harness.bundle.source import MANIFEST, RESULT
from harness.files import ROOT, from_json, read_json, to_json
from harness.tasks import find_fixtures
from harness.tasks.retired import DIGEST_DIGITS
from harness.types import Json, Task, Verdict
from harness.verify import VerifyOptions, verify
from tests.bundle import good_bundle, manifest_of, tasks, texts_of, write_bundle
from tests.deep import part_and_whole
from tests.samples import kit_tasks

BUNDLES = sorted((ROOT / "results").glob("*.zip"), key=lambda path: path.stat().st_size)
RETIRED = [(path.name, path.parent.name) for path in find_fixtures().glob("_retired/*/*")]
"""The tasks that are kept as they were, with the beginnings of their digests."""


def problems_of(path: Path, known: Mapping[str, Task], retired: Iterable[tuple[str, str]] = RETIRED) -> list[str]:
    """What is wrong with a published bundle. The kit and a task may have changed since: consistent is unverified then.

    A task must be one that the kit has or has kept: for any other, any prompt would do.
    """
    verdict = verify(path, VerifyOptions("reread", tasks=known))
    states = {report.level: report.state for report in verdict.levels}
    problems = [
        f"{level} is {states[level]}" for level in ("readable", "schema", "reread") if states[level] != "reached"
    ]
    if states["consistent"] == "failed":
        problems.append("consistent is failed")
    if states["schema"] == "reached":
        problems += _unknown_tasks(_document(path, RESULT), known, retired)
    return problems + _notes(verdict)


def _document(path: Path, name: str) -> Json:
    if path.is_dir():
        return read_json(path / name)
    with zipfile.ZipFile(path) as archive:
        return from_json(archive.read(name).decode("utf-8"))


def _unknown_tasks(result: Json, known: Mapping[str, Task], retired: Iterable[tuple[str, str]]) -> list[str]:
    digests = {(name, task.sha256[:DIGEST_DIGITS]) for name, task in known.items()} | {*retired}
    return [
        f"{task['name']} is a task of no release"
        for task in result["tasks"]
        if (task["name"], task["sha256"][:DIGEST_DIGITS]) not in digests
    ]


def _notes(verdict: Verdict) -> list[str]:
    found = [finding for report in verdict.levels for finding in report.findings]
    return [finding.message for finding in found if finding.check == "simulated" and finding.severity == "info"]


def wrong_corrections(bundles: Sequence[Path]) -> list[str]:
    """The corrections of bundles that are not there, or that were signed otherwise than the correction says."""
    by_digest = {manifest_digest(path): path for path in bundles}
    found = []
    for path in bundles:
        old = _document(path, MANIFEST)["supersedes"]
        if old is None:
            continue
        if old["manifest_sha256"] not in by_digest:
            found.append(f"{path.name} supersedes a bundle that is not there")
        elif signer_of(by_digest[old["manifest_sha256"]]) != old["signer"]:
            found.append(f"{path.name} names another signer of the bundle that it supersedes")
    return found


@pytest.mark.parametrize("bundles", part_and_whole(BUNDLES[:1], BUNDLES))
def test_every_published_bundle_is_sound(bundles: Sequence[Path]) -> None:
    assert {path.name: problems_of(path, kit_tasks()) for path in bundles} == {path.name: [] for path in bundles}


def test_a_correction_of_a_published_bundle_names_what_it_corrects() -> None:
    assert wrong_corrections(BUNDLES) == []


def test_only_bundles_are_published() -> None:
    listed = {path.suffix for path in (ROOT / "results").iterdir() if path.is_file() and path.name != "README.md"}
    assert listed <= {".zip"}


def test_an_unsound_bundle_is_found(tmp_path: Path) -> None:
    bundle = good_bundle()
    bundle.result["cells"][0]["pass_rate"]["passed"] = 1
    assert problems_of(write_bundle(tmp_path / "bad", bundle), tasks()) == ["consistent is failed"]


def test_a_bundle_of_tasks_that_nobody_knows_is_found(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "unknown", good_bundle())
    assert problems_of(path, {}) == [f"{name} is a task of no release" for name in tasks()]


def test_a_bundle_with_a_task_of_an_earlier_release_is_accepted_and_any_other_prompt_is_not(
    tmp_path: Path,
) -> None:
    bundle, old = good_bundle(), "5" * 64
    bundle.result["kit"]["version"] = f"{__version__}.earlier"
    bundle.result["tasks"][0]["sha256"] = old
    path = write_bundle(tmp_path / "old", bundle)
    name = bundle.result["tasks"][0]["name"]
    assert problems_of(path, tasks(), [(name, old[:DIGEST_DIGITS])]) == []
    assert problems_of(path, tasks(), []) == [f"{name} is a task of no release"]


def test_a_correction_that_names_another_signer_than_the_bundle_has_is_found(tmp_path: Path) -> None:
    old = _zipped(tmp_path / "old.zip", None)
    assert wrong_corrections([old]) == []
    claim = {"manifest_sha256": manifest_digest(old), "reason": "the numbers were wrong", "signer": None}
    right = _zipped(tmp_path / "right.zip", claim)
    wrong = _zipped(tmp_path / "wrong.zip", {**claim, "signer": f"SHA256:{'A' * 43}"})
    lost = _zipped(tmp_path / "lost.zip", {**claim, "manifest_sha256": "0" * 64})
    assert wrong_corrections([old, right, wrong, lost]) == [
        "wrong.zip names another signer of the bundle that it supersedes",
        "lost.zip supersedes a bundle that is not there",
    ]


def _zipped(path: Path, supersedes: Json) -> Path:
    files = texts_of(good_bundle(1))
    manifest = from_json(manifest_of(files)) | {"supersedes": supersedes}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (files | {MANIFEST: to_json(manifest)}).items():
            archive.writestr(name, text)
    return path
