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
    parser.add_argument(
        "--atif", type=Path, metavar="FOLDER", help="write each trial of an agent in a run as a trajectory in ATIF"
    )
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
    if args.atif is not None:
        log(f"{_write_trajectories(args.source, args.atif)} trajectories in {args.atif}")
    return 0


def _write_trajectories(run: Path, folder: Path) -> int:
    """Write the trials of agents in a run; returns how many there are. Raises RunError, DiskError."""
    from harness.files import to_json, write_atomic
    from harness.run import open_run
    from harness.session import trajectory_name, write_trajectory

    opened = open_run(run)
    models = {model.label: model for model in opened.plan.models}
    count = 0
    for turns in opened.read_trials():
        model = models[turns[0].key.model]
        if model.agent is not None:
            folder.mkdir(parents=True, exist_ok=True)
            document = write_trajectory(turns, model.agent, model.agent_version or "")
            write_atomic(folder / trajectory_name(turns[0].key), to_json(document, indent=1) + "\n")
            count += 1
    return count
