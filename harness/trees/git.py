"""Calls git to read a repository, with the repository's own programs switched off.

`run_git` is the entry point: a repository of somebody else starts nothing here, no hook, filter or monitor, and git
asks for no password and fetches nothing. A partial clone would fetch what it lacks when it is read, by a command that
its own configuration names (core.sshCommand, git-config(1)).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.errors import TaskError

NO_PROTOCOL = "none"
"""The value of GIT_ALLOW_PROTOCOL with which git connects to nothing: no protocol has this name."""
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-c", "log.showSignature=false", "--no-pager")
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    # Git before 2.45 knows the first alone.
    "GIT_ALLOW_PROTOCOL": NO_PROTOCOL,
    "GIT_NO_LAZY_FETCH": "1",
}


def run_git(repository: Path, words: Sequence[str], data: bytes = b"") -> bytes:
    """The output of a git command in a repository. Raises TaskError with git's reason."""
    command = ["git", *_SAFE, "-C", str(repository), *words]
    environment = {**os.environ, **_ENVIRONMENT}
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False, env=environment)
    except FileNotFoundError as error:
        raise TaskError("git is not installed", fix="install git") from error
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason"]
        raise TaskError(f"{repository}: git {words[0]} failed: {reason[-1]}")
    return done.stdout
