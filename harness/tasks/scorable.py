"""Checks whether a loaded task can be scored: its scorer kind, and that kind's settings, language and cases.

`require_scorable` refuses tasks with problems before a model is asked or a container starts.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import Problem, TaskError
from harness.schema import Location, suggestion
from harness.score import KINDS, validate_task
from harness.tasks.load import vary
from harness.tasks.requirements import requirement_problems, unknown_requirements
from harness.types import Task


def scorer_problems(task: Task) -> list[Problem]:
    """Each problem of a task's scorer kind, settings, language and cases once, over all variants."""
    if task.scorer not in KINDS:
        location = Location(f"{task.name}/task.toml", ("scorer", "kind"), task.manifest)
        fix = suggestion(task.scorer, KINDS) or f"known kinds: {', '.join(sorted(KINDS))}"
        return [location.problem(f"there is no scorer kind {task.scorer!r}", fix)]
    variants = (vary(task, index) for index in range(max(1, len(task.variants))))
    found = (problem for variant in variants for problem in validate_task(KINDS[task.scorer], task, variant.cases))
    problems = list(dict.fromkeys(found))
    if problems:
        return problems
    location, variant = Location(f"{task.name}/task.toml", (), task.manifest), vary(task, 0)
    problems += requirement_problems(task, KINDS[task.scorer].check_names(variant), location)
    return [*problems, *unknown_requirements(task, variant.cases, f"{task.name}/cases.json")]


def require_scorable(tasks: Sequence[Task]) -> None:
    """Raises TaskError with every problem of the tasks' scorer kind, settings, language and cases."""
    problems = [problem for task in tasks for problem in scorer_problems(task)]
    if problems:
        raise TaskError(*problems)
