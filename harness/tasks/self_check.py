"""Validates tasks with their reference answers: solutions must pass all checks, wrong answers must fail as stated.

`check_tasks` scores the answers of a task's folder exactly like a model's: same scorers, same containers.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from harness.errors import CheckError, Problem, TaskError
from harness.score import KINDS
from harness.tasks.load import vary
from harness.tasks.readings import readings_of
from harness.tasks.requirements import checks_of
from harness.types import Check, Outcome, Reading, Score, Task, Variant, WrongAnswer

Scorer = Callable[[Variant, Sequence[Reading]], Score]
"""Scores one trial, one reading per turn: `harness.score.score` with its sandbox."""

CaseExtension = Callable[[Variant], Variant]
"""Adds a variant's hidden cases: `HiddenCases.extend`."""

EVERY_CHECK = ("*",)
MAX_SHOWN_CHECKS = 2
MAX_VALUE_CHARS = 80


@dataclass(frozen=True, slots=True)
class ReferenceTrial:
    """An answer of a task's folder to one variant; `wrong_answer` is None for the solution."""

    variant: Variant
    wrong_answer: WrongAnswer | None

    @property
    def name(self) -> str:
        """The answer as a problem names it."""
        answer = "solution" if self.wrong_answer is None else f"wrong/{self.wrong_answer.name}"
        return f"{self.variant.task.name}, variant {self.variant.index}, {answer}"


def reference_trials(task: Task, *, first_only: bool = False) -> Iterator[ReferenceTrial]:
    """Every answer to every variant, or to the first variant only."""
    for index in range(1 if first_only else max(1, len(task.variants))):
        variant = vary(task, index)
        yield ReferenceTrial(variant, None)
        yield from (ReferenceTrial(variant, wrong) for wrong in variant.wrong_answers)


def _in_order_of_work(tasks: Sequence[Task], *, first_only: bool) -> Iterator[ReferenceTrial]:
    """Every answer to these tasks, the solutions one task ahead of the wrong answers.

    The first answer to a variant draws its cases. Those after it would wait for them, one in each thread.
    """
    wrong_answers: list[ReferenceTrial] = []
    for task in tasks:
        trials = list(reference_trials(task, first_only=first_only))
        yield from (trial for trial in trials if trial.wrong_answer is None)
        yield from wrong_answers
        wrong_answers = [trial for trial in trials if trial.wrong_answer is not None]
    yield from wrong_answers


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_VALUE_CHARS else text[: MAX_VALUE_CHARS - 3] + "..."


def _describe(check: Check) -> str:
    note = f", {check.note}" if check.note else ""
    return f"{check.name} (expected {_shorten(check.expected)}, got {_shorten(check.observed)}{note})"


def _describe_all(checks: Sequence[Check]) -> str:
    more = f" and {len(checks) - MAX_SHOWN_CHECKS} more" if len(checks) > MAX_SHOWN_CHECKS else ""
    return ", ".join(_describe(check) for check in checks[:MAX_SHOWN_CHECKS]) + more


def _solution_mismatch(score: Score) -> str | None:
    """Why a solution's score is not full marks."""
    failed = [check for check in score.checks if not check.passed]
    if score.outcome is Outcome.PASSED and score.fraction == 1 and not failed:
        return None
    return f"must score full marks, but ends as {score.outcome.value} and fails {_describe_all(failed) or 'no check'}"


def _wrong_answer_mismatch(wrong: WrongAnswer, variant: Variant, score: Score) -> str | None:
    """How a wrong answer's score differs from its entry in task.toml."""
    if score.outcome is Outcome.PASSED:
        return "passes, but must fail"
    parts = [*_outcome_mismatch(wrong, score), *_check_mismatches(wrong, variant, score)]
    return "; ".join(parts) or None


def _outcome_mismatch(wrong: WrongAnswer, score: Score) -> Iterator[str]:
    if score.outcome is not wrong.outcome:
        yield f"ends as {score.outcome.value}, not as {wrong.outcome.value}"


