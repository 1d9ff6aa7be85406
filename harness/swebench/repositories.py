"""Reads the files that an instance needs out of a git repository, at the commit that the instance begins from.

`needed_files` is the entry point: they are the files that the official solution changes, which SWE-bench calls the
oracle setting. The repository is in a folder that the user names, else its commit is fetched.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.embedded import NO_DOWNLOAD
from harness.errors import DownloadError, TaskError
from harness.files import cache_folder
from harness.swebench.instances import Instance
from harness.trees import HTTPS, path_problem, run_git, text_of
from harness.types import Log

MAX_GIVEN_BYTES = 1 << 20
_PLACE = "https://github.com"
_FILE_MODES = (b"100644", b"100755")
_HEADER = re.compile(r"^diff --git a/(?P<old>.+) b/(?P<new>.+)$", re.MULTILINE)
_BINARY = re.compile(r"^(?:GIT binary patch|Binary files .* differ)$", re.MULTILINE)
_RENAME = re.compile(r"^(?:rename|copy) from ", re.MULTILINE)


class ExcludedInstanceError(Exception):
    """An instance that cannot be asked; caught where tasks are written, and listed by its text."""


def needed_files(instance: Instance, folders: Sequence[Path], log: Log) -> dict[str, str]:
    """The files that the official solution changes. Raises ExcludedInstanceError, TaskError, DownloadError."""
    paths = changed_paths(instance.patch)
    repository = _find(instance, folders) or _fetch(instance, log)
    blobs = [blob for path in paths if (blob := _blob(repository, instance.base_commit, path)) is not None]
    files = {path: _text(path, run_git(repository, ["cat-file", "blob", digest])) for path, digest in blobs}
    if not files:
        raise ExcludedInstanceError("its patch changes no file that is there before")
    if sum(len(text.encode()) for text in files.values()) > MAX_GIVEN_BYTES:
        raise ExcludedInstanceError(f"the files that its patch changes have more than {MAX_GIVEN_BYTES >> 20} MiB")
    return files


def changed_paths(patch: str) -> tuple[str, ...]:
    """The paths that a patch in git's form changes. Raises ExcludedInstanceError for what no answer could be."""
    headers = [(found["old"], found["new"]) for found in _HEADER.finditer(patch.replace("\r\n", "\n"))]
    if not headers or len(headers) != len(re.findall("^diff ", patch, re.MULTILINE)):
        raise ExcludedInstanceError("its patch is no diff in git's form")
    if _BINARY.search(patch):
        raise ExcludedInstanceError("its patch changes a binary file")
    if _RENAME.search(patch) or any(old != new for old, new in headers):
        raise ExcludedInstanceError("its patch renames a file")
    for path, _ in headers:
        if (why := path_problem(path)) is not None:
            raise ExcludedInstanceError(f"its patch changes {path[:80]!r}: {why}")
        if any(part.startswith(".") for part in path.split("/")):
            raise ExcludedInstanceError(f"its patch changes a hidden file: {path}")
        if "{" in path or "}" in path:
            # The prompt includes the file by its path, between braces.
            raise ExcludedInstanceError(f"its patch changes a file with braces in its path: {path}")
    return tuple(dict.fromkeys(path for path, _ in headers))


def _text(path: str, data: bytes) -> str:
    text = text_of(data)
    if text is None:
        raise ExcludedInstanceError(f"{path} is not UTF-8 text")
    if "\r" in text and text.replace("\r\n", "").count("\r") + text.replace("\r\n", "").count("\n"):
        raise ExcludedInstanceError(f"{path} has mixed line endings")
    return text


def _blob(repository: Path, commit: str, path: str) -> tuple[str, str] | None:
    """A file's path and the digest of its content at a commit; None where there is no such file."""
    for entry in run_git(repository, ["ls-tree", "-z", commit, "--", path]).split(b"\0"):
        head, _, name = entry.partition(b"\t")
        if name.decode("utf-8", "replace") == path:
            mode, _, digest = head.split()
            if mode not in _FILE_MODES:
                raise ExcludedInstanceError(f"{path} is a link or a submodule")
            return path, digest.decode()
    return None


# --- where a repository is --------------------------------------------------------------------------------------------


def _candidates(repository: str, folders: Sequence[Path]) -> Iterator[Path]:
    """Where the folders may have a repository: under its name, or as the folder itself."""
    owner, name = repository.split("/")
    for folder in folders:
        for place in (f"{owner}/{name}", f"{owner}__{name}", name):
            yield from (folder / place, folder / f"{place}.git")
        yield folder


def _has_commit(repository: Path, commit: str) -> bool:
    if not ((repository / ".git").exists() or (repository / "objects").is_dir()):
        return False
    try:
        run_git(repository, ["cat-file", "-e", f"{commit}^{{commit}}"])
    except TaskError:
        return False
    return True


def _find(instance: Instance, folders: Sequence[Path]) -> Path | None:
    places = (*_candidates(instance.repository, folders), _cached(instance))
    return next((place for place in places if _has_commit(place, instance.base_commit)), None)


def _cached(instance: Instance) -> Path:
    return cache_folder() / "repositories" / f"{instance.repository.replace('/', '__')}.git"


def _fetch(instance: Instance, log: Log) -> Path:
    """Fetch the commit alone, without the history that holds its fix. Raises DownloadError."""
    what = f"{instance.id}: commit {instance.base_commit[:12]} of {instance.repository}"
    fix = "clone the repository and name the folder that it is in"
    if os.environ.get(NO_DOWNLOAD) == "1":
        raise DownloadError(f"{what} is in no folder, and {NO_DOWNLOAD}=1 forbids to fetch it", fix=fix)
    target, url = _cached(instance), f"{_PLACE}/{instance.repository}.git"
    log(f"Fetching commit {instance.base_commit[:12]} of {url}.")
    try:
        target.mkdir(parents=True, exist_ok=True)
        run_git(target, ["init", "-q", "--bare"])
        run_git(target, ["fetch", "-q", "--depth=1", "--no-tags", url, instance.base_commit], protocol=HTTPS)
    except (OSError, TaskError) as error:
        raise DownloadError(f"{what} is in no folder and cannot be fetched: {error}", fix=fix) from error
    return target
