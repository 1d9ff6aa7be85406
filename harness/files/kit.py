"""Which kit this is: its version, and the commit of the checkout that it runs from, if it runs from one."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness import __version__
from harness.types import KitInfo

ROOT = Path(__file__).resolve().parent.parent.parent


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def kit_info() -> KitInfo:
    """The kit's version; commit and dirty are None where no checkout of it is."""
    if not (ROOT / "pyproject.toml").is_file():
        return KitInfo(__version__, None, None)
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return KitInfo(__version__, commit, None if changes is None else bool(changes))


def find_data(name: str) -> Path:
    """A file or folder that ships with the kit: from the checkout, else from the installed package."""
    here = ROOT / name
    return here if here.exists() else ROOT / "harness" / "_data" / name
