"""verify(path, asked): the levels one after the other, each with its checks, whatever became of the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from harness.bundle import MANIFEST, RECORDINGS, RESULT, SCORES, Caps, Source, open_source
from harness.errors import EngineError, RunError
from harness.files import build
from harness.schema import current, validate
from harness.types import LEVELS, Finding, Json, LevelReport, Result, Sandbox, Task, Verdict
from harness.verify import digests, recomputed, replicated, reread, rescored, trials, turns
from harness.verify import known_facts as known
from harness.verify import run_files as beside
from harness.verify.documents import Shelf, UnreadableError, read_document
from harness.verify.evidence import Evidence
from harness.verify.findings import judged, unverified
from harness.verify.replicated import Again

OpenSandbox = Callable[[tuple[str, ...]], AbstractContextManager[Sandbox]]
"""Given the languages that are needed, a sandbox for the time of a block."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of verify: the level to reach, the tasks known here, how to open a sandbox, one's own
    models to ask again, the caps, and an allowed-signers file that gives keys their names."""

    level: str = "rescored"
    strict: bool = False
    tasks: Mapping[str, Task] = field(default_factory=dict)
    open_sandbox: OpenSandbox | None = None
    again: Again | None = None
    caps: Caps = field(default_factory=Caps)
    signers: Path | None = None


@dataclass(frozen=True, slots=True)
class _Documents:
    """What could be read."""

    shelf: Shelf
    result: Json
    manifest: Json = None


def _wants(asked: Asked, level: str) -> bool:
    return LEVELS.index(level) <= LEVELS.index(asked.level)


def _readable(name: str, source: Source, caps: Caps) -> tuple[_Documents | None, list[Finding]]:
    shelf = Shelf(name, source, caps)
    try:
        manifest = read_document(shelf, MANIFEST) if shelf.has(MANIFEST) else None
        return _Documents(shelf, read_document(shelf, RESULT), manifest), []
    except UnreadableError as error:
        return None, [error.finding]


def _schema_findings(documents: _Documents) -> Iterator[Finding]:
    place, document = documents.shelf.place(RESULT), documents.result
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != current("result"):
        text = f"schema_version is {version!r}, this kit reads {current('result')}: use the kit that wrote the file"
        yield Finding("version", place, text)
        return
    yield from (Finding("schema-result", place, fault.message) for fault in validate("result", document))
    if documents.manifest is not None:
        faults = validate("manifest", documents.manifest)
        yield from (Finding("schema-manifest", documents.shelf.place(MANIFEST), fault.message) for fault in faults)


def _consistent(evidence: Evidence) -> Iterator[Finding]:
    for check in CONSISTENT:
        yield from check(evidence)


def _missing_for_reread(evidence: Evidence) -> str | None:
    missing = [name for name in (RECORDINGS, SCORES) if not evidence.shelf.has(name)]
    return f"{' and '.join(missing)} are not beside the result" if missing else None


def _guarded(level: str, told: str, findings: Iterator[Finding], asked: Asked) -> LevelReport:
    found: list[Finding] = []
    try:
        found.extend(findings)
    except UnreadableError as error:
        found.append(error.finding)
    return judged(level, told, found, strict=asked.strict)


def _why_not_rescored(evidence: Evidence, asked: Asked, reread_report: LevelReport) -> str | None:
    if reread_report.state == "failed":
        return "the recordings do not give the answers of the result"
    unknown = rescored.unknown_tasks(evidence)
    if unknown:
        return f"not the tasks known here: {', '.join(unknown)}; give their folder with --tasks"
    return _missing_for_reread(evidence) or ("no sandbox was given" if asked.open_sandbox is None else None)


def _in_sandbox(evidence: Evidence, asked: Asked, reread_report: LevelReport) -> Iterator[LevelReport]:
    """The levels that run code."""
    wanted = [level for level in ("rescored", "replicated") if _wants(asked, level)]
    reason = _why_not_rescored(evidence, asked, reread_report)
    if reason is not None or asked.open_sandbox is None:
        yield from (unverified(level, reason or "no sandbox was given") for level in wanted)
        return
    languages = tuple(sorted({task.language for task in evidence.result.tasks if task.language is not None}))
    done = 0
    try:
        with asked.open_sandbox(languages) as sandbox:
            told = f"{len(evidence.result.trials)} trials scored again"
            yield _guarded("rescored", told, rescored.check_rescored(evidence, sandbox), asked)
            done = 1
            if "replicated" in wanted:
                yield _replicated(evidence, asked, sandbox)
                done = 2
    except EngineError as error:
        yield from (unverified(level, error.message) for level in wanted[done:])


def _replicated(evidence: Evidence, asked: Asked, sandbox: Sandbox) -> LevelReport:
    again = asked.again
    if again is None:
        return unverified("replicated", "no model was named to ask again: --replicate K --config bench.toml")
    reason = replicated.why_not(evidence, again)
    if reason is not None:
        return unverified("replicated", reason)
    told = f"{again.count} trials of each model asked again"
    return _guarded("replicated", told, replicated.check_replicated(evidence, again, sandbox), asked)


def _deeper(evidence: Evidence, asked: Asked) -> Iterator[LevelReport]:
    """The levels that need the files beside the result."""
    if not _wants(asked, "reread"):
        return
    lacking, count = _missing_for_reread(evidence), len(evidence.result.trials)
    if lacking is not None:
        report = unverified("reread", lacking)
    else:
        report = _guarded("reread", f"{count} trials read again", reread.check_reread(evidence), asked)
    yield report
    if _wants(asked, "rescored"):
        yield from _in_sandbox(evidence, asked, report)


def _of_documents(documents: _Documents, asked: Asked) -> Iterator[LevelReport]:
    if not _wants(asked, "schema"):
        return
    faults = list(_schema_findings(documents))
    result: Result | None = None
    if not faults:
        try:
            result = build(Result, documents.result)
        except RunError as error:
            faults = [Finding("schema-result", documents.shelf.place(RESULT), str(error))]
    yield judged("schema", "every document has its published form", faults, strict=asked.strict)
    if result is None or not _wants(asked, "consistent"):
        return
    evidence = Evidence(documents.shelf, documents.result, result, asked.tasks, documents.manifest, asked.signers)
    told = f"{len(result.trials)} trials, {len(result.cells)} cells"
    yield _guarded("consistent", told, _consistent(evidence), asked)
    yield from _deeper(evidence, asked)


def _completed(reports: list[LevelReport], asked: Asked) -> tuple[LevelReport, ...]:
    """A report for every level: those that nothing was said about say why."""
    out = list(reports)
    for level in LEVELS[len(reports) :]:
        if _wants(asked, level):
            out.append(unverified(level, f"{reports[-1].level} was not reached" if reports else "nothing was read"))
        else:
            out.append(LevelReport(level, "not asked", ""))
    return tuple(out)


def verify(path: Path, asked: Asked) -> Verdict:
    """Check one file, folder or zip. Raises nothing for what is wrong with it: that is what the verdict tells."""
    source, findings = open_source(path, asked.caps)
    found, documents = list(findings), None
    if source is not None:
        documents, more = _readable(str(path), source, asked.caps)
        found += more
    reports = [judged("readable", "the documents can be read", found, strict=asked.strict)]
    if documents is not None and reports[0].state == "reached":
        reports += _of_documents(documents, asked)
    return Verdict(str(path), asked.level, _completed(reports, asked))


CONSISTENT: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    digests.check_manifest,
    digests.check_signature,
    digests.check_digests,
    digests.check_answers,
    trials.check_trials,
    trials.check_times,
    trials.check_verdicts,
    trials.check_simulated,
    turns.check_counts,
    turns.check_order,
    turns.check_rates,
    turns.check_usage,
    turns.check_tokens,
    recomputed.check_recomputed,
    beside.check_plan,
    known.check_tasks,
    known.check_suite,
    known.check_bound,
    known.check_same_times,
)
