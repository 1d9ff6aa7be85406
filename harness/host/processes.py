"""Processes by PID and start time, so that a later process with the same PID is not mistaken for the same one.

`terminate_process` ends a process tree; `is_port_in_use` tells whether anything listens on a local port.
"""

from __future__ import annotations

import os
import signal

import psutil

MAX_START_TIME_DIFFERENCE_S = 0.01
"""The kernel counts start times in clock ticks of 10 ms (proc_pid_stat(5))."""


def process_start_time(pid: int) -> float | None:
    """Return when a process started (wall clock); None if there is none, or only a zombie."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def is_same_process(pid: int, started_at: float) -> bool:
    """Whether the process with that PID is still the one that started then."""
    current = process_start_time(pid)
    return current is not None and abs(current - started_at) < MAX_START_TIME_DIFFERENCE_S


def terminate_process(pid: int, started_at: float, timeout_s: float) -> bool:
    """Send SIGTERM to a process and its children, SIGKILL after `timeout_s`. Returns whether they are gone."""
    if not is_same_process(pid, started_at):
        return True
    processes = _process_tree(pid)
    _send_signal(processes, signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout_s)
    _send_signal(alive, signal.SIGKILL)
    _, alive = psutil.wait_procs(alive, timeout_s)
    return not [process for process in alive if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def is_port_in_use(port: int) -> bool | None:
    """Whether a process listens on a local port; None if that is not visible (macOS without root)."""
    try:
        rows = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return None
    return any(row.status == psutil.CONN_LISTEN and row.laddr and row.laddr.port == port for row in rows)


def _process_tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _send_signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        try:
            os.kill(process.pid, number)
        except (ProcessLookupError, PermissionError):
            continue
