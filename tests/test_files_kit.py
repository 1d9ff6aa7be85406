"""The kit's own commit and digest: those of its checkout, wherever that is."""

import subprocess
from pathlib import Path

import pytest

from harness.files.kit import checkout_state, package_digest
from harness.submission.repository import Repository


def _repository(folder: Path) -> Path:
    """A git repository with a committed pyproject.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text("")
    who = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    for command in (("init", "-q"), ("add", "pyproject.toml"), (*who, "commit", "-q", "-m", "one")):
        subprocess.run(("git", "-C", str(folder), *command), check=True, capture_output=True)
    return folder


def test_a_checkout_has_its_commit_and_says_whether_it_has_changes(tmp_path: Path) -> None:
    root = _repository(tmp_path / "kit")
    commit, dirty = checkout_state(root)
    assert (len(commit or ""), dirty) == (40, False)
    (root / "pyproject.toml").write_text("changed")
    assert checkout_state(root) == (commit, True)


def test_the_repository_of_a_git_hook_is_not_taken_for_the_kits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, other = _repository(tmp_path / "kit"), _repository(tmp_path / "other")
    (other / "pyproject.toml").write_text("changed")
    found = checkout_state(root)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert checkout_state(root) == found
    assert Repository(root).git("rev-parse", "--show-toplevel").strip() == str(root)


def test_a_copy_within_another_repository_has_no_commit(tmp_path: Path) -> None:
    copy = _repository(tmp_path / "outer") / "vendored"
    copy.mkdir()
    (copy / "pyproject.toml").write_text("")
    assert checkout_state(copy) == (None, None)


def test_a_folder_of_installed_packages_has_no_commit(tmp_path: Path) -> None:
    root = _repository(tmp_path / "site-packages")
    (root / "pyproject.toml").unlink()
    assert checkout_state(root) == (None, None)
    assert checkout_state(tmp_path) == (None, None)


@pytest.mark.parametrize("place", ["plain", "_data", "__pycache__"])
def test_the_digest_is_that_of_the_files_wherever_they_are(place: str, tmp_path: Path) -> None:
    package = tmp_path / place / "harness"
    (package / "_data").mkdir(parents=True)
    (package / "a.py").write_text("1")
    first = package_digest(package)
    (package / "_data" / "task.toml").write_text("a task")
    assert package_digest(package) == first
    (package / "a.py").write_text("2")
    assert package_digest(package) != first
