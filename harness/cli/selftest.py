"""`lanebench selftest`: measures this machine's timing error in a few seconds."""

from __future__ import annotations

import argparse

from harness.cli.console import show
from harness.types import SelfTest

NAME = "selftest"
HELP = "Measure in a few seconds this machine's timing error, and how much CPU time other processes use."


def options(parser: argparse.ArgumentParser) -> None:
    """How many streams."""
    parser.add_argument("--streams", type=int, metavar="N", help="streams to time; more give a more precise estimate")


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    from harness.calibration import run_self_test
    from harness.summarize import find_timing_problems

    measured = run_self_test() if args.streams is None else run_self_test(max(1, args.streams))
    show(render(measured))
    for problem in find_timing_problems(measured):
        show(f"warning: {problem}")
    return 0


def render(measured: SelfTest) -> str:
    """The figures, one per line."""
    share = "unknown" if measured.other_cpu_share is None else f"{100 * measured.other_cpu_share:.0f} %"
    side = "late" if measured.ttft_error_s >= 0 else "early"
    return "\n".join(
        (
            f"TTFT is measured {1e3 * abs(measured.ttft_error_s):.2f} ms {side} (median of {measured.streams} streams)",
            f"a bare socket is {1e3 * measured.socket_error_s:.2f} ms late: no client can be better on this machine",
            f"a token is stamped at most {1e3 * measured.lag_p99_s:.2f} ms late (99th percentile)",
            f"the decode rate is off by {measured.decode_error_percent:.3f} % (median)",
            f"other processes used {share} of all CPU time",
            *_clock_lines(measured),
        )
    )


def _clock_lines(measured: SelfTest) -> tuple[str, ...]:
    if measured.clock_step_s is None or measured.clock_rate_error is None:
        return ()
    return (
        f"the clock moves in steps of {1e3 * measured.clock_step_s:.4f} ms, and its speed is "
        f"{100 * measured.clock_rate_error:.3f} % off the wall clock's",
    )
