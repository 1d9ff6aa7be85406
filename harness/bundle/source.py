"""Opens a result from an untrusted source: a JSON file, a run folder or the zip of a bundle.

`open_source` returns the files by name, or the findings that forbid to open it; `find_results` lists the results in a
folder. Nothing is extracted to the disk, no link is followed, and a size that an archive states is enforced while its
bytes are read.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Protocol

from harness.types import Finding

MIB = 1024 * 1024
RESULT = "result.json"
RECORDINGS = "recordings.jsonl"
SCORES = "scores.jsonl"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
PLAN = "run.json"
MODELS = "models.jsonl"
BUNDLE_FILES = (RESULT, RECORDINGS, SCORES, MANIFEST, SIGNATURE)
"""What a published bundle may hold."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much is read of an untrusted source.

    `max_compression_ratio` is unpacked over packed size and applies to members that unpack to more than 1 MiB: small
    members of repeated lines compress well without being a bomb.
    """

    max_document_bytes: int = 512 * MIB
    max_line_bytes: int = 256 * MIB
    max_total_bytes: int = 8192 * MIB
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


READ_ERRORS = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)
"""What reading a damaged archive raises. zipfile raises RuntimeError for an encrypted member, and its subclass
NotImplementedError for an unknown compression method."""

OpenedSource = tuple[Source | None, tuple[Finding, ...]]


def open_source(path: Path, limits: ReadLimits) -> OpenedSource:
    """The files of a path, or None and the findings that forbid to open it. A zip stays open as long as the source."""
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        return None, (Finding("file-missing", str(path), "the file does not exist"),)
    if zipfile.is_zipfile(path) or path.suffix == ".zip":
        return _open_zip(path, limits)
    return _Folder({RESULT: path}), ()


def find_results(path: Path) -> list[Path]:
    """The path itself, or every bundle and run folder in a folder that holds no result."""
    if not path.is_dir() or (path / RESULT).exists():
        return [path]
    inside = sorted(entry for entry in path.iterdir() if entry.suffix == ".zip" or (entry / RESULT).is_file())
    return inside or [path]


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
        data = self._stream.read(len(buffer))
        self._remaining -= len(data)
        if self._remaining < 0:
            raise zipfile.BadZipFile("the file is larger than the archive states")
        buffer[: len(data)] = data
        return len(data)


def _open_folder(path: Path) -> OpenedSource:
    findings, paths = [], {}
    for entry in sorted(path.iterdir()):
        if stat.S_ISREG(entry.lstat().st_mode):
            paths[entry.name] = entry
        elif entry.name in (*BUNDLE_FILES, PLAN, MODELS):
            findings.append(Finding("archive-link", f"{path}/{entry.name}", "is a link or not a regular file"))
    return _Folder(paths), tuple(findings)


def _open_zip(path: Path, limits: ReadLimits) -> OpenedSource:
    try:
        archive = zipfile.ZipFile(path)
    except READ_ERRORS as error:
        return None, (Finding("archive", str(path), f"not readable as a zip archive: {error}"),)
    members = archive.infolist()
    findings = tuple(_check_archive(members, str(path), limits))
    if findings:
        archive.close()
        return None, findings
    return _Zip(archive, {member.filename: member for member in members}), ()


def _check_archive(members: list[zipfile.ZipInfo], path: str, limits: ReadLimits) -> Iterator[Finding]:
    if len(members) > limits.max_entries:
        message = f"holds {len(members)} files, a bundle holds at most {len(BUNDLE_FILES)}"
        yield Finding("archive-bomb", path, message)
        return
    if sum(member.file_size for member in members) > limits.max_total_bytes:
        yield Finding("archive-bomb", path, f"unpacks to more than {limits.max_total_bytes} bytes")
    names: set[str] = set()
    for member in members:
        location = f"{path}!{member.filename}"
        yield from _check_member_name(member, location)
        yield from _check_member(member, location, limits)
        if member.filename in names:
            yield Finding("archive-duplicate", location, "the archive has two files of this name")
        names.add(member.filename)


def _check_member_name(member: zipfile.ZipInfo, location: str) -> Iterator[Finding]:
    name = member.filename
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in name or "\0" in member.orig_filename:
        yield Finding("archive-path", location, "the name leads out of the archive")
    elif len(parts) > 1:
        yield Finding("archive-path", location, "the file is in a folder, a bundle has its files at the top level")


def _check_member(member: zipfile.ZipInfo, location: str, limits: ReadLimits) -> Iterator[Finding]:
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        yield Finding("archive-link", location, "is a link or not a regular file")
    if member.flag_bits & 0x1:
        yield Finding("archive", location, "the file is encrypted")
    if member.file_size > MIB and member.file_size > limits.max_compression_ratio * max(member.compress_size, 1):
        yield Finding("archive-bomb", location, f"unpacks to more than {limits.max_compression_ratio} times its size")
