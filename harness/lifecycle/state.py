"""The state file: what a run has stopped and started on this machine, written before it does so.

`lock_machine` keeps a second run out; `Journal` writes the file during a run; `find_leftover_state` reads what a run
left that was killed. A kill -9 or a power cut runs no cleanup code, so what is not on disk before the act cannot be
undone by the next start. There is one file for each user, because there is one machine; it exists only while something
has to be undone. The lock file beside it stays, and is held for the whole run: two runs would overwrite each other's
state, and measure each other.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import DiskError, RunError, ServerError
from harness.files import build, read_json, to_json, write_atomic
from harness.host import StartTime, is_same_process, process_start_time
from harness.lifecycle.actions import ServerProcess
from harness.lifecycle.steps import SuspendedService
from harness.types import Log

MAX_PID_BYTES = 32


@dataclass(frozen=True, slots=True)
class LifecycleState:
    """The run's process, by PID and start time, and its folder; what it suspended or started, and its processes."""

    pid: int
    started_at: StartTime
    run: str
    suspended: tuple[SuspendedService, ...] = ()
    processes: tuple[ServerProcess, ...] = ()


class Journal:
    """The state of this run, in memory and in the state file. Each change is on disk when its method returns."""

    def __init__(self, run: Path, left: LifecycleState | None = None) -> None:
        """No side effects until the first call. `left` is what an earlier run could not undo: this one takes it over.

        The file is one: without it, the first write would forget what is still to be started again.
        """
        pid = os.getpid()
        suspended, processes = ((), ()) if left is None else (left.suspended, left.processes)
        self._state = LifecycleState(pid, process_start_time(pid) or 0.0, str(run.absolute()), suspended, processes)
        self._is_written = False

    @property
    def suspended(self) -> tuple[SuspendedService, ...]:
        """What the run has to undo, in the order in which it was noted."""
        return self._state.suspended

    def set_suspended(self, services: tuple[SuspendedService, ...]) -> None:
        """Replace what has to be undone."""
        self._save(replace(self._state, suspended=services))

    def add(self, service: SuspendedService) -> None:
        """Note what is about to be stopped or started."""
        self.set_suspended((*self.suspended, service))

    def remove(self, service: SuspendedService) -> None:
        """Remove what has been undone."""
        self.set_suspended(tuple(other for other in self.suspended if other is not service))

    def add_process(self, process: ServerProcess) -> None:
        """Note a process that was started. Its PID is known only afterwards, so this is the one late entry."""
        self._save(replace(self._state, processes=(*self._state.processes, process)))

    def remove_process(self, process: ServerProcess) -> None:
        """Remove a process that has ended."""
        others = tuple(other for other in self._state.processes if other != process)
        self._save(replace(self._state, processes=others))

    def _save(self, state: LifecycleState) -> None:
        # A run that never changed anything must not remove the file that another run wrote meanwhile.
        self._state = state
        if self._is_written or state.suspended or state.processes:
            self._is_written = True
            save_state(state)


@contextmanager
def lock_machine(log: Log) -> Iterator[None]:
    """Keep the model servers of this machine to one run until the block ends. Raises ServerError if another has them.

    Where the lock cannot be written, the state file cannot either: a run that has to note something fails by that.
    """
    path = Path(f"{state_path()}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not inherited by the servers that the run starts, and dropped by the kernel however the run ends.
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        log(f"a second run at the same time would not be noticed: {path}: {error.strerror}")
        yield
        return
    try:
        _lock(handle, path, log)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, path: Path, log: Log) -> None:
    """Lock the file and write this process into it, for the message of another run. Raises ServerError."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
    except BlockingIOError as error:
        pid = os.pread(handle, MAX_PID_BYTES, 0).decode("ascii", "replace").strip() or "unknown"
        raise ServerError(
            f"another run (process {pid}) uses the model servers of this machine",
            fix="wait for it, or stop it with Ctrl-C",
        ) from error
    except OSError as error:
        # A file system without locks, or one that is full.
        log(f"a second run at the same time may not be noticed: {path}: {error.strerror}")


def state_path() -> Path:
    """Return the path of the state file; LANEBENCH_STATE overrides it."""
    override = os.environ.get("LANEBENCH_STATE")
    return Path(override) if override else Path.home() / ".lanebench" / "lifecycle.json"


def save_state(state: LifecycleState) -> None:
    """Write the state file, or remove it if nothing has to be undone. Raises DiskError."""
    path = state_path()
    if state.suspended or state.processes:
        write_atomic(path, to_json(state, indent=1) + "\n")
    else:
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise DiskError(f"{path}: cannot be removed: {error.strerror}") from error


def find_leftover_state() -> LifecycleState | None:
    """Return what another run left. Raises ServerError while that run still goes on, or if the file is damaged.

    A damaged file is never removed: it may be all that tells what has to be started again.
    """
    path = state_path()
    if not path.exists():
        return None
    try:
        state = build(LifecycleState, read_json(path))
    except RunError as error:
        raise ServerError(
            f"{path}: cannot be read, so what an earlier run stopped is unknown",
            fix="start the services listed in the file, then delete it",
        ) from error
    if state.pid != os.getpid() and is_same_process(state.pid, state.started_at):
        raise ServerError(
            f"another run (process {state.pid}) has stopped servers on this machine",
            fix="wait for it, or stop it with Ctrl-C: it restores them itself",
        )
    return state
