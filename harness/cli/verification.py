"""The work of `lanebench verify`: what is requested of `harness.verify`, and how a verdict is printed."""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from harness.cli.console import command_line, log
from harness.cli.inputs import known_tasks, read_config
from harness.cluster import open_cluster
from harness.errors import ConfigError
from harness.host import host_facts
from harness.record import Timeouts
from harness.report import plain_text
from harness.sandbox import open_sandbox
from harness.tasks import JobCache
from harness.types import LEVEL_ALIASES, AgentLimits, Finding, LevelReport, Sandbox, TrialScorer, Verdict
from harness.verify import Replication, VerifyOptions, limits_line

MAX_FINDINGS = 20
"""How many findings of a level are printed."""
FIXES: Mapping[str, str] = {
    "suite": "pass the folder of its tasks with --tasks",
    "tasks": "pass the task's folder with --tasks",
}
"""What an option of the command can do about the findings of a check."""
MAX_EQUAL_JOBS = 256
"""Jobs whose observations are kept for equal ones: more than a block of trials has, and bounded for a hostile file."""
STATES = {"reached": "reached", "failed": "FAILED", "unverified": "UNVERIFIED", "not_requested": "not requested"}


def verify_options(args: argparse.Namespace) -> VerifyOptions:
    """What the command line requests.

    Raises ConfigError when models are to be replicated without a configuration, or a file of an option cannot be read.
    """
    replication = _replication(args)
    _require_readable("--signers", args.signers)
    _require_readable("--tsa-roots", args.tsa_roots)
    level = args.level or ("replicated" if replication else "rescored")
    return VerifyOptions(
        LEVEL_ALIASES.get(level, level),
        strict=args.strict,
        tasks=known_tasks(args.task_folders),
        open_sandbox=open_sandbox_for_verify,
        open_scorer=None if args.cluster is None else partial(_open_cluster, args.cluster),
        replication=replication,
        signers=args.signers,
        tsa_roots=args.tsa_roots,
    )


def _require_readable(option: str, path: Path | None) -> None:
    """Raises ConfigError for the file of an option that cannot be read: none of its keys would confirm anything."""
    try:
        if path is not None:
            path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{option} {path}: cannot be read: {error.strerror}") from error


def render_verdict(verdict: Verdict) -> str:
    """A line for each level, its findings under it. Control characters in untrusted names are escaped."""
    lines = [plain_text(verdict.source)]
    for report in verdict.levels:
        lines.append(_level_line(report))
        lines += [_finding_line(finding) for finding in report.findings[:MAX_FINDINGS]]
        if len(report.findings) > MAX_FINDINGS:
            lines.append(f"    and {len(report.findings) - MAX_FINDINGS} more: --json lists more of them")
    return "\n".join(lines)


def render_limits() -> str:
    """What no reading finds, in one line with the way out."""
    command = command_line("verify FILE --replicate 10 --config bench.toml")
    return f"{limits_line()} The way out, replicated: run trials again on your own server with {command}"


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """1 if any failed, else 2 if any could not be checked, else 0."""
    codes = {verdict.exit_code for verdict in verdicts}
    return 1 if 1 in codes else max(codes, default=0)


def _replication(args: argparse.Namespace) -> Replication | None:
    if args.replicate is None:
        return None
    if args.config is None:
        raise ConfigError(
            "--replicate runs models again and needs their addresses", fix="give them with --config bench.toml"
        )
    from harness.agents import contenders

    config = read_config(args.config)
    settings = config.settings
    timeouts = Timeouts(settings.connect_timeout_s, settings.read_timeout_s, settings.turn_timeout_s)
    models = {model.label: model for model in contenders(config)}
    limits = AgentLimits(settings.agent_clock_s, settings.agent_turns, settings.agent_tokens)
    return Replication(args.replicate, models, timeouts, host_facts(), limits)


@contextmanager
def _sandbox(languages: tuple[str, ...]) -> Iterator[Sandbox]:
    with open_sandbox("verify", log, languages) as sandbox:
        yield JobCache(sandbox, MAX_EQUAL_JOBS)


def open_sandbox_for_verify(languages: tuple[str, ...]) -> AbstractContextManager[Sandbox]:
    """The sandbox in which answers of a bundle run again."""
    return _sandbox(languages)


def _open_cluster(address: str, languages: tuple[str, ...]) -> AbstractContextManager[TrialScorer]:
    # Clients of the same cluster must not share a name: a worker keeps one sandbox for each.
    return open_cluster(address, f"verify-{uuid.uuid4().hex[:12]}", log, languages)


def _level_line(report: LevelReport) -> str:
    count = sum(finding.severity != "info" for finding in report.findings)
    text = plain_text(report.detail) if report.state != "failed" else f"{count} finding{'s' if count > 1 else ''}:"
    return f"  {_level_name(report):<24}{STATES[report.state]:<12}{text}".rstrip()


def _level_name(report: LevelReport) -> str:
    aliases = [alias for alias, level in LEVEL_ALIASES.items() if level == report.level]
    return f"{report.level} ({aliases[0]})" if aliases else report.level


def _finding_line(finding: Finding) -> str:
    text = f"    {finding.severity} [{finding.check}] {finding.location}: {finding.message}"
    # An error, a note, or a warning of a task that is known here has nothing to be done about with an option.
    is_open = finding.severity == "inconclusive" and finding.check in FIXES
    return plain_text(text + (f"; {FIXES[finding.check]}" if is_open else ""))
