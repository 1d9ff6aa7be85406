"""Run system commands and read system files: a missing command or file gives None instead of an error."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

CommandRunner = Callable[[Sequence[str]], str | None]
"""Runs a command and returns its standard output; None if it is missing, fails or times out. Tests pass a replay."""

COMMAND_TIMEOUT_S = 20.0


def run_command(command: Sequence[str]) -> str | None:
    """Return the standard output of a command, run in the C locale; None if it is missing, fails or times out."""
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=COMMAND_TIMEOUT_S, check=False, env=os.environ | {"LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def read_text(path: str) -> str | None:
    """Return the text of a system file; None if it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def redact_home(text: str) -> str:
    """Replace the home folder, which names its owner, by ~ in a text that may be published."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


def is_mac(system: str | None) -> bool:
    """Whether `system`, a kernel name as of `platform.system()`, is macOS; None: the kernel of this machine."""
    return (system or platform.system()) == "Darwin"
