"""Kind `conversation`: the code of each turn by running it; tests that the model wrote, by running those.

settings      of kind `calls`: equality, entry, names (default: the functions that the turn's cases call); and
    module      the file as which a turn's tests import what they test; default: entry
    test_file   the file that the turn's tests become; default "test_answer.py"
cases.json    `give` holds `turn` (from 1), which does not enter the container, and is
    {"turn": n, "call": ...}       as of kind `calls`, on the code of that turn's reply; expect as there
    {"turn": n, "argv": ...}       as of kind `program`; give "mode": "run" where nothing else says so
    {"turn": n, "tests_on": name}  the tests of that turn's reply run with pytest on files/<name>, which stands beside
                                   them under the name of `module`; expect {"tests": "pass"} (there are some, all pass)
                                   or {"tests": "fail"} (at least one fails; a file that does not load is neither)
checks        one a case; the cases of a turn without code all fail
facts         rules (how each turn's code was found), groups, tests_right and tests_broken: the shares of right
              implementations that the tests pass and of broken ones that they catch
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.errors import EngineError
from harness.score.compare import Equality
from harness.score.drivers import WAYS
from harness.score.execute import NO_CODE, Build, Judge, entry_of, grouped, judged, language_of, unreturned
from harness.score.extraction.extract import Found, extract
from harness.score.kinds.calls import demand_calls
from harness.score.kinds.program import demand_programs
from harness.score.settings import Demands
from harness.score.verdict import Judgment, nothing
from harness.types import Case, Check, Json, Observation, Outcome, Reading, Sandbox, Task, Variant

SETTINGS = ("equality", "entry", "names", "module", "test_file")
_IS_TEST = r"^\s*(?:async\s+)?def\s+test|^class\s+Test"
_RUNNER = "run_the_tests.py"
_NO_PYTEST = 91
_PASSED, _FAILED = 0, 1
_RUN = """\
import sys

try:
    import pytest
except ImportError:
    sys.exit({missing})
sys.exit(pytest.main(["-q", "--tb=no", "-p", "no:cacheprovider", {file!r}]))
"""
_ENDS = {"pass": _PASSED, "fail": _FAILED}


@dataclass(slots=True)
class _Course:
    """What was found so far: a check a case, how each turn's code was found, and what ended it."""

    checks: dict[str, Check] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    ends: frozenset[Outcome] = frozenset()


def turn_of(case: Case) -> int:
    """The turn whose reply a case is about, from 1."""
    return int(case.give["turn"])


def check_names(variant: Variant) -> tuple[str, ...]:
    """The checks' names."""
    return tuple(case.id for case in variant.cases)


def _is_about_tests(case: Case) -> bool:
    return "tests_on" in case.give


def _inward(case: Case) -> Case:
    """The case as it enters the container."""
    return replace(case, give={key: value for key, value in case.give.items() if key != "turn"})


def _judge_tests(case: Case, seen: Observation, how: Equality) -> Check:
    """The check of the model's tests on one implementation."""
    del how
    if seen.ended != "returned" or not isinstance(seen.value, dict):
        return unreturned(case, seen)
    code = seen.value.get("exit")
    if code == _NO_PYTEST:
        raise EngineError("the scorer's image has no pytest: build it again with `lanebench doctor`")
    wanted = str(case.expect["tests"])
    said = next((word for word, number in _ENDS.items() if number == code), f"exit {code}: no tests that could run")
    return Check(case.id, said == wanted, wanted, said)


def _tests_case(case: Case, variant: Variant) -> Case:
    module = str(variant.task.settings.get("module", entry_of(variant)))
    files = {module: variant.files[str(case.give["tests_on"])]}
    return replace(case, give={"argv": [], "stdin": "", "files": files, "mode": "run"})


def _find(reading: Reading, variant: Variant, cases: Sequence[Case]) -> Found | None:
    names = variant.task.settings.get("names")
    called = [str(case.give["call"]) for case in cases if "call" in case.give]
    wanted = tuple(names) if isinstance(names, list) and called else tuple(dict.fromkeys(called))
    mark = _IS_TEST if any(map(_is_about_tests, cases)) else None
    return extract(reading.content, language_of(variant), wanted, mark=mark)


