"""Validates tasks with their reference answers: solutions must pass all checks, wrong answers must fail as stated.

`check_tasks` scores the answers of a task's folder exactly like a model's: same scorers, same containers.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum

from harness.errors import CheckError, Problem, TaskError, first_of
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
N_TRIED_CASES = 3
"""Of the cases that caught a wrong answer in one variant, how many are tried alone in the next."""
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


class Coverage(Enum):
    """Which variants of a task its answers are scored in."""

    FIRST = "the first variant"
    IN_TURNS = (
        "the solution in every variant; every wrong answer in the first and one, another each time, in each other"
    )
    EVERY = "every variant"


def reference_trials(task: Task, coverage: Coverage = Coverage.EVERY) -> Iterator[ReferenceTrial]:
    """The answers to the variants, the first variant first."""
    n_variants = 1 if coverage is Coverage.FIRST else max(1, len(task.variants))
    for index in range(n_variants):
        variant = vary(task, index)
        yield ReferenceTrial(variant, None)
        turn = (index - 1) * len(variant.wrong_answers) // max(1, n_variants - 1)
        for number, wrong in enumerate(variant.wrong_answers):
            if coverage is not Coverage.IN_TURNS or index == 0 or number == turn:
                yield ReferenceTrial(variant, wrong)


def _in_order_of_work(tasks: Sequence[Task], coverage: Coverage) -> Iterator[tuple[ReferenceTrial, ...]]:
    """Every answer to these tasks by its trials, the solutions one task ahead of the wrong answers.

    The first answer to a variant draws its cases. Those after it would wait for them, one in each thread.
    """
    wrong_answers: list[tuple[ReferenceTrial, ...]] = []
    for task in tasks:
        trials = list(reference_trials(task, coverage))
        yield from ((trial,) for trial in trials if trial.wrong_answer is None)
        yield from wrong_answers
        wrong_answers = [
            tuple(trial for trial in trials if trial.wrong_answer is not None and trial.wrong_answer.name == wrong.name)
            for wrong in task.wrong_answers
        ]
    yield from wrong_answers


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_VALUE_CHARS else text[: MAX_VALUE_CHARS - 3] + "..."


def _describe(check: Check) -> str:
    note = f", {check.note}" if check.note else ""
    return f"{check.name} (expected {_shorten(check.expected)}, got {_shorten(check.observed)}{note})"


def _describe_all(checks: Sequence[Check]) -> str:
    return first_of(map(_describe, checks), MAX_SHOWN_CHECKS)


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


def check_answer(trials: Sequence[ReferenceTrial], score: Scorer, extend: CaseExtension) -> list[Problem]:
    """The problems of one answer, given as its trials of some variants, the first variant first. Raises EngineError.

    A case that caught a wrong answer in one variant nearly always does in the next, so these cases are tried alone
    before all that test the requirement: where one of them fails, it fails among all as well.
    """
    found, caught = list[Problem](), frozenset[str]()
    for trial in trials:
        wrong = trial.wrong_answer
        try:
            variant, readings = extend(trial.variant), _readings(trial)
        except TaskError as error:
            found += error.problems
            continue
        variant = variant if wrong is None else _requirement_variant(wrong, variant)
        few = _few_cases(variant, caught) if wrong is not None and wrong.breaks is not None else None
        if few is not None and _mismatch(wrong, few, score(few, readings)) is None:
            continue
        scored = score(variant, readings)
        caught = caught or frozenset(check.name for check in scored.checks if not check.passed)
        mismatch = _mismatch(wrong, variant, scored)
        if mismatch is not None:
            fix = "the answer or the cases" if wrong is None else "the answer, the cases or its [[wrong]] entry"
            found.append(Problem(f"{trial.name}: {mismatch}", f"correct {fix}"))
    return found


def _readings(trial: ReferenceTrial) -> list[Reading]:
    """What a model that gave this answer would have sent. Raises TaskError for an invalid tool_calls block."""
    wrong = trial.wrong_answer
    replies, reason = (trial.variant.solution, "stop") if wrong is None else (wrong.replies, wrong.finish_reason)
    try:
        return readings_of(replies, reason)
    except ValueError as error:
        raise TaskError(f"{trial.name}: the tool_calls block is invalid: {error}") from error


def _few_cases(variant: Variant, caught: Collection[str]) -> Variant | None:
    """The variant with the first of its cases that caught an answer before; None where that saves nothing."""
    cases = tuple(case for case in variant.cases if case.id in caught)[:N_TRIED_CASES]
    return replace(variant, cases=cases) if 0 < len(cases) < len(variant.cases) else None


def _mismatch(wrong: WrongAnswer | None, variant: Variant, score: Score) -> str | None:
    """How a score differs from what the task states of an answer."""
    return _solution_mismatch(score) if wrong is None else _wrong_answer_mismatch(wrong, variant, score)


def check_tasks(
    tasks: Sequence[Task],
    score: Scorer,
    say: Callable[[str], None],
    *,
    extend: CaseExtension = lambda variant: variant,
    coverage: Coverage = Coverage.EVERY,
) -> int:
    """Score the answers of these tasks; returns how many there were.

    Raises CheckError with every answer that scored otherwise than its task says, EngineError where one could not run.
    """
    answers = list(_in_order_of_work(tasks, coverage))
    totals = Counter(trial.variant.task.name for trials in answers for trial in trials)
    left = Counter(totals)
    problems: list[Problem] = []
    with ThreadPoolExecutor(max_workers=2 * (os.cpu_count() or 1)) as pool:
        try:
            results = pool.map(lambda trials: check_answer(trials, score, extend), answers)
            for trials, found in zip(answers, results, strict=True):
                name = trials[0].variant.task.name
                left[name] -= len(trials)
                problems += [problem for problem in found if problem not in problems]
                if not left[name]:
                    say(f"{name}: {totals[name]} answers checked")
        except BaseException:
            # Without this, leaving the `with` would wait for every queued container after an engine error or Ctrl-C.
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    if problems:
        raise CheckError(*problems)
    return totals.total()
