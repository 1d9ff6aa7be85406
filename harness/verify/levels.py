"""Runs the levels of `verify` one after the other and makes the verdict.

`verify(path, options)` checks one source; `read_verified` also returns its result. A level that could not be reached
leaves the later ones unverified, each with the reason. CONSISTENCY_CHECKS lists the checks of the level `consistent`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from harness.bundle import (
    LOG,
    MANIFEST,
    RECORDINGS,
    RESULT,
    SCORES,
    ReadLimits,
    SourceReader,
    UnreadableError,
    open_source,
)
from harness.cluster import ThreadScorer
from harness.errors import ConfigError, EngineError, RunError, TaskError
from harness.files import build
from harness.schema import format_version, validate
from harness.summarize import is_asked
from harness.tasks import as_published, find_fixtures
from harness.types import (
    LEVELS,
    MAX_RESULT_TRIALS,
    Finding,
    Json,
    LevelReport,
    Result,
    RunInfo,
    Sandbox,
    Task,
    TrialScorer,
    Verdict,
)
from harness.verify import (
    digests,
    judging,
    known_tasks,
    looks,
    plausibility,
    recomputed,
    replicated,
    reread,
    rescored,
    run_files,
    skipped,
    trials,
    turns,
)
from harness.verify.agent_limits import check_agent_limits
from harness.verify.agent_sessions import check_agent_sessions
from harness.verify.evidence import Evidence
from harness.verify.level_reports import report_level, unverified
from harness.verify.replicated import Replication

OpenSandbox = Callable[[tuple[str, ...]], AbstractContextManager[Sandbox]]
"""Opens a sandbox for the given languages."""
OpenScorer = Callable[[tuple[str, ...]], AbstractContextManager[TrialScorer]]
"""Opens a scorer of trials for the given languages."""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """How to verify: up to which level, and with what.

    `strict`: warnings fail their level. `tasks` are the tasks known locally, by name. The level `rescored` needs
    `open_sandbox`, and scores on other machines with `open_scorer`; `replicated` also needs `replication`. `signers` is
    an allowed-signers file, `tsa_roots` has the certificates of time-stamp authorities.
    """

    level: str = "rescored"
    strict: bool = False
    tasks: Mapping[str, Task] = field(default_factory=dict)
    open_sandbox: OpenSandbox | None = None
    open_scorer: OpenScorer | None = None
    replication: Replication | None = None
    limits: ReadLimits = field(default_factory=ReadLimits)
    signers: Path | None = None
    tsa_roots: Path | None = None

    def requests(self, level: str) -> bool:
        """Whether a level is to be checked."""
        return LEVELS.index(level) <= LEVELS.index(self.level)


@dataclass(frozen=True, slots=True)
class _Documents:
    """The documents of a source, parsed and not yet validated."""

    reader: SourceReader
    result: Json
    manifest: Json = None


def verify(path: Path, options: VerifyOptions) -> Verdict:
    """Check one file, folder or zip. What is wrong with it is in the verdict; nothing is raised for it."""
    return read_verified(path, options)[0]


def read_verified(path: Path, options: VerifyOptions) -> tuple[Verdict, Result | None]:
    """Check as `verify` does, and give the very result that was checked; None if it is not valid under its schema."""
    documents, findings = _open(path, options)
    reports = [report_level("readable", "the files can be read", findings, strict=options.strict)]
    evidence = None
    if documents is not None and reports[0].state == "reached" and options.requests("schema"):
        report, evidence = _check_schema(documents, options)
        reports.append(report)
    if evidence is not None and options.requests("consistent"):
        reports += _check_evidence(evidence, options)
    verdict = Verdict(str(path), options.level, (*reports, *_remaining_levels(reports, options)))
    return verdict, None if evidence is None else evidence.result


def _open(path: Path, options: VerifyOptions) -> tuple[_Documents | None, tuple[Finding, ...]]:
    source, findings = open_source(path, options.limits)
    if source is None:
        return None, findings
    reader = SourceReader(str(path), source, options.limits)
    try:
        manifest = reader.read_document(MANIFEST) if reader.has(MANIFEST) else None
        return _Documents(reader, reader.read_document(RESULT), manifest), findings
    except UnreadableError as error:
        return None, (*findings, error.finding)


def _remaining_levels(reports: list[LevelReport], options: VerifyOptions) -> Iterator[LevelReport]:
    for level in LEVELS[len(reports) :]:
        if options.requests(level):
            yield unverified(level, f"{reports[-1].level} was not reached")
        else:
            yield LevelReport(level, "not_requested", "")


def _check_schema(documents: _Documents, options: VerifyOptions) -> tuple[LevelReport, Evidence | None]:
    """The level `schema`, and the evidence for the levels behind it if it is reached."""
    findings = list(_schema_findings(documents))
    result: Result | None = None
    if not findings:
        try:
            result = build(Result, documents.result)
            findings = list(_plan_findings(documents.reader, result))
        except RunError as error:
            findings = [Finding("schema-result", documents.reader.location(RESULT), error.message)]
    report = report_level("schema", "the documents are valid", findings, strict=options.strict)
    if result is None or findings:
        return report, None
    return report, Evidence(
        documents.reader,
        documents.result,
        result,
        as_published(options.tasks, result.tasks, find_fixtures()),
        documents.manifest,
        options.signers,
        options.tsa_roots,
    )


def _check_evidence(evidence: Evidence, options: VerifyOptions) -> Iterator[LevelReport]:
    """The levels from `consistent` on."""
    detail = f"{len(evidence.result.trials)} trials, {len(evidence.result.cells)} cells"
    findings_of_checks = (finding for check in CONSISTENCY_CHECKS for finding in check(evidence))
    yield report_level("consistent", detail, findings_of_checks, strict=options.strict)
    yield from _check_run(evidence, options)


def _schema_findings(documents: _Documents) -> Iterator[Finding]:
    reader, result = documents.reader, documents.result
    version = result.get("schema_version") if isinstance(result, dict) else None
    if version != format_version("result"):
        supported = format_version("result")
        message = (
            f"format version {version!r}, this version of lanebench reads {supported}; use the version that wrote it"
        )
        yield Finding("version", reader.location(RESULT), message)
        return
    for problem in validate("result", result):
        yield Finding("schema-result", reader.location(RESULT), problem.message)
    if documents.manifest is not None:
        for problem in validate("manifest", documents.manifest):
            yield Finding("schema-manifest", reader.location(MANIFEST), problem.message)


def _plan_findings(reader: SourceReader, result: Result) -> Iterator[Finding]:
    """The plan is small enough to be compared with the trials: the checks write it down as a whole."""
    asked = sum(is_asked(model, task) for model in result.models for task in result.tasks)
    blocks = _planned_blocks(result.run)
    if asked * blocks > MAX_RESULT_TRIALS:
        text = f"{blocks} trials of {asked} pairs of model and task are more than {MAX_RESULT_TRIALS} trials"
        yield Finding("schema-result", f"{reader.location(RESULT)} $.run.trials", text)


def _planned_blocks(run: RunInfo) -> int:
    """How many trials of a task were planned at most.

    A run that looks have ended has those of its last look; one whose time ran out also has the block that was cut off.
    """
    if run.design is None or not 0 < len(run.looks) <= len(run.design.looks) or run.looks[-1].stop is None:
        return run.trials
    last = run.looks[-1]
    return min(run.trials, last.trials + 1 if last.stop == "budget" else run.design.looks[len(run.looks) - 1])


def _check_run(evidence: Evidence, options: VerifyOptions) -> Iterator[LevelReport]:
    """The levels that need the recordings and the scores."""
    if not options.requests("reread"):
        return
    missing = [name for name in (RECORDINGS, SCORES, LOG) if not evidence.reader.has(name)]
    if missing:
        if digests.withheld(evidence):
            reason = f"{', '.join(missing)} are withheld with private tasks: consistent is the highest level to reach"
        else:
            reason = f"{', '.join(missing)} missing"
        yield unverified("reread", reason)
        return
    detail = f"{len(evidence.result.trials)} trials read again"
    report = report_level("reread", detail, _reread_findings(evidence), strict=options.strict)
    yield report
    if options.requests("rescored"):
        yield from _check_in_sandbox(evidence, options, report)


def _reread_findings(evidence: Evidence) -> Iterator[Finding]:
    """What is wrong with the recordings. Sessions of agents are computed from those that are all valid."""
    is_sound = True
    for finding in reread.check_reread(evidence):
        is_sound = is_sound and finding.severity != "error"
        yield finding
    if is_sound:
        yield from check_agent_sessions(evidence)


def _check_in_sandbox(evidence: Evidence, options: VerifyOptions, reread_report: LevelReport) -> Iterator[LevelReport]:
    """The levels that run code. What fails leaves those that are not yet reported unverified.

    That is an engine, or a task whose own solution does not pass its hidden cases here, as on a machine that is busy.
    """
    levels = [level for level in ("rescored", "replicated") if options.requests(level)]
    reason = _why_not_scorable(evidence, reread_report)
    if reason is not None or options.open_sandbox is None:
        yield from (unverified(level, reason or "no sandbox was given") for level in levels)
        return
    # Python draws the hidden cases, whatever the answers are written in.
    named = {"python"} | {task.language for task in evidence.result.tasks if task.language is not None}
    languages, open_sandbox = tuple(sorted(named)), options.open_sandbox
    open_scorer = options.open_scorer or partial(_thread_scorer, open_sandbox)
    try:
        with open_scorer(languages) as scorer:
            yield _rescore(evidence, options, scorer)
            levels.remove("rescored")
        if "replicated" in levels:
            with open_sandbox(languages) as sandbox:
                yield _replicate(evidence, options, sandbox)
                levels.remove("replicated")
    except (EngineError, TaskError) as error:
        reason = f"{error.message}; {error.fix}" if error.fix else error.message
        yield from (unverified(level, reason) for level in levels)


@contextmanager
def _thread_scorer(open_sandbox: OpenSandbox, languages: tuple[str, ...]) -> Iterator[TrialScorer]:
    with open_sandbox(languages) as sandbox:
        yield ThreadScorer(sandbox)


def _why_not_scorable(evidence: Evidence, reread_report: LevelReport) -> str | None:
    if reread_report.state == "failed":
        return "the recordings do not give the answers of the result"
    unknown = rescored.unknown_tasks(evidence)
    return f"the versions of these tasks are not known locally: {', '.join(unknown)}" if unknown else None


def _rescore(evidence: Evidence, options: VerifyOptions, scorer: TrialScorer) -> LevelReport:
    detail = f"{len(evidence.result.trials)} trials scored again"
    return report_level("rescored", detail, rescored.check_rescored(evidence, scorer), strict=options.strict)


def _replicate(evidence: Evidence, options: VerifyOptions, sandbox: Sandbox) -> LevelReport:
    replication = options.replication
    if replication is None:
        return unverified("replicated", "no models were given to run again")
    reason = replicated.why_not_replicable(evidence, replication)
    if reason is not None:
        return unverified("replicated", reason)
    detail = f"{replication.trials} trials of each model run again"
    findings = replicated.check_replicated(evidence, replication, sandbox)
    try:
        return report_level("replicated", detail, findings, strict=options.strict)
    except ConfigError as error:
        return unverified("replicated", "; ".join(problem.message for problem in error.problems))


CONSISTENCY_CHECKS: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    digests.check_manifest,
    digests.check_signature,
    digests.check_supersedes,
    digests.check_digests,
    digests.check_answer_digests,
    trials.check_run_id,
    trials.check_trials,
    looks.check_looks,
    skipped.check_skipped,
    trials.check_trial_times,
    trials.check_outcomes,
    trials.check_simulated,
    check_agent_limits,
    turns.check_event_counts,
    turns.check_turn_times,
    turns.check_rates,
    turns.check_token_usage,
    turns.check_token_count,
    recomputed.check_recomputed,
    judging.check_judgings,
    run_files.check_run_files,
    known_tasks.check_tasks,
    known_tasks.check_retired,
    known_tasks.check_suite,
    known_tasks.check_lanes,
    plausibility.check_roofline,
    plausibility.check_identical_times,
)
