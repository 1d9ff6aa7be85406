"""Checks of the trials as a set, of the run id, the outcomes and the simulated flag.

No trial is missing, repeated or unplanned; each has its variant; they ran one after the other.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from harness.run import block_order, in_turn, pass_of, plan_warm_ups
from harness.summarize import is_asked, schedule_of, trials_planned
from harness.types import Finding, ModelInfo, Outcome, Result, Task, TrialKey, TrialResult
from harness.verify.evidence import Evidence, describe, key_of, same_task

CLOCK_TOLERANCE = timedelta(seconds=60)
"""Between the start of the run and its first trial a machine's wall clock may be adjusted."""
MAX_SET_BACK = timedelta(days=36525)
"""The years of a result's times are those of one century; more than that, added up, leaves the calendar."""


def has_valid_names(evidence: Evidence) -> bool:
    """Whether every trial names a model and a task of the result, each listed once. If not, nothing can be computed."""
    result = evidence.result
    labels, tasks = [model.label for model in result.models], [task.name for task in result.tasks]
    unique = len(set(labels)) == len(labels) and len(set(tasks)) == len(tasks)
    return unique and all(trial.model in labels and trial.task in tasks for trial in result.trials)


def check_run_id(evidence: Evidence) -> Iterator[Finding]:
    """The run's id is the second in which it started and the last 16 bits of its seed."""
    run = evidence.result.run
    start = _parse_time(run.started_at)
    expected = "" if start is None else f"{start.astimezone(UTC):%Y%m%d-%H%M%S}-{run.seed & 0xFFFF:04x}"
    if run.id != expected:
        yield Finding("run-id", evidence.location("$.run.id"), f"is {run.id}, start and seed give {expected}")


def check_trials(evidence: Evidence) -> Iterator[Finding]:
    """Each model has the planned trials of every task that it did not skip, in their order; only the last may lack."""
    yield from _check_unique_names(evidence)
    yield from _check_names_and_variants(evidence)
    yield from _check_repeated(evidence)
    by_model: dict[str, list[TrialKey]] = {model.label: [] for model in evidence.result.models}
    for trial in evidence.result.trials:
        by_model.setdefault(trial.model, []).append(key_of(trial))
    known = [task for info in evidence.result.tasks if (task := same_task(evidence, info.name)) is not None]
    blocks, warmups = BlockPlan(evidence.result), WarmupPlan(evidence.result, tuple(known))
    for model in evidence.result.models:
        yield from _check_order(evidence, blocks, model, by_model[model.label])
        if not warmups.allows(model, by_model[model.label]):
            listed = ", ".join(f"{key.task} {key.trial}" for key in by_model[model.label] if key.warmup) or "none"
            message = f"{model.label}: the warm-ups are not those that were planned; the result has {listed}"
            yield Finding("trials", evidence.location("$.trials"), message)


def _check_unique_names(evidence: Evidence) -> Iterator[Finding]:
    result = evidence.result
    names = {"models": [model.label for model in result.models], "tasks": [task.name for task in result.tasks]}
    for part, listed in names.items():
        for name, count in Counter(listed).items():
            if count > 1:
                yield Finding("trials", evidence.location(f"$.{part}"), f"{name} is listed {count} times")


def _check_names_and_variants(evidence: Evidence) -> Iterator[Finding]:
    labels = {model.label for model in evidence.result.models}
    tasks = {task.name: task for task in evidence.result.tasks}
    for at, trial in enumerate(evidence.result.trials):
        location = evidence.location(f"$.trials[{at}]")
        if trial.model not in labels:
            yield Finding("trials", f"{location}.model", f"{trial.model} is not a model of the result")
        if trial.task not in tasks:
            yield Finding("trials", f"{location}.task", f"{trial.task} is not a task of the result")
            continue
        count = tasks[trial.task].variants
        expected = trial.trial % count if count else 0
        if trial.variant != expected:
            message = f"{describe(key_of(trial))} has variant {trial.variant}, expected {expected}"
            yield Finding("trials", f"{location}.variant", message)


def _check_repeated(evidence: Evidence) -> Iterator[Finding]:
    for key, count in Counter(key_of(trial) for trial in evidence.result.trials).items():
        if count > 1:
            yield Finding("trials", evidence.location("$.trials"), f"{describe(key)} occurs {count} times")


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """The order of the trials besides warm-ups; each block's order is computed once for all models."""

    result: Result
    orders: list[list[str]] = field(default_factory=list)

    def trials(self, model: ModelInfo) -> Iterator[TrialKey]:
        """The trials that the plan has for a model, without the tasks that do not fit."""
        run, skipped = self.result.run, {skip.task for skip in model.skipped}
        counts, looks = planned_of(self.result, model), self.result.run.looks
        # The time of a run may end within a block, whose trials are kept and count for nothing.
        begun = looks[-1].trials if looks and looks[-1].stop == "budget" else None
        in_last = {task.name for task in self.result.tasks if is_asked(model, task) and counts[task.name] == begun}
        for index in range(run.trials):
            if index == len(self.orders):
                self.orders.append(block_order(self.result.tasks, run.seed, index))
            yield from (
                TrialKey(model.label, name, index)
                for name in self.orders[index]
                if name not in skipped and (index < counts[name] or (index == begun and name in in_last))
            )


