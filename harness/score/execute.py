"""Runs an answer's code against a task's cases: from code to a job, from the job's observations to checks.

`judge_answer` does all of it for the kinds whose answer is one file of code. Each case is a check of its own name, and
the setting `types` adds one; the expected values stay on the host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from harness.languages import LANGUAGES
from harness.score.compare import Equality, display, equality_of
from harness.score.extraction.extract import FoundCode, Hints, extract
from harness.score.type_check import (
    NO_DIAGNOSIS,
    TYPE_CASE,
    TYPES,
    checked_text,
    checks_types,
    judge_types,
    type_check_limits,
)
from harness.score.verdict import Judgment, abnormal_ends, no_answer
from harness.types import Case, Check, Job, Json, Observation, Outcome, Sandbox, Variant

Driver = Literal["calls", "program", "tests"]
CaseJudge = Callable[[Case, Observation, Equality], Check]
"""Compares what was observed of one case with what it expects."""
NO_CODE = "no code was found in the answer"
_MAX_NOTE_CHARS = 200


def language_of(variant: Variant) -> str:
    """The task's language; a task that runs code and names none was refused before (score/validation.py)."""
    return variant.task.language or "python"


def entry_of(variant: Variant) -> str:
    """The file that the answer's code becomes: the setting `entry`, else the default of the language."""
    entry = variant.task.settings.get("entry")
    return entry if isinstance(entry, str) else LANGUAGES[language_of(variant)].entry


def entry_among(variant: Variant, files: Mapping[str, str]) -> str:
    """The file that is loaded or started: the setting `entry`, else the first of the task's by name, else of these."""
    entry = variant.task.settings.get("entry")
    return entry if isinstance(entry, str) else min(variant.files or files)


def given_files(variant: Variant) -> dict[str, str]:
    """The task's files that go into the container by the setting `files`: all, those that it lists, or none."""
    chosen = variant.task.settings.get("files", False)
    if isinstance(chosen, list):
        return {name: variant.files[name] for name in chosen if name in variant.files}
    return dict(variant.files) if chosen else {}


def expected_names(variant: Variant) -> tuple[str, ...]:
    """The names that the code should define: the setting `names`, else the functions that the cases call.

    SQL has no functions: its cases call the driver's verbs (harness/sandbox/drivers/sql_calls.py).
    """
    names = variant.task.settings.get("names")
    if isinstance(names, list):
        return tuple(str(name) for name in names)
    if not LANGUAGES[language_of(variant)].has_functions:
        return ()
    return tuple(dict.fromkeys(str(case.give["call"]) for case in variant.cases if "call" in case.give))


def equality(variant: Variant) -> Equality:
    """How the task compares values: the setting `equality`."""
    return equality_of(str(variant.task.settings.get("equality", "exact")), variant.task.language)


def find_code(answer: str, variant: Variant) -> FoundCode | None:
    """The code in an answer to this task."""
    hints = Hints(
        joined=variant.task.settings.get("blocks") == "all",
        given=(variant.system, *variant.turns),
        is_query=language_of(variant) == "sql" and {case.give.get("call") for case in variant.cases} == {"rows"},
    )
    return extract(answer, language_of(variant), expected_names(variant), hints)


@dataclass(frozen=True, slots=True)
class Build:
    """What is run: the files of the working directory, which of them is loaded or started, and by which driver."""

    files: Mapping[str, str]
    entry: str
    driver: Driver


def job_of(variant: Variant, build: Build, cases: Sequence[Case]) -> Job:
    """The job that runs a build against cases."""
    return Job(
        language=language_of(variant),
        driver=build.driver,
        entry=build.entry,
        files=dict(build.files),
        cases=tuple((case.id, case.give) for case in cases),
        limits=variant.task.limits,
    )


def pair_observations(cases: Sequence[Case], observations: Sequence[Observation]) -> list[tuple[Case, Observation]]:
    """Each case with its one observation. A case that was reported twice or never counts as forged."""
    by_case: dict[str, list[Observation]] = {}
    for observation in observations:
        by_case.setdefault(observation.case, []).append(observation)
    pairs = []
    for case in cases:
        reported = by_case.get(case.id, [])
        forged = Observation(case.id, "forged", None, "not reported exactly once")
        pairs.append((case, reported[0] if len(reported) == 1 else forged))
    return pairs


