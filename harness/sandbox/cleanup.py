"""Whose containers are whose: labels on each, a lock that lives as long as its kit, and the removal of what is left.

A kit that is killed cannot clean up, but the lock on its file goes with it whatever kills it. So a container of this
machine whose owner's lock can be taken belongs to nobody. Containers that another machine made on a shared engine are
left alone for a day.
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


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / f"lanebench-{os.getuid()}"


def _this_host() -> str:
    """Tells machines and their users apart without naming them."""
    return sha256_of(f"{socket.gethostname()} {os.getuid()}")[:12]


@contextmanager
def owner_labels(run_id: str) -> Iterator[Mapping[str, str]]:
    """The labels of this kit's containers, whose owner lives as long as the block. Raises EngineError."""
    owner = uuid.uuid4().hex
    path = _folder() / f"{owner}.lock"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EngineError(f"{path}: cannot be made: {error.strerror}; set TMPDIR to a folder that can") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield {RUN_LABEL: run_id, OWNER_LABEL: owner, HOST_LABEL: _this_host()}
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _lives(owner: str) -> bool:
    path = _folder() / f"{Path(owner).name}.lock"
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    path.unlink(missing_ok=True)
    return False


def _is_left_over(container: Json, now: float) -> bool:
    labels = container.get("Labels") or {}
    if labels.get(HOST_LABEL) == _this_host():
        return not _lives(labels.get(OWNER_LABEL, ""))
    return now - float(container.get("Created") or now) > _DAY_S


def remove_orphans(engine: Engine) -> int:
    """Remove the containers of kits that are gone; returns how many. Raises EngineError."""
    with engine_errors("looking for containers of earlier runs"):
        found = engine.api.containers(all=True, filters={"label": RUN_LABEL})
    left = [container["Id"] for container in found if _is_left_over(container, time.time())]
    for name in left:
        remove_container(engine.http, name)
    return len(left)


def remove_owned(engine: Engine, labels: Mapping[str, str]) -> None:
    """Remove whatever this kit still has. Raises EngineError."""
    with engine_errors("removing this run's containers"):
        found = engine.api.containers(all=True, filters={"label": f"{OWNER_LABEL}={labels[OWNER_LABEL]}"})
    for container in found:
        remove_container(engine.http, container["Id"])
