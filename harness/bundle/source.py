"""Opens a result from an untrusted source: a JSON file, a run folder or the zip of a bundle.

`open_source` returns the files by name, or the findings that forbid to open it; `find_results` lists the results in a
folder. Nothing is extracted to the disk, no link inside a folder is followed, and a size that an archive states is
enforced while its bytes are read. The limits bound what a hostile source costs: a zip is refused before its directory
is read as a whole, and only the two compression methods that need little memory are unpacked.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO, Protocol

from harness.files import MAX_JSON_BYTES
from harness.types import Finding

MIB = 1024 * 1024
RESULT = "result.json"
RECORDINGS = "recordings.jsonl"
SCORES = "scores.jsonl"
LOG = "log.jsonl"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
PLAN = "run.json"
MODELS = "models.jsonl"
BUNDLE_FILES = (RESULT, RECORDINGS, SCORES, LOG, MANIFEST, SIGNATURE)
"""What a published bundle may hold."""


METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
OTHER_METHODS = {12: "bzip2", 14: "LZMA", 93: "Zstandard"}
"""LZMA, bzip2 and Zstandard let the archive choose how much memory unpacking takes: up to 4 GiB."""
MAX_DIRECTORY_BYTES = 2 * MIB
"""zipfile parses a whole directory before it tells how many files there are, and needs ten times its bytes for it."""
MAX_FOLDER_ENTRIES = 1000
FINDER_FILES = ("__MACOSX", ".DS_Store")
REPACK = "use the published zip as it is, or pack the files without their folder: zip -X NAME.zip *.json *.jsonl"


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much is read of an untrusted source.

    `max_compression_ratio` is unpacked over packed size and applies to members that unpack to more than 1 MiB: small
    members of repeated lines compress well without being a bomb.
    """

    max_document_bytes: int = MAX_JSON_BYTES
    max_line_bytes: int = MAX_JSON_BYTES
    max_total_bytes: int = 2048 * MIB
    max_entries: int = 64
    max_compression_ratio: int = 400


class Source(Protocol):
    """The files of a result by name."""

    @property
    def sizes(self) -> dict[str, int]:
        """Name and size in bytes of every file."""
        ...

    def open(self, name: str) -> BinaryIO:
        """A stream of one file's bytes. Raises one of READ_ERRORS when they cannot be read."""
        ...


READ_ERRORS = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, struct.error)
"""What reading a damaged archive raises. zipfile raises RuntimeError for an encrypted member, its subclass
NotImplementedError for an unknown version, and UnicodeDecodeError for a name that is not the UTF-8 that it claims."""

NOT_REGULAR = "is a link or not a regular file"
OpenedSource = tuple[Source | None, tuple[Finding, ...]]


