"""`lanebench selftest`: how late this machine makes the kit's times, in a few seconds."""

from __future__ import annotations

import argparse

from harness.calibration import STREAMS, selftest
from harness.cli.console import show
from harness.types import SelfTest

NAME = "selftest"
HELP = "Measure in a few seconds how late this machine makes the kit's times, and who else keeps it busy."


def options(parser: argparse.ArgumentParser) -> None:
    """How many streams."""
    parser.add_argument("--streams", type=int, default=STREAMS, metavar="N", help=f"streams to time ({STREAMS})")


def told(found: SelfTest) -> str:
    """The figures in lines."""
    busy = "unknown" if found.other_cpu_share is None else f"{100 * found.other_cpu_share:.0f} %"
    return "\n".join(
        (
            f"TTFT is told late by {1e3 * found.ttft_error_s:.2f} ms (median of {found.streams} streams)",
            f"a bare socket is late by {1e3 * found.socket_error_s:.2f} ms: that is this machine's floor",
            f"a token is stamped at most {1e3 * found.lag_p99_s:.2f} ms late (99th percentile)",
            f"the decode rate is off by {found.decode_error_percent:.3f} % (median)",
            f"other processes took {busy} of all processor time",
        )
    )


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    show(told(selftest(max(1, args.streams))))
    return 0
