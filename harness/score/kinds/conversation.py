"""Kind `conversation`: each turn's code is run against the cases of that turn; tests that the model wrote are run too.

settings      of kind `calls`: equality, entry, names (default: the functions that the turn's cases call); and
    module      the file as which a turn's tests import what they test; default: entry
    test_file   the file that the turn's tests become; default "test_answer.py"
cases.json    `give` has `turn` (from 1), which does not enter the container, and is
    {"turn": n, "call": ...}       as of kind `calls`, on the code of that turn's reply; expect as there
    {"turn": n, "argv": ...}       as of kind `program`; give "mode": "run" where nothing else says so
    {"turn": n, "tests_on": name}  the tests of that turn's reply run with pytest on files/<name>, which is placed
                                   beside them under the name of `module`; expect {"tests": "pass"} (at least one
                                   passes, none fails) or {"tests": "fail"} (at least one fails); a file without a test,
                                   or that does not load or exits, counts as neither. Each of these is a process of its
                                   own in a folder of its own. They run in a shuffled order, and the last ones
                                   once more in another container in the reverse order, where those that ended
                                   as expected must end so again: see `_run_tests`
checks        one for each case; the cases of a turn without code all fail
metrics       rules (how each turn's code was found), groups, tests_right and tests_broken: the shares of right
              implementations that the tests pass and of broken ones that they catch
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.errors import Problem
from harness.files import sha256_of, to_json
from harness.languages import LANGUAGES
from harness.score.compare import Equality
from harness.score.execute import (
    NO_CODE,
    Build,
    CaseJudge,
    Execution,
    check_names,
    entry_of,
    group_metrics,
    language_of,
    not_returned,
    run_cases,
)
from harness.score.extraction.extract import FoundCode, Hints, extract
from harness.score.kinds import calls, program
from harness.score.scorer_kind import ScorerKind
from harness.score.validation import (
    EQUALITY,
    INTEGER,
    STRING,
    STRINGS,
    case_location,
    case_schema,
    no_such_file,
    object_schema,
    task_location,
)
from harness.score.verdict import Judgment, no_answer
from harness.types import Case, Check, Json, Observation, Outcome, Reading, Sandbox, Task, Variant

SETTINGS: dict[str, Json] = {
    "equality": EQUALITY,
    "entry": STRING,
    "names": STRINGS,
    "module": STRING,
    "test_file": STRING,
}
TESTS_CASE = case_schema(
    object_schema({"turn": INTEGER, "tests_on": STRING}, ["turn", "tests_on"]),
    object_schema({"tests": {"enum": ["pass", "fail"]}}, ["tests"]),
)
_TEST_MARK = r"^\s*(?:async\s+)?def\s+test|^class\s+Test"
RUNS_IN_REVERSE = 8
"""How many of the runs of tests are repeated in the reverse order: those that have the fewest before them there."""
_PASSED, _FAILED = 0, 1
"""Exit codes of pytest."""


@dataclass(slots=True)
class _Progress:
    """What was found in the turns so far: the checks by case, how each turn's code was found, and how it ended."""

    checks: dict[str, Check] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    abnormal_ends: frozenset[Outcome] = frozenset()


def turn_of(case: Case) -> int:
    """The turn whose reply a case is about, from 1."""
    return int(case.give["turn"])


def _is_about_tests(case: Case) -> bool:
    return "tests_on" in case.give


def _without_turn(case: Case) -> Case:
    """The case as it enters the container."""
    return replace(case, give={key: value for key, value in case.give.items() if key != "turn"})


def _judge_tests(case: Case, observation: Observation, equality: Equality) -> Check:
    """The check of the model's tests on one implementation."""
    del equality
    if observation.status != "returned" or not isinstance(observation.value, dict):
        return not_returned(case, observation)
    expected, code = str(case.expect["tests"]), observation.value.get("exit")
    result = _result_of_tests(observation.value) or f"exit {code}: no tests that could run"
    return Check(case.id, result == expected, expected, result)


def _result_of_tests(value: Mapping[str, Json]) -> str | None:
    """ "pass" or "fail"; None where the driver did not find that a test ran."""
    counts = (value.get("passed"), value.get("failed"), value.get("exit"))
    passed, failed, code = (count if type(count) is int else -1 for count in counts)
    if code == _PASSED and passed > 0 and failed == 0:
        return "pass"
    return "fail" if code == _FAILED and failed > 0 else None


def _order_of_tests(build: Build, cases: Sequence[Case]) -> list[Case]:
    """The cases shuffled, with a right implementation at one end and a broken one at the other, if there are both.

    The order follows from the tests and the cases: scoring again runs them in the same one.
    """
    rng = random.Random(sha256_of(to_json([dict(build.files), [[case.id, dict(case.give)] for case in cases]])))
    order = list(cases)
    rng.shuffle(order)
    ends = [next((case for case in order if case.expect["tests"] == result), None) for result in ("pass", "fail")]
    rng.shuffle(ends)
    first, last = ends
    if first is None or last is None:
        return order
    return [first, *(case for case in order if case.id not in (first.id, last.id)), last]


def _run_tests(variant: Variant, build: Build, sandbox: Sandbox, cases: Sequence[Case]) -> Execution:
    """Run the tests on each implementation, and in another container on the last ones in the reverse order.

    The runs of one container are apart in what they can write to, but the kernel counts what they do, as processes
    (harness/sandbox/drivers/tests.py), so that tests without an expected value could compare an implementation with
    the ones before it. In each of the two orders one has none before it: in one order it is right, in the other it is
    broken. So such tests fail on one of the two.
    """
    order = _order_of_tests(build, cases)
    first = run_cases(variant, build, sandbox, _judge_tests, order)
    passed = {check.name for check in first.checks if check.passed}
    again = [case for case in reversed(order[-RUNS_IN_REVERSE:]) if case.id in passed]
    second = {check.name: check for check in run_cases(variant, build, sandbox, _judge_tests, again).checks}
    checks = tuple(_in_both_orders(check, second.get(check.name)) for check in first.checks)
    return replace(first, checks=checks)


