"""Processor time: of all cores, of this process; and the share that is neither this process's nor nobody's."""

from __future__ import annotations

import os
import resource
import sys
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Seconds of processor time until now: of all cores, taken by anybody and in all; own with ended children."""

    busy_s: float
    total_s: float
    process_s: float


def cpu_times() -> CpuTimes:
    """Read the counters."""
    times, own = psutil.cpu_times(), os.times()
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted in user and nice already
    total = float(sum(times)) - guests
    taken = total - times.idle - getattr(times, "iowait", 0.0)
    return CpuTimes(taken, total, own.user + own.system + own.children_user + own.children_system)


def other_cpu_share(before: CpuTimes, after: CpuTimes) -> float | None:
    """The share of all processor time between two readings that was neither own nor idle; None without any time."""
    total_s = after.total_s - before.total_s
    if total_s <= 0:
        return None
    others_s = (after.busy_s - before.busy_s) - (after.process_s - before.process_s)
    return min(1.0, max(0.0, others_s / total_s))


def peak_rss_bytes() -> int:
    """The largest resident set that this process ever had."""
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024
