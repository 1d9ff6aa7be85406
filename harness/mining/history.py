"""Reads a repository's history with git: its commits, what each changed, and the files of a commit.

`open_history` is the entry point. Git is called for reading only.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from harness.errors import TaskError
from harness.trees import run_git, text_of

LINK, SUBMODULE = "120000", "160000"
MAX_COMMITS = 20_000
MAX_TEXT_BYTES = 8 * 1024 * 1024
"""A larger file is not read: a task has no room for it."""
_FORMAT = "--format=%H%x00%P%x00%B%x00"
"""Fields that end with NUL, as `-z` ends the others: no message and no path can hold it."""
_REFERENCE = r"(?:(?:bug |issue |pr )?(?:[\w./-]*#|gh-|bpo-)\d+|<?https?://\S+|[0-9a-f]{7,40} \(\".*\"\))"
_TRAILER = re.compile(
    r"^(?:(?:signed-off-by|co-authored-by|reviewed-by|tested-by|acked-by|change-id|git-svn-id|cc):.*"
    r"|\(cherry picked from .*"
    # Only a reference makes a trailer of it: "Fixes the rounding" is what a commit does.
    rf"|(?:closes|fixes)\b:?[ \t]*{_REFERENCE}(?:(?:,| and|,? &)[ \t]*{_REFERENCE})*[ \t\r.]*)$",
    re.IGNORECASE | re.MULTILINE,
)

_AGO = re.compile(r"[0-9]{1,4} (?:second|minute|hour|day|week|month|year)s? ago")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?")


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a commit did to a file: "A" (added), "M" (modified), "D" (deleted) or "T" (another type); its new mode."""

    path: str
    status: str
    old_mode: str
    mode: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit with one parent, and what it changed."""

    sha: str
    parent: str
    message: str
    changes: tuple[FileChange, ...]

    @property
    def subject(self) -> str:
        """The first line of its message."""
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True, slots=True)
class Blob:
    """The content of a file: its digest and its size in bytes."""

    digest: str
    size: int


@dataclass
class History:
    """The history of a repository up to what is checked out."""

    path: Path
    _recent: tuple[dict[str, str | None], dict[str, str | None]] = field(default_factory=lambda: ({}, {}))
    """The texts of the last two trees, by the digests of their blobs."""

    def commits(self, since: str | None) -> Iterator[Commit]:
        """The commits that have one parent, newest first; `since` as `_require_past` takes it. Raises TaskError."""
        if since is not None:
            self._require_past(since)
        words = ["log", "--no-merges", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv", "-z"]
        since_words = [] if since is None else [f"--since={since}"]
        output = self.git(*words, f"--max-count={MAX_COMMITS}", _FORMAT, *since_words, "HEAD")
        for commit in _parsed(output):
            if len(commit.parent.split()) == 1:
                yield commit

    def _require_past(self, since: str) -> None:
        """Raises TaskError for what is neither a date of ISO 8601 nor "N units ago", or not in the past.

        Git takes every text for some moment: 2024-13-45 for a day of this year, and what it cannot read for now.
        """
        began = int(time.time())
        if _AGO.fullmatch(since) or _is_date(since):
            reading = self.git("rev-parse", f"--since={since}").strip()
            if int(reading.removeprefix("--max-age=")) < began:
                return
        raise TaskError(
            f"{since!r} is no date in the past since 1970", fix="write it as 2024-01-31 or as '6 months ago'"
        )

    def files(self, sha: str) -> dict[str, str | None]:
        """The text of each file of a commit, as `texts` gives it."""
        return self.texts(self.tree(sha))

    def tree(self, sha: str) -> dict[str, Blob]:
        """The files of a commit by their paths. Links and submodules are left out."""
        blobs = {}
        for entry in self.git("ls-tree", "-r", "-l", "-z", sha).split("\0"):
            head, _, path = entry.partition("\t")
            if path and (words := head.split())[0] not in (LINK, SUBMODULE):
                # Of content that is missing git knows no size; reading it says so.
                blobs[path] = Blob(words[2], int(words[3]) if words[3].isdecimal() else 0)
        return blobs

    def texts(self, tree: Mapping[str, Blob]) -> dict[str, str | None]:
        """The text of each file of a tree; None for one that is not UTF-8, or larger than a task may be.

        Those of the last two trees are kept: a commit and its parent have nearly all files in common.
        """
        known = {**self._recent[0], **self._recent[1]}
        wanted = dict.fromkeys(blob.digest for blob in tree.values() if blob.size <= MAX_TEXT_BYTES)
        texts = {digest: known[digest] for digest in wanted if digest in known}
        texts |= self._read([digest for digest in wanted if digest not in known])
        self._recent = (self._recent[1], texts)
        return {path: texts.get(blob.digest) for path, blob in tree.items()}

    def _read(self, blobs: Sequence[str]) -> dict[str, str | None]:
        if not blobs:
            return {}
        output = run_git(self.path, ["cat-file", "--batch"], "".join(f"{blob}\n" for blob in blobs).encode())
        texts, at = dict[str, str | None](), 0
        for blob in blobs:
            end = output.index(b"\n", at)
            words = output[at:end].split()
            if len(words) != 3:
                raise TaskError(
                    f"{self.path}: git has no content of {blob}", fix="fetch the repository's whole history"
                )
            size = int(words[2])
            texts[blob] = text_of(output[end + 1 : end + 1 + size])
            at = end + size + 2
        return texts

    def git(self, *words: str) -> str:
        """The output of a git command. Raises TaskError with git's reason."""
        return run_git(self.path, words).decode("utf-8", "replace")


