"""Kind `outside_tests`: given test code runs in a container of its own and calls the answer, which is in another one.

It scores tasks whose oracle is code: the tests of a standard set. Answer and tests share nothing but the values of
calls (harness/sandbox/outside.py): a list that the answer changes in place comes back changed, an exception by its
type, and what has no plain value, as a generator, as an object that equals nothing.

settings
    tests     the file of files/ with the test functions; it never enters the container of the answer
    names     what the code must define to be found among several blocks
    preamble  a file of files/ that stands before the answer's code, as the prompt of a set does (optional)
cases.json
    give      {"call": the test function, "candidate": the function of the answer that it is called with}
    expect    {"passes": true}: the test function returns
checks        one for each case, named by its id
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.errors import Problem
from harness.languages import LANGUAGES
from harness.score.execute import (
    NO_CODE,
    check_names,
    entry_of,
    find_code,
    language_of,
    not_returned,
    pair_observations,
)
from harness.score.scorer_kind import ScorerKind
from harness.score.validation import (
    STRING,
    STRINGS,
    case_schema,
    missing_files,
    object_schema,
    task_location,
)
from harness.score.verdict import Judgment, abnormal_ends, no_answer
from harness.types import Case, Check, Job, Json, Observation, Reading, Sandbox, Task, Variant

SETTINGS: dict[str, Json] = {"tests": STRING, "names": STRINGS, "preamble": STRING}
CASE = case_schema(
    object_schema({"call": STRING, "candidate": STRING}, ["call", "candidate"]),
    object_schema({"passes": {"const": True}}, ["passes"]),
)


def outside_job(variant: Variant, code: str) -> Job:
    """The job that runs the task's tests on an answer's code."""
    settings, entry = variant.task.settings, entry_of(variant)
    preamble = variant.files.get(str(settings.get("preamble")), "")
    return Job(
        language=language_of(variant),
        driver="outside",
        entry=entry,
        files={entry: f"{preamble}\n\n{code}" if preamble else code},
        cases=tuple((case.id, case.give) for case in variant.cases),
        limits=variant.task.limits,
        tests={str(settings["tests"]): variant.files[str(settings["tests"])]},
        tests_entry=str(settings["tests"]),
    )


def judge_test(case: Case, observation: Observation) -> Check:
    """The check of one test function."""
    if observation.status == "returned":
        return Check(case.id, True, {"passes": True}, {"passes": True})
    if observation.status == "raised":
        return Check(case.id, False, {"passes": True}, {"raises": observation.note})
    return not_returned(case, observation)


def score_outside_tests(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the last turn's answer. Raises EngineError."""
    found = find_code(readings[-1].content, variant)
    if found is None:
        return no_answer(check_names(variant), NO_CODE)
    pairs = pair_observations(variant.cases, sandbox.run(outside_job(variant, found.code)))
    checks = tuple(judge_test(case, observation) for case, observation in pairs)
    ends = abnormal_ends([observation for _, observation in pairs])
    return Judgment(checks, found.rule, ends, metrics={"block_closed": found.closed})


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problems of files that do not exist, and of a language whose tests cannot be kept outside."""
    yield from missing_files(task, "tests")
    yield from missing_files(task, "preamble")
    language = LANGUAGES[task.language or "python"]
    if not language.runtime.outside_driver:
        yield task_location(task, "language").problem(f"tests in {language.name} cannot be kept outside")


KIND = ScorerKind(
    check_names,
    score_outside_tests,
    settings=lambda task: SETTINGS,
    case=lambda task, case: CASE,
    problems=problems,
    required=("tests", "names"),
    runs_code=True,
)
