"""A pull request made with git alone: `prepare_branch` makes branch, commit and text, and says how to open it.

The repository is cloned without its files, so that a folder of thousands of bundles costs nothing. Nobody is asked for
a token: pushing and opening are left to the user's own git, browser or GitHub client. `check_prerequisites` says before
anything is made whether that can succeed.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from harness.errors import RunError
from harness.files import write_atomic
from harness.report import format_machine, lane_answers, markdown_text
from harness.submission.repository import REGULAR, Repository, run_git
from harness.types import Result

HOST = "https://github.com"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9_.-]{1,100}")


@dataclass(frozen=True, slots=True)
class BranchRequest:
    """Which bundle goes to which repository (OWNER/REPO), and where it is cloned to; `standing` goes into the text."""

    repository: str
    bundle: Path
    result: Result
    clone: Path
    folder: str = "results"
    standing: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PreparedBranch:
    """A commit on a branch of a clone, and the text of the pull request.

    `command` opens it with GitHub's client; `push` pushes the branch, after which `address` opens it in a browser.
    """

    clone: Path
    branch: str
    text: Path
    command: str
    push: str
    address: str


def check_prerequisites(repository: str) -> None:
    """Raise RunError if this is no repository's name, git is not installed, or git knows no author for a commit."""
    if NAME.fullmatch(repository) is None:
        raise RunError(f"{repository}: is no repository's name", fix="write it as OWNER/REPO")
    # Outside of any repository, as the clone is another one than that of the current folder.
    with tempfile.TemporaryDirectory() as elsewhere:
        try:
            run_git(("-C", elsewhere, "var", "GIT_AUTHOR_IDENT"))
            run_git(("-C", elsewhere, "var", "GIT_COMMITTER_IDENT"))
        except RunError as error:
            error.add_fix("set user.name and user.email with git config --global")
            raise


def prepare_branch(request: BranchRequest) -> PreparedBranch:
    """Make branch, commit and text. Raises RunError with git's reason, and DiskError; no clone is left then."""
    check_prerequisites(request.repository)
    if request.clone.exists():
        raise RunError(f"{request.clone}: is there already", fix="remove the folder, or push the branch that it has")
    text = request.clone.with_suffix(".md")
    if text.exists():
        raise RunError(f"{text}: is there already", fix="move it away: it may hold what you wrote of your machine")
    address = f"{HOST}/{request.repository}.git"
    try:
        # With its history, which a fork that is behind needs: git servers refuse a push from a shallow clone then.
        run_git(("clone", "-q", "--filter=blob:none", "--no-checkout", address, str(request.clone)))
        names = _commit(request, Repository(request.clone))
        write_atomic(text, _text(request))
    except BaseException:
        # Also after Ctrl-C: a clone that is there counts as one with a branch.
        shutil.rmtree(request.clone, ignore_errors=True)
        raise
    return PreparedBranch(request.clone, names[1], text, *_ways(request, names, text))


def _commit(request: BranchRequest, repository: Repository) -> tuple[str, str, str]:
    """Commit the bundle on a branch of its own; returns the names of the base and the branch, and the title."""
    base = repository.git("symbolic-ref", "--short", "HEAD").strip()
    path = str(PurePosixPath(request.folder) / request.bundle.name)
    if path in repository.files("HEAD", request.folder):
        raise RunError(f"{request.repository}: has {path} already", fix="publish a correction that supersedes it")
    branch, title = f"result-{request.bundle.stem}", f"Add result {request.bundle.stem}"
    # `git add` and `git commit` would look for the files that the clone leaves out; the index needs none of them.
    repository.git("read-tree", "HEAD")
    blob = repository.git("hash-object", "-w", "--no-filters", "--", str(request.bundle.absolute())).strip()
    repository.git("update-index", "--add", "--cacheinfo", f"{REGULAR},{blob},{path}")
    tree = repository.git("write-tree", "--missing-ok").strip()
    commit = repository.git("commit-tree", tree, "-p", "HEAD", "-m", title).strip()
    repository.git("update-ref", f"refs/heads/{branch}", commit)
    repository.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    return base, branch, title


def _ways(request: BranchRequest, names: tuple[str, str, str], text: Path) -> tuple[str, str, str]:
    """The command that opens the pull request; or the one that pushes, and the address that opens it then."""
    base, branch, title = names
    clone = shlex.quote(str(request.clone))
    body = shlex.quote(str(text.absolute()))
    command = f"cd {clone} && gh pr create --repo {request.repository} --title {shlex.quote(title)} --body-file {body}"
    push = f"git -C {clone} push {HOST}/YOU/{request.repository.partition('/')[2]}.git {branch}"
    pages = f"{quote(base, safe='')}...YOU:{quote(branch, safe='')}"
    return command, push, f"{HOST}/{request.repository}/compare/{pages}?expand=1"


def _text(request: BranchRequest) -> str:
    """The text of the pull request."""
    result, host = request.result, request.result.host
    lines = [
        f"`{request.bundle.name}`: {markdown_text(format_machine(host))}, "
        f"{markdown_text(', '.join(model.label for model in result.models))}, {result.run.trials_words} per task.",
        "",
        *(f"- {markdown_text(answer.text)}" for answer in lane_answers(result) if answer.state != "no_task"),
        *(f"- {markdown_text(sentence)}" for sentence in request.standing),
        "",
        "What I changed on the machine, and what else ran on it:",
        "",
    ]
    return "\n".join(lines)
