"""What the kit stopped and started, on the disk before it does so: whoever comes next can put it back.

One file for each user, since there is one machine; it is there only while something is to be put back.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RunError, ServerError
from harness.files import build, read_json, to_json, write_atomic
from harness.host import is_same_process, process_start_time
from harness.lifecycle.actions import ServerProcess
from harness.lifecycle.steps import SuspendedService


@dataclass(frozen=True, slots=True)
class LifecycleState:
    """Whose it is, what is put away, what was started. `run` is the folder that tells of it."""

    pid: int
    began: float
    run: str
    held: tuple[SuspendedService, ...] = ()
    spawned: tuple[ServerProcess, ...] = ()


def state_path() -> Path:
    """Where the state stands; LANEBENCH_STATE names another file."""
    named = os.environ.get("LANEBENCH_STATE")
    return Path(named) if named else Path.home() / ".lanebench" / "lifecycle.json"


def new_state(run: Path | None) -> LifecycleState:
    """The state of this process before it changed anything."""
    pid = os.getpid()
    return LifecycleState(pid, process_start_time(pid) or 0.0, str(run) if run is not None else "")


def save_state(state: LifecycleState) -> None:
    """Write it whole, or drop the file where nothing is to be put back. Raises DiskError."""
    path = state_path()
    if state.held or state.spawned:
        write_atomic(path, to_json(state, indent=1) + "\n")
    else:
        path.unlink(missing_ok=True)


def find_leftover_state() -> LifecycleState | None:
    """What another run left behind. Raises ServerError while that run still goes on, or when the file is damaged."""
    path = state_path()
    if not path.exists():
        return None
    try:
        state = build(LifecycleState, read_json(path))
    except RunError as error:
        raise ServerError(
            f"{path}: cannot be read, so what an earlier run stopped is not known: look into it, start what it names, "
            "then remove it"
        ) from error
    if state.pid != os.getpid() and is_same_process(state.pid, state.began):
        raise ServerError(
            f"another run (process {state.pid}) has stopped servers on this machine: wait for it, or end it; it puts "
            "them back itself"
        )
    return state
