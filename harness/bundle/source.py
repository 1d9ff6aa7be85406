"""Where a result comes from: a file, a folder or a zip. Foreign and perhaps hostile: nothing is unpacked to the disk,
no link is followed, no size is believed.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from harness.types import Finding

MIB = 1024 * 1024
RESULT = "result.json"
RECORDINGS = "recordings.jsonl"
SCORES = "scores.jsonl"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
PLAN = "run.json"
MODELS = "models.jsonl"
BUNDLE = (RESULT, RECORDINGS, SCORES, MANIFEST, SIGNATURE)
"""What a published bundle may hold."""


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that is read of a foreign source. `ratio` is unpacked over packed size, looked at from 1 MiB on."""

    document_bytes: int = 512 * MIB
    line_bytes: int = 256 * MIB
    all_bytes: int = 8192 * MIB
    entries: int = 64
    ratio: int = 400


class Source(Protocol):
    """The files of a result by name."""

    @property
    def sizes(self) -> dict[str, int]:
        """Name and size in bytes of every file."""
        ...

    def open(self, name: str) -> BinaryIO:
        """A stream of one file's bytes. Raises OSError, zipfile.BadZipFile, zlib.error when they cannot be read."""
        ...


READ_ERRORS = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)
"""What reading a damaged or strange archive raises; RuntimeError is what zipfile says of an encrypted one, and of one
packed in a way that it does not know."""


@dataclass(frozen=True, slots=True)
class _Files:
    """Files on the disk, by the name that they have in a bundle."""

    paths: dict[str, Path]

    @property
    def sizes(self) -> dict[str, int]:
        return {name: path.stat().st_size for name, path in self.paths.items()}

    def open(self, name: str) -> BinaryIO:
        return self.paths[name].open("rb")


class _Counted(io.RawIOBase):
    """A member's stream that ends in an error once it gives more than its directory entry says."""

    def __init__(self, inner: BinaryIO, most: int) -> None:
        self._inner = inner
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self._inner.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise zipfile.BadZipFile("a file is larger than the archive says")
        buffer[: len(data)] = data
        return len(data)


@dataclass(frozen=True, slots=True)
class _Zip:
    """The members of an archive, read where they stand."""

    archive: zipfile.ZipFile
    members: dict[str, zipfile.ZipInfo]

    @property
    def sizes(self) -> dict[str, int]:
        return {name: member.file_size for name, member in self.members.items()}

    def open(self, name: str) -> BinaryIO:
        member = self.members[name]
        inner = self.archive.open(member)
        return io.BufferedReader(_Counted(inner, member.file_size), MIB)  # type: ignore[type-var,arg-type]


Opened = tuple[Source | None, tuple[Finding, ...]]


def _of_file(path: Path) -> Opened:
    return _Files({RESULT: path}), ()


def _of_folder(path: Path) -> Opened:
    findings, paths = [], {}
    for inner in sorted(path.iterdir()):
        mode = inner.lstat().st_mode
        if stat.S_ISREG(mode):
            paths[inner.name] = inner
        elif inner.name in (*BUNDLE, PLAN, MODELS):
            text = "is a link or no ordinary file: put the file itself there"
            findings.append(Finding("archive-link", f"{path}/{inner.name}", text))
    return _Files(paths), tuple(findings)


def _faults_of_member(member: zipfile.ZipInfo, place: str, caps: Caps) -> Iterator[Finding]:
    name = member.filename
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in name or "\0" in member.orig_filename:
        yield Finding("archive-path", place, "its name leads out of the archive: a bundle holds plain file names")
    elif len(parts) > 1:
        yield Finding("archive-path", place, "stands in a folder: a bundle holds its files at the top")
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        yield Finding("archive-link", place, "is a link or no ordinary file")
    if member.flag_bits & 0x1:
        yield Finding("archive", place, "is encrypted")
    if member.file_size > MIB and member.file_size > caps.ratio * max(member.compress_size, 1):
        yield Finding("archive-bomb", place, f"unpacks to more than {caps.ratio} times its size")


def _of_zip(path: Path, caps: Caps) -> Opened:
    try:
        archive = zipfile.ZipFile(path)
    except READ_ERRORS as error:
        return None, (Finding("archive", str(path), f"cannot be read as a zip: {error}"),)
    listed = archive.infolist()
    findings = []
    if len(listed) > caps.entries:
        text = f"holds {len(listed)} files; a bundle holds {len(BUNDLE)} at most"
        return None, (Finding("archive-bomb", str(path), text),)
    if sum(member.file_size for member in listed) > caps.all_bytes:
        findings.append(Finding("archive-bomb", str(path), f"unpacks to more than {caps.all_bytes} bytes"))
    names: set[str] = set()
    for member in listed:
        place = f"{path}!{member.filename}"
        findings += _faults_of_member(member, place, caps)
        if member.filename in names:
            findings.append(Finding("archive-double", place, "stands in the archive twice"))
        names.add(member.filename)
    if findings:
        archive.close()
        return None, tuple(findings)
    return _Zip(archive, {member.filename: member for member in listed}), ()


def open_source(path: Path, caps: Caps) -> Opened:
    """The files of a path, or the findings for which it is not opened. The caller's process reads; nothing is written.

    A zip stays open for the life of the source.
    """
    if path.is_dir():
        return _of_folder(path)
    if not path.is_file():
        return None, (Finding("file-missing", str(path), "no such file"),)
    if zipfile.is_zipfile(path) or path.suffix == ".zip":
        return _of_zip(path, caps)
    return _of_file(path)


def expand(path: Path) -> list[Path]:
    """The results that a path means: itself, or every bundle and run in a folder that is none."""
    if not path.is_dir() or (path / RESULT).exists():
        return [path]
    inside = sorted(one for one in path.iterdir() if one.suffix == ".zip" or (one / RESULT).is_file())
    return inside or [path]
