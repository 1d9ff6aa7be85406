"""The texts of a task folder: read as UTF-8 from inside it only, includes put in, placeholders found and filled.

There are three placeholders and no others: {{include:FILE}}, {{variant.NAME}} and {{nonce}}. Filling is one pass over
the text, so what is put in is never looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.files import sha256_of
from harness.tasks.faults import Faults

LIBRARY = "_library"
NONCE = "nonce"
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_]\w*(?:[.:][^{}\n]*)?)\s*\}\}")
_VARIANT = re.compile(r"\{\{\s*variant\.(\w+)\s*\}\}")
_INCLUDE = re.compile(r"\{\{\s*include:([^{}\n\0]*?)\s*\}\}")


def placeholders(text: str) -> Iterator[tuple[str, int]]:
    """What stands between the braces of each placeholder, and its line (from 1)."""
    for found in _PLACEHOLDER.finditer(text):
        yield found[1].strip(), text.count("\n", 0, found.start()) + 1


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with each {{variant.NAME}} replaced; names that are not there stay (the loader refused them)."""
    return _VARIANT.sub(lambda found: values.get(found[1], found[0]), text)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def list_files(folder: Path) -> list[Path]:
    """The files under a folder, relative to it, sorted; what editors and systems leave behind is no part of it."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return sorted(path for path in found if not _is_hidden(path))


@dataclass
class Reader:
    """Reads one task's texts and remembers what was used and what it was made of."""

    folder: Path
    libraries: Sequence[Path]
    public: Path
    faults: Faults
    used: set[Path] = field(default_factory=set)
    outside: dict[str, str] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)

    def text(self, place: str) -> str:
        """A file of the folder with its includes put in."""
        return self._include_all(self._read(self.folder / place, place), place)

    def plain(self, place: str) -> str:
        """A file of the folder as it is."""
        return self._read(self.folder / place, place)

    def has(self, place: str) -> bool:
        """Whether the folder has such a file."""
        return (self.folder / place).is_file()

    def under(self, place: str) -> list[str]:
        """The files under a sub-folder, named from the task's folder."""
        sub = self.folder / place
        return [f"{place}/{path.as_posix()}" for path in list_files(sub)] if sub.is_dir() else []

    def _read(self, path: Path, place: str) -> str:
        self.used.add(path.relative_to(self.folder))
        try:
            if not path.resolve().is_relative_to(self.folder.resolve()):
                self.faults.add(place, "points out of the task's folder; put the file itself there")
                return ""
            data = path.read_bytes()
        except FileNotFoundError:
            self.faults.add(place, "no such file; write it")
            return ""
        except OSError as error:
            self.faults.add(place, f"cannot be read: {error.strerror}")
            return ""
        return self._decode(data, place)

    def _decode(self, data: bytes, place: str) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            self.faults.add(f"{place}: byte {error.start}", "is not UTF-8; save the file as UTF-8")
            return ""

    def _include_all(self, text: str, place: str) -> str:
        return _INCLUDE.sub(lambda found: self._include(found[1], place), text)

    def _include(self, name: str, place: str) -> str:
        where = f"{place}: {{{{include:{name}}}}}"
        for root in (self.folder, *self.libraries):
            path = root / name
            if not path.resolve().is_relative_to(root.resolve()):
                self.faults.add(where, f"leaves its folder; put the document into {root} and name it from there")
                return ""
            if path.is_file():
                return self._included(path, name, where)
        looked = ", ".join(str(root) for root in (self.folder, *self.libraries))
        self.faults.add(where, f"no such file; looked in {looked}")
        return ""

    def _included(self, path: Path, name: str, where: str) -> str:
        if path.is_relative_to(self.folder):
            self.used.add(path.relative_to(self.folder))
        try:
            data = path.read_bytes()
        except OSError as error:
            self.faults.add(where, f"cannot be read: {error.strerror}")
            return ""
        digest = sha256_of(data)
        self.outside[name] = digest
        if not path.resolve().is_relative_to(self.public.resolve()):
            self.private[name] = digest
        text = self._decode(data, where)
        if _INCLUDE.search(text):
            self.faults.add(where, "holds an include itself; name that file in the task")
        return text.removesuffix("\n")
