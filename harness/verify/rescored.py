"""The level `rescored`: every recorded answer is scored again in the sandbox, and must get the same score.

`check_rescored` compares the outcome and the checks, then all else that a score has. What two honest scorings need not
share is no error, each with its reason: VERDICT_FREE_METRICS and VOLATILE. Other values and errors that code showed are
unknown, for code may do something else each time, as are outcomes that are MACHINE_DEPENDENT.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from harness.bundle import RECORDINGS, SCORES, UnreadableError, parse_document
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
    ScoredTrial,
    Severity,
    TrialKey,
    TrialResult,
    TrialScorer,
)
from harness.verify.evidence import Evidence, describe, key_of, max_lines, same_task, with_score
from harness.verify.json_diff import MAX_DIFFERENCES, differences

MACHINE_DEPENDENT = (Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY)
"""Outcomes that a slower or smaller machine may change: a difference in them is unknown, not a problem."""
VERDICT_FREE_METRICS: Mapping[str, str] = {
    "code_ended": "a slower or smaller machine ends code by other limits; its checks fail either way",
    "lint": "a linter that did not end in time gives none; where both have remarks, another number is a warning",
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
StatedScores = Mapping[TrialKey, tuple[str, TrialResult]]
"""For each trial the place of its score, and the trial with that score."""


def unknown_tasks(evidence: Evidence) -> Sequence[str]:
    """The tasks that cannot be scored again, because no task with their digest is known locally."""
    return [task.name for task in evidence.result.tasks if same_task(evidence, task.name) is None]


def check_rescored(evidence: Evidence, scorer: TrialScorer) -> Iterator[Finding]:
    """Score every trial again and compare the scores, then those of earlier looks that decided otherwise.

    Raises EngineError when the engine fails.
    """
    trials = enumerate(evidence.result.trials)
    final = {key_of(trial): (evidence.location(f"$.trials[{at}]"), trial) for at, trial in trials}
    yield from _rescore(evidence, scorer, evidence.reader.digest(RECORDINGS), final)
    for seed, overruled in _overruled_scores(evidence).items():
        yield from _rescore(evidence, scorer, seed, overruled)


def _rescore(evidence: Evidence, scorer: TrialScorer, seed: str, stated: StatedScores) -> Iterator[Finding]:
    """Score these trials again with the hidden cases of a seed, and compare."""
    order = {key: at for at, key in enumerate(stated)}
    found: list[tuple[int, tuple[Finding, ...]]] = []
    unreadable = None
    try:
        with closing(scorer.score_all(_known_trials(evidence, stated), seed)) as scores:
            for scored in scores:
                findings = tuple(_compare(evidence, *stated[scored.key], scored.score))
                found.append((order[scored.key], findings))
    except UnreadableError as error:
        unreadable = error
    # Trials end in any order; findings are in that of what is stated.
    yield from (finding for _, findings in sorted(found, key=lambda pair: pair[0]) for finding in findings)
    if unreadable is not None:
        raise unreadable


def _overruled_scores(evidence: Evidence) -> Mapping[str, StatedScores]:
    """Seed of hidden cases -> the scores at an earlier look of a sequential run that later ones overruled.

    The others have the outcome of the final scores, which are scored again anyway. To score those too, with the cases
    of each look, would multiply the time by the looks; so it stays open whether one had another outcome then.
    """
    found: dict[str, dict[TrialKey, tuple[str, TrialResult]]] = defaultdict(dict)
    if evidence.result.run.design is None:
        return found
    final, location = {key_of(trial): trial for trial in evidence.result.trials}, evidence.reader.location(SCORES)
    for number, line in evidence.reader.read_lines(SCORES, max_lines(evidence)):
        place = f"{location}, line {number}"
        scored = build(ScoredTrial, parse_document(line, place))
        trial = final.get(scored.key)
        if trial is not None and scored.case_seed is not None and scored.score.outcome != trial.outcome:
            found[scored.case_seed][scored.key] = (f"{place} $.score", with_score(trial, scored.score))
    return found


def _known_trials(evidence: Evidence, stated: StatedScores) -> Iterator[RecordedTrial]:
    """The recorded trials of what is stated, each with its task."""
    for key, turns in recorded_trials(evidence):
        task = same_task(evidence, key.task)
        if task is not None and key in stated:
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


def _compare(evidence: Evidence, place: str, trial: TrialResult, rescored: Score) -> Iterator[Finding]:
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
    remarks, expected = trial.metrics.get("lint"), rescored.metrics.get("lint")
    if None not in (remarks, expected) and remarks != expected:
        message = f"{describe(key_of(trial))} states other remarks of the linter than the answer gives"
        yield Finding("rescored", f"{place}.metrics.lint", message, "warning")


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
