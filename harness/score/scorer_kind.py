"""The record of a scorer kind, `ScorerKind`, and how a task is validated against it.

A kind gives a JSON Schema for its settings in task.toml's [scorer] and one for each case; `validate_task` checks a task
against both, then asks the kind for what the schemas cannot express.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.errors import Problem
from harness.schema import problems_of
from harness.score.encoded_values import value_problems
from harness.score.validation import (
    case_document,
    case_location,
    entry_problems,
    language_problems,
    no_cases_problem,
    settings_location,
    settings_schema,
)
from harness.score.verdict import Judgment
from harness.types import Case, Json, Reading, Sandbox, Task, Variant


@dataclass(frozen=True, slots=True)
class ScorerKind:
    """One scorer kind.

    `check_names` are those of a variant, `judge` scores a trial's readings. `settings` are the JSON Schemas of the
    settings of a task, by name, and `required` those that it must have; `case` is the schema of one case. `problems`
    finds what the schemas cannot express; it is called for tasks that are valid under them.
    """

    check_names: Callable[[Variant], tuple[str, ...]]
    judge: Callable[[Variant, Sequence[Reading], Sandbox], Judgment]
    settings: Callable[[Task], dict[str, Json]]
    case: Callable[[Task, Case], Json]
    problems: Callable[[Task, Sequence[Case]], Iterable[Problem]] = lambda task, cases: ()
    required: tuple[str, ...] = ()
    needs_cases: bool = True
    runs_code: bool = False
    """Every task of the kind runs an answer's code, and so names a language."""
    scored: bool = True
    """A verdict says whether an answer is right; of `speed` only the timings count."""
    tool_loop: bool = False
    """A trial is a loop of tool calls, which the kit answers from the task's virtual files."""
    varies: bool = True
    """Trials take variants of a task of the kind, which else would repeat one task; its author writes them."""
    for_agents: bool = False
    """A trial is the work of an agent in the task's files: the last reading is its final tree, as a patch."""
    needs_reader: bool = False
    """The checks leave open how good an answer is: people compare the answers of models blindly."""


def validate_task(kind: ScorerKind, task: Task, cases: Sequence[Case]) -> list[Problem]:
    """The problems of a task's settings, language and cases under its scorer kind."""
    schema = settings_schema(kind.settings(task), kind.required)
    problems = problems_of(dict(task.settings), schema, settings_location(task))
    if kind.runs_code:
        problems += language_problems(task)
    if kind.needs_cases and not cases:
        problems.append(no_cases_problem(task))
    for case in cases:
        problems += problems_of(case_document(case), kind.case(task, case), case_location(task, case))
    problems += entry_problems(task)
    problems = problems or [problem for case in cases for problem in value_problems(task, case)]
    return problems or list(kind.problems(task, cases))
