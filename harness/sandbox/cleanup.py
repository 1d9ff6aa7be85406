"""Which containers belong to a kit that still runs, and the removal of those whose kit is gone.

`owner_labels` gives the labels of this kit's containers; `remove_orphans` removes what dead kits left behind;
`remove_owned` removes what this kit still has.

A kit that is killed cannot clean up, but the kernel frees its lock on a file whatever kills it. So a container of this
machine whose owner's lock can be taken has no owner. Containers that another machine made on a shared engine, whose
locks cannot be seen from here, are left alone for a day.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.errors import EngineError
from harness.files import sha256_of
from harness.sandbox.container import remove_container
from harness.sandbox.engine import Engine, engine_errors
from harness.types import Json

RUN_LABEL, OWNER_LABEL, HOST_LABEL = "lanebench.run", "lanebench.owner", "lanebench.host"
_DAY_S = 86_400.0


def _lock_path(owner: str) -> Path:
    return Path(tempfile.gettempdir()) / f"lanebench-{os.getuid()}" / f"{owner}.lock"


def _this_host() -> str:
    """A name for this machine and user that differs from others' and reveals neither."""
    return sha256_of(f"{socket.gethostname()} {os.getuid()}")[:12]


@contextmanager
def owner_labels(run_id: str) -> Iterator[Mapping[str, str]]:
    """Labels for this kit's containers, of a new owner whose lock is held until the block ends. Raises EngineError."""
    owner = uuid.uuid4().hex
    path = _lock_path(owner)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EngineError(
            f"{path}: cannot be created: {error.strerror}", fix="set TMPDIR to a folder that can be written"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield {RUN_LABEL: run_id, OWNER_LABEL: owner, HOST_LABEL: _this_host()}
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _is_alive(owner: str) -> bool:
    # `name`, since a label is whatever the container's maker wrote: no path may lead out of the folder.
    path = _lock_path(Path(owner).name)
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


def _is_orphan(container: Json, now: float) -> bool:
    labels = container.get("Labels") or {}
    if labels.get(HOST_LABEL) == _this_host():
        return not _is_alive(labels.get(OWNER_LABEL, ""))
    return now - float(container.get("Created") or now) > _DAY_S


def remove_orphans(engine: Engine) -> int:
    """Remove the containers whose kit is gone; returns how many. Raises EngineError."""
    orphans = [found["Id"] for found in _containers(engine, RUN_LABEL) if _is_orphan(found, time.time())]
    for name in orphans:
        remove_container(engine.http, name)
    return len(orphans)


def remove_owned(engine: Engine, labels: Mapping[str, str]) -> None:
    """Remove whatever this kit still has. Raises EngineError."""
    for found in _containers(engine, f"{OWNER_LABEL}={labels[OWNER_LABEL]}"):
        remove_container(engine.http, found["Id"])


def _containers(engine: Engine, label: str) -> list[Json]:
    with engine_errors("listing the kit's containers"):
        return list(engine.api.containers(all=True, filters={"label": label}))
