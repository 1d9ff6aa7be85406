"""`lanebench lanes`: which model for which lane, with other lanes or the user's own choice put into a run."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness.cli.console import say, show
from harness.cli.report import load_result
from harness.config import load_config
from harness.errors import RunError
from harness.files import write_atomic
from harness.report import lanes as lanes_section
from harness.report import render_html, render_text_sections
from harness.run import open_run, restate_lanes
from harness.types import Lane, Override, Result

NAME = "lanes"
HELP = "Recommend a model a lane from a run that is over; put in other lanes, or your own choice beside the kit's."


def _choice(words: str) -> tuple[str, str]:
    lane, equals, model = words.rpartition("=")
    if not (lane and equals and model):
        raise argparse.ArgumentTypeError(f"{words!r} is not LANE=MODEL")
    return lane, model


def options(parser: argparse.ArgumentParser) -> None:
    """Which run, and what is put into it."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a folder under results/")
    parser.add_argument("--config", type=Path, metavar="FILE", help="take the lanes of this bench.toml")
    parser.add_argument("--choose", type=_choice, metavar="LANE=MODEL", help="your own choice; needs --reason")
    parser.add_argument("--reason", metavar="TEXT", help="why you chose otherwise, or the same")


def _chosen(lanes: Sequence[Lane], result: Result, choice: tuple[str, str], reason: str) -> Iterator[Lane]:
    name, model = choice
    labels = [one.label for one in result.models]
    if name not in [lane.name for lane in lanes]:
        raise RunError(f"no lane is called {name!r}: {', '.join(lane.name for lane in lanes) or 'this run has none'}")
    if model not in labels:
        raise RunError(f"no model has the label {model!r}: {', '.join(labels)}")
    own = Override(model, reason, datetime.now(UTC).date().isoformat())
    for lane in lanes:
        yield replace(lane, override=own) if lane.name == name else lane


def run(args: argparse.Namespace) -> int:
    """Print the lanes; write the run anew when something was put in."""
    folder = open_run(args.run_folder)
    result = load_result(args.run_folder)
    lanes = result.lanes if args.config is None else load_config(args.config).lanes
    if args.choose is not None:
        if not (args.reason or "").strip():
            raise RunError("--choose needs --reason: a choice without one helps nobody who reads the file later")
        lanes = tuple(_chosen(lanes, result, args.choose, args.reason))
    if lanes != result.lanes:
        result = restate_lanes(folder, result, lanes)
        write_atomic(folder.path / "report.html", render_html(result))
        say(f"written {folder.result_path}")
    section = lanes_section(result)
    if not section.tables:
        raise RunError(f"{args.run_folder}: no lanes: state them in bench.toml ([[lanes]]) and give it with --config")
    show(render_text_sections(f"Run {result.run.id}", (section,)))
    return 0
