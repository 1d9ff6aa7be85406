"""`lanebench cache`: the cache doctor, for a session of the proxy or a run."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.console import log, show
from harness.cli.session_source import read_session

NAME = "cache"
HELP = "Explain why a server read prompts again that it should have had in its cache, what it cost, and what helps."


def options(parser: argparse.ArgumentParser) -> None:
    """Which session, and where its server is."""
    parser.add_argument("source", type=Path, metavar="DIR|RUN", help="a folder of the recording proxy, or a run")
    parser.add_argument(
        "--server",
        metavar="URL",
        help="the llama.cpp server, with the model of then: how it writes the requests is compared, too",
    )


def run(args: argparse.Namespace) -> int:
    """Print the diagnosis; 0 also where the cache broke. Raises RunError."""
    from harness.session import Renderer, diagnose, render_cache

    renderer = Renderer(args.server) if args.server else None
    report = diagnose(read_session(args.source), renderer)
    show(render_cache(report))
    if renderer is not None and renderer.problem:
        log(f"how the server writes the requests could not be compared: {renderer.problem}")
    elif renderer is not None and not report.losses:
        log("nothing was compared with the server: no request lost anything")
    elif renderer is None and any(loss.difference for loss in report.losses):
        log("--server URL of a running llama.cpp server shows whether its prompts differ")
    return 0
