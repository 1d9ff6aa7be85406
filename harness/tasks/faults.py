"""The faults of one task folder, collected so that one look mends them all."""

from __future__ import annotations

from pathlib import Path


class Faults:
    """What is wrong with one task: every line names the file, the place in it, and the fix."""

    def __init__(self, folder: Path) -> None:
        """Start with none; lines begin with the folder as the user sees it."""
        self._folder = folder
        self.found: list[str] = []

    def add(self, place: str, what: str) -> None:
        """Note a fault; `place` is the file inside the folder, a colon and the place in it where there is one."""
        self.found.append(f"{self._folder / place}: {what}")
