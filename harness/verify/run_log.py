"""Checks that recordings, scores and log are the lines that the run wrote: one chain, written within its sessions.

`read_log` reads log.jsonl; `check_chain` follows the chain through the three files, from the plan of the result on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from harness.bundle import LOG, UnreadableError, parse_document
from harness.files import build, sha256_of
from harness.run import PREVIOUS, Chain, Link, plan_digest
from harness.schema import validate
from harness.types import Finding, LogEntry
from harness.verify.evidence import Evidence, max_lines
from harness.verify.json_diff import MAX_DIFFERENCES


def read_log(evidence: Evidence, findings: list[Finding]) -> Iterator[Link]:
    """The valid lines of log.jsonl as links; `findings` takes the problems of the others. Raises UnreadableError."""
    for number, line in evidence.reader.read_lines(LOG, max_lines(evidence)):
        location = f"{evidence.reader.location(LOG)}, line {number}"
        try:
            document = parse_document(line, location)
        except UnreadableError as error:
            findings.append(error.finding)
            continue
        problems = validate("log", document)
        findings += [Finding("schema-log", location, problem.message) for problem in problems]
        if not problems:
            yield Link(location, document[PREVIOUS], sha256_of(line), build(LogEntry, document))


def check_chain(evidence: Evidence, files: Sequence[Sequence[Link]]) -> Iterator[Finding]:
    """The lines of recordings, scores and log follow each other from the plan on; a note says how the run was made."""
    chain = Chain(plan_digest(evidence.result))
    problems = list(islice(chain.follow(files), MAX_DIFFERENCES))
    yield from (Finding("chain", place, problem) for place, problem in problems)
    if not problems and (text := _history(chain)):
        yield Finding("chain", evidence.reader.location(LOG), text, "info")


def _history(chain: Chain) -> str:
    """How a run was made that is not just recorded and scored; "" for one that is."""
    again = chain.sessions - len(chain.begun)
    killed = chain.kills + (chain.session is not None)
    interrupted = chain.interrupted + (chain.open_trial is not None)
    if not (again or killed or interrupted):
        return ""
    return (
        f"the run was resumed {again} times, killed {killed} times, and {interrupted} of its trials were interrupted: "
        "their turns are kept and count for nothing"
    )
