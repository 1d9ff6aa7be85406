"""The evidence that checks look at: a valid result, its files, and what is known locally to compare it with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.bundle import RESULT, SourceReader
from harness.types import Json, Result, Score, Task, TrialKey, TrialResult

MAX_LINES_PER_TURN = 10
MAX_OTHER_LINES = 1000
"""Lines for which the result has no turn: those of interrupted trials and of the log."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A result (also as its document) with the reader of its files.

    `tasks` are the tasks known locally, by name, with any digest. `signers` is the user's allowed-signers file,
    `tsa_roots` the certificates of the time-stamp authorities that the user trusts.
    """

    reader: SourceReader
    document: Json
    result: Result
    tasks: Mapping[str, Task] = field(default_factory=dict)
    manifest: Json = None
    signers: Path | None = None
    tsa_roots: Path | None = None

    def location(self, path: str) -> str:
        """A JSON path in result.json as findings name it."""
        return f"{self.reader.location(RESULT)} {path}"


def key_of(trial: TrialResult) -> TrialKey:
    """The key of a trial of the result."""
    return TrialKey(trial.model, trial.task, trial.trial, trial.warmup)


def with_score(trial: TrialResult, score: Score) -> TrialResult:
    """The trial with this score in place of its own."""
    return replace(
        trial,
        outcome=score.outcome,
        fraction=score.fraction,
        extraction_rule=score.extraction_rule,
        checks=score.checks,
        metrics=score.metrics,
    )


def describe(key: TrialKey) -> str:
    """A trial as messages name it: `model / task / trial 3`."""
    return f"{key.model} / {key.task} / {'warm-up' if key.warmup else 'trial'} {key.trial}"


def same_task(evidence: Evidence, name: str) -> Task | None:
    """The task known locally by that name, only if it has the digest that the result states."""
    task = evidence.tasks.get(name)
    if task is None:
        return None
    stated = next((info for info in evidence.result.tasks if info.name == name), None)
    return task if stated is not None and task.sha256 == stated.sha256 else None


def max_lines(evidence: Evidence) -> int:
    """How many lines a file of the run has at most.

    More than the result has turns: those of interrupted trials stay, and a resumed run is scored again.
    """
    turns = sum(len(trial.turns) + (trial.work is not None) for trial in evidence.result.trials)
    return MAX_LINES_PER_TURN * turns + MAX_OTHER_LINES
