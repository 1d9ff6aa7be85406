"""How strong a task's checks are: they catch mistakes in the solution, and an answer to one variant fails the others.

`check_mutants` scores mutants of the solution, `check_variants` the solution of each variant on every other one. Both
score answers exactly like a model's and return what is wrong as problems.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import permutations
from typing import TypeVar

from harness.errors import Problem
from harness.tasks.load import vary
from harness.tasks.mutants import mutants_of
from harness.tasks.readings import readings_of
from harness.tasks.self_check import CaseExtension, Scorer
from harness.tasks.text_files import fill
from harness.types import Outcome, Task, Variant

T = TypeVar("T")

N_FIRST_CASES = 8
MIN_KILLED_SHARE = 0.9
"""Of the mutants that are not listed as equivalent in task.toml."""


@dataclass(frozen=True, slots=True)
class MutantReport:
    """How many mutants of a task's solution were scored, and the names of those that passed although none should.

    `listed` are the names that task.toml explains as equivalent to the solution.
    """

    task: str
    total: int
    survivors: tuple[str, ...]
    listed: tuple[str, ...]

    @property
    def killed_share(self) -> float:
        """Share of the mutants that failed, without the listed ones; 1 if there are none."""
        counted = self.total - len(self.listed)
        return 1 - len(self.survivors) / counted if counted else 1.0

    def problem(self) -> Problem | None:
        """Why the task's checks are too weak; None if they are not."""
        if self.killed_share >= MIN_KILLED_SHARE:
            return None
        names = "; ".join(self.survivors)
        message = f"{self.task}: {len(self.survivors)} of {self.total} mutants of the solution pass: {names}"
        return Problem(message, "add cases, or list equivalent mutants in [[survivors]] with a reason")


def check_mutants(task: Task, score: Scorer, extend: CaseExtension) -> MutantReport:
    """Score mutants of the first variant's solution. Raises EngineError, TaskError."""
    variant = extend(vary(task, 0))
    mutants = mutants_of(variant.solution, task.name)
    passed = _passing(mutants, lambda mutant: _passes(variant, mutant.replies, score))
    listed = [mutant.name for mutant in passed if mutant.name in task.survivors]
    survivors = [mutant.name for mutant in passed if mutant.name not in task.survivors]
    return MutantReport(task.name, len(mutants), tuple(survivors), tuple(listed))


def check_variants(tasks: Sequence[Task], score: Scorer, extend: CaseExtension) -> list[Problem]:
    """The pairs of variants of which one's solution, with the other's names, passes the other. Raises EngineError.

    A task that cannot be done has the same answer in every variant: that it cannot.
    """
    groups = [[extend(vary(task, index)) for index in range(len(task.variants))] for task in tasks if _differs(task)]
    pairs = [pair for variants in groups for pair in permutations(variants, 2)]
    found = _passing(pairs, lambda pair: _passes(pair[1], _renamed_solution(*pair), score))
    return [
        Problem(
            f"{one.task.name}: the solution of variant {one.index} passes variant {other.index}",
            "let the variants differ in what is asked, not in names only",
        )
        for one, other in found
    ]


def _differs(task: Task) -> bool:
    """Whether the variants must differ in substance."""
    cannot_be_done = task.settings.get("possible") is False or "cannot" in task.settings
    return bool(task.requirements) and not cannot_be_done


def _renamed_solution(one: Variant, other: Variant) -> Sequence[str]:
    task = one.task
    names = {name: task.variants[other.index][name] for name in task.renames}
    return [fill(reply, {**task.variants[one.index], **names}) for reply in task.solution]


def _passes(variant: Variant, replies: Sequence[str], score: Scorer) -> bool:
    """Whether an answer passes. The first cases are tried alone, since nearly every answer here fails one of them."""
    readings = readings_of(replies)
    first = replace(variant, cases=variant.cases[:N_FIRST_CASES])
    parts = (first, variant) if len(variant.cases) > 2 * N_FIRST_CASES else (variant,)
    return all(score(part, readings).outcome is Outcome.PASSED for part in parts)


def _passing(answers: Sequence[T], passes: Callable[[T], bool]) -> list[T]:
    with ThreadPoolExecutor(max_workers=2 * (os.cpu_count() or 1)) as pool:
        return [answer for answer, passed in zip(answers, pool.map(passes, answers), strict=True) if passed]
