"""Chooses the commits that change source and tests together, and makes the repository's two states of each.

`candidates` lists the commits; `states_of` gives a commit's files before and after it: its tests on the old source, and
its tests on the new source. What rules a commit out is a `RejectionError`, whose text is counted and shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.mining.history import SUBMODULE, Commit, History
from harness.mining.version_module import version_module
from harness.repository_tasks import PYTHON, Ecosystem, RejectionError, is_kept, leak_in, message_leaks

MAX_SOURCE_FILES = 5
MAX_GIVEN_BYTES = 96 * 1024
MAX_FILES = 800
MAX_TREE_BYTES = 8 * 1024 * 1024
MIN_MESSAGE_WORDS = 3


@dataclass(frozen=True, slots=True)
class CommitStates:
    """The files of a repository with a commit's tests: before its change of the source, and after it.

    `given` are the files before that it changes, `test_files` the files of tests that it changes.
    """

    commit: Commit
    before: Mapping[str, str]
    after: Mapping[str, str]
    given: tuple[str, ...]
    test_files: tuple[str, ...]


def candidates(history: History, ecosystem: Ecosystem, since: str | None) -> Iterator[Commit]:
    """The commits that change source and tests together, newest first."""
    for commit in history.commits(since):
        paths = [change.path for change in commit.changes]
        if any(map(ecosystem.is_source, paths)) and any(map(ecosystem.holds_tests, paths)):
            yield commit


def states_of(commit: Commit, history: History, ecosystem: Ecosystem) -> CommitStates:
    """The two states of a commit. Raises RejectionError."""
    _require_small_change(commit, ecosystem)
    old, new = history.files(commit.parent), history.files(commit.sha)
    source = [change.path for change in commit.changes if ecosystem.is_source(change.path)]
    tests = [change.path for change in commit.changes if ecosystem.is_test(change.path)]
    _require_text({**old, **{path: new.get(path, "") for path in (*source, *tests)}}, (*source, *tests))
    kept = {path: text for path, text in old.items() if text is not None and is_kept(path) and path not in tests}
    kept |= version_module(old) if ecosystem is PYTHON else {}
    before = kept | {path: text for path in tests if (text := new.get(path)) is not None}
    after = before | {path: text for path in source if (text := new.get(path)) is not None}
    states = CommitStates(
        commit=commit,
        before=before,
        after=after,
        given=tuple(path for path in source if path in before),
        test_files=tuple(path for path in tests if path in before and ecosystem.holds_tests(path)),
    )
    _require_fit(states)
    return states


def _require_small_change(commit: Commit, ecosystem: Ecosystem) -> None:
    changes = [change for change in commit.changes if ecosystem.is_source(change.path)]
    if any(SUBMODULE in (change.mode, change.old_mode) for change in commit.changes):
        raise RejectionError("changes a submodule")
    if any(change.status not in "AM" for change in changes):
        raise RejectionError("deletes a source file or changes its type")
    if len(changes) > MAX_SOURCE_FILES:
        raise RejectionError(f"changes more than {MAX_SOURCE_FILES} source files")
    if all(change.status == "A" for change in changes):
        raise RejectionError("changes no source file that was there before")
    if len(re.findall(r"\w{2,}", commit.message)) < MIN_MESSAGE_WORDS:
        raise RejectionError(f"its message has fewer than {MIN_MESSAGE_WORDS} words")


def _require_text(files: Mapping[str, str | None], changed: Sequence[str]) -> None:
    if any(files[path] is None for path in changed):
        raise RejectionError("changes a binary file")
    if any("\r\n" in (files[path] or "") for path in changed):
        raise RejectionError("changes a file with CRLF line endings")


def _require_fit(states: CommitStates) -> None:
    given_bytes = sum(len(states.before[path].encode()) for path in states.given)
    folders = {str(folder) for path in states.before for folder in PurePosixPath(path).parents}
    if given_bytes > MAX_GIVEN_BYTES:
        raise RejectionError(f"the files that matter have more than {MAX_GIVEN_BYTES // 1024} KiB")
    if len(states.before) + len(folders) > MAX_FILES:
        raise RejectionError(f"the repository has more than {MAX_FILES} files")
    if sum(len(text) for text in states.before.values()) > MAX_TREE_BYTES:
        raise RejectionError(f"the repository has more than {MAX_TREE_BYTES // 1024 // 1024} MiB")
    if not states.test_files:
        raise RejectionError("changes no file of tests")
    if message_leaks(states.commit.message, states.before, states.after):
        raise RejectionError("its message has lines of the fix")
    if leak_in(states.before, states.after, states.test_files):
        raise RejectionError("another file has the lines of the fix")
