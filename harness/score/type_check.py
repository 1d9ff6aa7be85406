"""The check `types` of an answer in TypeScript: its compiler finds no type error.

`TYPE_CASE` and `judge_types` are the case and its judge, `checked_text` the text that is compiled. Node runs TypeScript
by removing the types, so that a type error shows in no other check. The setting `types = true` asks for this one:
`tsc --strict`, version 7, with the types of the language and of Node 22, in a container of its own in which nothing of
the answer runs. A prompt has to say that the types must be right. The type `any` passes, an unannotated parameter does
not; a comment that tells the compiler to overlook errors has no effect.

Cost: tsc takes 0.15 s of CPU time and 53 MB; a trial with the check takes a second container.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.errors import Problem
from harness.languages import LANGUAGES
from harness.score.compare import Equality, display
from harness.score.validation import case_location, settings_location
from harness.types import Case, Check, Limits, Observation, Task

TYPES = "types"
TYPE_CASE = Case(TYPES, {"mode": "types"}, {"value": "no type error"})
MIN_TIMEOUT_S = 20.0
"""The compiler's time limit does not follow the task's, which is for the answer's functions."""
MIN_PIDS = 1024
"""Nor does its limit of threads: it starts one for each file that it waits for."""
NO_DIAGNOSIS = "the compiler broke off without naming an error"
_DIAGNOSIS = "error TS"
_DIRECTIVE = re.compile(r"@(?=ts-(?:nocheck|ignore|expect-error)\b)", re.IGNORECASE)
_REFERENCE = re.compile(r"///(?=\s*<)")
"""A reference can turn off the library or read other files: `/// <reference no-default-lib="true"/>`."""


def checks_types(task: Task) -> bool:
    """Whether the setting `types` asks for the check."""
    return task.settings.get(TYPES) is True


def checked_text(code: str) -> str:
    """The code without what tells the compiler to overlook errors; every line keeps its number."""
    return _REFERENCE.sub("// ", _DIRECTIVE.sub("@ ", code))


def type_check_limits(limits: Limits) -> Limits:
    """The limits of the job that checks types."""
    return replace(limits, case_timeout_s=max(limits.case_timeout_s, MIN_TIMEOUT_S), pids=max(limits.pids, MIN_PIDS))


def judge_types(case: Case, observation: Observation, equality: Equality) -> Check:
    """The check of what the compiler printed."""
    del equality
    expected = case.expect["value"]
    value = observation.value
    if observation.status != "returned" or not isinstance(value, dict):
        return Check(case.id, False, expected, None, f"{observation.status}: {observation.note}")
    if value.get("exit") == 0:
        return Check(case.id, True, expected, expected)
    printed = str(value.get("stdout") or value.get("stderr")).strip()
    return Check(case.id, False, expected, display(printed), None if _DIAGNOSIS in printed else NO_DIAGNOSIS)


def type_problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problems of a task that asks for the check in another language, or has a case of its name."""
    if not checks_types(task):
        return
    checked = [name for name, language in LANGUAGES.items() if language.runtime.check_types]
    if task.language not in checked:
        message = f"types are checked in {', '.join(checked)}, the task's language is {task.language!r}"
        yield settings_location(task, TYPES).problem(message, "remove it")
    for case in cases:
        if case.id == TYPES:
            yield case_location(task, case).problem("the check of the setting `types` has that name", "rename the case")
