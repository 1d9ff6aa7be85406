"""The level `rescored`: every recorded answer is scored again in the sandbox, and must get the same score.

`check_rescored` compares the outcome and the checks, then all else that a score has. What two honest scorings need not
share is left out, each with its reason: MACHINE_DEPENDENT, VERDICT_FREE_METRICS and what code showed when it ran.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice

from harness.bundle import RECORDINGS, UnreadableError, parse_document
from harness.files import build, plain
from harness.types import (
    HIDDEN_INPUTS,
    Check,
    Finding,
    Json,
    Outcome,
    RecordedTrial,
    Recording,
    Score,
    TrialKey,
    TrialResult,
    TrialScorer,
)
from harness.verify.evidence import Evidence, describe, key_of, max_lines, same_task
from harness.verify.json_diff import MAX_DIFFERENCES, differences

MACHINE_DEPENDENT = (Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY)
"""Outcomes that a slower or smaller machine may change: a difference in them is unknown, not a problem."""
VERDICT_FREE_METRICS: Mapping[str, str] = {
    "code_ended": "a slower or smaller machine ends code by other limits; its checks fail either way",
    "lint": "the remarks of the linter in the image, and none where it did not end in time",
}
"""Metrics that another machine may give otherwise, and no verdict rests on -> why."""


def unknown_tasks(evidence: Evidence) -> Sequence[str]:
    """The tasks that cannot be scored again, because no task with their digest is known locally."""
    return [task.name for task in evidence.result.tasks if same_task(evidence, task.name) is None]


def check_rescored(evidence: Evidence, scorer: TrialScorer) -> Iterator[Finding]:
    """Score every trial again and compare the scores. Raises EngineError when the engine fails."""
    index_of = {key_of(trial): at for at, trial in enumerate(evidence.result.trials)}
    found: list[tuple[int, tuple[Finding, ...]]] = []
    unreadable, shown_otherwise = None, 0
    try:
        with closing(scorer.score_all(_known_trials(evidence, index_of), evidence.reader.digest(RECORDINGS))) as scores:
            for scored in scores:
                at = index_of[scored.key]
                found.append((at, tuple(_compare(evidence, at, scored.score))))
                shown_otherwise += _count_shown_otherwise(evidence.result.trials[at].checks, scored.score.checks)
    except UnreadableError as error:
        unreadable = error
    # Trials end in any order; findings are in that of the result.
    yield from (finding for _, findings in sorted(found, key=lambda pair: pair[0]) for finding in findings)
    if unreadable is not None:
        raise unreadable
    if shown_otherwise:
        message = (
            f"{shown_otherwise} checks show another value or error than is stated, which nothing judges where code ran"
        )
        yield Finding("rescored", evidence.location("$.trials"), message, "info")


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
    message = _verdict_difference(trial, rescored)
    found = [("outcome", message)] if message else _score_differences(trial, rescored, _runs_code(evidence, trial))
    for path, text in islice(found, MAX_DIFFERENCES):
        location = evidence.location(f"$.trials[{at}].{path}")
        if {trial.outcome, rescored.outcome} & set(MACHINE_DEPENDENT):
            yield Finding("rescored", location, f"{text}: this machine may be slower or smaller", "inconclusive")
        else:
            yield Finding("rescored", location, text)


def _verdict_difference(trial: TrialResult, rescored: Score) -> str | None:
    name = describe(key_of(trial))
    if trial.outcome != rescored.outcome:
        return f"{name} is {trial.outcome}, scored again it is {rescored.outcome}"
    stated = [(check.name, check.passed) for check in trial.checks]
    expected = [(check.name, check.passed) for check in rescored.checks]
    if stated == expected:
        return None
    changed = sorted({check for check, _ in set(stated) ^ set(expected)})
    return f"{name} is {trial.outcome} both times, but with other results of its checks: {changed}"


def _runs_code(evidence: Evidence, trial: TrialResult) -> bool:
    """Whether code of the answer may have run: no task without a language runs any."""
    task = same_task(evidence, trial.task)
    return task is None or task.language is not None


def _score_differences(trial: TrialResult, rescored: Score, runs_code: bool) -> Iterator[tuple[str, str]]:
    """The path in the trial and the text of each difference of two scores with the same verdict."""
    name, inputs = describe(key_of(trial)), trial.metrics.get(HIDDEN_INPUTS)
    # Results of earlier versions do not state them.
    if inputs is not None and inputs != rescored.metrics.get(HIDDEN_INPUTS):
        yield "metrics", f"{name} states other inputs of its hidden cases than its recordings give"
    stated = _comparable(trial.extraction_rule, trial.checks, trial.metrics, runs_code)
    expected = _comparable(rescored.extraction_rule, rescored.checks, rescored.metrics, runs_code)
    found = list(differences(stated, expected, ""))
    # A key that is missing is a difference only the other way around.
    found = found or [(path, "is missing, and is there") for path, _ in differences(expected, stated, "")]
    yield from ((path.removeprefix("."), f"{text} when {name} is scored again") for path, text in found)


def _count_shown_otherwise(stated: Sequence[Check], rescored: Sequence[Check]) -> int:
    """In how many checks the observed value or the note differs."""
    pairs = zip(stated, rescored, strict=False)
    return sum(plain((one.observed, one.note)) != plain((other.observed, other.note)) for one, other in pairs)


def _comparable(rule: str | None, checks: Sequence[Check], metrics: Mapping[str, Json], runs_code: bool) -> Json:
    """What two honest scorings share besides the verdict, as JSON.

    What code returned or how it failed is no part of it: code may show the time, chance, addresses, paths or the order
    of a set, and another image has other words for its errors. Whether that was right is what the checks say.
    """
    shown = [replace(check, observed=None, note=None) for check in checks] if runs_code else checks
    kept = {name: value for name, value in metrics.items() if name not in (*VERDICT_FREE_METRICS, HIDDEN_INPUTS)}
    return {"extraction_rule": rule, "checks": plain(shown), "metrics": plain(kept)}
