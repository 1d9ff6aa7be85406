"""Runs a command of the system and hands on what it printed; a command that is missing is None, never an error."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

CommandRunner = Callable[[Sequence[str]], str | None]
"""Runs a command; its standard output, None when it is missing, fails or hangs."""

COMMAND_S = 20.0


def run_command(words: Sequence[str]) -> str | None:
    """The standard output of a command in the C locale; None when it is missing, fails or takes too long."""
    try:
        done = subprocess.run(
            words, capture_output=True, timeout=COMMAND_S, check=False, env=os.environ | {"LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def text_of(path: str) -> str | None:
    """A file of the system, None where it is not there."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def redact_home(text: str) -> str:
    """A text for a file that may be published: the user's own folder, which names its owner, written as ~."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


def is_mac(system: str | None) -> bool:
    """Whether this is macOS; `system` is the kernel's name, by default the one that runs."""
    return (system or platform.system()) == "Darwin"
