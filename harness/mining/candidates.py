"""Chooses the commits that change source and tests together, and makes the repository's two states of each.

`candidates` lists the commits; `states_of` gives a commit's files before and after it: its tests on the old source, and
its tests on the new source. What rules a commit out is a `RejectionError`, whose text is counted and shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.mining.history import LINK, SUBMODULE, Blob, Commit, History
from harness.mining.version_module import version_module
from harness.repository_tasks import (
    PYTHON,
    Ecosystem,
    Layout,
    RejectionError,
    folders_of,
    is_kept,
    layout_of,
    leak_in,
    message_leaks,
)

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
    """The commits that change source and tests together, newest first, as far as the changed paths tell."""
    for commit in history.commits(since):
        paths = [change.path for change in commit.changes]
        layout = layout_of(ecosystem, paths)
        if any(map(layout.is_source, paths)) and any(map(layout.holds_tests, paths)):
            yield commit


def states_of(commit: Commit, history: History, ecosystem: Ecosystem) -> CommitStates:
    """The two states of a commit. Raises RejectionError.

    What rules it out by what its changes say comes first, then by the repository's paths, and its files are read last.
    """
    _require_request(commit)
    old_tree, new_tree = history.tree(commit.parent), history.tree(commit.sha)
    paths = {**old_tree, **new_tree}
    layout = layout_of(ecosystem, paths)
    _require_small_change(commit, layout)
    _require_whole_change(commit, layout, paths)
    _require_small_source([blob for path, blob in old_tree.items() if layout.is_source(path)])
    old, new = history.texts(old_tree), history.texts(new_tree)
    source = [change.path for change in commit.changes if layout.is_source(change.path)]
    tests = [change.path for change in commit.changes if layout.is_test(change.path)]
    _require_text(old, source)
    _require_text(new, [*source, *tests])
    kept = {path: text for path, text in old.items() if text is not None and is_kept(path) and path not in tests}
    kept |= version_module(old) if ecosystem is PYTHON else {}
    before = kept | {path: text for path in tests if (text := new.get(path)) is not None}
    after = before | {path: text for path in source if (text := new.get(path)) is not None}
    states = CommitStates(
        commit=commit,
        before=before,
        after=after,
        given=tuple(path for path in source if path in before),
        test_files=tuple(path for path in tests if path in before and layout.holds_tests(path)),
    )
    _require_fit(states)
    return states


def _require_request(commit: Commit) -> None:
    """What is known without the files of the repository."""
    if any(SUBMODULE in (change.mode, change.old_mode) for change in commit.changes):
        raise RejectionError("changes a submodule")
    if len(re.findall(r"\w{2,}", commit.message)) < MIN_MESSAGE_WORDS:
        raise RejectionError(f"its message has fewer than {MIN_MESSAGE_WORDS} words")


def _require_small_change(commit: Commit, layout: Layout) -> None:
    changes = [change for change in commit.changes if layout.is_source(change.path)]
    if any(change.status not in "AM" for change in changes):
        raise RejectionError("deletes a source file or changes its type")
    if any(LINK in (change.mode, change.old_mode) for change in changes):
        raise RejectionError("changes a link among the source")
    if len(changes) > MAX_SOURCE_FILES:
        raise RejectionError(f"changes more than {MAX_SOURCE_FILES} source files")
    if all(change.status == "A" for change in changes):
        raise RejectionError("changes no source file that was there before")
    if any("{" in change.path or "}" in change.path for change in changes):
        # A prompt includes a file by its path, between braces.
        raise RejectionError("changes a source file with braces in its path")


def _require_whole_change(commit: Commit, layout: Layout, paths: Iterable[str]) -> None:
    """What no answer may edit, and tests may read, is none of the change."""
    if any(layout.may_be_source(change.path) for change in commit.changes):
        # It would be new in both states, as tests are, and a part of the fix with it.
        raise RejectionError("changes code without tests in a folder that may be tests or source")
    beside_source = layout.beside_source(paths)
    if any(change.path in beside_source for change in commit.changes):
        raise RejectionError("changes data or other code beside the source")


def _require_small_source(source: Sequence[Blob]) -> None:
    """What is known before anything is read: a task never has less than the repository's source."""
    _require_few_files(len(source))
    _require_few_bytes(sum(blob.size for blob in source))


def _require_few_files(count: int) -> None:
    if count > MAX_FILES:
        raise RejectionError(f"the repository has more than {MAX_FILES} files")


def _require_few_bytes(count: int) -> None:
    if count > MAX_TREE_BYTES:
        raise RejectionError(f"the repository has more than {MAX_TREE_BYTES // 1024 // 1024} MiB")


def _require_text(files: Mapping[str, str | None], changed: Sequence[str]) -> None:
    for text in (files.get(path, "") for path in changed):
        if text is None:
            raise RejectionError("changes a binary file or a very large one")
        if "\r\n" in text:
            raise RejectionError("changes a file with CRLF line endings")


def _require_fit(states: CommitStates) -> None:
    given_bytes = sum(len(states.before[path].encode()) for path in states.given)
    folders = {folder for path in states.before for folder in folders_of(path)}
    if given_bytes > MAX_GIVEN_BYTES:
        raise RejectionError(f"the files that matter have more than {MAX_GIVEN_BYTES // 1024} KiB")
    _require_few_files(len(states.before) + len(folders) + 1)
    _require_few_bytes(sum(len(text.encode()) for text in states.before.values()))
    if not states.test_files:
        raise RejectionError("changes no file of tests")
    if message_leaks(states.commit.message, states.before, states.after):
        raise RejectionError("its message has lines of the fix")
    if leak_in(states.before, states.after, states.test_files):
        raise RejectionError("another file has the lines of the fix")
