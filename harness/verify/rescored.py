"""The level `rescored`: every recorded answer is scored again in the sandbox, and must get the same score.

`check_rescored` compares the outcome and the checks, then all else that a score has. What two honest scorings need not
share is left out, each with its reason: VERDICT_FREE_METRICS and VOLATILE. Other values and errors that code showed are
unknown, for code may do something else each time, as are outcomes that are MACHINE_DEPENDENT.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

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
    Severity,
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
VOLATILE = (
    (re.compile(r"0x[0-9a-fA-F]{4,}"), "an address"),
    (re.compile(r"\d{1,2}:\d\d:\d\d(?:\.\d+)?"), "a time"),
    (re.compile(r"\d+\.\d+ ?(?:[mnuµ]?s|sec|seconds)\b"), "a duration"),
)
"""What a value or an error of code holds by chance -> what stands for it in the comparison.

Containers have the same folders and the same order of sets everywhere (sandbox/container_config.py).
"""


def unknown_tasks(evidence: Evidence) -> Sequence[str]:
    """The tasks that cannot be scored again, because no task with their digest is known locally."""
    return [task.name for task in evidence.result.tasks if same_task(evidence, task.name) is None]


def check_rescored(evidence: Evidence, scorer: TrialScorer) -> Iterator[Finding]:
    """Score every trial again and compare the scores. Raises EngineError when the engine fails."""
    index_of = {key_of(trial): at for at, trial in enumerate(evidence.result.trials)}
    found: list[tuple[int, tuple[Finding, ...]]] = []
    unreadable = None
    try:
        with closing(scorer.score_all(_known_trials(evidence, index_of), evidence.reader.digest(RECORDINGS))) as scores:
            for scored in scores:
                at = index_of[scored.key]
                found.append((at, tuple(_compare(evidence, at, scored.score))))
    except UnreadableError as error:
        unreadable = error
    # Trials end in any order; findings are in that of the result.
    yield from (finding for _, findings in sorted(found, key=lambda pair: pair[0]) for finding in findings)
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
    trial, place = evidence.result.trials[at], evidence.location(f"$.trials[{at}]")
    runs_code = _runs_code(evidence, trial)
    is_limited = bool({trial.outcome, rescored.outcome} & set(MACHINE_DEPENDENT))
    message = _verdict_difference(trial, rescored)
    found = [("outcome", message)] if message else list(_score_differences(trial, rescored, runs_code))
    reason = ""
    severity: Severity = "error"
    if is_limited:
        reason, severity = ": this machine may be slower or smaller", "inconclusive"
    elif runs_code and not found:
        found = list(_shown_differences(trial, rescored))
        reason, severity = ": code may use time or chance", "inconclusive"
    for path, text in found[:MAX_DIFFERENCES]:
        yield Finding("rescored", f"{place}.{path}", f"{text}{reason}", severity)


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
    found = differences(stated, expected, "")
    yield from ((path.removeprefix("."), f"{text} when {name} is scored again") for path, text in found)


def _comparable(rule: str | None, checks: Sequence[Check], metrics: Mapping[str, Json], runs_code: bool) -> Json:
    """What two honest scorings share besides the verdict, as JSON; of code not what it showed when it ran."""
    shown = [replace(check, observed=None, note=None) for check in checks] if runs_code else checks
    kept = {name: value for name, value in metrics.items() if name not in (*VERDICT_FREE_METRICS, HIDDEN_INPUTS)}
    return {"extraction_rule": rule, "checks": plain(shown), "metrics": plain(kept)}


def _shown_differences(trial: TrialResult, rescored: Score) -> Iterator[tuple[str, str]]:
    """Checks in which code showed another value or error, apart from what is volatile."""
    for number, pair in enumerate(zip(trial.checks, rescored.checks, strict=True)):
        stated, expected = ({"observed": mask(check.observed), "note": mask(check.note)} for check in pair)
        for path, text in differences(stated, expected, f"checks[{number}]"):
            yield path, f"{text} when {describe(key_of(trial))} is scored again"


def mask(value: Json) -> Json:
    """The value as JSON, with each volatile part of its strings replaced by what it is."""
    if isinstance(value, str):
        for pattern, name in VOLATILE:
            value = pattern.sub(f"<{name}>", value)
        return value
    if isinstance(value, Mapping):
        return {key: mask(item) for key, item in value.items()}
    return [mask(item) for item in value] if isinstance(value, list | tuple) else value
