"""The command line: one sub-command a stage. Parses, calls the stage, prints; the only place that catches the tree."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from harness import __version__
from harness.cli import (
    bench,
    bench_client,
    bench_scorer,
    compare,
    doctor,
    init,
    lanes,
    probe,
    publish,
    record,
    report,
    score,
    selftest,
    tasks,
    verify,
)
from harness.cli.command import Command
from harness.cli.console import complain
from harness.errors import InterruptedRunError, LanebenchError


def parser(commands: Sequence[Command]) -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="lanebench", description="Which local model should write my code on this machine?", allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"lanebench {__version__}")
    words = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for one in commands:
        sub = words.add_parser(one.NAME, help=one.HELP, description=one.HELP, allow_abbrev=False)
        one.options(sub)
        sub.set_defaults(run=one.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command; returns the exit code (harness/errors.py lists them)."""
    # A stop from the system is the same as Ctrl-C: what is recorded stays, and the same line says how to go on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # So is a terminal that closes, unless the user asked to outlive it (nohup).
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    args = parser(COMMANDS).parse_args(argv)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        error: LanebenchError = InterruptedRunError("stopped")
    except LanebenchError as caught:
        error = caught
    except BrokenPipeError:
        # The reader of our output left, as `head` does: nothing is wrong with the run.
        sys.stderr.close()
        return 0
    for problem in error.problems:
        complain(problem)
    return error.exit_code


COMMANDS: tuple[Command, ...] = (
    bench,
    record,
    score,
    report,
    verify,
    publish,
    compare,
    lanes,
    doctor,
    init,
    probe,
    tasks,
    bench_client,
    bench_scorer,
    selftest,
)
