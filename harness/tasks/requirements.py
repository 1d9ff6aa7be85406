"""Requirements of a task: what its prompt demands, which checks test each, and which wrong answer breaks each.

`checks_of` gives the checks of a requirement. `requirement_problems` and `unknown_requirements` find what is wrong with
a task's requirements and with those that its cases state, without running anything. That a wrong answer breaks exactly
its requirement is proved by `self_check`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.errors import Problem
from harness.schema import Location, suggestion
from harness.types import Case, Task, TaskRequirement, Variant

_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")


def checks_of(requirement: str, variant: Variant, names: Sequence[str]) -> set[str]:
    """Those of these check names that test a requirement, by task.toml or by what a case itself states."""
    by_case = {case.id for case in variant.cases if requirement in case.requirements}
    patterns = [pattern for one in variant.task.requirements if one.id == requirement for pattern in one.checks]
    return {name for name in names if name in by_case or any(_matches(name, pattern) for pattern in patterns)}


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("/*") else name == pattern


def requirement_problems(task: Task, fixed_checks: Sequence[str], location: Location) -> Iterator[Problem]:
    """What is wrong with a task's requirements; `fixed_checks` are the names of the checks of its fixed cases."""
    if not task.requirements:
        if task.generator:
            yield location.problem("a task with cases.py must state its requirements", "add [[requirements]]")
        return
    here = location.at("requirements")
    yield from _duplicates(task, here)
    broken = {wrong.breaks for wrong in task.wrong_answers}
    for at, requirement in enumerate(task.requirements):
        yield from _entry_problems(task, requirement, fixed_checks, here.at(at))
        if requirement.id not in broken:
            message = f"no wrong answer breaks the requirement {requirement.id!r}"
            yield here.at(at).problem(message, f'write one, with breaks = "{requirement.id}" in its [[wrong]] entry')
    yield from _unlisted_checks(task, fixed_checks, here)
    yield from _unknown_requirements(task, location)


def _duplicates(task: Task, here: Location) -> Iterator[Problem]:
    ids = [requirement.id for requirement in task.requirements]
    for at, name in enumerate(ids):
        if name in ids[:at]:
            yield here.at(at, "id").problem(f"the id {name!r} is a duplicate", "give every requirement its own id")


def _entry_problems(
    task: Task, requirement: TaskRequirement, fixed_checks: Sequence[str], here: Location
) -> Iterator[Problem]:
    # An agent reads the files as it reads the prompt: a document among them may say what is demanded.
    texts = (task.system, *task.turns), task.files.values() if task.for_agents else ()
    if not any(_words(requirement.sentence) in _words(" ".join(part)) for part in texts):
        yield here.at("sentence").problem(
            "this is no sentence of the prompt", "copy the sentence word for word from the prompt"
        )
    for pattern in requirement.checks:
        if not pattern.endswith("/*") and pattern not in fixed_checks:
            fix = suggestion(pattern, fixed_checks) or "name a check of cases.json, or hidden ones as NAME/*"
            yield here.at("checks").problem(f"no check is called {pattern!r}", fix)


def _words(text: str) -> str:
    """A text without markup, placeholders and differences of whitespace."""
    return " ".join(_PLACEHOLDER.sub(" ", text).replace("`", "").replace("*", "").split())


def _unlisted_checks(task: Task, fixed_checks: Sequence[str], here: Location) -> Iterator[Problem]:
    patterns = [pattern for requirement in task.requirements for pattern in requirement.checks]
    unlisted = [name for name in fixed_checks if not any(_matches(name, pattern) for pattern in patterns)]
    if unlisted:
        yield here.problem(
            f"no requirement lists {', '.join(unlisted)}", "list each check under the requirement that it tests"
        )


def unknown_requirements(task: Task, cases: Sequence[Case], place: str) -> Iterator[Problem]:
    """The problem of each requirement that a case states and the task does not; `place` names the file of the cases."""
    ids = [requirement.id for requirement in task.requirements]
    for case in cases:
        for name in sorted(set(case.requirements) - set(ids)):
            fix = suggestion(name, ids) or f"known ids: {', '.join(ids) or 'none'}"
            yield Problem(f"{place}, case {case.id!r}: no requirement has the id {name!r}", fix)


def _unknown_requirements(task: Task, location: Location) -> Iterator[Problem]:
    ids = [requirement.id for requirement in task.requirements]
    for at, wrong in enumerate(task.wrong_answers):
        if wrong.breaks is not None and wrong.breaks not in ids:
            fix = suggestion(wrong.breaks, ids) or f"known ids: {', '.join(ids)}"
            yield location.at("wrong", at, "breaks").problem(f"no requirement has the id {wrong.breaks!r}", fix)
