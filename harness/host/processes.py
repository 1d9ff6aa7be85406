"""Processes by PID and start time, so that a later process with the same PID is not mistaken for the same one.

On Linux the start time is the kernel's count of ticks since boot, with the boot's identifier. The wall-clock time that
psutil gives there is computed from `btime` of /proc/stat, which moves when the clock is set: a running process would
then pass for another one. On macOS the kernel stores the wall-clock time of the start, and it never changes.

`terminate_process` ends a process with all that it started; `is_port_in_use` tells whether a local port is listened on.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

import psutil

from harness.host.commands import is_mac, read_text
from harness.host.facts import boot_id

StartTime = str | float
"""Boot identifier and ticks since boot (Linux), or seconds of the wall clock (elsewhere, and in older state files)."""
MAX_START_TIME_DIFFERENCE_S = 0.01
"""The kernel counts start times in clock ticks of 10 ms (proc_pid_stat(5))."""
_START_FIELD = 20
"""The place of `starttime`, field 22, behind the PID and the name."""
_DEAD_STATES = ("Z", "X")
_LOOPBACK_ADDRESSES = ("127.0.0.1", "::1")
_CONNECT_TIMEOUT_S = 1.0


def process_start_time(pid: int) -> StartTime | None:
    """Return when a process started; None if there is none, or only a zombie."""
    return _wall_clock_start(pid) if is_mac(None) else _start_since_boot(pid)


def is_same_process(pid: int, started_at: StartTime) -> bool:
    """Whether the process with that PID is still the one that started then."""
    if isinstance(started_at, str):
        return process_start_time(pid) == started_at
    current = _wall_clock_start(pid)
    return current is not None and abs(current - started_at) < MAX_START_TIME_DIFFERENCE_S


def _wall_clock_start(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _start_since_boot(pid: int) -> str | None:
    """The identifier of the boot and the process's start in ticks since then, from proc_pid_stat(5)."""
    # The name, in parentheses, may contain spaces and parentheses; the state follows it as field 3.
    _, _, after_name = (read_text(f"/proc/{pid}/stat") or "").rpartition(")")
    fields = after_name.split()
    if len(fields) < _START_FIELD or fields[0] in _DEAD_STATES:
        return None
    return f"{boot_id()} {fields[_START_FIELD - 1]}"


def terminate_process(pid: int, started_at: StartTime, timeout_s: float, log: Path | None = None) -> bool:
    """Send SIGTERM to a process and its descendants, SIGKILL after `timeout_s`. Returns whether they are gone.

    A server that dies may leave children, which keep its port and its memory. They are no longer found as children,
    but by the process group, whose number is the PID of a process that was started in a session of its own. `log` is
    the file that such a process was started with for its output.
    """
    processes = _find_descendants(pid, started_at, log)
    _send_signal(processes, signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout_s)
    _send_signal(alive, signal.SIGKILL)
    _, alive = psutil.wait_procs(alive, timeout_s)
    return not [process for process in alive if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def is_port_in_use(port: int, system: str | None = None) -> bool:
    """Whether a process listens on a local port.

    macOS shows the sockets of other users' processes to root only, so there a connection is tried.
    """
    if not is_mac(system):
        with suppress(psutil.Error):
            rows = psutil.net_connections(kind="tcp")
            return any(row.status == psutil.CONN_LISTEN and row.laddr and row.laddr.port == port for row in rows)
    return any(_accepts_connections(address, port) for address in _LOOPBACK_ADDRESSES)


def _accepts_connections(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), _CONNECT_TIMEOUT_S).close()
    except TimeoutError:
        # A free port refuses at once; a listener whose queue is full does not answer.
        return True
    except OSError:
        return False
    return True


def _process_tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _process_group(pid: int) -> list[psutil.Process]:
    """The processes of the group that a process leads or led; none for one that is in the group of another."""
    found = []
    for process in psutil.process_iter():
        with suppress(OSError):
            if os.getpgid(process.pid) == pid:
                found.append(process)
    return found


def _find_descendants(pid: int, started_at: StartTime, log: Path | None) -> list[psutil.Process]:
    """A process with its children and its group; of one that has ended, the members of its group that surely are its.

    The kernel gives no new process the number of a group that has members, nor the PID of a child that is not reaped.
    Else the PID may have been used again and the group be a stranger's: only what has the log open is taken then.
    """
    if is_same_process(pid, started_at):
        return list(dict.fromkeys([*_process_tree(pid), *_process_group(pid)]))
    is_known = _is_unreaped_child(pid)
    return [each for each in _process_group(pid) if is_known or (log is not None and _has_open(each, log))]


def _is_unreaped_child(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE and process.ppid() == os.getpid()
    except psutil.Error:
        return False


def _has_open(process: psutil.Process, path: Path) -> bool:
    try:
        return str(path.resolve()) in {file.path for file in process.open_files()}
    except (psutil.Error, OSError):
        return False


def _send_signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        try:
            os.kill(process.pid, number)
        except (ProcessLookupError, PermissionError):
            continue