def _check_mismatches(wrong: WrongAnswer, variant: Variant, score: Score) -> Iterator[str]:
    if wrong.breaks is not None:
        yield from _requirement_mismatches(wrong.breaks, variant, score)
        return
    names = {check.name for check in score.checks}
    hidden = {case.id for case in variant.cases if case.hidden}
    # An entry can only name the fixed cases; what it fails of the hidden ones depends on the seed.
    expected = names if wrong.fails == EVERY_CHECK else set(wrong.fails) | hidden
    unexpected = [check for check in score.checks if not check.passed and check.name not in expected]
    passed = [check.name for check in score.checks if check.passed and check.name in expected - hidden]
    if unexpected:
        yield f"also fails {_describe_all(unexpected)}"
    if passed:
        yield f"does not fail {', '.join(passed)}"
    if expected - names:
        yield f"no check is called {', '.join(sorted(expected - names))}"


def _requirement_mismatches(requirement: str, variant: Variant, score: Score) -> Iterator[str]:
    testing = checks_of(requirement, variant, [check.name for check in score.checks])
    failed = [check for check in score.checks if not check.passed]
    others = [check for check in failed if check.name not in testing]
    if others:
        yield f"also fails {_describe_all(others)}, which do not test {requirement!r}"
    if not any(check.name in testing for check in failed):
        yield f"fails no check of the requirement {requirement!r}"


def _requirement_variant(wrong: WrongAnswer, variant: Variant) -> Variant:
    """The variant with those cases alone that test the requirement which the answer breaks.

    All cases of the first variant show that it breaks nothing else. In the other variants the requirement's own cases
    must catch it; the rest, which is most of them, would take the larger part of the check's time. Where the
    requirement is not tested by cases alone, all are run; so they are in a conversation, whose answers share the code
    of most turns, which runs once for all of them (job_cache.py).
    """
    if variant.index == 0 or wrong.breaks is None or len(variant.task.turns) > 1:
        return variant
    testing = checks_of(wrong.breaks, variant, KINDS[variant.task.scorer].check_names(variant))
    cases = tuple(case for case in variant.cases if case.id in testing)
    return replace(variant, cases=cases) if cases and len(cases) == len(testing) else variant


def check_trial(trial: ReferenceTrial, score: Scorer, extend: CaseExtension) -> Problem | None:
    """The problem of one answer, None where it scores as its task says. Raises EngineError."""
    wrong = trial.wrong_answer
    try:
        replies = trial.variant.solution if wrong is None else wrong.replies
        readings = readings_of(replies, "stop" if wrong is None else wrong.finish_reason)
    except ValueError as error:
        return Problem(f"{trial.name}: the tool_calls block is invalid: {error}")
    try:
        variant = extend(trial.variant)
    except TaskError as error:
        return error.problems[0]
    variant = variant if wrong is None else _requirement_variant(wrong, variant)
    scored = score(variant, readings)
    if wrong is None:
        mismatch, fix = _solution_mismatch(scored), "correct the answer or the cases"
    else:
        mismatch = _wrong_answer_mismatch(wrong, variant, scored)
        fix = "correct the answer, the cases or its [[wrong]] entry"
    return None if mismatch is None else Problem(f"{trial.name}: {mismatch}", fix)


def check_tasks(
    tasks: Sequence[Task],
    score: Scorer,
    say: Callable[[str], None],
    *,
    extend: CaseExtension = lambda variant: variant,
    first_only: bool = False,
) -> int:
    """Score every answer of these tasks; returns how many there were.

    Raises CheckError with every answer that scored otherwise than its task says, EngineError where one could not run.
    """
    trials = list(_in_order_of_work(tasks, first_only=first_only))
    totals = Counter(trial.variant.task.name for trial in trials)
    left = Counter(totals)
    problems: list[Problem] = []
    with ThreadPoolExecutor(max_workers=2 * (os.cpu_count() or 1)) as pool:
        try:
            results = pool.map(lambda trial: check_trial(trial, score, extend), trials)
            for trial, problem in zip(trials, results, strict=True):
                name = trial.variant.task.name
                left[name] -= 1
                problems += [] if problem is None or problem in problems else [problem]
                if not left[name]:
                    say(f"{name}: {totals[name]} answers checked")
        except BaseException:
            # Without this, leaving the `with` would wait for every queued container after an engine error or Ctrl-C.
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    if problems:
        raise CheckError(*problems)
    return len(trials)
