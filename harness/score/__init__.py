"""Scoring: from the readings of a trial to its verdict, by running what the model wrote.

`score(variant, readings, sandbox)` is the entry point. `KINDS` has one row for each scorer kind; a kind is a module of
`kinds/` whose docstring is the contract of its settings, cases and checks. Answers run in a `Sandbox` only, and only a
case's inputs enter it: the expected values stay on the host.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.score.kinds import calls, cannot_do, conversation, edits, needle, program, prose, review, speed, tools
from harness.score.verdict import Judgment, score_of, server_error
from harness.types import Case, Reading, Sandbox, Score, Task, Variant

__all__ = ["KINDS", "ScorerKind", "score", "scoring_threads"]


@dataclass(frozen=True, slots=True)
class ScorerKind:
    """One scorer kind: the names of its checks for a variant, how it judges, and the problems of a task's settings.

    `scored`: its verdicts count as right or wrong (of `speed` only the timings do). `tool_loop`: a trial is a loop of
    tool calls that the kit answers from the task's virtual files.
    """

    check_names: Callable[[Variant], tuple[str, ...]]
    judge: Callable[[Variant, Sequence[Reading], Sandbox], Judgment]
    problems: Callable[[Task, Sequence[Case]], list[str]]
    scored: bool = True
    tool_loop: bool = False


def score(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Score:
    """The verdict on one trial, one reading per turn. Raises EngineError where the kit could not run the answer."""
    kind = KINDS[variant.task.scorer]
    broken = next((reading for reading in readings if reading.error is not None), None)
    if broken is not None:
        return server_error(kind.check_names(variant), broken)
    return score_of(kind.judge(variant, readings, sandbox), readings)


def scoring_threads() -> int:
    """How many answers are scored at the same time: one for each CPU, and at least two."""
    return max(2, os.cpu_count() or 1)


KINDS: Mapping[str, ScorerKind] = {
    "calls": ScorerKind(calls.check_names, calls.score_calls, calls.problems),
    "cannot_do": ScorerKind(cannot_do.check_names, cannot_do.score_cannot_do, cannot_do.problems),
    "conversation": ScorerKind(conversation.check_names, conversation.score_conversation, conversation.problems),
    "edits": ScorerKind(edits.check_names, edits.score_edits, edits.problems),
    "needle": ScorerKind(needle.check_names, needle.score_needle, needle.problems),
    "program": ScorerKind(calls.check_names, program.score_program, program.problems),
    "review": ScorerKind(review.check_names, review.score_review, review.problems),
    "speed": ScorerKind(speed.check_names, speed.score_speed, speed.problems, scored=False),
    "summary": ScorerKind(prose.check_names, prose.score_prose, prose.problems),
    "tools": ScorerKind(tools.check_names, tools.score_tools, tools.problems, tool_loop=True),
    "voice": ScorerKind(prose.check_names, prose.score_prose, prose.problems),
}
