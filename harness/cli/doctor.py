"""`lanebench doctor`: prints what this machine can do, without changing anything on it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.console import show

if TYPE_CHECKING:
    from harness.cli.inspection import Item

NAME = "doctor"
HELP = "Check the environment: engine, image, host facts, and which configured servers answer."

_MARKS = {True: "ok  ", False: "NO  ", None: "    "}


def options(parser: argparse.ArgumentParser) -> None:
    """Which servers to check."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="check whether the servers of this bench.toml answer; a model that is not listed is asked for one token",
    )


def run(args: argparse.Namespace) -> int:
    """Print a line for each item; returns 0 when everything works, else the exit code of the first that does not.

    Raises ConfigError for a bench.toml that cannot be used, after the machine's items.
    """
    from harness.cli.inspection import inspect_machine, inspect_servers

    items = list(inspect_machine())
    try:
        items += inspect_servers(args.config) if args.config is not None else []
    finally:
        _show(items)
    return next((item.error.exit_code for item in items if item.works is False), 0)


def _show(items: Sequence[Item]) -> None:
    from harness.report import plain_text

    width = max(len(item.name) for item in items)
    show("\n".join(f"{_MARKS[item.works]}{item.name:<{width}}  {plain_text(item.text)}" for item in items))
