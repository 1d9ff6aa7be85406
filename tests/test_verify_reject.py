"""Every check refuses its files in tests/reject. A check without such a file might accept everything."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import harness.bundle
import harness.verify
from harness.types import LEVELS, Sandbox, Verdict
from harness.verify import VerifyOptions, verify
from harness.verify.checks import CHECKS
from tests.bundle import TrustingSandbox, good_bundle, reread_once, tasks, write_bundle
from tests.recipes import REJECT, limits_of, prepare, read_recipe, recipes
from tests.samples import kit_tasks

WARNINGS = {"token-count", "token-usage", "roofline", "identical-times", "supersedes", "lanes", "served-models"}
OTHER_TESTS = {"replicated"}
"""Tested with a server, in test_verify_replicated.py."""
RECIPES = [pair for pair in recipes() if pair[0] not in OTHER_TESTS]


@contextmanager
def _trusting(languages: tuple[str, ...]) -> Iterator[Sandbox]:
    yield TrustingSandbox()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The path of all files, where a recording that no recipe edited is read again once only."""
    with reread_once():
        yield tmp_path_factory.mktemp("refused") / "folder"


@pytest.fixture
def folder(shared: Path) -> Iterator[Path]:
    """An empty folder."""
    shared.mkdir()
    yield shared
    shutil.rmtree(shared)


def _ids_in_code() -> set[str]:
    folders = [Path(str(package.__file__)).parent for package in (harness.bundle, harness.verify)]
    paths = [path for folder in folders for path in folder.glob("*.py") if path.name != "checks.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    direct = re.findall(r"""Finding\(\s*"([a-z-]+)\"""", text)
    by_name = re.findall(r"""_findings\(evidence, "([a-z-]+)\"""", text)
    chosen = [name for pair in re.findall(r'Finding\(\s*"([a-z-]+)" if [^"]+ else "([a-z-]+)"', text) for name in pair]
    return {*direct, *by_name, *chosen}


def _states(verdict: Verdict) -> dict[str, str]:
    return {report.level: report.state for report in verdict.levels}


def test_every_check_has_a_file_that_it_must_refuse() -> None:
    assert {name for name, _ in recipes()} == set(CHECKS)
    assert {path.name for path in REJECT.iterdir()} <= set(CHECKS)


def test_every_check_of_the_code_is_in_the_table() -> None:
    assert _ids_in_code() <= set(CHECKS)
    # These ids are computed from the part of the result that they are about.
    assert set(CHECKS) - _ids_in_code() == {"cells", "summaries", "derived"}


@pytest.mark.parametrize(("check", "path"), RECIPES, ids=lambda value: value.stem if isinstance(value, Path) else value)
def test_the_file_is_refused_with_the_id_of_its_check(check: str, path: Path, folder: Path) -> None:
    recipe = read_recipe(path)
    level = recipe.get("level", CHECKS[check].level)
    known = kit_tasks() if recipe.get("all_tasks") else tasks()
    options = VerifyOptions(
        level, strict=check in WARNINGS, tasks=known, open_sandbox=_trusting, limits=limits_of(recipe)
    )
    verdict = verify(prepare(recipe, folder), options)
    report = verdict.levels[LEVELS.index(level)]
    assert check in {finding.check for finding in report.findings}, report
    assert report.state == (
        "unverified" if {finding.severity for finding in report.findings} - {"info"} == {"inconclusive"} else "failed"
    )
    assert verdict.exit_code in (1, 2)


def test_the_bundle_that_the_files_were_made_from_is_not_refused(tmp_path: Path) -> None:
    options = VerifyOptions("rescored", strict=True, tasks=tasks(), open_sandbox=_trusting)
    verdict = verify(write_bundle(tmp_path / "good", good_bundle()), options)
    assert set(list(_states(verdict).values())[:5]) == {"reached"}
    findings = [finding for report in verdict.levels for finding in report.findings]
    assert [finding for finding in findings if finding.severity != "info"] == []


def test_a_run_folder_with_a_matching_plan_is_not_refused(tmp_path: Path) -> None:
    path = prepare({"plan": []}, tmp_path)
    assert verify(path, VerifyOptions("reread", strict=True, tasks=tasks())).exit_code == 0
