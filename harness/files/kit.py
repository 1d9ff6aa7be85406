"""The kit itself: its version and git commit, where its schemas, fixtures and other data are, and its cache."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

from harness import __version__
from harness.files.canonical import sha256_of, sha256_of_file
from harness.types import KitInfo

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds the package `harness`: the checkout, or site-packages."""
_GIT_TIMEOUT_S = 10
_OTHER_REPOSITORY = frozenset(
    (
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_INDEX_FILE",
        "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
    )
)  # fmt: skip
_UNHASHED = {"__pycache__", "_data"}


@cache
def kit_info() -> KitInfo:
    """The kit's version; commit and dirty are None outside a git checkout.

    Read once: what this process runs is what it has imported.
    """
    return KitInfo(__version__, *checkout_state(ROOT))


def checkout_state(root: Path) -> tuple[str | None, bool | None]:
    """Commit of a checkout and whether it has changes; None for both of a folder that is not itself the checkout.

    A copy of the kit may lie within another repository, whose commit says nothing of it.
    """
    top = _git(root, "rev-parse", "--show-toplevel") if (root / "pyproject.toml").is_file() else None
    if top is None or Path(top).resolve() != root.resolve():
        return None, None
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return _git(root, "rev-parse", "HEAD"), None if changes is None else bool(changes)


@cache
def kit_digest() -> str:
    """The digest of the kit's own code and data, without the tasks: machines with the same one score alike."""
    return package_digest(ROOT / "harness")


def package_digest(package: Path) -> str:
    """The digest of the files below a folder, wherever that is, without what Python compiles and without the tasks."""
    paths = {path.relative_to(package): path for path in sorted(package.rglob("*")) if path.is_file()}
    hashed = {name: path for name, path in paths.items() if not _UNHASHED & set(name.parts)}
    return sha256_of("".join(f"{name.as_posix()} {sha256_of_file(path)}\n" for name, path in hashed.items()))


def find_data(name: str) -> Path:
    """A file or folder that ships with the kit: in the checkout, else in the installed package."""
    in_checkout = ROOT / name
    return in_checkout if in_checkout.exists() else ROOT / "harness" / "_data" / name


def cache_folder() -> Path:
    """Where what can be fetched or made again is kept: LANEBENCH_CACHE, else below the user's cache directory (XDG)."""
    override = os.environ.get("LANEBENCH_CACHE")
    if override:
        return Path(override).expanduser().resolve()
    # The specification of XDG says that a relative path is to be ignored.
    xdg = Path(os.environ.get("XDG_CACHE_HOME") or "")
    return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "lanebench"


def git_environment() -> dict[str, str]:
    """The environment without what git sets for its hooks: with that it reads their repository, not the one named."""
    return {name: value for name, value in os.environ.items() if name not in _OTHER_REPOSITORY}


def _git(root: Path, *arguments: str) -> str | None:
    """The output of a git command in a folder; None if it fails or git is missing."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, check=False, env=git_environment()
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