def _in_both_orders(first: Check, second: Check | None) -> Check:
    """The check of tests by both orders; `second` is None where the first order decided."""
    if second is None or second.passed:
        return first
    note = f"ended as {first.observed} when the implementations came in another order"
    return replace(second, note=f"{note}; {second.note}" if second.note else note)


def _tests_case(case: Case, variant: Variant) -> Case:
    module = str(variant.task.settings.get("module", entry_of(variant)))
    return replace(case, give={"files": {module: variant.files[str(case.give["tests_on"])]}})


def _find_code(reading: Reading, variant: Variant, cases: Sequence[Case]) -> FoundCode | None:
    names = variant.task.settings.get("names")
    called = [str(case.give["call"]) for case in cases if "call" in case.give]
    wanted = tuple(names) if isinstance(names, list) and called else tuple(dict.fromkeys(called))
    mark = _TEST_MARK if any(map(_is_about_tests, cases)) else None
    return extract(reading.content, language_of(variant), wanted, Hints(mark=mark, given=variant.turns))


def _executions(variant: Variant, code: str, cases: Sequence[Case]) -> list[tuple[Build, CaseJudge, list[Case]]]:
    """What is run for one turn: its tests on each implementation, its calls, its programs."""
    settings, entry = variant.task.settings, entry_of(variant)
    test_file = str(settings.get("test_file", "test_answer.py"))
    tests = [_tests_case(case, variant) for case in cases if _is_about_tests(case)]
    called = [_without_turn(case) for case in cases if "call" in case.give]
    run = [_without_turn(case) for case in cases if not _is_about_tests(case) and "call" not in case.give]
    return [
        (Build({test_file: code}, test_file, "tests"), _judge_tests, tests),
        (Build({entry: code}, entry, "calls"), calls.judge_call, called),
        (Build({entry: code}, entry, "program"), program.judge_program, run),
    ]


def _score_turn(progress: _Progress, turn: int, found: FoundCode, variant: Variant, sandbox: Sandbox) -> None:
    progress.rules[str(turn)] = found.rule
    cases = [case for case in variant.cases if turn_of(case) == turn]
    for build, judge, part in _executions(variant, found.code, cases):
        if build.driver == "tests":
            execution = _run_tests(variant, build, sandbox, part)
        else:
            execution = run_cases(variant, build, sandbox, judge, part)
        progress.checks |= {check.name: check for check in execution.checks}
        progress.abnormal_ends |= execution.abnormal_ends


def _passed_share(cases: Sequence[Case], checks: Mapping[str, Check], expected: str) -> float | None:
    passed = [checks[case.id].passed for case in cases if case.expect.get("tests") == expected]
    return round(sum(passed) / len(passed), 4) if passed else None


def score_conversation(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score each turn that has cases. Raises EngineError."""
    progress = _Progress()
    for turn in sorted({turn_of(case) for case in variant.cases}):
        cases = [case for case in variant.cases if turn_of(case) == turn]
        found = _find_code(readings[turn - 1], variant, cases) if turn <= len(readings) else None
        if found is not None:
            _score_turn(progress, turn, found, variant, sandbox)
            continue
        why = NO_CODE if turn <= len(readings) else "the conversation ended before this turn"
        progress.checks |= {case.id: Check(case.id, False, None, None, why) for case in cases}
    if not progress.rules:
        return no_answer(check_names(variant), NO_CODE)
    checks = tuple(progress.checks[case.id] for case in variant.cases)
    metrics: dict[str, Json] = {
        "rules": progress.rules,
        "tests_right": _passed_share(variant.cases, progress.checks, "pass"),
        "tests_broken": _passed_share(variant.cases, progress.checks, "fail"),
        **group_metrics(checks),
    }
    rule = ", ".join(dict.fromkeys(progress.rules.values()))
    return Judgment(checks, rule, progress.abnormal_ends, metrics=metrics)


def case_schema_of(task: Task, case: Case) -> Json:
    """The schema of a case by what it gives: tests to run, a call, or else a program to run."""
    if _is_about_tests(case):
        return TESTS_CASE
    if "call" in case.give:
        return calls.case_schema_of(task, turn=INTEGER)
    give = program.GIVE
    with_turn = {**give, "properties": {"turn": INTEGER, **give["properties"]}, "required": ["turn", *give["required"]]}
    return case_schema(with_turn, program.EXPECT)


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problems of turns that the task does not have, and of tests that cannot run."""
    for case in cases:
        give = case_location(task, case).at("give")
        if not 1 <= turn_of(case) <= len(task.turns):
            yield give.at("turn").problem(f"there is no turn {turn_of(case)}, the task has {len(task.turns)}")
        if _is_about_tests(case) and case.give["tests_on"] not in task.files:
            yield no_such_file(give.at("tests_on"), task, str(case.give["tests_on"]))
    if any(map(_is_about_tests, cases)) and not LANGUAGES[task.language or "python"].runtime.tests_driver:
        yield task_location(task, "language").problem(f"tests in {task.language!r} cannot be run", "use Python")


KIND = ScorerKind(
    check_names,
    score_conversation,
    settings=lambda task: SETTINGS,
    case=case_schema_of,
    problems=problems,
    runs_code=True,
)
