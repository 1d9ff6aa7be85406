"""The folder of a site: `SiteFolder` writes files whose content changed, and removes its own that are no longer made.

It keeps the list of what it wrote in site.json, and refuses a folder that holds something else.
"""

from __future__ import annotations

import os
from pathlib import Path

from harness.errors import RunError
from harness.files import disk_error, read_json, to_json

RECORD = "site.json"
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
        if not is_empty and not (path / RECORD).is_file():
            raise RunError(f"{path}: is not empty and holds no site", fix="choose an empty folder")
        self._before: set[str] = set() if is_empty else set(read_json(path / RECORD).get("files", ()))
        if is_empty:
            self._keep_record(self._before)

    def put(self, name: str, content: bytes) -> None:
        """Write a file if it does not have this content yet."""
        self._made.add(name)
        path = self.path / name
        try:
            if path.is_file() and path.read_bytes() == content:
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.part")
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            raise disk_error(path, error) from error
        self.changed += 1

    def finish(self) -> None:
        """Remove what an earlier build made and this one did not, and keep the list."""
        for name in sorted(self._before - self._made):
            path = self.path / name
            # The list is a file that anyone may have edited: nothing outside of the folder is removed.
            if path.suffix in OWN_SUFFIXES and not Path(name).is_absolute() and ".." not in Path(name).parts:
                path.unlink(missing_ok=True)
                self.changed += 1
        if self._made != self._before:
            self._keep_record(self._made)

    def _keep_record(self, names: set[str]) -> None:
        path = self.path / RECORD
        try:
            part = path.with_name(f".{RECORD}.part")
            part.write_text(to_json({"files": sorted(names)}, indent=0) + "\n", encoding="utf-8")
            os.replace(part, path)
        except OSError as error:
            raise disk_error(path, error) from error
