"""What the page shows beside a result, collected from recordings and tasks.

`page_evidence` is the entry point; without the recordings of the result it has the lanes and the times alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.files import sha256_of_file
from harness.read import read, stream_parts
from harness.run.lines import read_trials
from harness.score import find_code
from harness.stats import spread
from harness.summarize import lane_evidence
from harness.tasks import as_published, find_fixtures, vary
from harness.types import (
    DistributionSummary,
    PageEvidence,
    Recording,
    Result,
    Task,
    TrialEvidence,
    TrialKey,
    TurnEvidence,
)


def page_evidence(
    result: Result, recordings: Path | None = None, tasks: Mapping[str, Task] | None = None
) -> PageEvidence:
    """Collect the evidence; `tasks` give the inputs of checks and the code of answers, where the run had them.

    Raises RunError for recordings that are damaged; those of another result are left aside.
    """
    digests = {task.name: task.sha256 for task in result.tasks}
    found = as_published(tasks or {}, result.tasks, find_fixtures())
    known = {name: task for name, task in found.items() if digests.get(name) == task.sha256}
    is_own = recordings is not None and sha256_of_file(recordings) == result.digests.recordings_sha256
    trials = read_trials(recordings) if recordings is not None and is_own else ()
    return PageEvidence(
        lanes=lane_evidence(result),
        answer_times=_answer_times(result),
        trials=dict(_trial(turns, known.get(turns[0].key.task)) for turns in trials if not turns[0].key.warmup),
    )


def _trial(turns: Sequence[Recording], task: Task | None) -> tuple[TrialKey, TrialEvidence]:
    readings = [read(turn) for turn in turns]
    evidence = tuple(
        TurnEvidence(reading.reasoning, stream_parts(turn)) for turn, reading in zip(turns, readings, strict=True)
    )
    if task is None:
        return turns[0].key, TrialEvidence(None, {}, evidence)
    variant = vary(task, turns[0].key.trial)
    code = find_code(readings[-1].content, variant) if task.language else None
    inputs = {case.id: case.give for case in variant.cases}
    return turns[0].key, TrialEvidence(code.code if code else None, inputs, evidence)


def _answer_times(result: Result) -> dict[str, DistributionSummary]:
    scored = {task.name for task in result.tasks if task.scored}
    values: dict[str, list[float]] = {}
    for trial in result.trials:
        times = [turn.timings.e2e_s for turn in trial.turns]
        known = [time for time in times if time is not None]
        if not trial.warmup and trial.task in scored and known and len(known) == len(times):
            values.setdefault(trial.model, []).append(sum(known))
    spreads = {model: spread(each) for model, each in values.items()}
    return {model: each for model, each in spreads.items() if each is not None}
