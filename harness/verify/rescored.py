"""The level `rescored`: every recorded answer is scored again in the sandbox, and must get the same verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

from harness.bundle import RECORDINGS, UnreadableError, parse_document
from harness.files import build
from harness.types import (
    HIDDEN_INPUTS,
    Finding,
    Outcome,
    RecordedTrial,
    Recording,
    Score,
    TrialKey,
    TrialResult,
    TrialScorer,
)
from harness.verify.evidence import Evidence, describe, key_of, max_lines, same_task

MACHINE_DEPENDENT = (Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY)
"""Outcomes that a slower or smaller machine may change: a difference in them is unknown, not a problem."""


def unknown_tasks(evidence: Evidence) -> Sequence[str]:
    """The tasks that cannot be scored again, because no task with their digest is known locally."""
    return [task.name for task in evidence.result.tasks if same_task(evidence, task.name) is None]


def check_rescored(evidence: Evidence, scorer: TrialScorer) -> Iterator[Finding]:
    """Score every trial again and compare outcome and checks. Raises EngineError when the engine fails."""
    index_of = {key_of(trial): at for at, trial in enumerate(evidence.result.trials)}
    found: list[tuple[int, Finding]] = []
    unreadable = None
    try:
        with closing(scorer.score_all(_known_trials(evidence, index_of), evidence.reader.digest(RECORDINGS))) as scores:
            for scored in scores:
                at = index_of[scored.key]
                found += [(at, finding) for finding in _compare(evidence, at, scored.score)]
    except UnreadableError as error:
        unreadable = error
    # Trials end in any order; findings are in that of the result.
    yield from (finding for _, finding in sorted(found, key=lambda pair: pair[0]))
    if unreadable is not None:
        raise unreadable


def _known_trials(evidence: Evidence, index_of: Mapping[TrialKey, int]) -> Iterator[RecordedTrial]:
    """The recorded trials that the result states, each with its task."""
    for key, turns in recorded_trials(evidence):
        task = same_task(evidence, key.task)
        if task is not None and key in index_of:
            yield task, turns


def recorded_trials(evidence: Evidence) -> Iterator[tuple[TrialKey, tuple[Recording, ...]]]:
    """The turns of each complete trial of the recordings."""
    location = evidence.reader.location(RECORDINGS)
    recordings = (
        build(Recording, parse_document(line, f"{location}, line {number}"))
        for number, line in evidence.reader.read_lines(RECORDINGS, max_lines(evidence))
    )
    turns: list[Recording] = []
    for recording in recordings:
        # An interrupted trial stays in the file and begins again from its first turn.
        turns = [*([] if recording.turn == 0 else turns), recording]
        if recording.last_turn:
            yield recording.key, tuple(turns)


def _compare(evidence: Evidence, at: int, rescored: Score) -> Iterator[Finding]:
    trial = evidence.result.trials[at]
    message = _difference(trial, rescored)
    if message is None:
        return
    location = evidence.location(f"$.trials[{at}].outcome")
    if {trial.outcome, rescored.outcome} & set(MACHINE_DEPENDENT):
        yield Finding("rescored", location, f"{message}: this machine may be slower or smaller", "inconclusive")
    else:
        yield Finding("rescored", location, message)


def _difference(trial: TrialResult, rescored: Score) -> str | None:
    name = describe(key_of(trial))
    if trial.outcome != rescored.outcome:
        return f"{name} is {trial.outcome}, scored again it is {rescored.outcome}"
    stated = [(check.name, check.passed) for check in trial.checks]
    expected = [(check.name, check.passed) for check in rescored.checks]
    if stated == expected:
        inputs = trial.metrics.get(HIDDEN_INPUTS)
        if inputs is None or inputs == rescored.metrics.get(HIDDEN_INPUTS):
            return None
        return f"{name} states other inputs of its hidden cases than its recordings give"
    changed = sorted({check for check, _ in set(stated) ^ set(expected)})
    return f"{name} is {trial.outcome} both times, but with other results of its checks: {changed}"
