"""Runs a repository's files against a task's cases: tests of its own by id, and calls, each in a container of its own.

`run_repository` is the entry point: of the scorer kind `repository`, and of the driver `repository` of other kinds. A
test must be reported exactly once, and with the tests runs the canary, a test that must fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.errors import Problem
from harness.languages import NPM_PACKAGE, PYTHON_PACKAGE
from harness.score.execute import Build, Execution, entry_among, run_cases
from harness.score.kinds.calls import case_schema_of as call_schema_of
from harness.score.kinds.calls import judge_call
from harness.score.repository.runners import PYTEST, RUNNERS
from harness.score.repository.runs import TEST_FAILED, TEST_PASSED, TestBed, TestOutcomes, TestRun, run_tests
from harness.score.validation import STRING, STRINGS, case_schema, object_schema
from harness.score.verdict import abnormal_ends
from harness.types import Case, Check, Json, Outcome, Sandbox, Task, Variant

CANARY = "canary"
_PACKAGES_PATTERN = f"^(?:{PYTHON_PACKAGE}|{NPM_PACKAGE})$"
REPOSITORY_SETTINGS: dict[str, Json] = {
    "packages": {"type": "array", "items": {"type": "string", "pattern": _PACKAGES_PATTERN}},
    "paths": STRINGS,
    "distribution": STRING,
    "runner": {"enum": list(RUNNERS)},
    "preload": STRINGS,
}
"""How the tests are started; harness/score/kinds/repository.py explains each."""


def tests_of(case: Case) -> tuple[str, ...]:
    """The ids of a case's tests; () for one that calls."""
    return tuple(str(test) for test in case.give.get("tests", ()))


def repository_checks(cases: Sequence[Case]) -> tuple[str, ...]:
    """The canary where there are tests, and the ids of the cases."""
    canary = (CANARY,) if any(map(tests_of, cases)) else ()
    return (*canary, *(case.id for case in cases))


def repository_case_schema(task: Task, case: Case) -> Json:
    """The schema of a case: of one that calls, or of tests."""
    if "call" in case.give:
        return call_schema_of(task)
    return case_schema(
        object_schema({"tests": {**STRINGS, "minItems": 1}}, ["tests"]),
        object_schema({"outcome": {"const": TEST_PASSED}}, ["outcome"]),
    )


def missing_test_files(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problem of each file of tests that a case names and the task does not have."""
    for case in cases:
        for name in dict.fromkeys(test.partition("::")[0] for test in tests_of(case)):
            if name not in task.files and name not in task.host_files:
                yield Problem(f"{task.name}/cases.json, case {case.id!r}: files/{name} does not exist")


def run_repository(variant: Variant, files: Mapping[str, str], sandbox: Sandbox) -> Execution:
    """Run the tests, then the calls; the checks come in the order of the cases. Raises EngineError."""
    tested = tuple(case for case in variant.cases if tests_of(case))
    called = tuple(case for case in variant.cases if not tests_of(case))
    parts = [_run_tests(variant, files, tested, sandbox)] if tested else []
    if called:
        build = Build(files, entry_among(variant, files), "calls")
        parts.append(run_cases(variant, build, sandbox, judge_call, called))
    checks = {check.name: check for part in parts for check in part.checks}
    ordered = tuple(checks[name] for name in repository_checks(variant.cases))
    return Execution(ordered, frozenset[Outcome]().union(*(part.abnormal_ends for part in parts)))


def test_bed(variant: Variant, files: Mapping[str, str]) -> TestBed:
    """The repository with these files, as the task's tests run in it."""
    settings, tests = variant.task.settings, [test for case in variant.cases for test in tests_of(case)]
    return TestBed(
        files=files,
        test_files=tuple(dict.fromkeys(test.partition("::")[0] for test in tests)),
        packages=tuple(settings.get("packages", ())),
        paths=tuple(settings.get("paths", (".",))),
        distribution=str(settings.get("distribution", "")),
        runner=str(settings.get("runner", PYTEST)),
        preload=tuple(settings.get("preload", ())),
        limits=variant.task.limits,
    )


def _run_tests(variant: Variant, files: Mapping[str, str], cases: Sequence[Case], sandbox: Sandbox) -> Execution:
    tests = tuple(test for case in cases for test in tests_of(case))
    (outcomes,) = run_tests(test_bed(variant, files), [TestRun(tests)], sandbox)
    canary = Check(CANARY, outcomes.canary == TEST_FAILED, TEST_FAILED, outcomes.canary)
    return Execution((canary, *(_check(case, outcomes) for case in cases)), abnormal_ends([outcomes.observation]))


def _check(case: Case, outcomes: TestOutcomes) -> Check:
    ends = [outcomes.of(test) for test in tests_of(case)]
    others = sorted({end for end in ends if end != TEST_PASSED})
    return Check(case.id, not others, TEST_PASSED, ", ".join(others) or TEST_PASSED)
