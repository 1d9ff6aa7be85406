"""Checks whether a loaded task can be scored: its scorer kind, and that kind's settings, language and cases.

`require_scorable` refuses tasks with problems before a model is asked or a container starts.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import TaskError
from harness.score import KINDS
from harness.tasks.load import vary
from harness.types import Task


def scorer_problems(task: Task) -> list[str]:
    """Each problem of a task's scorer kind, settings and cases once, over all variants, with its place and its fix."""
    if task.scorer not in KINDS:
        return [f"task.toml: scorer.kind: is {task.scorer!r}; write one of {', '.join(sorted(KINDS))}"]
    variants = (vary(task, index) for index in range(max(1, len(task.variants))))
    found = (problem for variant in variants for problem in KINDS[task.scorer].problems(task, variant.cases))
    return list(dict.fromkeys(found))


def require_scorable(tasks: Sequence[Task]) -> None:
    """Raises TaskError with every problem of the tasks' scorer kind, settings, language and cases."""
    problems = [f"{task.name}: {problem}" for task in tasks for problem in scorer_problems(task)]
    if problems:
        raise TaskError(*problems)
