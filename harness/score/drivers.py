"""The two drivers that can run a task's cases, for the scorer kinds that take either: the setting `driver` chooses.

`run_files` runs a set of files against the cases; `case_schema_of` and `driven_problems` validate such a task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from harness.errors import Problem
from harness.score.execute import Build, CaseJudge, Driver, Execution, run_cases
from harness.score.kinds import calls, program
from harness.score.validation import missing_files
from harness.types import Json, Sandbox, Task, Variant


@dataclass(frozen=True, slots=True)
class CaseDriver:
    """How the driver's observation of a case is judged, and the schema of its cases."""

    judge: CaseJudge
    case: Callable[[Task], Json]


def driver_of(task: Task) -> Driver:
    """The driver that the settings name; `calls` where they name none."""
    return "program" if task.settings.get("driver") == "program" else "calls"


def run_files(variant: Variant, files: Mapping[str, str], sandbox: Sandbox) -> Execution:
    """Run files against all of the task's cases. Raises EngineError."""
    driver = driver_of(variant.task)
    build = Build(files, entry_among(variant, files), driver)
    return run_cases(variant, build, sandbox, DRIVERS[driver].judge, variant.cases)


def entry_among(variant: Variant, files: Mapping[str, str]) -> str:
    """The file that is loaded or started: the setting `entry`, else the first of the task's by name, else of these."""
    entry = variant.task.settings.get("entry")
    return entry if isinstance(entry, str) else min(variant.files or files)


def case_schema_of(task: Task) -> Json:
    """The schema of the cases of a task whose files are run."""
    return DRIVERS[driver_of(task)].case(task)


def driven_problems(task: Task) -> Iterator[Problem]:
    """The problems of a task that has no files to run, or not the one that it names."""
    if not task.files:
        yield Problem(f"{task.name}/files: the folder is empty", "add the files that the answer works on")
    yield from missing_files(task, "entry")


DRIVERS: Mapping[Driver, CaseDriver] = {
    "calls": CaseDriver(calls.judge_call, calls.case_schema_of),
    "program": CaseDriver(program.judge_program, lambda task: program.CASE),
}
DRIVER_SETTING: Json = {"enum": list(DRIVERS)}
