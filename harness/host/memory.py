"""Memory in use: by the whole machine, and by the process that serves a model."""

from __future__ import annotations

import psutil

from harness.host.commands import CommandRunner, is_mac, read_text, run_command
from harness.host.parse import parse_footprint, parse_memory_in_use, parse_swap_used, parse_unevictable, parse_wired


def swap_used_bytes(run: CommandRunner = run_command, system: str | None = None) -> int | None:
    """Return the bytes of swap in use; speeds measured while it grows are unreliable."""
    return parse_swap_used(run(["sysctl", "-n", "vm.swapusage"])) if is_mac(system) else psutil.swap_memory().used


def memory_in_use(run: CommandRunner = run_command, system: str | None = None) -> int | None:
    """Return the bytes of memory that no program can get without paging."""
    if is_mac(system):
        return parse_memory_in_use(run(["vm_stat"]))
    memory = psutil.virtual_memory()
    return memory.total - memory.available


def wired_bytes(run: CommandRunner = run_command, system: str | None = None) -> int | None:
    """Return the bytes of memory that cannot be paged out."""
    return parse_wired(run(["vm_stat"])) if is_mac(system) else parse_unevictable(read_text("/proc/meminfo"))


def server_memory(port: int, run: CommandRunner = run_command, system: str | None = None) -> int | None:
    """Return the bytes of the processes that listen on a local port, with their children; None if they are not visible.

    On Linux this is the resident set size. On macOS it is the physical footprint as of footprint(1): the resident set
    size there counts memory-mapped weights only while they are resident.
    """
    if is_mac(system):
        return _mac_server_memory(port, run)
    try:
        processes = _with_children(_listeners(port))
        return sum(process.memory_info().rss for process in processes) or None
    except psutil.Error:
        return None


def _mac_server_memory(port: int, run: CommandRunner) -> int | None:
    listeners = run(["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t"])
    pids = {int(line) for line in (listeners or "").split() if line.isdigit()}
    children = run(["pgrep", "-P", ",".join(map(str, sorted(pids)))]) if pids else None
    pids |= {int(line) for line in (children or "").split() if line.isdigit()}
    sizes = [parse_footprint(run(["footprint", str(pid)])) for pid in sorted(pids)]
    known = [size for size in sizes if size is not None]
    return sum(known) if known and len(known) == len(sizes) else None


def _listeners(port: int) -> set[int]:
    rows = psutil.net_connections(kind="tcp")
    listening = [row for row in rows if row.status == psutil.CONN_LISTEN and row.laddr and row.laddr.port == port]
    return {row.pid for row in listening if row.pid}


def _with_children(pids: set[int]) -> set[psutil.Process]:
    found: set[psutil.Process] = set()
    for pid in pids:
        process = psutil.Process(pid)
        found |= {process, *process.children(recursive=True)}
    return found
