"""Processes by number, told apart from later ones with the same number by when they began."""

from __future__ import annotations

import os
import signal

import psutil

SAME_S = 0.01


def process_start_time(pid: int) -> float | None:
    """When a running process began, in seconds of the wall clock; None where there is none, or only its remains."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def is_same_process(pid: int, began: float) -> bool:
    """Whether the process of that number is still the one that began then."""
    now = process_start_time(pid)
    return now is not None and abs(now - began) < SAME_S


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        try:
            os.kill(process.pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def terminate_process(pid: int, began: float, wait_s: float) -> bool:
    """Ask a process and its children to end, make them after `wait_s`; whether they are gone."""
    if not is_same_process(pid, began):
        return True
    processes = _tree(pid)
    _signal(processes, signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, wait_s)
    _signal(alive, signal.SIGKILL)
    _, alive = psutil.wait_procs(alive, wait_s)
    return not [one for one in alive if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def is_port_in_use(port: int) -> bool | None:
    """Whether some process listens on a local port; None where that cannot be seen."""
    try:
        rows = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return None
    return any(row.status == psutil.CONN_LISTEN and row.laddr and row.laddr.port == port for row in rows)
