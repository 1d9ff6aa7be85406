"""score(variant, readings, sandbox): the verdict on a trial, by running what the model wrote. Asks no model.

One module a kind: its docstring is the contract of its settings, cases and checks. Nothing here imports or runs an
answer; a Sandbox does, and only inputs enter it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import TaskError
from harness.score.kinds import calls, cannot_do, conversation, edits, needle, program, prose, review, speed, tools
from harness.score.verdict import Judgement, score_of, server_fault
from harness.tasks import vary
from harness.types import Case, Reading, Sandbox, Score, Task, Variant

__all__ = ["KINDS", "at_once", "faults_of", "require_scorable", "score"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One scorer kind: the names of its checks for a variant, its judgement, and the faults of a task's settings."""

    names: Callable[[Variant], tuple[str, ...]]
    judge: Callable[[Variant, Sequence[Reading], Sandbox], Judgement]
    faults: Callable[[Task, Sequence[Case]], list[str]]


def score(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Score:
    """The verdict on one trial, one reading a turn. Raises EngineError, for faults of the kit's side only."""
    kind = KINDS[variant.task.scorer]
    broken = next((reading for reading in readings if reading.error is not None), None)
    if broken is not None:
        return server_fault(kind.names(variant), broken)
    return score_of(kind.judge(variant, readings, sandbox), readings)


def at_once() -> int:
    """How many answers are scored at once: one for each processor, and no fewer than two."""
    return max(2, os.cpu_count() or 1)


def faults_of(task: Task) -> list[str]:
    """What is wrong with the scorer's kind, settings and cases of a task, each once, with its place and its fix."""
    if task.scorer not in KINDS:
        return [f"task.toml: scorer.kind: is {task.scorer!r}; write one of {', '.join(sorted(KINDS))}"]
    variants = (vary(task, index) for index in range(max(1, len(task.variants))))
    found = (fault for variant in variants for fault in KINDS[task.scorer].faults(task, variant.cases))
    return list(dict.fromkeys(found))


def require_scorable(tasks: Sequence[Task]) -> None:
    """Raises TaskError with every fault of the tasks' scorer kind, settings, language and cases; runs nothing."""
    faults = [f"{task.name}: {fault}" for task in tasks for fault in faults_of(task)]
    if faults:
        raise TaskError(*faults)


KINDS: Mapping[str, Kind] = {
    "calls": Kind(calls.case_names, calls.score_calls, calls.faults),
    "cannot_do": Kind(cannot_do.check_names, cannot_do.score_cannot_do, cannot_do.faults),
    "conversation": Kind(conversation.check_names, conversation.score_conversation, conversation.faults),
    "edits": Kind(edits.check_names, edits.score_edits, edits.faults),
    "needle": Kind(needle.check_names, needle.score_needle, needle.faults),
    "program": Kind(calls.case_names, program.score_program, program.faults),
    "review": Kind(review.check_names, review.score_review, review.faults),
    "speed": Kind(speed.check_names, speed.score_speed, speed.faults),
    "summary": Kind(prose.check_names, prose.score_prose, prose.faults),
    "tools": Kind(tools.check_names, tools.score_tools, tools.faults),
    "voice": Kind(prose.check_names, prose.score_prose, prose.faults),
}
