"""Tests that stay outside: verdicts, what crosses between the containers, and attacks that this form invites."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.sandbox import DockerSandbox, open_sandbox
from harness.score import KINDS, score, validate_task
from harness.types import Limits, Outcome, Score
from tests.outside import TESTS, outside_variant
from tests.test_attacks import reading_of

LIMITS = Limits(load_timeout_s=60.0, case_timeout_s=30.0)


@pytest.fixture(scope="module")
def box() -> Iterator[DockerSandbox]:
    with open_sandbox("outside-tests", print, ["python"]) as opened:
        yield opened


def judged(box: DockerSandbox, code: str, tests: str = TESTS, limits: Limits = LIMITS) -> Score:
    return score(outside_variant(tests, limits=limits), [reading_of(code, "python")], box)


CROSSES = """
import itertools

def check(candidate):
    assert candidate(1, word="a") == {"args": (1,), "word": "a"}
    assert candidate({1: {2}}, word=None) == {"args": ({1: {2}},), "word": None}
    assert list(candidate({"b": 1, "a": 2}, word=None)["args"][0]) == ["b", "a"]
    inner = [3]
    outer = {"in": inner}
    assert candidate(outer, word="change") is None
    assert (inner, outer) == ([3, 4], {"in": [3, 4], "new": 1})
    for error in (ValueError, KeyError, UnicodeDecodeError):
        try:
            candidate(error.__name__, word="raise")
        except error:
            continue
        raise AssertionError(error)
    assert str(candidate(2, word="yield")) == "<generator>"
    assert candidate(2, word="yield") != candidate(2, word="yield")
    assert candidate("aab", word="count") == {"a": 2, "b": 1}
"""
HONEST = """
import builtins, collections

class Mine(ValueError):
    pass

def order(*args, word):
    if word == "change":
        args[0]["in"].append(4)
        args[0]["new"] = 1
        return None
    if word == "raise":
        raise Mine if args[0] == "ValueError" else getattr(builtins, args[0])(*("ascii", b"", 0, 1, "?")[:5])
    if word == "yield":
        return (item for item in range(args[0]))
    if word == "count":
        return collections.Counter(args[0])
    return {"args": args, "word": word}
"""


@pytest.mark.engine
def test_values_changes_and_types_of_exceptions_cross_between_the_containers(box: DockerSandbox) -> None:
    verdict = judged(box, HONEST, CROSSES)
    assert verdict.outcome is Outcome.PASSED, verdict


DATES_AND_FROZEN_SETS = """
from datetime import date, datetime, time

def check(candidate):
    for given in (date(2024, 1, 2), time(10, 30), datetime(2024, 1, 2)):
        assert candidate(given) == (type(given).__name__, given)
        assert type(candidate(given)[1]) is type(given)
    for given in ({frozenset({1}), (frozenset({2}),)}, {frozenset({1}): [{3}]}):
        assert candidate(given) == (type(given).__name__, given)
"""


@pytest.mark.engine
def test_dates_and_frozen_sets_cross_between_the_containers(box: DockerSandbox) -> None:
    verdict = judged(box, "def order(given):\n    return type(given).__name__, given\n", DATES_AND_FROZEN_SETS)
    assert verdict.outcome is Outcome.PASSED, verdict


@pytest.mark.engine
@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("def order(items):\n    return items", Outcome.FAILED),
        ("def order(items):\n    raise StopIteration", Outcome.FAILED),
        ("def order(items):\n    raise SystemExit(0)", Outcome.FAILED),
        ("def another(items):\n    return sorted(items)", Outcome.FAILED),
        ("import os\ndef order(items):\n    os._exit(0)", Outcome.CRASHED),
        ("import os\nos.listdir('.')\nimport tests\ndef order(items):\n    return sorted(items)", Outcome.CRASHED),
    ],
    ids=["wrong", "stop_iteration", "system_exit", "missing", "exit", "looks_for_the_tests"],
)
def test_an_answer_that_does_not_do_it_fails(box: DockerSandbox, code: str, outcome: Outcome) -> None:
    stops_early = (
        "def check(candidate):\n    assert all(map(candidate, [[2, 1]]))\n    assert candidate([2, 1]) == [1, 2]\n"
    )
    assert judged(box, code, stops_early).outcome is outcome


@pytest.mark.engine
def test_an_answer_that_never_returns_times_out(box: DockerSandbox) -> None:
    limits = replace(LIMITS, case_timeout_s=1.0)
    assert judged(box, "def order(items):\n    while True: pass", limits=limits).outcome is Outcome.TIMED_OUT


@pytest.mark.engine
def test_a_function_that_is_missing_raises_no_type_error_in_the_tests(box: DockerSandbox) -> None:
    expects = (
        "def check(candidate):\n    try:\n        candidate(1)\n    except TypeError:\n        return\n    assert 0\n"
    )
    assert judged(box, "def order():\n    pass", expects).outcome is Outcome.PASSED
    assert judged(box, "def other():\n    pass", expects).outcome is Outcome.FAILED


def test_a_task_needs_its_tests_and_a_language_that_keeps_them_outside() -> None:
    variant = outside_variant()
    task = replace(variant.task, language="go", files={})
    messages = [problem.message for problem in validate_task(KINDS["outside_tests"], task, variant.cases)]
    assert len(messages) == 2
    assert "files/tests.py does not exist" in messages[0]
    assert "tests in go cannot be kept outside" in messages[1]
