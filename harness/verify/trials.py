"""Checks of the trials as a set: none missing, doubled or foreign, each with its variant, one after the other."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from harness.types import Finding, ModelInfo, Outcome, Result, TrialResult
from harness.verify.evidence import Evidence, key_of, told

CLOCK_SLACK = timedelta(seconds=60)
"""A machine's wall clock may be set right while it runs."""


def _names(evidence: Evidence) -> Iterator[Finding]:
    result = evidence.result
    for kind, names in (
        ("models", [one.label for one in result.models]),
        ("tasks", [one.name for one in result.tasks]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                yield Finding("trials", evidence.place(f"$.{kind}"), f"{name} is listed {count} times")


def names_hold(evidence: Evidence) -> bool:
    """Whether every trial names a model and a task of the result, each of which is listed once: without that nothing
    can be computed from the trials."""
    result = evidence.result
    labels, tasks = [one.label for one in result.models], [one.name for one in result.tasks]
    once = len(set(labels)) == len(labels) and len(set(tasks)) == len(tasks)
    return once and all(trial.model in labels and trial.task in tasks for trial in result.trials)


def _known_trials(evidence: Evidence) -> Iterator[Finding]:
    result = evidence.result
    labels = {one.label for one in result.models}
    tasks = {one.name: one for one in result.tasks}
    for at, trial in enumerate(result.trials):
        place = evidence.place(f"$.trials[{at}]")
        if trial.model not in labels:
            yield Finding("trials", f"{place}.model", f"{trial.model} is not among the models")
        if trial.task not in tasks:
            yield Finding("trials", f"{place}.task", f"{trial.task} is not among the tasks")
            continue
        count = tasks[trial.task].variants
        if trial.variant != (trial.trial % count if count else 0):
            text = f"{told(key_of(trial))} must have variant {trial.trial % count if count else 0}, not {trial.variant}"
            yield Finding("trials", f"{place}.variant", text)


def _planned(result: Result, model: ModelInfo) -> set[tuple[str, int]]:
    skipped = {one.task for one in model.skipped}
    asked = [task.name for task in result.tasks if task.name not in skipped]
    return {(task, index) for task in asked for index in range(result.run.trials)}


def _counts(evidence: Evidence) -> Iterator[Finding]:
    result, place = evidence.result, evidence.place("$.trials")
    for key, count in Counter(key_of(trial) for trial in result.trials).items():
        if count > 1:
            yield Finding("trials", place, f"{told(key)} stands there {count} times")
    for model in result.models:
        there = {(one.task, one.trial) for one in result.trials if one.model == model.label and not one.warmup}
        planned = _planned(result, model)
        for task, index in sorted(there - planned):
            yield Finding("trials", place, f"{model.label} / {task} / trial {index} was not planned")
        missing = sorted(planned - there)
        if missing and model.stop_reason is None:
            listed = ", ".join(f"{task} {index}" for task, index in missing[:5])
            text = f"{model.label}: {len(missing)} of {len(planned)} planned trials are missing ({listed})"
            yield Finding("trials", place, text)


def _warmups(evidence: Evidence) -> Iterator[Finding]:
    result, place = evidence.result, evidence.place("$.trials")
    for model in result.models:
        indexes = {one.trial for one in result.trials if one.model == model.label and one.warmup}
        right = set(range(result.run.warmups))
        asked = any(one.model == model.label for one in result.trials)
        if indexes != right and ((asked and model.stop_reason is None) or indexes - right):
            text = f"{model.label}: {result.run.warmups} warm-ups were planned, there are those with numbers "
            yield Finding("trials", place, text + (str(sorted(indexes)) if indexes else "none"))


def _id(evidence: Evidence) -> Iterator[Finding]:
    """A run is called after the second in which it began and the end of its seed."""
    run = evidence.result.run
    moment = _moment(run.started_at)
    right = "" if moment is None else f"{moment.astimezone(UTC):%Y%m%d-%H%M%S}-{run.seed & 0xFFFF:04x}"
    if run.id != right:
        yield Finding("run-id", evidence.place("$.run.id"), f"is {run.id}, start and seed give {right}")


def check_trials(evidence: Evidence) -> Iterator[Finding]:
    """Denominators are tasks x trials; a model that was stopped may lack trials, no other."""
    yield from _id(evidence)
    yield from _names(evidence)
    yield from _known_trials(evidence)
    yield from _counts(evidence)
    yield from _warmups(evidence)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _window(evidence: Evidence) -> Iterator[Finding]:
    run = evidence.result.run
    start, end = _moment(run.started_at), _moment(run.ended_at)
    if start is None or end is None or end < start:
        yield Finding("times", evidence.place("$.run"), "must start and end, in this order, at times with a zone")
        return
    for at, trial in enumerate(evidence.result.trials):
        moment = _moment(trial.started_at)
        if moment is None or not start - CLOCK_SLACK <= moment <= end + CLOCK_SLACK:
            place = evidence.place(f"$.trials[{at}].started_at")
            yield Finding(
                "times", place, f"{trial.started_at} is not within the run ({run.started_at} to {run.ended_at})"
            )


def _overlap(before: TrialResult, after: TrialResult) -> str | None:
    if before.ended_ns is None or after.started_ns is None or before.started_ns is None:
        return None
    if after.started_ns >= before.ended_ns:
        return None
    restarted = after.started_ns < before.started_ns and (_moment(after.started_at) or datetime.min) > (
        _moment(before.started_at) or datetime.max
    )
    # A run that was gone on with after a restart of the machine has a new monotonic clock, but a later wall clock.
    return None if restarted else f"{told(key_of(after))} began before {told(key_of(before))} ended"


def check_times(evidence: Evidence) -> Iterator[Finding]:
    """Trials lie within the run, one after the other on the monotonic clock: one request at a time was promised."""
    yield from _window(evidence)
    trials = evidence.result.trials
    for at, trial in enumerate(trials):
        if trial.started_ns is not None and trial.ended_ns is not None and trial.ended_ns < trial.started_ns:
            yield Finding(
                "times", evidence.place(f"$.trials[{at}].ended_ns"), f"{told(key_of(trial))} ends before it starts"
            )
    known = [(at, trial) for at, trial in enumerate(trials) if trial.started_ns is not None]
    for (_, before), (at, after) in itertools.pairwise(known):
        text = _overlap(before, after)
        if text is not None:
            yield Finding("times", evidence.place(f"$.trials[{at}].started_ns"), text)


def check_verdicts(evidence: Evidence) -> Iterator[Finding]:
    """A passed trial passed every check and did the whole task; a failed one did not."""
    for at, trial in enumerate(evidence.result.trials):
        place = evidence.place(f"$.trials[{at}].outcome")
        passed = sum(check.passed for check in trial.checks)
        whole = passed == len(trial.checks)
        share = passed / len(trial.checks) if trial.checks else 0.0
        if not math.isclose(trial.fraction, share, abs_tol=1e-9):
            text = f"is {trial.fraction}, {passed} of {len(trial.checks)} checks passed"
            yield Finding("verdicts", evidence.place(f"$.trials[{at}].fraction"), text)
        if trial.outcome is Outcome.PASSED and not whole:
            yield Finding("verdicts", place, f"{told(key_of(trial))} is passed, but not all of its checks are")
        if trial.outcome is Outcome.FAILED and whole:
            yield Finding("verdicts", place, f"{told(key_of(trial))} is failed, but all of its checks passed")


def check_simulated(evidence: Evidence) -> Iterator[Finding]:
    """A run with a simulated model is marked, and only such a run."""
    result = evidence.result
    if result.run.simulated != any(model.simulated for model in result.models):
        text = "does not say the same as the models: a run is simulated as soon as one of its models is"
        yield Finding("simulated", evidence.place("$.run.simulated"), text)
    elif result.run.simulated:
        text = "simulated: the demo server answered, and nothing here measures a model"
        yield Finding("simulated", evidence.place("$.run.simulated"), text, "note")
