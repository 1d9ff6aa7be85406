"""Locks on files of this machine and user, by name: `hold_lock` takes one for a block, `is_locked` looks.

The kernel frees such a lock when its process ends, whatever ends it, so that none outlives its holder.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import EngineError

LOCK_FOLDER = Path("/var/tmp")  # noqa: S108
"""The same for all processes of a machine, unlike TMPDIR: kits that look in different folders would take each other's
containers for orphans."""


def _lock_path(name: str) -> Path:
    # `Path(name).name`, since a name may come from a label that anybody wrote: no path may lead out of the folder.
    return LOCK_FOLDER / f"lanebench-{os.getuid()}" / f"{Path(name).name}.lock"


@contextmanager
def hold_lock(name: str) -> Iterator[Path]:
    """Hold a lock until the block ends, waiting for it first; yields its file. Raises EngineError."""
    path = _lock_path(name)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EngineError(f"{path}: cannot be created: {error.strerror}", fix=f"make {LOCK_FOLDER} writable") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield path
    finally:
        os.close(descriptor)


def is_locked(name: str) -> bool:
    """Whether a process that still runs holds the lock; the file of one that has ended is removed."""
    path = _lock_path(name)
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    path.unlink(missing_ok=True)
    return False