def _parts(variant: Variant, code: str, cases: Sequence[Case]) -> list[tuple[Build, Judge, list[Case]]]:
    """What is run for one turn: its tests on implementations, its calls, its programs."""
    settings, entry = variant.task.settings, entry_of(variant)
    test_file = str(settings.get("test_file", "test_answer.py"))
    runner = _RUN.format(missing=_NO_PYTEST, file=test_file)
    tests = [_tests_case(case, variant) for case in cases if _is_about_tests(case)]
    called = [_inward(case) for case in cases if "call" in case.give]
    run = [_inward(case) for case in cases if not _is_about_tests(case) and "call" not in case.give]
    return [
        (Build({test_file: code, _RUNNER: runner}, _RUNNER, "program"), _judge_tests, tests),
        (Build({entry: code}, entry, "calls"), WAYS["calls"].judge, called),
        (Build({entry: code}, entry, "program"), WAYS["program"].judge, run),
    ]


def _score_turn(course: _Course, turn: int, found: Found, variant: Variant, sandbox: Sandbox) -> None:
    course.rules[str(turn)] = found.rule
    cases = [case for case in variant.cases if turn_of(case) == turn]
    for build, judge, part in _parts(variant, found.code, cases):
        ran = judged(variant, build, sandbox, judge, part)
        course.checks |= {check.name: check for check in ran.checks}
        course.ends |= ran.ends


def _share(cases: Sequence[Case], checks: Mapping[str, Check], wanted: str) -> float | None:
    passed = [checks[case.id].passed for case in cases if case.expect.get("tests") == wanted]
    return round(sum(passed) / len(passed), 4) if passed else None


def score_conversation(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score each turn that cases speak of. Raises EngineError."""
    course = _Course()
    for turn in sorted({turn_of(case) for case in variant.cases}):
        cases = [case for case in variant.cases if turn_of(case) == turn]
        found = _find(readings[turn - 1], variant, cases) if turn <= len(readings) else None
        if found is not None:
            _score_turn(course, turn, found, variant, sandbox)
            continue
        why = NO_CODE if turn <= len(readings) else "the conversation ended before this turn"
        course.checks |= {case.id: Check(case.id, False, None, None, why) for case in cases}
    if not course.rules:
        return nothing(check_names(variant), NO_CODE)
    checks = tuple(course.checks[case.id] for case in variant.cases)
    facts: dict[str, Json] = {
        "rules": course.rules,
        "tests_right": _share(variant.cases, course.checks, "pass"),
        "tests_broken": _share(variant.cases, course.checks, "fail"),
    }
    rule = ", ".join(dict.fromkeys(course.rules.values()))
    return Judgment(checks, rule, course.ends, facts={**facts, **grouped(checks)})


def _demand_turn(demands: Demands, case: Case) -> None:
    at, turns = demands.case(case), len(demands.task.turns)
    if at.of_type(case.give, "turn", int, "give", needed=True) and not 1 <= case.give["turn"] <= turns:
        at.fault("give.turn", f"is {case.give['turn']}; the task has turns 1 to {turns}")
    if not _is_about_tests(case):
        return
    at.only(case.give, ("turn", "tests_on"), "give")
    if case.give["tests_on"] not in demands.task.files:
        at.fault("give.tests_on", f"files/{case.give['tests_on']} is not there; write it or name another")
    if dict(case.expect) not in ({"tests": "pass"}, {"tests": "fail"}):
        at.fault("expect", 'must be {"tests": "pass"} or {"tests": "fail"}')


def problems(task: Task, cases: Sequence[Case]) -> list[str]:
    """What is wrong with a task of this kind."""
    demands = Demands(task)
    demands.code(SETTINGS)
    for key in ("module", "test_file"):
        demands.of_type(task.settings, key, str)
    demands.some(cases)
    for case in cases:
        _demand_turn(demands, case)
    others = [_inward(case) for case in cases if not _is_about_tests(case)]
    demand_calls(demands, [case for case in others if "call" in case.give])
    demand_programs(demands, [case for case in others if "call" not in case.give])
    if any(map(_is_about_tests, cases)) and task.language not in (None, "python"):
        demands.found.append(f"task.toml: language: is {task.language!r}; only tests in Python can be run")
    return demands.found
