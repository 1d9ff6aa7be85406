"""`lanebench bench-client`: measures the timing errors of lanebench and of other clients on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from harness.cli.console import log, show
from harness.errors import CheckError, ConfigError, UncheckedError

if TYPE_CHECKING:
    from harness.calibration import Target

NAME = "bench-client"
HELP = "Measure the timing errors of lanebench and of other clients against a server that logs the true times."

_REALTIME_PRIORITY = 10


def options(parser: argparse.ArgumentParser) -> None:
    """How long, and how undisturbed."""
    parser.add_argument("--rounds", type=int, default=30, metavar="N", help="streams of each kind by each client")
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="run with real-time priority, pinned to one CPU each; needs Linux and root",
    )


def run(args: argparse.Namespace) -> int:
    """Measure and print. Raises CheckError for every target that was missed, UncheckedError for those left open."""
    from harness.apis import APIS
    from harness.calibration import (
        MeasurementPlan,
        evaluate_targets,
        find_misread_behaviors,
        measure_clients,
        timing_table,
    )
    from harness.reference import BEHAVIORS, serving

    with serving() as server:
        if args.realtime:
            _set_realtime_priority(server.pid, 0)
            _set_realtime_priority(0, 1)
        rows = measure_clients(server, MeasurementPlan.full(max(1, args.rounds)), _log_streams)
        misread = find_misread_behaviors(server)
    show("errors against the reference server, p50/p99 (p99 of fewer than 100 streams is the maximum)\n")
    show(f"{timing_table(rows)}\n")
    targets = evaluate_targets(rows)
    for target in targets:
        show(f"{_result(target)} {target.name}: {target.observed:.3f} {target.unit}, limit {target.limit:g}")
    count = f"{len(misread)} of {len(BEHAVIORS) * len(APIS)} server behaviors and APIs are misread"
    apis = ", ".join(api.title for api in APIS.values())
    met = f"met    all {len(BEHAVIORS)} server behaviors are read correctly over each API: {apis}"
    show(f"MISSED: {count}" if misread else met)
    _raise_unless_met(targets, misread)
    return 0


def _raise_unless_met(targets: Sequence[Target], misread: Mapping[str, Sequence[str]]) -> None:
    missed = [f"{name} is misread: {', '.join(problems)}" for name, problems in misread.items()]
    missed += [
        f"{target.name}: {target.observed:.3f} {target.unit}, limit {target.limit:g}"
        for target in targets
        if target.missed
    ]
    if missed:
        raise CheckError(*missed)
    undecided = [f"{target.name}: {target.undecided}" for target in targets if target.undecided]
    if undecided:
        raise UncheckedError(*undecided, fix="measure on a quiet machine, or with --realtime")


def _set_realtime_priority(pid: int, cpu: int) -> None:
    """Give a process real-time priority on one CPU. Raises ConfigError if that is impossible."""
    if sys.platform != "linux":
        raise ConfigError("--realtime needs Linux", fix="leave it out")
    try:
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(_REALTIME_PRIORITY))
        os.sched_setaffinity(pid, {cpu})
    except OSError as error:
        raise ConfigError(
            f"--realtime: {error.strerror}", fix="run as root on a machine with two CPUs, or leave it out"
        ) from error


def _result(target: Target) -> str:
    return "OPEN  " if target.undecided else "met   " if target.met else "MISSED"


def _log_streams(done: int, total: int) -> None:
    if done in (1, total) or done % 100 == 0:
        log(f"{done} of {total} streams")
