"""The drivers that can run a task's cases, for the scorer kinds that take any: the setting `driver` chooses.

`run_files` runs a set of files against the cases; `case_schema_of` and `driven_problems` validate such a task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import Problem
from harness.score.execute import Build, CaseJudge, Driver, Execution, entry_among, run_cases
from harness.score.kinds import calls, program
from harness.score.repository.execution import (
    REPOSITORY_SETTINGS,
    missing_test_files,
    repository_case_schema,
    repository_checks,
    run_repository,
)
from harness.score.validation import missing_files
from harness.types import Case, Json, Sandbox, Task, Variant


def _ids(cases: Sequence[Case]) -> tuple[str, ...]:
    return tuple(case.id for case in cases)


@dataclass(frozen=True, slots=True)
class CaseDriver:
    """How files are run against the cases, the schema of a case, and the checks of cases."""

    run: Callable[[Variant, Mapping[str, str], Sandbox], Execution]
    case: Callable[[Task, Case], Json]
    check_names: Callable[[Sequence[Case]], tuple[str, ...]] = _ids


def _run_with(driver: Driver, judge: CaseJudge) -> Callable[[Variant, Mapping[str, str], Sandbox], Execution]:
    def run(variant: Variant, files: Mapping[str, str], sandbox: Sandbox) -> Execution:
        return run_cases(variant, Build(files, entry_among(variant, files), driver), sandbox, judge, variant.cases)

    return run


def driver_of(task: Task) -> CaseDriver:
    """The driver that the settings name; `calls` where they name none that is known."""
    return DRIVERS.get(str(task.settings.get("driver")), DRIVERS["calls"])


def run_files(variant: Variant, files: Mapping[str, str], sandbox: Sandbox) -> Execution:
    """Run files, with those of host/ laid over them, against all of the task's cases. Raises EngineError."""
    return driver_of(variant.task).run(variant, _lay_over(files, variant.host_files), sandbox)


def _lay_over(files: Mapping[str, str], over: Mapping[str, str]) -> dict[str, str]:
    """The files with those of host/ on top; a file that stands where host/ has a folder, or below a file, gives way."""
    if not over:
        return dict(files)
    kept = {
        path: text
        for path, text in files.items()
        if not any(other.startswith(f"{path}/") or path.startswith(f"{other}/") for other in over)
    }
    return {**kept, **over}


def driven_checks(variant: Variant, cases: Sequence[Case]) -> tuple[str, ...]:
    """The names of the checks of these cases."""
    return driver_of(variant.task).check_names(cases)


def case_schema_of(task: Task, case: Case) -> Json:
    """The schema of a case of a task whose files are run."""
    return driver_of(task).case(task, case)


def driven_problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problems of a task that has no files to run, or not those that it names."""
    if not task.files:
        yield Problem(f"{task.name}/files: the folder is empty", "add the files that the answer works on")
    yield from missing_files(task, "entry")
    yield from missing_test_files(task, cases)


DRIVERS: Mapping[str, CaseDriver] = {
    "calls": CaseDriver(_run_with("calls", calls.judge_call), lambda task, case: calls.case_schema_of(task)),
    "program": CaseDriver(_run_with("program", program.judge_program), lambda task, case: program.CASE),
    "repository": CaseDriver(run_repository, repository_case_schema, repository_checks),
}
DRIVER_SETTINGS: dict[str, Json] = {"driver": {"enum": list(DRIVERS)}, **REPOSITORY_SETTINGS}
