"""Files that outlive a crash: canonical JSON, sha256, append-and-sync JSON lines, atomic replace.

Knows nothing of what the documents mean. NaN and infinities are refused in both directions, duplicate keys when
reading: a file that two readers could understand differently is no evidence.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from harness.errors import DiskError, RunError
from harness.types import Json

T = TypeVar("T")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG)


def sha256_of(data: bytes | str) -> str:
    """Hex digest of bytes, or of text as UTF-8 (lone surrogates, which servers do send, kept by `surrogatepass`)."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return hashlib.sha256(raw).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hex digest of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain(value: Any) -> Json:
    """A dataclass, or anything made of them, as JSON values; bytes become base64 text."""
    return msgspec.to_builtins(value)


def build(kind: type[T], document: Json) -> T:
    """The dataclass `kind` from JSON values: the inverse of `plain`. Raises RunError that names the place."""
    try:
        return msgspec.convert(document, type=kind)
    except msgspec.ValidationError as error:
        raise RunError(f"not a {kind.__name__}: {error}") from error


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Canonical JSON text: sorted keys, no NaN; one line unless `indent` is given. Lone surrogates are escaped."""
    separators = (",", ":") if indent is None else (",", ": ")
    document = plain(value)
    try:
        text = json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False,
                          separators=separators, indent=indent)  # fmt: skip
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(document, sort_keys=True, allow_nan=False, separators=separators, indent=indent)
    return text


def _no_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    out = dict(pairs)
    if len(out) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise ValueError(f"duplicate key {twice[0]!r}")
    return out


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def from_json(text: str | bytes) -> Json:
    """JSON values from text. Raises ValueError for NaN, infinities, duplicate keys, nesting and syntax."""
    try:
        return json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_json(path: Path) -> Json:
    """The JSON document in a file. Raises RunError that names the file and what is wrong with it."""
    try:
        return from_json(path.read_bytes())
    except FileNotFoundError as error:
        raise RunError(f"{path}: no such file") from error
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RunError(f"{path}: not readable as JSON: {error}") from error


def _disk_error(path: Path, error: OSError) -> DiskError:
    why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or str(error)
    return DiskError(f"{path}: cannot be written: {why}; make room or choose another folder, then go on with --resume")


def write_atomic(path: Path, text: str) -> None:
    """Replace a file so that a reader sees the old bytes or the new ones, never a part. Raises DiskError."""
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise _disk_error(path, error) from error


def append_line(path: Path, value: Any) -> None:
    """Append one JSON line and wait until it is on the disk. A half-written line is cut off again. Raises DiskError."""
    line = (to_json(value) + "\n").encode("utf-8")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise _disk_error(path, error) from error
    try:
        start = os.fstat(handle).st_size
        try:
            view = memoryview(line)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        except OSError as error:
            # Where even that fails the torn line stays; readers leave it out and a resume drops it.
            with contextlib.suppress(OSError):
                os.ftruncate(handle, start)
            raise _disk_error(path, error) from error
    finally:
        os.close(handle)


def drop_torn_line(path: Path) -> int:
    """Cut a last line that a crash left without its end; returns how many bytes were cut."""
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        keep = _end_of_last_line(file, size)
        file.truncate(keep)
        os.fsync(file.fileno())
    return size - keep


def _end_of_last_line(file: Any, size: int) -> int:
    at = size
    while at > 0:
        start = max(0, at - 65536)
        file.seek(start)
        found = file.read(at - start).rfind(b"\n")
        if found >= 0:
            return int(start + found + 1)
        at = start
    return 0


def read_lines(path: Path) -> Iterator[tuple[int, Json]]:
    """Each whole line's number (from 1) and document; a torn last line is left out. Raises RunError."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield number, from_json(line)
                except ValueError as error:
                    raise RunError(f"{path}, line {number}: not readable as JSON: {error}") from error
    except FileNotFoundError as error:
        raise RunError(f"{path}: no such file") from error
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from error


def bytes_of(text: str) -> bytes:
    """The bytes that `plain` wrote as base64."""
    return base64.b64decode(text, validate=True)
