"""`lanebench lanes`: prints which model a run recommends for each lane, and changes the lanes of a finished run."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness.cli.console import command_line, log, show
from harness.cli.options import add_full_option, add_tasks_option, tasks_arguments
from harness.errors import RunError
from harness.types import Lane, Override, Result

NAME = "lanes"
HELP = "Recommend a model for each lane of a finished run; replace its lanes, or record the model that you chose."


def options(parser: argparse.ArgumentParser) -> None:
    """Which run, and what to change in it."""
    parser.add_argument("path", type=Path, metavar="RUN|FILE|ZIP", help="a run; of a result or bundle, only its lanes")
    parser.add_argument("--config", type=Path, metavar="FILE", help="replace the lanes with those of this bench.toml")
    parser.add_argument("--choose", type=_choice, metavar="LANE=MODEL", help="the model you chose; needs --reason")
    parser.add_argument("--reason", metavar="TEXT", help="reason for --choose")
    add_full_option(parser)
    add_tasks_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the lanes; write run.json, result.json and report.html if something changed."""
    from harness.cli.inputs import known_tasks, load_result, read_config, require_lane_tasks
    from harness.cli.page import write_page
    from harness.report import lanes as lanes_section
    from harness.report import render_brief_lanes, render_text_sections
    from harness.run import open_run, rewrite_with_lanes
    from harness.tasks import lanes_of_run

    result = load_result(args.path, args.task_folders)
    lanes = result.lanes
    if args.config is not None:
        known = known_tasks(args.task_folders)
        tasks = [known[task.name] for task in result.tasks if task.name in known]
        config = read_config(args.config, for_requests=False)
        require_lane_tasks(config.lanes, {*known, *(task.name for task in result.tasks)})
        lanes = lanes_of_run(config.lanes, tasks)
    if args.reason is not None and args.choose is None:
        raise RunError("--reason needs --choose", fix="say with --choose LANE=MODEL what it is the reason for")
    if args.choose is not None:
        lanes = tuple(_override(lanes, result, args.choose, (args.reason or "").strip()))
    if lanes != result.lanes:
        folder = open_run(args.path)
        result = rewrite_with_lanes(folder, result, lanes)
        write_page(folder.path, result, known_tasks(args.task_folders).values())
        log(f"written {folder.result_path}")
    section = lanes_section(result)
    if not section.tables:
        raise RunError(
            f"{args.path}: the run has no lanes",
            fix="declare [[lanes]] in a bench.toml and give it with --config",
        )
    if args.full:
        show(render_text_sections(f"Run {result.run.id}", (section,)))
    else:
        again = command_line("lanes", args.path, *tasks_arguments(args.task_folders), "--full")
        show(render_brief_lanes(result, (f"next   every requirement: {again}",)))
    return 0


def _choice(text: str) -> tuple[str, str]:
    lane, equals, model = text.rpartition("=")
    if not (lane and equals and model):
        raise argparse.ArgumentTypeError(f"expected LANE=MODEL, got {text!r}")
    return lane, model


def _override(lanes: Sequence[Lane], result: Result, choice: tuple[str, str], reason: str) -> Iterator[Lane]:
    """The lanes with the user's choice in one of them. Raises RunError if the choice fits no lane or model."""
    from harness.schema import suggestion

    name, label = choice
    names = [lane.name for lane in lanes]
    labels = [model.label for model in result.models]
    if not reason:
        raise RunError("--choose needs --reason", fix="say why, for those who read the file later")
    if name not in names:
        message = f"no lane is called {name!r}; the run has {', '.join(names) or 'no lanes'}"
        raise RunError(message, fix=suggestion(name, names) or "name one of the run's lanes")
    if label not in labels:
        message = f"no model has the label {label!r}; the run has {', '.join(labels)}"
        raise RunError(message, fix=suggestion(label, labels) or "name one of the run's models")
    override = Override(label, reason, datetime.now(UTC).date().isoformat())
    for lane in lanes:
        yield replace(lane, override=override) if lane.name == name else lane
