"""Reads the text files of a task folder: UTF-8 only, from inside the folder only, includes inserted.

`TaskFolder` reads the files and collects the folder's problems. `placeholders` finds and `fill` replaces what is in
double braces: {{include:FILE}}, {{variant.NAME}} and {{nonce}}. Replacing is one pass over the text, so a replacement
that contains braces is never expanded again.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from harness.errors import Problem
from harness.files import sha256_of

LIBRARY = "_library"
NO_SUCH_FILE = "no such file"
NONCE = "nonce"
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_]\w*(?:[.:][^{}\n]*)?)\s*\}\}")
_VARIANT = re.compile(r"\{\{\s*variant\.(\w+)\s*\}\}")
_INCLUDE = re.compile(r"\{\{\s*include:([^{}\n\0]*?)\s*\}\}")


def placeholders(text: str) -> Iterator[tuple[str, int]]:
    """The content of the braces of each placeholder, and its line (from 1)."""
    for found in _PLACEHOLDER.finditer(text):
        yield found[1].strip(), text.count("\n", 0, found.start()) + 1


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with each {{variant.NAME}} replaced; unknown names stay, since the loader has refused them."""
    return _VARIANT.sub(lambda found: values.get(found[1], found[0]), text)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__pycache__"


def file_problem(path: Path) -> str | None:
    """Why a path of a task folder cannot be read as a file, before anything opens it; None if it can.

    Opening a FIFO blocks until somebody writes to it, and a device may have no end.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return NO_SUCH_FILE
    except (OSError, RuntimeError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return None if stat.S_ISREG(mode) else "not a regular file"


def list_files(folder: Path) -> list[Path]:
    """The files under a folder, relative to it and sorted, without what editors and operating systems leave behind."""
    found: list[Path] = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        place = Path(root).relative_to(folder)
        found += [place / name for name in files if not _is_hidden(name)]
    return sorted(found)


@dataclass
class TaskFolder:
    """One task folder being read. Includes come from the folder itself or from `libraries`, in this order.

    `used` are the files that were read, `included_sha256` the digests of all included files by name, and
    `private_sha256` of those outside of `public`, the folder of the tasks that ship with the kit.
    """

    path: Path
    libraries: Sequence[Path]
    public: Path
    problems: list[Problem] = field(default_factory=list)
    used: set[Path] = field(default_factory=set)
    included_sha256: dict[str, str] = field(default_factory=dict)
    private_sha256: dict[str, str] = field(default_factory=dict)

    @cached_property
    def root(self) -> Path:
        """The folder without links, inside of which every file must be."""
        return self.path.resolve()

    def report(self, place: str, message: str, fix: str = "") -> None:
        """Collect a problem; `place` is a file of the folder, with the place inside it where there is one."""
        self.problems.append(Problem(f"{self.path / place}: {message}", fix))

    def text(self, place: str) -> str:
        """A file of the folder with its includes inserted."""
        return _INCLUDE.sub(lambda found: self._include(found[1], place), self.raw(place))

    def raw(self, place: str) -> str:
        """A file of the folder as it is; "" and a problem where it cannot be read."""
        path = self.path / place
        self.used.add(Path(place))
        problem = file_problem(path)
        if problem is not None:
            self.report(place, problem, "write it" if problem == NO_SUCH_FILE else "put a file there")
            return ""
        if not path.resolve().is_relative_to(self.root):
            self.report(place, "the link points out of the task's folder", "put the file itself there")
            return ""
        try:
            return self._decode(path.read_bytes(), place)
        except OSError as error:
            self.report(place, f"cannot be read: {error.strerror}")
            return ""

    def has(self, place: str) -> bool:
        """Whether the folder has such a file."""
        return (self.path / place).is_file()

    def under(self, place: str) -> list[str]:
        """The files under a sub-folder, named relative to the task's folder."""
        folder = self.path / place
        return [f"{place}/{path.as_posix()}" for path in list_files(folder)] if folder.is_dir() else []

    def _decode(self, data: bytes, place: str) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            self.report(place, f"byte {error.start} is not UTF-8", "save the file as UTF-8")
            return ""

    def _include(self, name: str, place: str) -> str:
        where = f"{place}: {{{{include:{name}}}}}"
        for root in (self.path, *self.libraries):
            path = root / name
            if not path.resolve().is_relative_to(root.resolve()):
                self.report(where, "the include leaves its folder", f"put the document into {root}")
                return ""
            if path.is_file():
                return self._included(path, name, where)
        searched = ", ".join(str(root) for root in (self.path, *self.libraries))
        self.report(where, f"no such file in {searched}", "write it or correct the name")
        return ""

    def _included(self, path: Path, name: str, where: str) -> str:
        if path.is_relative_to(self.path):
            self.used.add(path.relative_to(self.path))
        try:
            data = path.read_bytes()
        except OSError as error:
            self.report(where, f"cannot be read: {error.strerror}")
            return ""
        digest = sha256_of(data)
        self.included_sha256[name] = digest
        if not path.resolve().is_relative_to(self.public.resolve()):
            self.private_sha256[name] = digest
        text = self._decode(data, where)
        if _INCLUDE.search(text):
            self.report(where, "an included file must not contain an include", "include that file in the task itself")
        return text.removesuffix("\n")
