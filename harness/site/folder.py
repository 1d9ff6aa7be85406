"""The folder of a site: `SiteFolder` writes files whose content changed, and removes its own that are no longer made.

It keeps the list of what it wrote in site.json, and until that is written a journal, so that a later build also removes
what a killed one left. It refuses a folder that holds something else.
"""

from __future__ import annotations

import os
from pathlib import Path

from harness.errors import RunError
from harness.files import disk_error, read_json, to_json, valid_text

RECORD = "site.json"
GENERATOR = "Lanebench"
"""Stands in the record, since other generators may keep a list of their files under the same name."""
JOURNAL = ".site.journal"
"""The names of the files that a build began to write; it is there only until the build has ended."""
OWN_SUFFIXES = (".html", ".xml", ".parquet")


class SiteFolder:
    """A folder in which a site is built. Every method raises DiskError for what cannot be written."""

    def __init__(self, path: Path) -> None:
        """Open the folder, which is made if it is missing. Raises RunError if it is no site's."""
        self.path = path
        self.changed = 0
        self._made: set[str] = set()
        try:
            path.mkdir(parents=True, exist_ok=True)
            is_empty = next(path.iterdir(), None) is None
        except OSError as error:
            raise disk_error(path, error) from error
        self._recorded: set[str] = set() if is_empty else _read_record(path)
        if is_empty:
            self._keep_record(self._recorded)
        self._before = self._recorded | self._written_by_a_killed_build()

    def put(self, name: str, content: bytes) -> None:
        """Write a file if it does not have this content yet. Raises RunError for a name that this build put already."""
        if name in self._made:
            raise RunError(f"{name}: two pages of the site have the same name")
        self._made.add(name)
        path = self.path / name
        try:
            if path.is_file() and path.read_bytes() == content:
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            self._note_write(name)
            part = _part_of(path)
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            raise disk_error(path, error) from error
        self.changed += 1

    def finish(self) -> None:
        """Remove what an earlier build made and this one did not, and keep the list."""
        for name in filter(_is_of_site, sorted(self._before)):
            path = self.path / name
            _remove(_part_of(path))
            if name not in self._made:
                self.changed += _remove(path)
        if self._made != self._recorded:
            self._keep_record(self._made)
        _remove(self.path / JOURNAL)

    def _note_write(self, name: str) -> None:
        """Name a file before it is written: after a kill, the next build knows what is there beside the list."""
        with (self.path / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(f"{name}\n")

    def _written_by_a_killed_build(self) -> set[str]:
        try:
            return set((self.path / JOURNAL).read_text(encoding="utf-8", errors="replace").splitlines())
        except OSError:
            return set()

    def _keep_record(self, names: set[str]) -> None:
        path = self.path / RECORD
        try:
            part = _part_of(path)
            part.write_text(
                to_json({"generator": GENERATOR, "files": sorted(names)}, indent=0) + "\n", encoding="utf-8"
            )
            os.replace(part, path)
        except OSError as error:
            raise disk_error(path, error) from error


def _read_record(folder: Path) -> set[str]:
    """The names that a site's list has; what no file can be called is left out. Raises RunError for what is no list."""
    document = read_json(folder / RECORD) if (folder / RECORD).is_file() else None
    record = document if isinstance(document, dict) and document.get("generator") == GENERATOR else {}
    names = record.get("files")
    if not isinstance(names, list):
        fix = "choose an empty folder; remove a site that an earlier version built"
        raise RunError(f"{folder}: is not empty and holds no site of this version", fix=fix)
    return {name for name in names if isinstance(name, str) and valid_text(name) == name}


def _remove(path: Path) -> bool:
    """Whether there was a file to remove. Raises DiskError."""
    try:
        path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise disk_error(path, error) from error
    return True


def _part_of(path: Path) -> Path:
    """What is written before it takes the place of the file."""
    return path.with_name(f".{path.name}.part")


def _is_of_site(name: str) -> bool:
    """Whether a listed file may be removed: anyone may have edited the list, and nothing outside of the folder goes."""
    path = Path(name)
    return path.suffix in OWN_SUFFIXES and not path.is_absolute() and ".." not in path.parts and "\0" not in name
