"""Memory in use: by the whole machine, and by the process that serves a model."""

from __future__ import annotations

import psutil

from harness.host.commands import CommandRunner, is_mac, read_text, run_command
from harness.host.parse import parse_footprint, parse_memory_in_use, parse_swap_used, parse_unevictable, parse_wired

_FORWARDERS = (
    "docker-proxy",
    "com.docker.backend",
    "com.docker.vpnkit",
    "vpnkit",
    "rootlesskit",
    "rootlessport",
    "slirp4netns",
    "pasta",
    "gvproxy",
    "conmon",
    "limactl",
    "OrbStack Helper",
    "ssh",
    "sshd",
)
"""Programs that listen for a server in a container, in a virtual machine or elsewhere, which has the memory."""
_KERNEL_NAME_CHARS = 15


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

    None also if a forwarder listens, such as docker-proxy or ssh: its memory says nothing about the server behind it.
    On Linux this is the resident set size. On macOS it is the physical footprint as of footprint(1): the resident set
    size there counts memory-mapped weights only while they are resident.
    """
    if is_mac(system):
        return _mac_server_memory(port, run)
    try:
        listeners = _listeners(port)
        if any(_is_forwarder(psutil.Process(pid).name()) for pid in listeners):
            return None
        processes = _with_children(listeners)
        return sum(process.memory_info().rss for process in processes) or None
    except psutil.Error:
        return None


def _is_forwarder(program: str) -> bool:
    """Whether a program's name or path is that of a forwarder; ps(1) may cut a name off, as the kernel does."""
    name = program.strip().rpartition("/")[2]
    is_cut = len(name) == _KERNEL_NAME_CHARS
    return name in _FORWARDERS or (is_cut and any(forwarder.startswith(name) for forwarder in _FORWARDERS))


def _mac_server_memory(port: int, run: CommandRunner) -> int | None:
    listeners = run(["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t"])
    pids = {int(line) for line in (listeners or "").split() if line.isdigit()}
    names = run(["ps", "-o", "comm=", "-p", ",".join(map(str, sorted(pids)))]) if pids else None
    if any(map(_is_forwarder, (names or "").splitlines())):
        return None
    parents = pids
    while parents:
        children = run(["pgrep", "-P", ",".join(map(str, sorted(parents)))])
        parents = {int(line) for line in (children or "").split() if line.isdigit()} - pids
        pids = pids | parents
    # Without `-f bytes` a server of 92.4 GB has 92.
    sizes = [parse_footprint(run(["footprint", "-f", "bytes", "-p", str(pid)])) for pid in sorted(pids)]
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
