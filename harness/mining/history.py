"""Reads a repository's history with git: its commits, what each changed, and the files of a commit.

`open_history` is the entry point. Git is called for reading only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import TaskError
from harness.trees import run_git, text_of

LINK, SUBMODULE = "120000", "160000"
MAX_COMMITS = 20_000
_FORMAT = "--format=%x01%H%x02%P%x02%B%x02"
_TRAILER = re.compile(
    r"^(?:signed-off-by|co-authored-by|reviewed-by|tested-by|acked-by|change-id|git-svn-id|cc|closes|fixes"
    r"|\(cherry picked)\b[ :].*$",
    re.IGNORECASE | re.MULTILINE,
)


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


@dataclass
class History:
    """The history of a repository up to what is checked out."""

    path: Path
    _texts: dict[str, str | None] = field(default_factory=dict)

    def commits(self, since: str | None) -> Iterator[Commit]:
        """The commits that have one parent, newest first; `since` is a date as git reads it. Raises TaskError."""
        words = ["log", "--no-merges", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv", "-z"]
        since_words = [] if since is None else [f"--since={since}"]
        output = self.git(*words, f"--max-count={MAX_COMMITS}", _FORMAT, *since_words, "HEAD")
        for part in output.split("\x01")[1:]:
            sha, parents, message, raw = part.split("\x02", 3)
            if len(parents.split()) == 1:
                yield Commit(sha, parents, _without_trailers(message), tuple(_changes(raw)))

    def files(self, sha: str) -> dict[str, str | None]:
        """The text of each file of a commit; None for one that is not UTF-8. Links and submodules are left out."""
        blobs = {}
        for entry in self.git("ls-tree", "-r", "-z", sha).split("\0"):
            head, _, path = entry.partition("\t")
            if path and head.split()[0] not in (LINK, SUBMODULE):
                blobs[path] = head.split()[2]
        self._read([blob for blob in dict.fromkeys(blobs.values()) if blob not in self._texts])
        return {path: self._texts[blob] for path, blob in blobs.items()}

    def _read(self, blobs: Sequence[str]) -> None:
        if not blobs:
            return
        output = run_git(self.path, ["cat-file", "--batch"], "".join(f"{blob}\n" for blob in blobs).encode())
        at = 0
        for blob in blobs:
            end = output.index(b"\n", at)
            words = output[at:end].split()
            if len(words) != 3:
                raise TaskError(
                    f"{self.path}: git has no content of {blob}", fix="fetch the repository's whole history"
                )
            size = int(words[2])
            self._texts[blob] = text_of(output[end + 1 : end + 1 + size])
            at = end + size + 2

    def git(self, *words: str) -> str:
        """The output of a git command. Raises TaskError with git's reason."""
        return run_git(self.path, words).decode("utf-8", "replace")


def open_history(path: Path) -> History:
    """The history of a repository. Raises TaskError for a folder that has none, or only the newest part of it."""
    if not path.is_dir():
        raise TaskError(f"{path}: no such folder", fix="name the folder of a git repository")
    history = History(path)
    try:
        top = history.git("rev-parse", "--is-shallow-repository")
        history.git("rev-parse", "--verify", "HEAD^{commit}")
    except TaskError as error:
        raise TaskError(f"{path}: has no history of commits ({error.message})", fix="name a git repository") from error
    if top.strip() == "true":
        raise TaskError(f"{path}: is a shallow clone, whose older commits are missing", fix="git fetch --unshallow")
    return history


def _without_trailers(message: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", _TRAILER.sub("", message)).strip()


def _changes(raw: str) -> Iterator[FileChange]:
    """The changes in git's raw format: `:mode mode blob blob status`, NUL, path, NUL."""
    fields = iter(raw.strip("\n").split("\0"))
    for head in fields:
        if head.lstrip("\n").startswith(":"):
            old_mode, mode, _, _, status = head.lstrip("\n:").split()
            yield FileChange(next(fields), status[0], old_mode, mode)
