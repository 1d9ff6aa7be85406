"""`lanebench judge`: blind comparison of answers that no program can score, by people or by a model."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.arguments import add_action
from harness.cli.console import command_line, count_of, log, show, show_progress
from harness.cli.fixes import suggest
from harness.cli.options import add_tasks_option, tasks_arguments
from harness.errors import ConfigError, RunError, ServerError

if TYPE_CHECKING:
    from harness.judge import JudgingFolder
    from harness.types import Judging

NAME = "judge"
HELP = "Compare texts of models blindly, by people or by a model, and add the verdicts to the results."
_JUDGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,63}")
_MAX_PAIRS = 900


def options(parser: argparse.ArgumentParser) -> None:
    """The steps of a judging, in their order."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="prepare|page|ask|reveal")
    prepare = add_action(actions, "prepare", "freeze pairs of the answers of finished runs")
    prepare.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="finished runs; labels must be unique")
    prepare.add_argument("--output", type=Path, metavar="DIR", help="the new folder; default: RUN-judging")
    prepare.add_argument("--pairs", type=_count, metavar="N", help="at most so many pairs; default: 60")
    add_tasks_option(prepare)
    page = add_action(actions, "page", "judge on a page of this machine")
    page.add_argument("--judge", type=_name, default="me", metavar="NAME", help="who judges; default: me")
    ask = add_action(actions, "ask", "let a model judge, each pair in both orders")
    ask.add_argument("--config", type=Path, required=True, metavar="FILE", help="the bench.toml that has the model")
    ask.add_argument("--model", required=True, metavar="LABEL", help="the judging model's label in it")
    reveal = add_action(actions, "reveal", "open who wrote what, and add the verdicts")
    reveal.add_argument("--partial", action="store_true", help="although pairs are not judged yet; the result says so")
    for sub in (page, ask, reveal):
        sub.add_argument("judging", type=Path, metavar="DIR", help="the folder that `prepare` made")
    add_tasks_option(reveal)


def run(args: argparse.Namespace) -> int:
    """Take one step of a judging. Raises RunError, ConfigError, ServerError, DiskError."""
    return {"prepare": _prepare, "page": _page, "ask": _ask, "reveal": _reveal}[args.action](args)


def _prepare(args: argparse.Namespace) -> int:
    from harness.bundle import PLAN
    from harness.cli.inputs import known_tasks, load_result
    from harness.judge import MAX_PAIRS, create_judging, prepare_pairs

    if any(not (path / PLAN).is_file() for path in args.runs):
        raise RunError(
            "verdicts are written into run folders, not into single files or bundles, unpacked or not",
            fix="name run folders, which have a run.json",
        )
    results = [load_result(path, args.task_folders) for path in args.runs]
    with suggest("give the folder of your own tasks with --tasks", RunError):
        prepared = prepare_pairs(results, known_tasks(args.task_folders), args.pairs or MAX_PAIRS)
    output = args.output or _beside(args.runs[0])
    with suggest("name another folder with --output", RunError):
        folder = create_judging(output, prepared, args.runs)
    sheet = folder.sheet
    repeated = sum(origin.repeats is not None for origin in prepared.mapping.origins.values())
    redactions = sum(one.left.redactions + one.right.redactions for one in prepared.mapping.origins.values())
    pairs, models = count_of(len(sheet.pairs) - repeated, "pair"), count_of(len(sheet.contestants), "model")
    show(f"{pairs} of {models}, {repeated} of them shown twice")
    show(f"{redactions} names redacted")
    show(f"left out: {sheet.identical} pairs with equal answers, {sheet.without_text} without a text")
    show(f"commitment {sheet.commitment}")
    log(f"written {folder.path}")
    log(f"judge them yourself:  {command_line('judge page', folder.path)}")
    log(f"let a model judge:    {command_line('judge ask', folder.path, '--config', 'bench.toml', '--model', 'LABEL')}")
    return 0


def _beside(run: Path) -> Path:
    """The folder of a judging beside its first run; "." and ".." have no name of their own to begin it with."""
    named = run if run.name not in ("", "..") else run.resolve()
    return named.with_name(f"{named.name}-judging")


def _open(path: Path) -> JudgingFolder:
    from harness.judge import open_judging

    with suggest(f"make one with `{command_line('judge prepare RUN')}`", RunError):
        return open_judging(path)


def _page(args: argparse.Namespace) -> int:
    from harness.judge import serve_page

    folder = _open(args.judging)
    reveal = command_line("judge reveal", args.judging)

    def announce(url: str) -> None:
        show(url)
        log(f"{len(folder.pending(args.judge))} pairs to judge; every vote is saved at once, Ctrl-C stops")

    try:
        serve_page(folder, args.judge, announce, f"You can close this page. Next: {reveal}")
    except KeyboardInterrupt as stop:
        stop.add_note(f"Every vote is kept. Go on with: {command_line('judge page', args.judging)}")
        raise
    log(f"all pairs are judged; see who wrote what: {reveal}")
    return 0


def _ask(args: argparse.Namespace) -> int:
    from harness.cli.inputs import read_config
    from harness.judge import ask_model, judging_model, same_family
    from harness.run import open_servers, timeouts_of

    folder, config = _open(args.judging), read_config(args.config)
    models = [model for model in config.models if model.label == args.model]
    if not models:
        known = ", ".join(model.label for model in config.models)
        raise ConfigError(f"{args.config}: no model has the label {args.model!r}", fix=f"known labels: {known}")
    timeouts = timeouts_of(config.settings)
    (server,) = open_servers(models, timeouts.connect_s)
    relatives = same_family(folder, server.model.model)
    if relatives:
        log(f"WARNING: {args.model} is of the same family as {', '.join(relatives)}, and may favor it")
    again = command_line("judge ask", args.judging, "--config", args.config, "--model", args.model)
    with show_progress() as progress, suggest(f"votes are kept; go on with `{again}`", ServerError):
        ask_model(folder, judging_model(server, timeouts), progress, log)
    log(f"all pairs are judged; see who wrote what: {command_line('judge reveal', args.judging)}")
    return 0


def _reveal(args: argparse.Namespace) -> int:
    from harness.judge import reveal

    folder = _open(args.judging)
    with suggest("judge them, or reveal now with --partial, which the result will state", RunError):
        judging = reveal(folder, partial=args.partial)
    for path in folder.runs:
        _add_to_run(path, judging, args)
    return 0


def _add_to_run(path: Path, judging: Judging, args: argparse.Namespace) -> None:
    """Write the judging into a run's result and page, and print its section."""
    from harness.cli.inputs import known_tasks, load_result
    from harness.cli.page import write_page
    from harness.report import blind_judging, render_text_sections
    from harness.run import open_run, rewrite_with_judging

    result = load_result(path, args.task_folders)
    folder = open_run(path)
    result = rewrite_with_judging(folder, result, judging)
    write_page(folder.path, result, known_tasks(args.task_folders).values())
    show(render_text_sections(f"Run {result.run.id}", (blind_judging(result),)))
    log(f"written {folder.result_path}")
    log(f"check   {command_line('verify', folder.path, *tasks_arguments(args.task_folders))}")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_PAIRS:
        raise argparse.ArgumentTypeError(f"expected an integer from 1 to {_MAX_PAIRS}, got {text!r}")
    return int(text)


def _name(text: str) -> str:
    if not _JUDGE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"expected letters, digits and . _ : + -, got {text!r}")
    return text
