"""`lanebench session`: what a recorded session cost and where its time went."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.console import log, show
from harness.cli.session_source import read_session

NAME = "session"
HELP = "Show what a session that the proxy recorded cost, and where its time went."


def options(parser: argparse.ArgumentParser) -> None:
    """Which session, and where the page goes."""
    parser.add_argument("source", type=Path, metavar="DIR", help="a folder of the recording proxy, or a run")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write a time line, as an HTML page of one file")


def run(args: argparse.Namespace) -> int:
    """Print the cost, and write the page. Raises RunError, DiskError."""
    from harness.session import diagnose, render_cost, summarize_session

    report = diagnose(read_session(args.source))
    cost = summarize_session(report)
    show(render_cost(cost))
    if args.page is not None:
        from harness.files import write_atomic
        from harness.session import render_page

        write_atomic(args.page, render_page(cost, report, str(args.source)))
        log(f"page {args.page}")
    return 0
