"""Which containers belong to a kit that still runs, and the removal of those whose kit is gone.

`owner_labels` gives the labels of this process's containers; `remove_orphans` removes what dead processes of lanebench
left behind; `remove_owned` removes what this process still has.

A kit that is killed cannot clean up, but its lock is free then (harness/sandbox/locks.py): a container of this machine
whose owner's lock can be taken has no owner. Containers that another machine made on a shared engine, whose
locks cannot be seen from here, are left alone for a day.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from harness.files import sha256_of
from harness.sandbox.container import remove_container
from harness.sandbox.engine import Engine, engine_errors
from harness.sandbox.locks import hold_lock, is_locked
from harness.types import Json

RUN_LABEL, OWNER_LABEL, HOST_LABEL = "lanebench.run", "lanebench.owner", "lanebench.host"
_DAY_S = 86_400.0


def _this_host() -> str:
    """A name for this machine and user that differs from others' and reveals neither."""
    return sha256_of(f"{socket.gethostname()} {os.getuid()}")[:12]


@contextmanager
def owner_labels(run_id: str) -> Iterator[Mapping[str, str]]:
    """Labels for this process's containers, of a new owner whose lock is held until the block ends.

    Raises EngineError.
    """
    owner = uuid.uuid4().hex
    with hold_lock(owner) as path:
        try:
            yield {RUN_LABEL: run_id, OWNER_LABEL: owner, HOST_LABEL: _this_host()}
        finally:
            path.unlink(missing_ok=True)


def _is_orphan(container: Json, now: float) -> bool:
    labels = container.get("Labels") or {}
    if labels.get(HOST_LABEL) == _this_host():
        return not is_locked(labels.get(OWNER_LABEL, ""))
    return now - float(container.get("Created") or now) > _DAY_S


def remove_orphans(engine: Engine) -> int:
    """Remove the containers whose kit is gone; returns how many. Raises EngineError."""
    orphans = [found["Id"] for found in _containers(engine, RUN_LABEL) if _is_orphan(found, time.time())]
    for name in orphans:
        remove_container(engine.http, name)
    return len(orphans)


def remove_owned(engine: Engine, labels: Mapping[str, str]) -> None:
    """Remove whatever this process still has. Raises EngineError."""
    for found in _containers(engine, f"{OWNER_LABEL}={labels[OWNER_LABEL]}"):
        remove_container(engine.http, found["Id"])


def _containers(engine: Engine, label: str) -> list[Json]:
    with engine_errors("listing the containers of lanebench"):
        return list(engine.api.containers(all=True, filters={"label": label}))
