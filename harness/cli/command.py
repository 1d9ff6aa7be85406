"""What a module of a sub-command has."""

from __future__ import annotations

import argparse
from typing import Protocol


class Command(Protocol):
    """A sub-command: its word, one line of help, its options, and what it does (returns the exit code)."""

    NAME: str
    HELP: str

    def options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Do it."""
        ...
