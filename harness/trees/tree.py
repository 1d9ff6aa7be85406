"""What a final tree is: files of text by their path, and the entries of its folder that are no such files.

`path_problem` and `text_of` decide which entries are files of the tree; the archive and the patch use the same rules.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MAX_PATH_CHARS = 240
OUTSIDE_OF_TREE, UNUSUAL_NAME = "outside of the tree", "unusual name"
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f"\\\u2028\u2029\ud800-\udfff]|^\s|\s$')
"""Surrogates are what Python reads bytes of a name as that are not UTF-8."""


@dataclass(frozen=True, slots=True, order=True)
class ExcludedPath:
    """A path that did not count as a file of the tree, and why; one that ends in "/" stands for all below it."""

    path: str
    reason: str

    def covers(self, path: str) -> bool:
        """Whether this entry is the path or a folder above it; "/" is above every path."""
        return path == self.path or self.path == "/" or (self.path.endswith("/") and path.startswith(self.path))


@dataclass(frozen=True, slots=True)
class FinalTree:
    """The files of a working tree when the agent had ended, and what was left out of them.

    A path that was left out keeps what the task gave, if it gave anything: nobody knows what the agent wanted there.
    """

    files: Mapping[str, str]
    left_out: tuple[ExcludedPath, ...] = ()

    def is_left_out(self, path: str) -> bool:
        """Whether the path was left out, itself or with a folder."""
        return any(entry.covers(path) for entry in self.left_out)


def path_problem(path: str) -> str | None:
    """Why a path cannot name a file of a tree; None if it can. Such names fit into a patch without quoting."""
    if path in ("", ".") or path.startswith("/") or posixpath.normpath(path) != path or path.split("/")[0] == "..":
        return OUTSIDE_OF_TREE
    if _UNSAFE.search(path):
        # Before the length in bytes, which a name with surrogates does not have.
        return UNUSUAL_NAME
    if len(path) > MAX_PATH_CHARS or any(len(part.encode()) > MAX_PATH_CHARS for part in path.split("/")):
        return "name too long"
    return None


def text_of(data: bytes) -> str | None:
    """A file's text; None for a binary file."""
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def blocking_files(paths: Iterable[str]) -> set[str]:
    """The paths that stand where another path needs a folder."""
    known = set(paths)
    return {parent for path in known for parent in _parents(path) if parent in known}


def _parents(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:end]) for end in range(1, len(parts)))