def open_history(path: Path) -> History:
    """The history of a repository, of which `path` is the top folder.

    Raises TaskError for a folder that has none, or only the newest part of it, and for one inside of a repository: git
    lists the files of a commit below such a folder, but the changes of the whole repository.
    """
    if not path.is_dir():
        raise TaskError(f"{path}: no such folder", fix="name the folder of a git repository")
    history = History(path)
    try:
        inside = history.git("rev-parse", "--show-prefix").strip("\n")
    except TaskError as error:
        raise _no_history(path, error) from error
    if inside:
        top = history.git("rev-parse", "--show-toplevel").strip("\n")
        raise TaskError(f"{path}: is a folder inside of the repository {top}", fix=f"name {top}, its top folder")
    try:
        is_shallow = history.git("rev-parse", "--is-shallow-repository").strip() == "true"
        history.git("rev-parse", "--verify", "HEAD^{commit}")
    except TaskError as error:
        raise _no_history(path, error) from error
    if is_shallow:
        raise TaskError(f"{path}: is a shallow clone, whose older commits are missing", fix="git fetch --unshallow")
    return history


def _no_history(path: Path, error: TaskError) -> TaskError:
    fix = error.fix or "name a git repository"
    return TaskError(f"{path}: has no history of commits ({error.message})", fix=fix)


def _is_date(text: str) -> bool:
    if _DATE.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _without_trailers(message: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", _TRAILER.sub("", message)).strip()


def _parsed(output: str) -> Iterator[Commit]:
    """The commits in git's output: digest, parents and message, then `:mode mode blob blob status` and path of each."""
    fields = output.split("\0")
    at = 0
    while at + 3 < len(fields):
        sha, parents, message = fields[at : at + 3]
        at += 3
        changes = []
        # Between message and changes git writes an empty field and a newline. A digest is neither, so it comes next.
        while at < len(fields) and (not (head := fields[at].lstrip("\n")) or head.startswith(":")):
            if head:
                at += 1
                old_mode, mode, _, _, status = head.lstrip(":").split()
                changes.append(FileChange(fields[at], status[0], old_mode, mode))
            at += 1
        yield Commit(sha, parents, _without_trailers(message), tuple(changes))