def not_returned(case: Case, observation: Observation) -> Check:
    """The failed check of a case that returned no value."""
    note = f"{observation.status}: {observation.note}" if observation.note else observation.status
    return Check(case.id, False, display_expected(case), None, note[:_MAX_NOTE_CHARS])


def display_expected(case: Case) -> Json:
    """What a case expects, shortened; the bare value where nothing else is expected."""
    expect = dict(case.expect)
    return display(expect["value"] if list(expect) == ["value"] else expect)


@dataclass(frozen=True, slots=True)
class Execution:
    """The checks of an execution, one for each case, and how the code of the failed ones ended without returning."""

    checks: tuple[Check, ...]
    abnormal_ends: frozenset[Outcome]


def run_cases(variant: Variant, build: Build, sandbox: Sandbox, judge: CaseJudge, cases: Sequence[Case]) -> Execution:
    """Run a build against cases. Raises EngineError."""
    if not cases:
        return Execution((), frozenset())
    how = equality(variant)
    pairs = pair_observations(cases, sandbox.run(job_of(variant, build, cases)))
    checks = tuple(judge(case, observation, how) for case, observation in pairs)
    failed = [observation for check, (_, observation) in zip(checks, pairs, strict=True) if not check.passed]
    return Execution(checks, abnormal_ends(failed) | _signals(failed))


def _signals(failed: Sequence[Observation]) -> frozenset[Outcome]:
    """`crashed` where a program was ended by a signal: its exit status is negative."""
    codes = [observation.value.get("exit") for observation in failed if isinstance(observation.value, dict)]
    return frozenset({Outcome.CRASHED} if any(type(code) is int and code < 0 for code in codes) else ())


def groups_of(checks: Sequence[Check]) -> dict[str, Json]:
    """How many checks of each group passed; a check's group is what stands before a slash in its name."""
    groups: dict[str, Json] = {}
    for check in checks:
        group, slash, _ = check.name.partition("/")
        if slash:
            counts = groups.setdefault(group, {"passed": 0, "n": 0})
            counts["passed"] += check.passed
            counts["n"] += 1
    return groups


def group_metrics(checks: Sequence[Check]) -> dict[str, Json]:
    """The fact `groups`; nothing where no check belongs to a group."""
    groups = groups_of(checks)
    return {"groups": groups} if groups else {}


def judge_answer(answer: str, variant: Variant, sandbox: Sandbox, judges: Mapping[Driver, CaseJudge]) -> Judgment:
    """Find the code in an answer, run it against the task's cases, compare. Raises EngineError.

    A case that gives a `call` is for the driver `calls`, every other for `program`; `judges` has those that may occur.
    """
    found = find_code(answer, variant)
    if found is None:
        return no_answer(check_names(variant), NO_CODE)
    entry = entry_of(variant)
    files = {**given_files(variant), entry: found.code}
    executions = [
        run_cases(variant, Build(files, entry, driver), sandbox, judge, _cases_for(driver, variant.cases))
        for driver, judge in judges.items()
    ]
    if checks_types(variant.task):
        executions.append(_check_types(variant, {**files, entry: checked_text(found.code)}, sandbox))
    by_name = {check.name: check for execution in executions for check in execution.checks}
    checks = tuple(by_name[name] for name in check_names(variant))
    ends = frozenset(end for execution in executions for end in execution.abnormal_ends)
    return Judgment(checks, found.rule, ends, metrics={"block_closed": found.closed, **group_metrics(checks)})


def check_names(variant: Variant) -> tuple[str, ...]:
    """The checks of a variant whose answer is one file of code: the ids of the cases, and `types` where it asks so."""
    return (*(case.id for case in variant.cases), *([TYPES] if checks_types(variant.task) else []))


def _check_types(variant: Variant, files: Mapping[str, str], sandbox: Sandbox) -> Execution:
    limits = type_check_limits(variant.task.limits)
    compiled = replace(variant, task=replace(variant.task, limits=limits))
    build = Build(files, entry_of(variant), "program")
    execution = run_cases(compiled, build, sandbox, judge_types, [TYPE_CASE])
    # Seen once on a busy machine: a stack trace of the compiler in place of errors. Code that really breaks it does so
    # the second time, too.
    if any(check.note == NO_DIAGNOSIS for check in execution.checks):
        execution = run_cases(compiled, build, sandbox, judge_types, [TYPE_CASE])
    return execution


def _cases_for(driver: Driver, cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases if ("call" in case.give) == (driver == "calls")]
