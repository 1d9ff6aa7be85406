"""Calls git to read a repository, with the repository's own programs switched off.

`run_git` is the entry point: a repository of somebody else starts nothing here, no hook, filter or monitor, and git
asks for no password. It connects to nothing unless its caller names a protocol: a partial clone would fetch what it
lacks when it is read, by a command that its own configuration names (core.sshCommand, git-config(1)).
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.errors import TaskError
from harness.files import git_environment

NO_PROTOCOL, HTTPS = "none", "https"
"""Values of GIT_ALLOW_PROTOCOL. With the first, which no protocol is called, git connects to nothing."""
_SAFE = (
    "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-c", "log.showSignature=false",
    # A repository can have its messages printed in another encoding.
    "-c", "i18n.logOutputEncoding=UTF-8", "--no-pager",
)  # fmt: skip
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    # Its reasons are read.
    "LC_ALL": "C",
}
_NOT_TRUSTED = "safe.directory"


def run_git(repository: Path, words: Sequence[str], data: bytes = b"", protocol: str = NO_PROTOCOL) -> bytes:
    """The output of a git command in a repository, which connects over this protocol only. Raises TaskError."""
    command = ["git", *_SAFE, "-C", str(repository), *words]
    # Git before 2.45 knows this variable and not GIT_NO_LAZY_FETCH.
    environment = {**git_environment(), **_ENVIRONMENT, "GIT_ALLOW_PROTOCOL": protocol}
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False, env=environment)
    except FileNotFoundError as error:
        raise TaskError("git is not installed", fix="install git") from error
    if done.returncode != 0:
        raise _failure(f"{repository}: git {words[0]} failed", done.stderr.decode("utf-8", "replace"))
    return done.stdout


def _failure(what: str, output: str) -> TaskError:
    """The error with git's reason; below that git writes advice, such as the command that trusts a repository."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no reason"]
    reason = next((line for line in lines if line.startswith("fatal:")), lines[-1])
    advice = next((line for line in lines if line.startswith("git config") and _NOT_TRUSTED in line), "")
    return TaskError(f"{what}: {reason}", fix=f"if you trust its owner: {advice}" if advice else "")
