"""Reads the text files of a task folder: UTF-8 only, from inside the folder only, includes inserted.

`TaskFolder` reads the files and collects the folder's problems. `placeholders` finds and `fill` replaces what is in
double braces: {{include:FILE}}, {{variant.NAME}} and {{nonce}}. Replacing is one pass over the text, so a replacement
that contains braces is never expanded again.
"""

from __future__ import annotations

import os
import posixpath
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
BYTE_ORDER_MARK = "\ufeff"
_GIVEN = ("files", "host")
"""What is under these is given to programs as it is."""
_LEFTOVER = re.compile(r"\.DS_Store|\._.*|\..*\.sw[a-p]|\.#.*|\.directory|__pycache__")
"""Hidden files that operating systems, editors and interpreters make by themselves."""


def placeholders(text: str) -> Iterator[tuple[str, int]]:
    """The content of the braces of each placeholder, and its line (from 1)."""
    for found in _PLACEHOLDER.finditer(text):
        yield found[1].strip(), text.count("\n", 0, found.start()) + 1


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with each {{variant.NAME}} replaced; unknown names stay, since the loader has refused them."""
    return _VARIANT.sub(lambda found: values.get(found[1], found[0]), text)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__pycache__"


def file_problem(path: str) -> str | None:
    """Why a path of a task folder cannot be read as a file, before anything opens it; None if it can.

    Opening a FIFO blocks until somebody writes to it, and a device may have no end.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return NO_SUCH_FILE
    except (OSError, RuntimeError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return None if stat.S_ISREG(mode) else "not a regular file"


# Every command that reads a result loads all tasks of the kit, some 1500 files. Paths are strings here, since making a
# Path of each of them and resolving it takes half of that time.


def list_files(folder: str) -> list[str]:
    """The files under a folder, relative to it and sorted, without what editors and operating systems leave behind."""
    found: list[str] = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        place = root[len(folder) + 1 :].replace(os.sep, "/")
        found += [posixpath.join(place, name) for name in files if not _is_hidden(name)]
    return sorted(found, key=lambda path: path.split("/"))


def find_left_out(folder: str) -> Iterator[tuple[str, str, str]]:
    """What `list_files` leaves out and a task may need: its place, why, and what to do.

    These are links to folders, and under files/ and host/ hidden files.
    """
    for root, folders, files in os.walk(folder):
        place = root[len(folder) + 1 :].replace(os.sep, "/")
        for name in folders:
            if not _is_hidden(name) and os.path.islink(os.path.join(root, name)):
                yield posixpath.join(place, name), "a link to a folder is not followed", "put the folder itself there"
        if place.split("/")[0] in _GIVEN:
            hidden = (name for name in (*folders, *files) if _is_hidden(name) and not _LEFTOVER.fullmatch(name))
            for name in hidden:
                fix = "rename it to a name without a dot in front, or remove it"
                yield posixpath.join(place, name), "hidden files are left out", fix
        folders[:] = [name for name in folders if not _is_hidden(name)]


def included_names(text: str) -> list[str]:
    """The names of the documents that a text includes."""
    return [found[1] for found in _INCLUDE.finditer(text)]


def read_file(path: str) -> bytes:
    """The bytes of a file."""
    with open(path, "rb") as file:
        return file.read()


def _is_inside(path: str, folder: str) -> bool:
    """Whether a path leads into a folder, once its links are followed; those of the folder have been followed."""
    target = os.path.realpath(path)
    return target == folder or target.startswith(os.path.join(folder, ""))


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
    used: set[str] = field(default_factory=set)
    included_sha256: dict[str, str] = field(default_factory=dict)
    private_sha256: dict[str, str] = field(default_factory=dict)

    @cached_property
    def include_folders(self) -> list[tuple[str, str]]:
        """Where includes come from, each folder as it was given and without links."""
        return [(str(folder), os.path.realpath(folder)) for folder in (self.path, *self.libraries)]

    @cached_property
    def public_root(self) -> str:
        """`public` without links."""
        return os.path.realpath(self.public)

    @property
    def is_public(self) -> bool:
        """Whether it is one of the tasks that ship with the kit."""
        return _is_inside(str(self.path), self.public_root)

    def report(self, place: str, message: str, fix: str = "") -> None:
        """Collect a problem; `place` is a file of the folder, with the place inside it where there is one."""
        self.problems.append(Problem(f"{self.path / place}: {message}", fix))

    def text(self, place: str) -> str:
        """A file of the folder with its includes inserted."""
        return _INCLUDE.sub(lambda found: self._include(found[1], place), self.raw(place))

    def raw(self, place: str) -> str:
        """A file of the folder as it is; "" and a problem where it cannot be read."""
        folder, root = self.include_folders[0]
        path = os.path.join(folder, place)
        self.use(place)
        problem = file_problem(path)
        if problem is not None:
            self.report(place, problem, "write it" if problem == NO_SUCH_FILE else "put a file there")
            return ""
        if not _is_inside(path, root):
            self.report(place, "the link points out of the task's folder", "put the file itself there")
            return ""
        try:
            return self._decode(read_file(path), place, place)
        except OSError as error:
            self.report(place, f"cannot be read: {error.strerror}")
            return ""

    def use(self, place: str) -> None:
        """Note that a file of the folder was read."""
        self.used.add(posixpath.normpath(place))

    def has(self, place: str) -> bool:
        """Whether the folder has such a file."""
        return os.path.isfile(os.path.join(self.path, place))

    def under(self, place: str) -> list[str]:
        """The files under a sub-folder, named relative to the task's folder."""
        folder = os.path.join(self.path, place)
        return [f"{place}/{path}" for path in list_files(folder)] if os.path.isdir(folder) else []

    def _decode(self, data: bytes, place: str, name: str) -> str:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            self.report(place, f"byte {error.start} is not UTF-8", "save the file as UTF-8")
            return ""
        # An editor's mark would reach the model. In a given file it is content.
        if text.startswith(BYTE_ORDER_MARK) and name.split("/")[0] not in _GIVEN:
            self.report(place, "begins with a byte order mark", "save the file as UTF-8 without one")
        return text

    def _include(self, name: str, place: str) -> str:
        where = f"{place}: {{{{include:{name}}}}}"
        for folder, root in self.include_folders:
            path = os.path.join(folder, name)
            if not _is_inside(path, root):
                self.report(where, "the include leaves its folder", f"put the document into {folder}")
                return ""
            if os.path.isfile(path):
                if folder == self.include_folders[0][0]:
                    self.use(name)
                return self._included(path, name, where)
        searched = ", ".join(folder for folder, _ in self.include_folders)
        self.report(where, f"no such file in {searched}", "write it or correct the name")
        return ""

    def _included(self, path: str, name: str, where: str) -> str:
        try:
            data = read_file(path)
        except OSError as error:
            self.report(where, f"cannot be read: {error.strerror}")
            return ""
        digest = sha256_of(data)
        self.included_sha256[name] = digest
        if not _is_inside(path, self.public_root):
            self.private_sha256[name] = digest
        text = self._decode(data, where, name)
        if _INCLUDE.search(text):
            self.report(where, "an included file must not contain an include", "include that file in the task itself")
        return text.removesuffix("\n")
