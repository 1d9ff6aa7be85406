"""Scoring: from the readings of a trial to its verdict, by running what the model wrote.

`score(variant, readings, sandbox)` is the entry point. `KINDS` has one row for each scorer kind; a kind is a module of
`kinds/` whose docstring is the contract of its settings, cases and checks. Answers run in a `Sandbox` only, and only a
case's inputs enter it: the expected values stay on the host.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.score.execute import find_code
from harness.score.extraction.template_tokens import clean
from harness.score.kinds import (
    agent,
    calls,
    cannot_do,
    conversation,
    edits,
    needle,
    outside_tests,
    patch,
    program,
    prose,
    repository,
    review,
    speed,
    tools,
)
from harness.score.kinds.patch import answer_patch
from harness.score.repository.runners import PYTEST
from harness.score.repository.runs import TEST_FAILED, TEST_PASSED, TestBed, TestOutcomes, TestRun, run_tests
from harness.score.scorer_kind import ScorerKind, validate_task
from harness.score.timeout_budget import TimeoutBudget
from harness.score.verdict import score_of, server_error
from harness.types import Outcome, Reading, Sandbox, Score, Variant

__all__ = [
    "KINDS",
    "PYTEST",
    "TEST_FAILED",
    "TEST_PASSED",
    "ScorerKind",
    "TestBed",
    "TestOutcomes",
    "TestRun",
    "answer_patch",
    "clean",
    "find_code",
    "run_tests",
    "score",
    "scoring_threads",
    "validate_task",
]


def score(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Score:
    """The verdict on one trial, one reading per turn. Raises EngineError where the kit could not run the answer."""
    kind = KINDS[variant.task.scorer]
    if kind.for_agents:
        return _score_work(kind, variant, readings, sandbox)
    broken = next((reading for reading in readings if reading.error is not None), None)
    if broken is not None:
        return server_error(kind.check_names(variant), broken)
    return score_of(kind.judge(variant, readings, TimeoutBudget(sandbox)), readings, variant.cases)


def _score_work(kind: ScorerKind, variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Score:
    """The verdict on an agent's work, which is the last reading; the others are its requests.

    Agents try failed requests again. What decides is the tree, unless the agent ended after a request that failed.
    """
    *requests, work = readings
    found = score_of(kind.judge(variant, [work], TimeoutBudget(sandbox)), [work], variant.cases)
    unsolved = found.outcome in (Outcome.FAILED, Outcome.NO_EDIT, Outcome.CRASHED)
    error = requests[-1].error if requests and unsolved else None
    if error is None:
        return found
    overflow = error.kind == "context_overflow"
    return replace(found, outcome=Outcome.CONTEXT_EXCEEDED if overflow else Outcome.SERVER_ERROR)


def scoring_threads() -> int:
    """How many answers are scored at the same time: one for each CPU, and at least two."""
    return max(2, os.cpu_count() or 1)


KINDS: Mapping[str, ScorerKind] = {
    "agent": agent.KIND,
    "calls": calls.KIND,
    "cannot_do": cannot_do.KIND,
    "conversation": conversation.KIND,
    "edits": edits.KIND,
    "needle": needle.KIND,
    "outside_tests": outside_tests.KIND,
    "patch": patch.KIND,
    "program": program.KIND,
    "repository": repository.KIND,
    "review": review.KIND,
    "speed": speed.KIND,
    "summary": prose.SUMMARY,
    "tools": tools.KIND,
    "voice": prose.VOICE,
}
