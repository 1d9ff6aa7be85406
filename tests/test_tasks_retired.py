"""Tasks that were mended after a result was published with them."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.run import task_info
from harness.tasks import as_published, find_fixtures, load_tasks, retired_at
from tests.samples import kit_tasks

NAME = "code-bugfix"
KEPT = sorted(find_fixtures().glob("_retired/*/*"))


def fixtures_with(folder: Path, digest: str) -> Path:
    """A folder of tasks that keeps the task of the kit under this digest."""
    shutil.copytree(find_fixtures() / NAME, folder / "_retired" / digest[:12] / NAME)
    return folder


def test_a_mended_task_is_found_as_it_was_published(tmp_path: Path) -> None:
    old = kit_tasks()[NAME]
    mended = {NAME: replace(old, sha256="0" * 64, title="mended"), "other": old}
    found = as_published(mended, [task_info(old)], fixtures_with(tmp_path, old.sha256))
    assert found == {NAME: old, "other": old}


@pytest.mark.parametrize(
    "digest", ["1" * 64, kit_tasks()[NAME].sha256[:12] + "1" * 52], ids=["other", "same beginning"]
)
def test_a_task_with_another_digest_than_the_published_one_is_not_taken(tmp_path: Path, digest: str) -> None:
    known = {NAME: replace(kit_tasks()[NAME], sha256="0" * 64)}
    stated = replace(task_info(kit_tasks()[NAME]), sha256=digest)
    assert as_published(known, [stated], fixtures_with(tmp_path, digest)) == known


def test_the_time_of_mending_is_that_of_the_digest(tmp_path: Path) -> None:
    digest = "ab" * 32
    (tmp_path / "_retired").mkdir()
    (tmp_path / "_retired" / "dates.toml").write_text(f'"{digest[:12]}" = 2026-11-28T07:00:00Z\n')
    assert retired_at(digest, tmp_path) == datetime(2026, 11, 28, 7, tzinfo=UTC)
    assert retired_at("cd" * 32, tmp_path) is None
    assert retired_at(digest, tmp_path / "elsewhere") is None


def test_each_kept_task_has_the_time_of_its_mending() -> None:
    times = [retired_at(folder.parent.name, find_fixtures()) for folder in KEPT]
    assert None not in times
    assert len(tomllib.loads((find_fixtures() / "_retired" / "dates.toml").read_text())) == len(KEPT)


@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
def test_a_kept_task_is_the_one_that_its_folder_says(folder: Path) -> None:
    (task,) = load_tasks([folder])
    assert task.sha256.startswith(folder.parent.name)
    assert task.sha256 != kit_tasks()[folder.name].sha256