def count_planned(result: Result, model: ModelInfo) -> int:
    """How many trials the plan has for a model besides its warm-ups."""
    skipped = {skip.task for skip in model.skipped}
    return sum(count for task, count in planned_of(result, model).items() if task not in skipped)


def planned_of(result: Result, model: ModelInfo) -> dict[str, int]:
    """Task -> the number of its trials that a model had to run, by the plan or by the looks of a sequential run."""
    schedule = schedule_of(result)
    return {task.name: trials_planned(schedule, model, task) for task in result.tasks}


def _check_order(
    evidence: Evidence, plan: BlockPlan, model: ModelInfo, recorded: Sequence[TrialKey]
) -> Iterator[Finding]:
    """The trials of a model are the first ones of the plan: a trial left out before others is a choice."""
    location = evidence.location("$.trials")
    planned, found = plan.trials(model), [key for key in recorded if not key.warmup]
    for number, key in enumerate(found, 1):
        expected = next(planned, None)
        if key != expected:
            there = "no further trial" if expected is None else describe(expected)
            message = f"trial {number} of {model.label} is {describe(key)}, the plan has {there} there"
            yield Finding("trials", location, f"{message}: a trial was left out, added or moved")
            return
    count = count_planned(evidence.result, model)
    if len(found) >= count and model.stop_reason is not None:
        message = f"{model.label} has all its planned trials, and says that it was stopped: {model.stop_reason}"
        yield Finding("trials", location, message, "info")
    if len(found) < count:
        why = "" if model.stop_reason is None else f" ({model.stop_reason})"
        message = f"{model.label}: {len(found)} of {count} planned trials were run{why}; incomplete tasks have no rate"
        yield Finding("trials", location, message, "info")


@dataclass(frozen=True, slots=True)
class WarmupPlan:
    """Which warm-ups the plan has. Which tasks warm up depends on prompts, so all tasks must be known locally."""

    result: Result
    known_tasks: tuple[Task, ...]

    def allows(self, model: ModelInfo, recorded: Sequence[TrialKey]) -> bool:
        """Whether a model's warm-ups come first in each pass and in order; all of them, if any other trial was run.

        With an agent it has none.
        """
        if model.agent is not None:
            return not any(key.warmup for key in recorded)
        numbers = [self._pass_of(key) for key in recorded]
        passes = itertools.groupby(recorded, self._pass_of)
        return numbers == sorted(numbers) and all(self._allows(model, number, list(keys)) for number, keys in passes)

    def _pass_of(self, key: TrialKey) -> int:
        return pass_of(self.result.run, self.result.run.design, key)

    def _allows(self, model: ModelInfo, number: int, recorded: Sequence[TrialKey]) -> bool:
        """The same of one pass."""
        run, count = self.result.run, sum(key.warmup for key in recorded)
        found, is_only = list(recorded[:count]), count == len(recorded)
        if not all(key.warmup for key in found):
            return False
        # An older plan of a sequential run states one pass, so that its later looks have no warm-ups of their own.
        warmups = run.warmups if number < run.passes else 0
        if len(self.known_tasks) < len(self.result.tasks):
            first = number * warmups
            wanted, numbers = set(range(first, first + warmups)), {key.trial for key in found}
            return numbers <= wanted and (numbers == wanted or is_only)
        skipped = {skip.task for skip in model.skipped}
        planned = [
            key for key in plan_warm_ups(model.label, self.known_tasks, warmups, number) if key.task not in skipped
        ]
        return found == planned[:count] and (is_only or count == len(planned))


def check_turns_taken(evidence: Evidence, resumes: int) -> Iterator[Finding]:
    """The models took turns as often as the run states: pass by pass, every second time in reverse order.

    Speeds are compared within the blocks of a run of several passes, which says nothing of models one after the other.
    A run may owe the passes of a model whose server was away: each of its `resumes` may go back once, with a warning.
    """
    run, labels = evidence.result.run, [model.label for model in evidence.result.models]
    if run.passes < 2 or not has_valid_names(evidence):
        return
    order: dict[int, Sequence[str]] = {}
    places = [
        (number := pass_of(run, run.design, key), order.setdefault(number, in_turn(labels, number)).index(key.model))
        for key in map(key_of, evidence.result.trials)
    ]
    earlier = [at for at, (before, place) in enumerate(itertools.pairwise(places), 1) if place < before]
    for at in earlier[:1]:
        name = describe(key_of(evidence.result.trials[at]))
        message = f"{name} belongs to an earlier turn than the trial before it: the models took other turns"
        location = evidence.location(f"$.trials[{at}]")
        yield Finding("trials", location, message, "warning" if len(earlier) <= resumes else "error")


