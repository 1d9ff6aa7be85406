"""Source archives of packages, fetched once by their file's name and read as hostile input; nothing is ever built.

`source_tree` gives an archive's files of text by their path. The kit's cache keeps the archive as it came, and its
digest is checked at each use. It is unpacked in memory, so a link or an absolute path leads nowhere; an archive that
holds one is refused all the same.
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from harness.embedded import NO_DOWNLOAD
from harness.errors import DownloadError
from harness.files import cache_folder, disk_error, sha256_of, write_atomic
from harness.real_bugs.instances import BugInstance
from harness.real_bugs.registries import REGISTRIES
from harness.repository_tasks import is_kept
from harness.trees import MAX_ARCHIVE_BYTES, ORDINARY_REASONS, read_tree

FOLDER = "archives"
_BLOCK_BYTES = 1 << 20

Fetch = Callable[[BugInstance], bytes]


def source_tree(instance: BugInstance, fetch: Fetch | None = None) -> dict[str, str]:
    """The files of an instance's archive, without its top folder, hidden files and documentation.

    Raises DownloadError for an archive that cannot be had, has another digest or is not safe; DiskError.
    """
    return _unpack(instance, _archive(instance, fetch or _fetch))


def _archive(instance: BugInstance, fetch: Fetch) -> bytes:
    path = cache_folder() / FOLDER / f"{instance.sha256[:12]}-{instance.file}"
    data = _cached(path)
    if data is not None and sha256_of(data) == instance.sha256:
        return data
    data = fetch(instance)
    if (digest := sha256_of(data)) != instance.sha256:
        raise DownloadError(f"{instance.file} is not used: it has the SHA-256 {digest}, not {instance.sha256}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(path.parent, error) from error
    write_atomic(path, data)
    return data


def _cached(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _fetch(instance: BugInstance) -> bytes:
    if os.environ.get(NO_DOWNLOAD) == "1":
        raise DownloadError(f"{instance.file} is not on this machine, and {NO_DOWNLOAD}=1 forbids to download it")
    return REGISTRIES[instance.registry](instance.package, instance.version, instance.file)


def _unpack(instance: BugInstance, data: bytes) -> dict[str, str]:
    tree = read_tree(_blocks(instance, data), max_bytes=MAX_ARCHIVE_BYTES)
    refused = [entry for entry in tree.left_out if entry.reason not in ORDINARY_REASONS]
    if refused:
        raise DownloadError(f"{instance.file} is not used: {refused[0].path}: {refused[0].reason}")
    return _without_top_folder(instance, tree.files)


def _blocks(instance: BugInstance, data: bytes) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            while block := file.read(_BLOCK_BYTES):
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise DownloadError(f"{instance.file} is not used: it cannot be unpacked: {error}") from error


def _without_top_folder(instance: BugInstance, files: Mapping[str, str]) -> dict[str, str]:
    tops = {path.partition("/")[0] for path in files if "/" in path}
    if len(tops) != 1:
        raise DownloadError(f"{instance.file} is not used: it has {len(tops)} folders at its top")
    inside = {path.partition("/")[2]: text for path, text in files.items() if "/" in path}
    return {path: text for path, text in inside.items() if is_kept(path)}
