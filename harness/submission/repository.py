"""A results repository, read and written with git alone: `Repository` runs git with the repository's hooks off.

What a pull request changed is read from trees and blobs; nothing of it is checked out.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RunError
from harness.files import git_environment

SAFE = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "--no-pager")
"""A repository of somebody else starts nothing here."""
FIELDS_PER_CHANGE = 5
REGULAR = "100644"
"""The mode of a file that is neither a link nor a program."""


@dataclass(frozen=True, slots=True)
class TreeChange:
    """What happened to one path: "A", "M", "D" or "T"; its new mode and blob."""

    status: str
    path: str
    mode: str
    blob: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A clone, bare or not. Every method raises RunError with git's reason."""

    path: Path

    def git(self, *words: str) -> str:
        """The output of a git command."""
        return run_git(("-C", str(self.path), *words))

    def changes(self, base: str, head: str) -> list[TreeChange]:
        """What is in the tree of `head` and not so in that of `base`; a renamed file is one removed and one added."""
        # A name that begins with a dash would be an option of git.
        trees = [
            self.git("rev-parse", "--verify", "--end-of-options", f"{name}^{{tree}}").strip() for name in (base, head)
        ]
        output = self.git("diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", *trees)
        fields = output.removesuffix("\0").split("\0") if output else []
        found = []
        for head_of, path in zip(fields[::2], fields[1::2], strict=True):
            words = head_of.lstrip(":").split()
            if len(words) == FIELDS_PER_CHANGE:
                found.append(TreeChange(words[4][:1], path, words[1], words[3]))
        return found

    def files(self, revision: str, folder: str) -> dict[str, str]:
        """Path and blob of every file in a folder of a revision."""
        output = self.git("ls-tree", "-z", "--full-tree", revision, f"{folder.rstrip('/')}/")
        entries = [entry.split("\t", 1) for entry in output.split("\0") if "\t" in entry]
        return {path: words.split()[2] for words, path in entries}

    def size(self, blob: str) -> int:
        """The size of a blob in bytes."""
        return int(self.git("cat-file", "-s", blob))

    def write_blob(self, blob: str, path: Path) -> None:
        """Write the bytes of a blob into a file."""
        command = ["git", *SAFE, "-C", str(self.path), "cat-file", "blob", blob]
        with path.open("wb") as file:
            done = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, check=False, env=git_environment())
        if done.returncode != 0:
            raise RunError(f"{self.path}: git has no content of {blob}")


def run_git(words: tuple[str, ...]) -> str:
    """The output of a git command. Raises RunError with git's reason."""
    if shutil.which("git") is None:
        raise RunError("git is not installed", fix="install git")
    # A repository that needs a password fails: nobody is asked for one.
    environment = {**git_environment(), "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true"}
    command = ["git", *SAFE, *words]
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL, env=environment)
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason"]
        raise RunError(f"git failed: {reason[-1]}")
    return done.stdout.decode("utf-8", "replace")
