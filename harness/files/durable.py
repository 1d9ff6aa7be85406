"""Durable writing: replaces a file atomically, appends and syncs JSON lines; a crash leaves no half document.

`write_atomic` and `append_line` return when the bytes are on the disk; `lock_folder` keeps other writers away. A crash
while a line is appended can leave a torn last line; `read_lines` skips it and `drop_torn_line` removes it. Ctrl-C waits
for the end of an `uninterrupted` block.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from harness.errors import DiskError, RunError
from harness.files.canonical import MAX_JSON_BYTES, from_json, open_regular, sha256_of, to_line
from harness.types import Json

_BLOCK_BYTES = 65536
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def write_atomic(path: Path, content: str | bytes) -> None:
    """Replace a file; a reader sees the old bytes or the new ones, never a mixture. Raises DiskError."""
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            # Without the sync a crash after the rename could leave an empty file: rename(2) orders no data.
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise disk_error(path, error) from error


def append_line(path: Path, value: Any) -> str:
    """Append a value as one JSON line and sync it; returns the digest of the line with its newline.

    On failure the line is removed again. Raises DiskError; RunError for a value that no reader would take back, since
    such a line would make the whole file unreadable.
    """
    try:
        line = to_line(value)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: a line that could not be read again is not written: {error}") from error
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise disk_error(path, error) from error
    try:
        _append(handle, line)
    except OSError as error:
        raise disk_error(path, error) from error
    finally:
        os.close(handle)
    return sha256_of(line)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let what raises KeyboardInterrupt wait until the block ends, so that what is written is also noted.

    The signal is most likely to come during the sync of a line, which takes longest. Python runs the handlers of
    signals in the main thread only: other threads are never interrupted.
    """
    raising = [number for number in _STOP_SIGNALS if signal.getsignal(number) is signal.default_int_handler]
    if threading.current_thread() is not threading.main_thread():
        raising = []
    caught: list[int] = []
    try:
        for number in raising:
            signal.signal(number, lambda stop, _frame: caught.append(stop))
        yield
    finally:
        for number in raising:
            signal.signal(number, signal.default_int_handler)
        if caught:
            raise KeyboardInterrupt


def _append(handle: int, line: bytes) -> None:
    start = os.fstat(handle).st_size
    try:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    except OSError:
        # If even this fails, the torn line stays, and readers skip it.
        with contextlib.suppress(OSError):
            os.ftruncate(handle, start)
        raise


@contextmanager
def lock_folder(path: Path) -> Iterator[None]:
    """Keep other processes from writing into a folder. Raises RunError when another one does."""
    # The kernel drops this lock however the process ends, so no stale lock can keep a run from being resumed.
    handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(f"{path}: another process records into it", fix="wait until it ends, or stop it") from error
        yield
    finally:
        os.close(handle)


def read_lines(path: Path) -> Iterator[tuple[int, Json]]:
    """The number (from 1) and the document of each complete line; a torn last line is skipped. Raises RunError."""
    for number, document, _ in read_digested_lines(path):
        yield number, document


def read_digested_lines(path: Path) -> Iterator[tuple[int, Json, str]]:
    """Like `read_lines`, with the digest of each line's bytes, newline included. Raises RunError."""
    number = 0
    with open_regular(path) as file:
        while (line := file.readline(MAX_JSON_BYTES + 1)).endswith(b"\n"):
            number += 1
            try:
                document = from_json(line)
            except ValueError as error:
                raise RunError(f"{path}, line {number}: not readable as JSON: {error}") from error
            yield number, document, sha256_of(line)
        if len(line) > MAX_JSON_BYTES:
            raise RunError(f"{path}, line {number + 1}: longer than {MAX_JSON_BYTES} bytes")


def drop_torn_line(path: Path) -> int:
    """Remove a last line without a newline, which a crash left; returns how many bytes it had. Raises RunError."""
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        end = _end_of_last_line(file, size)
        if size - end > MAX_JSON_BYTES:
            raise RunError(f"{path}: the last line is longer than {MAX_JSON_BYTES} bytes")
        file.truncate(end)
        os.fsync(file.fileno())
    return size - end


def _end_of_last_line(file: BinaryIO, size: int) -> int:
    """The offset behind the last newline, or one that is more than a line's limit away. Reads backwards."""
    at = size
    while at > 0 and size - at <= MAX_JSON_BYTES:
        start = max(0, at - _BLOCK_BYTES)
        file.seek(start)
        found = file.read(at - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        at = start
    return 0


def disk_error(path: Path, error: OSError) -> DiskError:
    """The error of a file that cannot be written; a full disk is named as such."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    reason = "the disk is full" if is_full else error.strerror or str(error)
    return DiskError(f"{path}: cannot be written: {reason}", fix="make room or choose another folder")
