"""`lanebench bench-client`: how far this kit's timings are from the truth on this machine, beside other clients."""

from __future__ import annotations

import argparse
import os
import sys

from harness.calibration import BEHAVIORS, Aim, Plan, aims, measure, misunderstood, serving, timing_table
from harness.cli.console import say, show
from harness.errors import CheckError, ConfigError, UncheckedError

NAME = "bench-client"
HELP = "Measure this kit's own timing errors against a server that logs the truth, beside other clients."

_PRIORITY = 10


def options(parser: argparse.ArgumentParser) -> None:
    """How long, and how undisturbed."""
    parser.add_argument("--rounds", type=int, default=30, metavar="N", help="streams of each kind by each client")
    parser.add_argument(
        "--realtime", action="store_true", help="Linux, root: before all other processes, one processor for each side"
    )


def _ahead_of_all(pid: int, cpu: int) -> None:
    """Give a process the right of way on one processor. Raises ConfigError where that cannot be."""
    if sys.platform != "linux":
        raise ConfigError("--realtime is for Linux: leave it out")
    try:
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(_PRIORITY))
        os.sched_setaffinity(pid, {cpu})
    except OSError as error:
        raise ConfigError(f"--realtime: {error.strerror}: run as root on two processors, or leave it out") from error


def run(args: argparse.Namespace) -> int:
    """Measure and print. Raises CheckError for every aim that was missed, UncheckedError for those left open."""
    with serving() as server:
        if args.realtime:
            _ahead_of_all(server.pid, 0)
            _ahead_of_all(0, 1)
        rows = measure(server, Plan.whole(max(1, args.rounds)), _watch)
        wrong = misunderstood(server)
    show("errors against the reference server, p50/p99 (p99 of fewer than 100 streams is the maximum)\n")
    show(f"{timing_table(rows)}\n")
    found = aims(rows)
    for aim in found:
        show(f"{_word(aim)} {aim.name}: {aim.seen:.3f} of at most {aim.most:g} {aim.unit}")
    show(f"{'MISSED' if wrong else 'met   '} all {len(BEHAVIORS)} behaviours of servers are read as they were meant")
    missed = [f"{name} is misread: {', '.join(faults)}" for name, faults in wrong.items()]
    missed += [f"{aim.name}: {aim.seen:.3f} {aim.unit}, the aim is {aim.most:g}" for aim in found if aim.missed]
    if missed:
        raise CheckError(*missed)
    left = [f"{aim.name}: {aim.open}; measure on a quiet machine, or with --realtime" for aim in found if aim.open]
    if left:
        raise UncheckedError(*left)
    return 0


def _word(aim: Aim) -> str:
    return "OPEN  " if aim.open else "met   " if aim.met else "MISSED"


def _watch(done: int, total: int) -> None:
    if done in (1, total) or done % 100 == 0:
        say(f"{done} of {total} streams")
