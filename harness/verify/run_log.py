"""Checks that recordings, scores and log are the lines that the run wrote: one chain, written within its sessions.

`read_log` reads log.jsonl; `check_chain` follows the chain through the three files, from the plan of the result on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from harness.bundle import LOG, UnreadableError, parse_document
from harness.errors import RunError
from harness.files import build, sha256_of
from harness.run import COMPLETED, PREVIOUS, Chain, Link, plan_digest
from harness.schema import validate
from harness.types import Finding, LogEntry
from harness.verify.evidence import Evidence, max_lines
from harness.verify.json_diff import MAX_DIFFERENCES
from harness.verify.trials import count_planned


def read_log(evidence: Evidence, findings: list[Finding]) -> Iterator[Link]:
    """The valid lines of log.jsonl as links; `findings` takes the problems of the others. Raises UnreadableError."""
    for number, line in evidence.reader.read_lines(LOG, max_lines(evidence)):
        location = f"{evidence.reader.location(LOG)}, line {number}"
        try:
            document = parse_document(line, location)
        except UnreadableError as error:
            findings.append(error.finding)
            continue
        problems = [problem.message for problem in validate("log", document)]
        try:
            entry = None if problems else build(LogEntry, document)
        except RunError as error:
            problems, entry = [error.message], None
        findings += [Finding("schema-log", location, message) for message in problems]
        if entry is not None:
            yield Link(location, document[PREVIOUS], sha256_of(line), entry)


def check_chain(evidence: Evidence, files: Sequence[Sequence[Link]]) -> Iterator[Finding]:
    """The lines of recordings, scores and log follow each other from the plan on; a note says how the run was made."""
    chain = Chain(plan_digest(evidence.result))
    problems = list(islice(chain.follow(files), MAX_DIFFERENCES))
    yield from (Finding("chain", place, problem) for place, problem in problems)
    if problems:
        return
    location = evidence.reader.location(LOG)
    yield from (Finding("log", location, message) for message in _unexplained(evidence, chain))
    if text := _history(chain):
        yield Finding("chain", location, text, "info")


def _unexplained(evidence: Evidence, chain: Chain) -> Iterator[str]:
    """Models that lack planned trials although neither they nor the last session of recording were stopped."""
    end = chain.ends.get("record")
    if chain.session is not None or end is None or end.reason != COMPLETED:
        return
    counts = Counter(trial.model for trial in evidence.result.trials if not trial.warmup)
    for model in evidence.result.models:
        missing = count_planned(evidence.result, model) - counts[model.label]
        if missing > 0 and model.stop_reason is None:
            yield f"says that the recording was completed, but {model.label} lacks {missing} planned trials"


def _history(chain: Chain) -> str:
    """How a run was recorded that was not recorded in one session; "" for one that was."""
    unfinished = chain.session is not None and chain.session.stage == "record"
    killed = chain.kills + unfinished
    interrupted = chain.interrupted + (chain.open_trial is not None)
    parts = (
        (chain.resumes, f"resumed {_times(chain.resumes)}"),
        (killed, f"killed {_times(killed)}"),
        (interrupted, f"interrupted in {interrupted} of its trials, whose turns are kept and count for nothing"),
    )
    history = ", ".join(text for count, text in parts if count)
    return f"the run was {history}" if history else ""


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
