"""CPU time of this process and of the whole machine, and the share of it that other processes used."""

from __future__ import annotations

import os
import resource
import sys
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Counters in seconds: CPU time used on all cores, CPU time of all cores, of this process, and of its children.

    The children are those that have ended. A model server that the run started is one of them.
    """

    busy_s: float
    total_s: float
    process_s: float
    children_s: float


def cpu_times() -> CpuTimes:
    """Read the counters."""
    machine, process = psutil.cpu_times(), os.times()
    # Linux counts guest time in user and nice time as well (proc_stat(5)).
    guest_s = getattr(machine, "guest", 0.0) + getattr(machine, "guest_nice", 0.0)
    total_s = float(sum(machine)) - guest_s
    busy_s = total_s - machine.idle - getattr(machine, "iowait", 0.0)
    own_s, children_s = process.user + process.system, process.children_user + process.children_system
    return CpuTimes(busy_s, total_s, own_s, children_s)


def other_cpu_share(before: CpuTimes, after: CpuTimes, *, children_are_own: bool = False) -> float | None:
    """Return the share of CPU time that other processes used between two readings; None if no time has passed.

    `children_are_own`: the processes that this one started are not others, as the reference server.
    """
    total_s = after.total_s - before.total_s
    if total_s <= 0:
        return None
    others_s = (after.busy_s - before.busy_s) - (after.process_s - before.process_s)
    if children_are_own:
        others_s -= after.children_s - before.children_s
    return min(1.0, max(0.0, others_s / total_s))


def peak_rss_bytes() -> int:
    """Return the largest resident set size that this process ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # getrusage(2) counts bytes on macOS and KiB on Linux.
    return peak if sys.platform == "darwin" else peak * 1024
