"""Where models' files are on this machine: in the kit's own cache, or in the store of another program.

`find_files` looks in all of them. The stores of the hub's client and of Ollama name each file by its digest, so a model
that the user already has is found there and is never downloaded again. `locked_cache` is held while the kit's folder
changes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.embedded.catalog import EmbeddedModel
from harness.errors import DiskError
from harness.files import cache_folder, disk_error, sha256_of_file
from harness.types import Log

TEMPORARY_PREFIX = ".download-"
OTHER_FOLDER = "make room, or set LANEBENCH_CACHE to a folder that can be written"


def cached_path(model: EmbeddedModel) -> Path:
    """Where the kit keeps a model's file. The name contains the digest: another file has another name."""
    return cache_folder() / f"{model.name}-{model.sha256[:12]}.gguf"


def find_files(model: EmbeddedModel) -> list[Path]:
    """The files of the right size; their digests are for `fetch_model` to check."""
    return [path for path in _places(model) if _size_of(path) == model.size_bytes]


def find_file(model: EmbeddedModel) -> Path | None:
    """The model's file if this machine has one of the right size; of several, the first with the right digest."""
    found = find_files(model)
    if len(found) < 2:
        return next(iter(found), None)
    return next((path for path in found if has_digest(path, model)), found[0])


def has_digest(path: Path, model: EmbeddedModel) -> bool:
    """Whether a file can be read and is the model's."""
    try:
        return sha256_of_file(path) == model.sha256
    except OSError:
        return False


def _places(model: EmbeddedModel) -> Iterator[Path]:
    yield cached_path(model)
    if model.hub is not None:
        repository = f"models--{model.hub.repository.replace('/', '--')}"
        yield _hub_store() / repository / "blobs" / model.sha256
    ollama = Path(os.environ.get("OLLAMA_MODELS") or "~/.ollama/models")
    yield ollama.expanduser() / "blobs" / f"sha256-{model.sha256}"


def _hub_store() -> Path:
    """Where `huggingface_hub` keeps its files, by the variables that it reads, the first of them that is set."""
    given = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    home = os.environ.get("HF_HOME") or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    return Path(os.path.expandvars(given or f"{home}/hub")).expanduser()


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


@contextmanager
def locked_cache(log: Log) -> Iterator[Path]:
    """The kit's folder for models, for one process at a time; what a killed download left there is removed.

    Raises DiskError if the folder cannot be written.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        _lock(handle, log)
        for left in folder.glob(f"{TEMPORARY_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield folder
    finally:
        os.close(handle)


def _lock(handle: int, log: Log) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log("another run is downloading models: waiting for it")
        fcntl.flock(handle, fcntl.LOCK_EX)


def unwritable(path: Path, error: OSError) -> DiskError:
    """The error of a file in the cache that cannot be written, with the way to another folder."""
    return DiskError(disk_error(path, error).message, fix=OTHER_FOLDER)


def require_space(folder: Path, needed_bytes: int) -> None:
    """Raise DiskError unless the folder's file system has room for that many bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        message = f"{folder}: {needed_bytes / 1e6:,.0f} MB are needed, {free / 1e6:,.0f} MB are free"
        raise DiskError(message, fix=OTHER_FOLDER)
