"""Checks that recordings, scores and log are the lines that the run wrote: one chain, written within its sessions.

`read_lines_of` reads a file of the chain, `read_log` log.jsonl; `check_chain` follows the chain through the three
files, from the plan of the result on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

from harness.bundle import LOG, UnreadableError, parse_document
from harness.errors import RunError
from harness.files import build, sha256_of
from harness.run import COMPLETED, PREVIOUS, Chain, Link, plan_digest
from harness.schema import validate
from harness.types import Finding, LogEntry
from harness.verify.clocks import epoch_s
from harness.verify.evidence import Evidence, max_lines
from harness.verify.json_diff import MAX_DIFFERENCES
from harness.verify.trials import count_planned

T = TypeVar("T")


def read_lines_of(
    evidence: Evidence, file: str, kind: type[T], findings: list[Finding], to_finding: Callable[[str, str], Finding]
) -> Iterator[tuple[Link, T]]:
    """The valid lines of a chained file, each with its link; `findings` takes the problems of the others.

    `to_finding` makes one of a line's place and a problem. Raises UnreadableError.
    """
    schema = Path(file).stem
    for number, line in evidence.reader.read_lines(file, max_lines(evidence)):
        location = f"{evidence.reader.location(file)}, line {number}"
        try:
            document = parse_document(line, location)
            problems = [problem.message for problem in validate(schema, document)]
            value = None if problems else build(kind, document)
        except UnreadableError as error:
            findings.append(error.finding)
            continue
        except RunError as error:
            problems, value = [error.message], None
        findings += [to_finding(location, message) for message in problems]
        if value is not None:
            yield Link(location, document[PREVIOUS], sha256_of(line)), value


def read_log(evidence: Evidence, findings: list[Finding]) -> Iterator[Link]:
    """The valid lines of log.jsonl as links; `findings` takes the problems of the others. Raises UnreadableError."""
    lines = read_lines_of(
        evidence, LOG, LogEntry, findings, lambda place, problem: Finding("schema-log", place, problem)
    )
    for link, entry in lines:
        if epoch_s(entry.at) is None:
            findings.append(Finding("schema-log", link.place, "$.at: is no valid time"))
        else:
            yield replace(link, content=entry)


def count_resumes(log: Iterable[Link]) -> int:
    """How often recording was resumed after an interruption; that which follows a look is planned, and is none."""
    chain = Chain("")
    for link in log:
        if isinstance(link.content, LogEntry):
            chain.note(link.content)
    return chain.resumes


def check_chain(evidence: Evidence, files: Sequence[Sequence[Link]]) -> Iterator[Finding]:
    """The lines of recordings, scores and log follow each other from the plan on; a note says how the run was made."""
    chain = Chain(plan_digest(evidence.result))
    problems = list(islice(chain.follow(files), MAX_DIFFERENCES))
    yield from (Finding("chain", place, problem) for place, problem in problems)
    if problems:
        return
    location = evidence.reader.location(LOG)
    if tuple(chain.looks) != evidence.result.run.looks:
        yield Finding("looks", location, "has other looks than the result")
    yield from (Finding("log", location, message) for message in _unexplained(evidence, chain))
    if text := _history(chain):
        yield Finding("chain", location, text, "info")


def _unexplained(evidence: Evidence, chain: Chain) -> Iterator[str]:
    """Models that lack planned trials although neither they nor the last session of recording were stopped."""
    end = chain.ends.get("record")
    # The trials up to the next look are still to come, or the time was used.
    if chain.awaits_block or (chain.looks and chain.looks[-1].stop == "budget"):
        return
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
