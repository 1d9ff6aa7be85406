"""Writes the lines of a run's log, recordings and scores as the chain that they are in a run folder.

`log_entries` is the log of a run that was recorded and scored without a stop; `chained_texts` links the lines.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from harness.bundle import LOG, RECORDINGS, SCORES
from harness.errors import RunError
from harness.files import build, sha256_of, to_json
from harness.run import PREVIOUS, plan_digest
from harness.schema import as_document
from harness.types import Json, LogEntry, Result, RunPlan

BOOT_ID = "2f3c1f2e-7a51-4d2b-9c35-0f6f4f0e8a11"


class Lines(NamedTuple):
    """The documents of the three files, without their links."""

    log: Sequence[Json]
    recordings: Sequence[Json]
    scores: Sequence[Json]


def log_entries(started_at: str, ended_at: str, last_ns: int) -> list[Json]:
    """The log of a run that was recorded and scored in one session each."""
    entries = (
        LogEntry("start", "record", started_at, 0, BOOT_ID),
        LogEntry("stop", "record", ended_at, last_ns, BOOT_ID, "completed"),
        LogEntry("start", "score", ended_at, last_ns, BOOT_ID),
        LogEntry("stop", "score", ended_at, last_ns, BOOT_ID, "completed"),
    )
    return [as_document("log", entry) for entry in entries]


def first_link(plan: RunPlan | Json) -> str:
    """The digest of the plan, also of a result's document; of a document that is no result, zeros."""
    try:
        return plan_digest(plan if isinstance(plan, RunPlan) else build(Result, plan))
    except RunError:
        return "0" * 64


def chained_texts(first: str, lines: Lines) -> Mapping[str, str]:
    """The texts of the files by name: the recordings in the log's first session, the scores in its second.

    Entries of the log that say that a clock was set stand before all recordings.
    """
    log, recordings, scores = lines
    opening = 1 + sum(isinstance(entry, dict) and entry.get("event") == "clock" for entry in log)
    order = [
        *((LOG, log[:opening]), (RECORDINGS, recordings)),
        *((LOG, log[opening : opening + 2]), (SCORES, scores), (LOG, log[opening + 2 :])),
    ]
    texts: dict[str, list[str]] = {LOG: [], RECORDINGS: [], SCORES: []}
    head = first
    for name, documents in order:
        for document in documents:
            line = to_json({**document, PREVIOUS: head} if isinstance(document, dict) else document) + "\n"
            texts[name].append(line)
            head = sha256_of(line)
    return {name: "".join(texts[name]) for name in texts}
