"""`lanebench verify`: check a result that somebody else made, level by level."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from harness.bundle import expand
from harness.cli.console import say, show
from harness.cli.run_options import add_tasks_option
from harness.config import load_config
from harness.errors import ConfigError
from harness.files import to_json
from harness.record import Timeouts
from harness.report import plain_text
from harness.sandbox import open_sandbox
from harness.tasks import find_fixtures, load_tasks
from harness.types import ALSO_CALLED, LEVELS, Finding, LevelReport, Sandbox, Task, Verdict
from harness.verify import Again, Asked, verify

SHOWN = 20
STATES = {"reached": "reached", "failed": "FAILED", "unverified": "UNVERIFIED", "not asked": "not asked"}

NAME = "verify"
HELP = "Check results, level by level; only the level rescored runs their code, in the sandbox."


def options(parser: argparse.ArgumentParser) -> None:
    """What to check and how far."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="FILE|FOLDER|ZIP", help="results, runs or bundles")
    parser.add_argument(
        "--level",
        choices=[*LEVELS, *ALSO_CALLED],
        metavar="LEVEL",
        help=f"the level to reach: {', '.join(LEVELS)} (also arithmetic, rescore); default rescored",
    )
    parser.add_argument(
        "--replicate", type=_count, metavar="K", help="ask K trials of each model again; needs --config"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="bench.toml with models of the same labels")
    parser.add_argument("--signers", type=Path, metavar="FILE", help="allowed-signers file that gives keys their names")
    parser.add_argument("--strict", action="store_true", help="doubts fail their level")
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    add_tasks_option(parser)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 10000")
    return int(text)


def _again(args: argparse.Namespace) -> Again | None:
    """Whom to ask again. Raises ConfigError when it is not said how to reach them."""
    if args.replicate is None:
        return None
    if args.config is None:
        raise ConfigError("--replicate asks models again: say how they are reached with --config bench.toml")
    config = load_config(args.config)
    settings = config.settings
    timeouts = Timeouts(settings.connect_timeout_s, settings.read_timeout_s, settings.turn_timeout_s)
    return Again(args.replicate, {model.label: model for model in config.models}, settings.thinking_tokens, timeouts)


def _tasks(folders: list[Path]) -> dict[str, Task]:
    """The kit's own tasks, and those of the folders given: theirs stand in front."""
    own = {task.name: task for task in load_tasks([find_fixtures()])}
    return own | ({task.name: task for task in load_tasks(folders)} if folders else {})


@contextmanager
def _sandbox(languages: tuple[str, ...]) -> Iterator[Sandbox]:
    with open_sandbox("verify", say, languages) as sandbox:
        yield sandbox


def _open(languages: tuple[str, ...]) -> AbstractContextManager[Sandbox]:
    return _sandbox(languages)


def _line_of(finding: Finding) -> str:
    return plain_text(f"    {finding.severity} [{finding.check}] {finding.place}: {finding.text}")


def _name_of(report: LevelReport) -> str:
    other = [word for word, level in ALSO_CALLED.items() if level == report.level]
    return f"{report.level} ({other[0]})" if other else report.level


def render_verdict(verdict: Verdict) -> str:
    """A line a level with how it ended, its findings under it. Foreign names cannot steer the terminal."""
    lines = [plain_text(verdict.source)]
    for report in verdict.levels:
        count = sum(one.severity != "note" for one in report.findings)
        told = plain_text(report.told) if report.state != "failed" else f"{count} finding{'s' if count > 1 else ''}:"
        lines.append(f"  {_name_of(report):<24}{STATES[report.state]:<12}{told}".rstrip())
        lines += [_line_of(finding) for finding in report.findings[:SHOWN]]
        if len(report.findings) > SHOWN:
            lines.append(f"    and {len(report.findings) - SHOWN} more: --json lists them all")
    return "\n".join(lines)


def exit_code(verdicts: list[Verdict]) -> int:
    """1 if any failed, else 2 if any could not be checked, else 0."""
    codes = {verdict.exit_code for verdict in verdicts}
    return 1 if 1 in codes else max(codes, default=0)


def run(args: argparse.Namespace) -> int:
    """Check each path; print a small table for each."""
    again = _again(args)
    level = args.level or ("replicated" if again else "rescored")
    asked = Asked(
        ALSO_CALLED.get(level, level),
        strict=args.strict,
        tasks=_tasks(args.task_folders),
        open_sandbox=_open,
        again=again,
        signers=args.signers,
    )
    verdicts = []
    for path in (inner for given in args.paths for inner in expand(given)):
        say(f"checking {plain_text(str(path))}")
        verdicts.append(verify(path, asked))
        if not args.json:
            show(render_verdict(verdicts[-1]))
    if args.json:
        show(to_json(verdicts, indent=1))
    return exit_code(verdicts)