def open_source(path: Path, limits: ReadLimits) -> OpenedSource:
    """The files of a path, or None and the findings that forbid to open it. A zip stays open as long as the source."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _open_folder(path, limits)
        if not stat.S_ISREG(mode):
            return None, (Finding("archive-link", str(path), NOT_REGULAR),)
        if zipfile.is_zipfile(path) or path.suffix == ".zip":
            return _open_zip(path, limits)
    except FileNotFoundError:
        return None, (Finding("file-missing", str(path), "the file does not exist"),)
    except (OSError, ValueError) as error:
        return None, (Finding("file-missing", str(path), f"cannot be opened: {error}"),)
    return _Folder({RESULT: path}), ()


def find_results(path: Path) -> list[Path]:
    """The path itself, or every bundle and run folder in a folder that holds no result."""
    if not os.path.isdir(path) or os.path.lexists(path / RESULT):
        return [path]
    try:
        entries = sorted(path.iterdir())
    except OSError:
        return [path]
    return [entry for entry in entries if entry.suffix == ".zip" or os.path.lexists(entry / RESULT)] or [path]


@dataclass(frozen=True, slots=True)
class _Folder:
    """Files on the disk, by the names that they have in a bundle."""

    paths: dict[str, Path]

    @property
    def sizes(self) -> dict[str, int]:
        return {name: path.stat().st_size for name, path in self.paths.items()}

    def open(self, name: str) -> BinaryIO:
        return self.paths[name].open("rb")


@dataclass(frozen=True, slots=True)
class _Zip:
    """The members of an archive, read without extracting them."""

    archive: zipfile.ZipFile
    members: dict[str, zipfile.ZipInfo]

    @property
    def sizes(self) -> dict[str, int]:
        return {name: member.file_size for name, member in self.members.items()}

    def open(self, name: str) -> BinaryIO:
        member = self.members[name]
        stream = _SizeCheckedStream(self.archive.open(member), member.file_size)
        return io.BufferedReader(stream, MIB)  # type: ignore[type-var]


class _SizeCheckedStream(io.RawIOBase):
    """A member's stream that fails once it yields more bytes than the archive's directory states."""

    def __init__(self, stream: IO[bytes], size_bytes: int) -> None:
        self._stream = stream
        self._remaining = size_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        # Who reads a whole document passes a buffer of its size here, and zipfile would read as much at once.
        data = self._stream.read(min(len(buffer), MIB))
        self._remaining -= len(data)
        if self._remaining < 0:
            raise zipfile.BadZipFile("the file is larger than the archive states")
        buffer[: len(data)] = data
        return len(data)


class _BoundedFile(io.FileIO):
    """An archive's file that refuses to read its directory, which zipfile reads at once, if that is too large.

    Only the directory has this limit: `is_bounded` is false once it is read.
    """

    is_bounded = True

    def read(self, size: int | None = -1, /) -> bytes:
        if not self.is_bounded:
            return super().read(size)
        wanted = MAX_DIRECTORY_BYTES + 1 if size is None or size < 0 else min(size, MAX_DIRECTORY_BYTES + 1)
        data = super().read(wanted)
        if len(data) > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"its directory is larger than {MAX_DIRECTORY_BYTES} bytes")
        return data


def _open_folder(path: Path, limits: ReadLimits) -> OpenedSource:
    with os.scandir(path) as found:
        entries = sorted(islice(found, MAX_FOLDER_ENTRIES + 1), key=lambda entry: entry.name)
    if len(entries) > MAX_FOLDER_ENTRIES:
        return None, (Finding("archive-bomb", str(path), f"holds more than {MAX_FOLDER_ENTRIES} files"),)
    findings, paths, total_bytes = [], {}, 0
    for entry in entries:
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            paths[entry.name] = path / entry.name
            total_bytes += status.st_size
        elif entry.name in (*BUNDLE_FILES, PLAN, MODELS):
            findings.append(Finding("archive-link", f"{path}/{entry.name}", NOT_REGULAR))
    if total_bytes > limits.max_total_bytes:
        findings.append(Finding("archive-bomb", str(path), f"holds more than {limits.max_total_bytes} bytes"))
    return _Folder(paths), tuple(findings)


def _open_zip(path: Path, limits: ReadLimits) -> OpenedSource:
    file = _BoundedFile(path)
    try:
        archive = zipfile.ZipFile(file)
    except READ_ERRORS as error:
        file.close()
        return None, (Finding("archive", str(path), f"not readable as a zip archive: {error}"),)
    file.is_bounded = False
    # zipfile closes only the files that it opened itself.
    weakref.finalize(archive, file.close)
    members = archive.infolist()
    findings = tuple(_check_archive(members, str(path), limits))
    if findings:
        return None, findings
    return _Zip(archive, {member.filename: member for member in members}), ()


def _check_archive(members: list[zipfile.ZipInfo], path: str, limits: ReadLimits) -> Iterator[Finding]:
    if len(members) > limits.max_entries:
        message = f"holds {len(members)} files, a bundle holds at most {len(BUNDLE_FILES)}"
        yield Finding("archive-bomb", path, message)
        return
    if sum(member.file_size for member in members) > limits.max_total_bytes:
        yield Finding("archive-bomb", path, f"unpacks to more than {limits.max_total_bytes} bytes")
    for check, found in (
        ("archive-path", _describe_packaging([member.filename for member in members])),
        ("archive", _describe_methods(members)),
    ):
        if found is not None:
            yield Finding(check, path, f"{found}; {REPACK}")
            return
    names: set[str] = set()
    for member in members:
        location = f"{path}!{member.filename}"
        yield from _check_member_name(member, location)
        yield from _check_member(member, location, limits)
        if member.filename in names:
            yield Finding("archive-duplicate", location, "the archive has two files of this name")
        names.add(member.filename)


def _describe_packaging(names: list[str]) -> str | None:
    """What a file manager put around or beside the files of a bundle; None for any other archive."""
    added = sorted({part for name in names for part in name.split("/") if part in FINDER_FILES})
    if added:
        return f"Finder packed this zip and added {' and '.join(added)}"
    folders = {name.split("/")[0] for name in names}
    if len(folders) == 1 and f"{folders.pop()}/{RESULT}" in names:
        return "the files are in a folder"
    return None


def _describe_methods(members: list[zipfile.ZipInfo]) -> str | None:
    others = sorted({member.compress_type for member in members} - set(METHODS))
    names = [OTHER_METHODS.get(method, f"method {method}") for method in others]
    return f"is compressed with {' and '.join(names)}, a bundle with deflate" if names else None


def _check_member_name(member: zipfile.ZipInfo, location: str) -> Iterator[Finding]:
    name = member.filename
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in name or "\0" in member.orig_filename:
        yield Finding("archive-path", location, "the name leads out of the archive")
    elif len(parts) > 1:
        yield Finding("archive-path", location, "the file is in a folder, a bundle has its files at the top level")


def _check_member(member: zipfile.ZipInfo, location: str, limits: ReadLimits) -> Iterator[Finding]:
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        yield Finding("archive-link", location, NOT_REGULAR)
    if member.flag_bits & 0x1:
        yield Finding("archive", location, "the file is encrypted")
    if member.file_size > MIB and member.file_size > limits.max_compression_ratio * max(member.compress_size, 1):
        yield Finding("archive-bomb", location, f"unpacks to more than {limits.max_compression_ratio} times its size")