def check_trial_times(evidence: Evidence) -> Iterator[Finding]:
    """Trials lie within the run, and one after the other on the monotonic clock; `turns` holds those of a trial so."""
    yield from _check_within_run(evidence)
    trials = evidence.result.trials
    for at, trial in enumerate(trials):
        if trial.started_ns is not None and trial.ended_ns is not None and trial.ended_ns < trial.started_ns:
            message = f"{describe(key_of(trial))} ends before it starts"
            yield Finding("trial-times", evidence.location(f"$.trials[{at}].ended_ns"), message)
    started = [(at, trial) for at, trial in enumerate(trials) if trial.started_ns is not None]
    for (_, previous), (at, trial) in itertools.pairwise(started):
        if _overlap(previous, trial):
            message = f"{describe(key_of(trial))} starts before {describe(key_of(previous))} ends"
            yield Finding("trial-times", evidence.location(f"$.trials[{at}].started_ns"), message)


def _check_within_run(evidence: Evidence) -> Iterator[Finding]:
    run = evidence.result.run
    start, end = _parse_time(run.started_at), _parse_time(run.ended_at)
    if start is None or end is None or end < start:
        message = "started_at and ended_at must be valid times with a time zone, in this order"
        yield Finding("trial-times", evidence.location("$.run"), message)
        return
    trials = evidence.result.trials
    for at, (trial, set_back) in enumerate(zip(trials, _clock_set_back(trials), strict=True)):
        time = _parse_time(trial.started_at)
        if time is None or not start - CLOCK_TOLERANCE - set_back <= time <= end + CLOCK_TOLERANCE:
            message = f"{trial.started_at} is not within the run ({run.started_at} to {run.ended_at})"
            yield Finding("trial-times", evidence.location(f"$.trials[{at}].started_at"), message)


def _clock_set_back(trials: Sequence[TrialResult]) -> Iterator[timedelta]:
    """By how much the wall clock was set back during the run, as the monotonic clock shows, before each trial.

    The level `reread` compares both clocks with those of the log: a trial of another day does not pass there.
    """
    set_back = timedelta()
    for previous, trial in itertools.pairwise((None, *trials)):
        before = None if previous is None else _parse_time(previous.started_at)
        after = None if trial is None else _parse_time(trial.started_at)
        if previous is not None and trial is not None and before is not None and after is not None:
            passed_ns = (trial.started_ns or 0) - (previous.started_ns or 0)
            if previous.started_ns is not None and trial.started_ns is not None and passed_ns >= 0:
                set_back += timedelta(microseconds=passed_ns / 1000) - (after - before)
                set_back = min(MAX_SET_BACK, max(timedelta(), set_back))
        yield set_back


def _overlap(previous: TrialResult, trial: TrialResult) -> bool:
    if previous.ended_ns is None or trial.started_ns is None or trial.started_ns >= previous.ended_ns:
        return False
    return not _clock_restarted(previous, trial)


def _clock_restarted(previous: TrialResult, trial: TrialResult) -> bool:
    """Whether the monotonic clock went back and the wall clock did not: a reboot, or the wrap at 2^52 ns.

    A run that is resumed after a reboot has such a pair of trials.
    """
    if previous.started_ns is None or trial.started_ns is None or trial.started_ns >= previous.started_ns:
        return False
    before, after = _parse_time(previous.started_at), _parse_time(trial.started_at)
    return before is not None and after is not None and after > before


def _parse_time(text: str) -> datetime | None:
    """A time with a time zone; None for anything else."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else None


def check_outcomes(evidence: Evidence) -> Iterator[Finding]:
    """The fraction is the share of passed checks; a passed trial passed all of them, a failed one did not."""
    for at, trial in enumerate(evidence.result.trials):
        location, name = evidence.location(f"$.trials[{at}]"), describe(key_of(trial))
        count, passed = len(trial.checks), sum(check.passed for check in trial.checks)
        if not math.isclose(trial.fraction, passed / count if count else 0.0, abs_tol=1e-9):
            message = f"is {trial.fraction}, {passed} of {count} checks passed"
            yield Finding("outcomes", f"{location}.fraction", message)
        if trial.outcome is Outcome.PASSED and passed < count:
            yield Finding("outcomes", f"{location}.outcome", f"{name} is passed, but {count - passed} checks failed")
        if trial.outcome is Outcome.FAILED and passed == count:
            yield Finding("outcomes", f"{location}.outcome", f"{name} is failed, but all checks passed")


def check_simulated(evidence: Evidence) -> Iterator[Finding]:
    """A run is marked as simulated exactly if one of its models is; a note says so."""
    result, location = evidence.result, evidence.location("$.run.simulated")
    if result.run.simulated != any(model.simulated for model in result.models):
        message = "contradicts the models: a run is simulated if and only if one of its models is"
        yield Finding("simulated", location, message)
    elif result.run.simulated:
        yield Finding(
            "simulated",
            location,
            "the run is simulated: the answers came from the demo server, not from a model",
            "info",
        )
