"""The command line: `main` runs one sub-command and turns an error into printed problems and an exit code.

Each sub-command is a module with NAME, HELP, `options` and `run`, and a row in COMMANDS. Its top imports only what its
options need, and `run` imports the packages that do the work: `lanebench --help` would take a second longer otherwise.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Protocol

from harness import __version__
from harness.cli import (
    agents,
    bench,
    bench_client,
    bench_scorer,
    cache,
    check_pr,
    compare,
    doctor,
    init,
    judge,
    lanes,
    merge,
    probe,
    proxy,
    publish,
    query,
    record,
    report,
    score,
    selftest,
    session,
    site,
    swebench,
    tasks,
    verify,
)
from harness.cli.arguments import ArgumentParser
from harness.cli.console import log, print_problem
from harness.errors import InterruptedRunError, LanebenchError

__all__ = ["COMMANDS", "Command", "build_parser", "main"]


class Command(Protocol):
    """The interface of a sub-command's module: its name, one line of help, its options and its work."""

    NAME: str
    HELP: str

    def options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options to the sub-command's parser."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Run the command. Returns the exit code."""
        ...


def build_parser(commands: Sequence[Command]) -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = ArgumentParser(
        prog="lanebench", description="Which local model should write my code on this machine?", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"lanebench {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in commands:
        sub = subparsers.add_parser(command.NAME, help=command.HELP, description=command.HELP, allow_abbrev=False)
        command.options(sub)
        sub.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command; returns the exit code (harness/errors.py lists them)."""
    _stop_like_ctrl_c()
    args = build_parser(COMMANDS).parse_args(argv)
    try:
        return int(args.run(args))
    except KeyboardInterrupt as stop:
        return _print_error(InterruptedRunError("stopped"), stop)
    except LanebenchError as error:
        return _print_error(error, error)
    except BrokenPipeError:
        # Whoever reads our output has closed it, as `head` does: nothing is wrong with the run.
        sys.stderr.close()
        return 0


def _stop_like_ctrl_c() -> None:
    """Make SIGTERM and a closed terminal stop the command as Ctrl-C does: what is recorded is kept."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # nohup sets SIGHUP to be ignored: such a run outlives its terminal.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.default_int_handler)


def _print_error(error: LanebenchError, raised: BaseException) -> int:
    """Print an error's problems, then the notes that `fixes.resumable` added; returns the exit code.

    A fix that several problems in a row have is printed once, below the last of them.
    """
    for problem, following in zip_longest(error.problems, error.problems[1:]):
        is_repeated = following is not None and following.fix == problem.fix
        print_problem(replace(problem, fix="") if is_repeated else problem)
    for note in getattr(raised, "__notes__", ()):
        log(note)
    return error.exit_code


COMMANDS: tuple[Command, ...] = (
    bench,
    record,
    score,
    report,
    verify,
    publish,
    check_pr,
    compare,
    lanes,
    merge,
    query,
    site,
    judge,
    doctor,
    init,
    probe,
    proxy,
    session,
    cache,
    agents,
    tasks,
    swebench,
    bench_client,
    bench_scorer,
    selftest,
)
