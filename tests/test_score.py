"""Outcomes and their order for every scorer kind; equality of encoded values; the kinds `calls`, `program`, `speed`."""

import json
import math
import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.files import plain, sha256_of, to_json
from harness.score import KINDS, score
from harness.score.compare import MAX_SHOWN_CHARS, Equality, display, equality_of, is_equal
from harness.types import CaseStatus, Job, Json, Observation, Outcome, StreamError, Variant
from tests.scored import (
    ScriptedSandbox,
    case,
    check,
    failed,
    problem_texts,
    returning,
    running_python,
    said,
    variant_of,
)

CODE = "```python\ndef add(a, b):\n    return a + b\n```"
ADDS = (
    case("small", {"call": "add", "args": [1, 2]}, value=3),
    case("large", {"call": "add", "args": [10, 20]}, value=30),
)
ADD = variant_of("calls", ADDS)


def ending(**ends: CaseStatus) -> ScriptedSandbox:
    """A sandbox in which the named cases end as said and the others return 3."""

    def script(job: Job, name: str, give: Mapping[str, Json]) -> Observation:
        end = ends.get(name)
        return Observation(name, end, None, "why") if end else Observation(name, "returned", 3)

    return ScriptedSandbox(script)


# --- outcomes -----------------------------------------------------------------------------------------------


def test_a_right_answer_passes_with_fraction_one() -> None:
    verdict = score(ADD, [said(CODE)], running_python())
    assert (verdict.outcome, verdict.fraction, verdict.extraction_rule) == (Outcome.PASSED, 1.0, "fenced")
    assert [check.name for check in verdict.checks] == ["small", "large"]


def test_a_wrong_answer_fails_its_wrong_cases_and_shows_the_observed_values() -> None:
    verdict = score(ADD, [said("```python\ndef add(a, b):\n    return 3\n```")], running_python())
    assert (verdict.outcome, verdict.fraction, failed(verdict)) == (Outcome.FAILED, 0.5, {"large"})
    assert (check(verdict, "large").expected, check(verdict, "large").observed) == (30, 3)


def test_a_server_error_has_an_outcome_of_its_own_and_fails_every_check() -> None:
    verdict = score(ADD, [said(CODE, error=StreamError("boom", "500"))], ScriptedSandbox())
    assert (verdict.outcome, verdict.fraction) == (Outcome.SERVER_ERROR, 0.0)
    assert failed(verdict) == {"answer", "small", "large"}


def test_a_prompt_that_exceeds_the_context_is_truncated_in() -> None:
    error = StreamError("too long", "context_overflow", 400)
    assert score(ADD, [said(error=error)], ScriptedSandbox()).outcome is Outcome.TRUNCATED_IN


def test_an_error_in_any_turn_counts() -> None:
    replies = [said(CODE, error=StreamError("reset", "reset")), said(CODE)]
    assert score(ADD, replies, ScriptedSandbox()).outcome is Outcome.SERVER_ERROR


def test_an_answer_without_code_is_no_answer_and_runs_nothing() -> None:
    verdict = score(ADD, [said("I would add them.")], ScriptedSandbox())
    assert (verdict.outcome, verdict.fraction, verdict.extraction_rule) == (Outcome.NO_ANSWER, 0.0, None)
    assert failed(verdict) == {"answer", "small", "large"}


def test_an_answer_without_code_that_reached_its_budget_is_truncated_out() -> None:
    assert score(ADD, [said("I would", finish="length")], ScriptedSandbox()).outcome is Outcome.TRUNCATED_OUT


def test_an_answer_that_was_stopped_in_a_loop_is_repetitive_unless_it_passes() -> None:
    assert score(ADD, [said("I would", finish="repetition")], ScriptedSandbox()).outcome is Outcome.REPETITIVE
    looping = said(CODE, finish="repetition")
    assert score(ADD, [looping], ending(small="crashed")).outcome is Outcome.REPETITIVE


def test_a_failing_answer_that_reached_its_budget_is_truncated_out_however_it_ended() -> None:
    assert score(ADD, [said(CODE, finish="length")], ending(small="crashed")).outcome is Outcome.TRUNCATED_OUT


def test_a_right_answer_that_reached_its_budget_passes() -> None:
    assert score(ADD, [said(CODE, finish="length")], running_python()).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("small", "large", "outcome"),
    [
        ("out_of_memory", "timed_out", Outcome.OUT_OF_MEMORY),
        ("timed_out", "crashed", Outcome.TIMED_OUT),
        ("crashed", "returned", Outcome.CRASHED),
        ("not_loaded", "not_loaded", Outcome.CRASHED),
        ("raised", "returned", Outcome.FAILED),
        ("forged", "returned", Outcome.FAILED),
    ],
)
def test_the_worst_abnormal_end_decides_the_outcome(small: CaseStatus, large: CaseStatus, outcome: Outcome) -> None:
    verdict = score(ADD, [said(CODE)], ending(small=small, large=large))
    assert verdict.outcome is outcome
    assert "small" in failed(verdict)


def test_a_case_that_hangs_fails_alone() -> None:
    assert failed(score(ADD, [said(CODE)], ending(large="timed_out"))) == {"large"}


def test_a_case_that_is_reported_twice_or_never_fails() -> None:
    class Forgetful(ScriptedSandbox):
        def run(self, job: Job) -> tuple[Observation, ...]:
            return (Observation("large", "returned", 30), Observation("large", "returned", 30))

    verdict = score(ADD, [said(CODE)], Forgetful())
    assert failed(verdict) == {"small", "large"}
    assert check(verdict, "small").note == "forged: not reported exactly once"


def test_no_expected_value_enters_the_container() -> None:
    secret = variant_of("calls", [case("one", {"call": "add", "args": [1]}, value="the expected value")])
    sandbox = returning("something else")
    score(secret, [said(CODE)], sandbox)
    assert "the expected value" not in to_json(plain(sandbox.jobs[0]))


def test_an_unknown_scorer_kind_is_a_problem_that_lists_the_known_ones() -> None:
    (problem,) = problem_texts(variant_of("guess").task)
    assert "'guess'" in problem
    assert all(kind in problem for kind in KINDS)


# --- calls --------------------------------------------------------------------------------------------------


def test_a_job_has_the_code_as_the_entry_file_and_the_limits_of_the_task() -> None:
    sandbox = running_python()
    score(ADD, [said(CODE)], sandbox)
    (job,) = sandbox.jobs
    assert (job.language, job.driver, job.entry) == ("python", "calls", "answer.py")
    assert job.files == {"answer.py": "def add(a, b):\n    return a + b\n"}
    assert job.limits == ADD.task.limits


@pytest.mark.parametrize(
    ("settings", "files"),
    [
        ({"files": True}, {"answer.py", "data.txt", "help.py"}),
        ({"files": ["help.py"]}, {"answer.py", "help.py"}),
        ({"entry": "lib.py"}, {"lib.py"}),
        ({}, {"answer.py"}),
    ],
)
def test_the_setting_files_chooses_the_task_files_that_enter_the_container(
    settings: Mapping[str, Json], files: set[str]
) -> None:
    sandbox = returning(3)
    score(variant_of("calls", ADDS, files={"help.py": "", "data.txt": ""}, settings=settings), [said(CODE)], sandbox)
    assert set(sandbox.jobs[0].files) == files


def test_an_expected_exception_matches_by_its_type_or_a_base() -> None:
    variant = variant_of(
        "calls",
        [
            case("own", {"call": "f", "args": ["x"]}, raises="ValueError"),
            case("base", {"call": "f", "args": ["x"]}, raises="Exception"),
            case("other", {"call": "f", "args": ["x"]}, raises="KeyError"),
            case("value", {"call": "f", "args": ["x"]}, value=1),
        ],
    )
    verdict = score(variant, [said("```python\ndef f(x):\n    return int(x)\n```")], running_python())
    assert failed(verdict) == {"other", "value"}
    assert verdict.outcome is Outcome.FAILED


def test_a_call_that_no_function_takes_raises_nothing() -> None:
    variant = variant_of(
        "calls",
        [
            case("name", {"call": "g", "args": [1]}, raises="AttributeError"),
            case("any", {"call": "g", "args": [1]}, raises="not found"),
        ],
    )
    verdict = score(variant, [said("```python\ndef f(x):\n    return int(x)\n```")], running_python())
    assert (verdict.outcome, failed(verdict)) == (Outcome.FAILED, {"name", "any"})
    assert check(verdict, "name").note == "not_callable: not found"


SORTS = "```python\ndef f(items):\n    items.sort()\n    return items[0]\n```"
KEEPS = "```python\ndef f(items):\n    return sorted(items)[0]\n```"
RAISES = "```python\ndef f(items):\n    items.clear()\n    raise ValueError\n```"
REPORTED: Json = {"call": "f", "args": [[2, 1]], "report_args": True}


@pytest.mark.parametrize(
    ("expect", "passing"),
    [
        ({"value": 1, "args_after": [[2, 1]]}, {KEEPS}),
        ({"value": 1, "args_after": [[1, 2]]}, {SORTS}),
        ({"value": 1, "args_after": [[1.0, 2]]}, set()),
        ({"value": 2, "args_after": [[2, 1]]}, set()),
        ({"one_of": [3, 1], "args_after": [[2, 1]]}, {KEEPS}),
        ({"args_after": [[2, 1]]}, {KEEPS}),
        ({"args_after": [[1, 2]]}, {SORTS}),
        ({"raises": "ValueError", "args_after": [[]]}, {RAISES}),
        ({"raises": "ValueError", "args_after": [[2, 1]]}, set()),
        ({"raises": "KeyError", "args_after": [[]]}, set()),
        ({"args_after": [[]]}, set()),
    ],
)
def test_arguments_after_the_call_are_compared(expect: Mapping[str, Json], passing: set[str]) -> None:
    variant = variant_of("calls", [case("one", REPORTED, **expect)])
    assert problem_texts(variant.task) == []
    passed = {code for code in (SORTS, KEEPS, RAISES) if score(variant, [said(code)], running_python()).fraction == 1}
    assert passed == passing


PRINTS = "```python\nimport sys\ndef f(x):\n    print(x, end='')\n    return x\n```"
PRINTED: Json = {"call": "f", "args": [1], "report_output": True}


@pytest.mark.parametrize(
    ("expect", "passes"),
    [
        ({"value": 1, "output": "1"}, True),
        ({"output": "1"}, True),
        ({"value": 1, "output": ""}, False),
        ({"value": 2, "output": "1"}, False),
    ],
)
def test_what_a_call_prints_is_compared(expect: Mapping[str, Json], passes: bool) -> None:
    variant = variant_of("calls", [case("one", PRINTED, **expect)])
    assert problem_texts(variant.task) == []
    verdict = score(variant, [said(PRINTS)], running_python())
    assert check(verdict, "one").passed is passes
    assert check(verdict, "one").observed == {"value": 1, "output": "1"}


def test_a_failed_check_shows_the_arguments_after_the_call() -> None:
    variant = variant_of("calls", [case("one", REPORTED, value=1, args_after=[[2, 1]])])
    shown = check(score(variant, [said(SORTS)], running_python()), "one")
    assert shown.expected == {"value": 1, "args_after": [[2, 1]]}
    assert shown.observed == {"value": 1, "args_after": [[1, 2]]}


def test_arguments_that_no_driver_reported_are_as_no_list() -> None:
    variant = variant_of("calls", [case("one", REPORTED, args_after=[])])
    assert failed(score(variant, [said(KEEPS)], returning(1))) == {"one"}


@pytest.mark.parametrize(
    ("language", "give", "expect", "problem"),
    [
        ("bash", REPORTED, {"args_after": []}, "$.give.report_args: unknown field"),
        ("sql", REPORTED, {"args_after": []}, "$.give.report_args: unknown field"),
        ("javascript", PRINTED, {"output": ""}, "$.give.report_output: unknown field"),
        ("python", {"call": "f"}, {"args_after": []}, "$.give.report_args: required field is missing"),
        ("python", {"call": "f"}, {"output": ""}, "$.give.report_output: required field is missing"),
        ("python", PRINTED, {"value": 1}, "$.expect.output: required field is missing"),
        ("python", REPORTED, {"value": 1}, "$.expect.args_after: required field is missing"),
        ("python", {"call": "f", "report_args": 1}, {"args_after": []}, "$.give.report_args: expected true"),
        ("python", REPORTED, {"value": 1, "raises": "X", "args_after": []}, "$.expect: expected at most 2 fields"),
        ("python", REPORTED, {"args_after": {}}, "$.expect.args_after: expected array"),
        ("go", {"call": "f", "kwargs": {"x": 1}}, {"value": 1}, "$.give.kwargs: expected at most 0 fields"),
        ("javascript", {"call": "f", "kwargs": {"x": 1}}, {"value": 1}, "$.give.kwargs: expected at most 0 fields"),
    ],
)
def test_a_case_that_the_language_or_the_other_part_does_not_allow_is_a_problem(
    language: str, give: Mapping[str, Json], expect: Mapping[str, Json], problem: str
) -> None:
    variant = variant_of("calls", [case("one", give, **expect)], language=language)
    assert any(problem in text for text in problem_texts(variant.task)), problem_texts(variant.task)


def test_an_expected_exception_that_is_not_raised_fails() -> None:
    variant = variant_of("calls", [case("one", {"call": "f"}, raises="ValueError")])
    assert failed(score(variant, [said("```python\ndef f(): pass\n```")], returning(None))) == {"one"}


def test_one_of_accepts_any_of_its_values() -> None:
    variant = variant_of("calls", [case("one", {"call": "f"}, one_of=[1, 2])])
    answer = [said("```python\ndef f(): pass\n```")]
    assert score(variant, answer, returning(2)).outcome is Outcome.PASSED
    assert score(variant, answer, returning(3)).outcome is Outcome.FAILED


def test_checks_are_counted_by_the_group_before_the_slash() -> None:
    variant = variant_of(
        "calls",
        [
            case("still/a", {"call": "add", "args": [1, 2]}, value=3),
            case("new/a", {"call": "add", "args": [1, 3]}, value=5),
        ],
    )
    verdict = score(variant, [said(CODE)], running_python())
    assert verdict.metrics["groups"] == {"still": {"passed": 1, "n": 1}, "new": {"passed": 0, "n": 1}}


# --- equality -----------------------------------------------------------------------------------------------

EXACT, EQUAL, SCRIPT = Equality(), Equality(exact=False), Equality(one_number_type=True)


def tagged(kind: str, value: Json, **more: Json) -> Json:
    return {"$": kind, "v": value, **more}


ALIKE = [
    (1, 1, EXACT),
    (1, 1.0, SCRIPT),
    (1, 1.0, EQUAL),
    (1, True, EQUAL),
    (0.1, 0.1, EXACT),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}, EXACT),
    (tagged("set", [1, 2]), tagged("set", [2, 1]), EXACT),
    (tagged("tuple", [1, [2]]), tagged("tuple", [1, [2]]), EXACT),
    (tagged("dict", [[1, "a"], [2, "b"]]), tagged("dict", [[2, "b"], [1, "a"]]), EXACT),
    (tagged("int", str(2**70)), tagged("int", str(2**70)), EXACT),
    (tagged("float", "nan"), tagged("float", "nan"), EXACT),
    (tagged("decimal", "1.50"), tagged("decimal", "1.5"), EXACT),
    (tagged("decimal", "1"), 1, EQUAL),
    (tagged("fraction", [1, 2]), 0.5, EQUAL),
    (tagged("subclass", 3, of="int", name="Sly"), 3, EQUAL),
    (tagged("tuple", [1, 2]), tagged("subclass", tagged("tuple", [1, 2]), of="tuple", name="Point"), EXACT),
    ({"a": 1}, tagged("subclass", {"a": 1}, of="dict", name="Counter"), EXACT),
    (tagged("undefined", None), None, EQUAL),
    (tagged("bytes", "aGk="), tagged("bytes", "aGk="), EXACT),
    (tagged("bigint", "7"), tagged("bigint", "7"), SCRIPT),
    (["oversize"], ["oversize"], EXACT),
    (tagged("float", "-inf"), float("-inf"), EXACT),
]
UNLIKE = [
    (1, True, EXACT),
    (1, 1.0, EXACT),
    (1, "1", EQUAL),
    (1, True, SCRIPT),
    (0, None, EQUAL),
    ([1], tagged("tuple", [1]), EXACT),
    ([1], tagged("tuple", [1]), EQUAL),
    ([1, 2], [2, 1], EQUAL),
    ([], {}, EQUAL),
    (0.1 + 0.2, 0.3, EQUAL),
    (tagged("subclass", 3, of="int", name="Sly"), 3, EXACT),
    (tagged("bigint", "7"), 7, SCRIPT),
    (tagged("undefined", None), None, EXACT),
    (tagged("set", [1, 2]), tagged("set", [1, 2, 3]), EXACT),
    (tagged("set", []), tagged("tuple", []), EXACT),
    ("a", "A", EQUAL),
    ({"a": 1}, {"a": 1, "b": None}, EQUAL),
    (tagged("float", "inf"), tagged("float", "-inf"), EXACT),
    ([1], tagged("list", [1]), EXACT),
    ([1], tagged("list", [1]), EQUAL),
    ("a", tagged("str", "a"), EXACT),
    (True, tagged("bool", True), SCRIPT),
    (None, tagged("null", None), EXACT),
    ({"a": 1}, tagged("object", [["a", 1]]), EXACT),
    ([1, 2], tagged("subclass", [1, 2], of="list", name="list"), EXACT),
    (3, tagged("subclass", 3, of="int", name="Level"), EXACT),
    ("a", tagged("subclass", "a", of="str", name="Word"), EXACT),
    ({"a": 1}, tagged("subclass", {"a": 1}, of="dict", name="Box"), SCRIPT),
]


@pytest.mark.parametrize(("expected", "seen", "how"), ALIKE)
def test_equal_values_are_equal_in_both_directions(expected: Json, seen: Json, how: Equality) -> None:
    assert is_equal(expected, seen, how)
    assert is_equal(seen, expected, how)


@pytest.mark.parametrize(("expected", "seen", "how"), UNLIKE)
def test_different_values_are_different_in_both_directions(expected: Json, seen: Json, how: Equality) -> None:
    assert not is_equal(expected, seen, how)
    assert not is_equal(seen, expected, how)


@pytest.mark.parametrize(
    "seen",
    [
        tagged("oversize", None),
        [tagged("oversize", None)],
        tagged("set", 3),
        tagged("int", "many"),
        tagged("fraction", [1, 0]),
        tagged("fraction", [1]),
        tagged("decimal", "1e999999999"),
        tagged("dict", [[1]]),
        {"$": "tuple"},
        {"$": None, "v": None},
        {"$": [], "v": {}},
        float("inf"),
    ],
)
def test_a_malformed_or_oversized_value_equals_nothing_and_raises_nothing(seen: Json) -> None:
    assert not is_equal(3, seen, EXACT)
    assert not is_equal([tagged("oversize", None)], seen, EXACT)
    assert not is_equal(3, seen, EQUAL)


@pytest.mark.parametrize(
    "seen",
    [
        tagged("set", [at * (2**61 - 1) for at in range(50_000)]),
        tagged("dict", [[tagged("int", str(at * (2**61 - 1))), at] for at in range(50_000)]),
        tagged("decimal", "0." + "9" * 4_000_000),
        tagged("fraction", [tagged("int", "7" * 4_000_000), 3]),
    ],
    ids=["numbers that hash alike", "keys that hash alike", "a decimal of four million digits", "a long fraction"],
)
def test_values_built_to_compare_slowly_compare_fast(seen: Json) -> None:
    began = time.process_time()
    assert not is_equal([1], [seen], EXACT)
    assert time.process_time() - began < 5


def test_a_too_deeply_nested_value_equals_nothing() -> None:
    deep: Json = 1
    for _ in range(200):
        deep = [deep]
    assert not is_equal(deep, deep, EXACT)


def test_the_task_chooses_the_equality_and_the_language_the_number_types() -> None:
    assert equality_of("exact", "python") == EXACT
    assert equality_of("equal", "python") == EQUAL
    assert equality_of("exact", "typescript") == SCRIPT
    variant = variant_of("calls", [case("one", {"call": "f"}, value=1)], settings={"equality": "equal"})
    assert score(variant, [said("```python\ndef f(): pass\n```")], returning(1.0)).outcome is Outcome.PASSED


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_a_displayed_value_is_short_and_valid_in_a_result(value: Json) -> None:
    seen = display(value)
    assert len(to_json(seen)) <= 8 * MAX_SHOWN_CHARS
    assert not isinstance(seen, float) or math.isfinite(seen)


@given(JSON_VALUES)
def test_every_plain_value_equals_itself(value: Json) -> None:
    assert is_equal(value, value, EXACT) or "$" in str(value)


# --- program ------------------------------------------------------------------------------------------------

PROGRAM = said("```python\nprint('hello')\n```")


def ran(
    exit: int = 0,
    stdout: Json = "",
    stderr: Json = "",
    files: Mapping[str, Json] | None = None,
    modes: Mapping[str, Json] | None = None,
) -> ScriptedSandbox:
    value = {"exit": exit, "stdout": stdout, "stderr": stderr, "files": dict(files or {}), "modes": dict(modes or {})}
    return returning(value)


RIGHT_AND_WRONG: list[tuple[dict[str, Json], ScriptedSandbox, ScriptedSandbox]] = [
    ({"exit": 0}, ran(0), ran(1)),
    ({"exit": 2}, ran(2), ran(0)),
    ({"stdout": "a\n"}, ran(stdout="a\n"), ran(stdout="a")),
    ({"stdout": ""}, ran(), ran(stdout={"$": "bytes", "v": "/w=="})),
    ({"stdout_json": [1, {"a": None}]}, ran(stdout='[1,{"a":null}]'), ran(stdout='[1,{"a":0}]')),
    ({"stdout_json": 1}, ran(stdout="1\n"), ran(stdout="one")),
    ({"stdout_lines": "1\n\n2 3"}, ran(stdout=" 1\r\n\n2 3 \n\n"), ran(stdout="1\n2 3\n")),
    ({"stdout_lines": ""}, ran(stdout="\n"), ran(stdout={"$": "bytes", "v": ""})),
    ({"stderr": ""}, ran(), ran(stderr="warning\n")),
    ({"stderr_contains": "no such"}, ran(stderr="error: no such file\n"), ran(stderr="fine\n")),
    ({"files": {"out.txt": {"text": "x\n"}}}, ran(files={"out.txt": "x\n"}), ran(files={"out.txt": "y\n"})),
    ({"files": {"out.txt": {"text": ""}}}, ran(files={"out.txt": ""}), ran()),
    ({"files": {"out.json": {"json": {"a": 1}}}}, ran(files={"out.json": '{"a": 1}'}), ran(files={"out.json": "{"})),
    (
        {"files": {"big": {"sha256": "ab"}}},
        ran(files={"big": {"sha256": "ab", "bytes": 9}}),
        ran(files={"big": {"sha256": "cd", "bytes": 9}}),
    ),
    ({"files": {"out": {"text": "x"}}}, ran(files={"out": "x"}), ran(files={"out": {"symlink": "/etc/passwd"}})),
    ({"no_files": True}, ran(), ran(files={"new": ""})),
    ({"no_files": True, "files": {"a": {"text": ""}}}, ran(files={"a": ""}), ran(files={"a": "", "b": ""})),
    ({"no_files": ["log"]}, ran(files={"other": ""}), ran(files={"log": ""})),
    ({"unchanged": ["in.txt"]}, ran(files={"out": ""}), ran(files={"in.txt": "changed"})),
    ({"unchanged": ["in.txt"]}, ran(), ran(files={"in.txt": {"deleted": True}})),
    ({"unchanged": ["in.txt"]}, ran(modes={"other": "600"}), ran(modes={"in.txt": "600"})),
    ({"no_files": True}, ran(), ran(files={"in.txt": {"deleted": True}})),
    ({"no_files": True}, ran(), ran(files={"empty": {"folder": True}}, modes={"empty": "755"})),
    ({"no_files": True}, ran(), ran(files={"link": {"symlink": "in.txt"}})),
    ({"no_files": True}, ran(), ran(modes={"in.txt": "755"})),
    (
        {"no_files": True, "files": {"a/b/c": {"text": ""}}},
        ran(files={"a": {"folder": True}, "a/b": {"folder": True}, "a/b/c": ""}, modes={"a": "755", "a/b/c": "644"}),
        ran(files={"a": {"folder": True}, "a/b": {"folder": True}, "a/b/c": "", "a/d": {"folder": True}}),
    ),
    ({"files": {"old": {"deleted": True}}}, ran(files={"old": {"deleted": True}}), ran()),
    ({"files": {"new": {"folder": True}}}, ran(files={"new": {"folder": True}}), ran(files={"new": ""})),
    ({"files": {"l": {"symlink": "a"}}}, ran(files={"l": {"symlink": "a"}}), ran(files={"l": {"symlink": "b"}})),
    ({"files": {"a": {"sha256": sha256_of("x")}}}, ran(files={"a": "x"}), ran(files={"a": "y"})),
    ({"modes": {"run.sh": "755"}}, ran(modes={"run.sh": "755"}), ran(modes={"run.sh": "775"})),
    ({"modes": {"run.sh": "0755"}, "no_files": True}, ran(modes={"run.sh": "755"}), ran()),
    ({"stderr": "empty"}, ran(), ran(stderr="\n")),
    ({"stderr": "not_empty"}, ran(stderr="no such file\n"), ran(stderr=" \n")),
    ({"stderr": "not_empty"}, ran(stderr={"$": "bytes", "v": "/w=="}), ran()),
    (
        {"stdout": {"$": "bytes", "v": "/w=="}},
        ran(stdout={"$": "bytes", "v": "/w=="}),
        ran(stdout={"$": "bytes", "v": "/g=="}),
    ),
]


@pytest.mark.parametrize(
    "text",
    [
        '{"n": {"$": "int", "v": "3"}}',
        '{"n": {"$": "fraction", "v": [3, 1]}}',
        '{"$": "dict", "v": [["n", 3]]}',
        '{"n": 4, "n": 3}',
        '{"n": 3.0}',
        '{"n": "3"}',
        '{"n": true}',
        '{"n": 3} 1',
        '{"n": NaN}',
        "[" * 100_000,
    ],
)
def test_a_program_cannot_write_a_value_in_the_encoding_of_the_kit(text: str) -> None:
    for where in ("stdout_json", "files"):
        expect = {"stdout_json": {"n": 3}} if where == "stdout_json" else {"files": {"o": {"json": {"n": 3}}}}
        variant = variant_of("program", [case("run", {}, **expect)])
        assert score(variant, [PROGRAM], ran(stdout=text, files={"o": text})).outcome is Outcome.FAILED
        right = ran(stdout='{"n": 3}', files={"o": '{"n": 3}'})
        assert score(variant, [PROGRAM], right).outcome is Outcome.PASSED


@pytest.mark.parametrize("value", [{"$": "int", "v": "3"}, {"$": 1}, {"a": {"$": "list", "v": []}}, 10**30, 0.1])
def test_any_plain_json_equals_itself_as_a_program_writes_it(value: Json) -> None:
    variant = variant_of("program", [case("run", {}, stdout_json=value)])
    assert score(variant, [PROGRAM], ran(stdout=json.dumps(value))).outcome is Outcome.PASSED


def test_a_given_file_has_its_given_mode_unless_it_was_changed() -> None:
    given = {"files": {"a": "", "b": ""}, "modes": {"b": "600"}}
    variant = variant_of("program", [case("run", given, modes={"a": "644", "b": "600"})])
    assert problem_texts(variant.task) == []
    assert score(variant, [PROGRAM], ran()).outcome is Outcome.PASSED
    assert score(variant, [PROGRAM], ran(modes={"b": "644"})).outcome is Outcome.FAILED


@pytest.mark.parametrize(("expect", "right", "wrong"), RIGHT_AND_WRONG)
def test_each_program_expectation_passes_the_right_run_and_fails_the_wrong_one(
    expect: dict[str, Json], right: ScriptedSandbox, wrong: ScriptedSandbox
) -> None:
    variant = variant_of("program", [case("run", {"argv": []}, **expect)])
    assert problem_texts(variant.task) == []
    assert score(variant, [PROGRAM], right).outcome is Outcome.PASSED
    verdict = score(variant, [PROGRAM], wrong)
    assert (verdict.outcome, failed(verdict)) == (Outcome.FAILED, {"run"})


def test_a_case_of_a_program_that_gives_a_call_calls_a_function_of_it() -> None:
    cases = [case("twice", {"call": "twice", "args": [2]}, value=4), case("run", {"argv": []}, exit=0)]
    variant = variant_of("program", cases)
    run = {"exit": 0, "stdout": "", "stderr": "", "files": {}}
    sandbox = ScriptedSandbox(lambda job, name, give: Observation(name, "returned", 4 if "call" in give else run))
    scored = score(variant, [said("```python\ndef twice(n):\n    return 2 * n\n```")], sandbox)
    assert [(check.name, check.passed) for check in scored.checks] == [("twice", True), ("run", True)]
    assert sorted((job.driver, [name for name, _ in job.cases]) for job in sandbox.jobs) == [
        ("calls", ["twice"]),
        ("program", ["run"]),
    ]


def test_a_failing_program_shows_the_stderr_line_that_names_the_error() -> None:
    variant = variant_of("program", [case("run", {}, exit=0)])
    trace = "Traceback (most recent call last):\n  ...\nNameError: name 'sys' is not defined\n\nNode.js v22\n"
    seen = check(score(variant, [PROGRAM], ran(1, stderr=trace)), "run").observed
    assert seen == {"exit": {"exit": 1, "stderr": "NameError: name 'sys' is not defined"}}


def test_the_names_of_files_that_a_program_made_are_shown_shortened() -> None:
    variant = variant_of("program", [case("run", {}, no_files=True)])
    seen = check(score(variant, [PROGRAM], ran(files={"x" * 4000: "y" * 4000})), "run")
    assert len(to_json(seen.observed)) < 400
    assert len(seen.note or "") <= 200


def test_a_program_that_a_signal_ended_has_crashed() -> None:
    variant = variant_of("program", [case("run", {}, exit=0)])
    assert score(variant, [PROGRAM], ran(-11)).outcome is Outcome.CRASHED


def test_a_program_that_should_be_ended_by_a_signal_passes() -> None:
    variant = variant_of("program", [case("run", {}, exit=-15)])
    assert score(variant, [PROGRAM], ran(-15)).outcome is Outcome.PASSED


SCRIPT_ANSWER = said("```bash\n#!/bin/bash\necho $1\n```")
REMARKS = '[{"level": "info", "code": 2086, "line": 2}, {"level": "error", "code": 1009, "line": 3}]'


def linting(stdout: Json) -> ScriptedSandbox:
    """A sandbox in which the script prints what is right and the linter this."""

    def script(job: Job, name: str, give: Mapping[str, Json]) -> Observation:
        out = stdout if name == "lint" else "hi\n"
        return Observation(name, "returned", {"exit": 0, "stdout": out, "stderr": "", "files": {}})

    return ScriptedSandbox(script)


def linted() -> Variant:
    return variant_of("program", [case("run", {}, stdout="hi\n")], language="bash", settings={"lint": "shellcheck"})


def test_linter_remarks_are_facts_that_do_not_change_the_verdict() -> None:
    assert problem_texts(linted().task) == []
    sandbox = linting(REMARKS)
    verdict = score(linted(), [SCRIPT_ANSWER], sandbox)
    assert verdict.outcome is Outcome.PASSED
    assert verdict.metrics["lint"] == {"error": 1, "warning": 0, "info": 1, "style": 0, "codes": ["SC1009", "SC2086"]}
    assert sandbox.jobs[1].files["script.sh"] == "#!/bin/bash\necho $1\n"


@pytest.mark.parametrize("stdout", ["", "no such command", "{}", "[1]", {"$": "bytes", "v": "/w=="}])
def test_a_linter_that_did_not_run_gives_null(stdout: Json) -> None:
    verdict = score(linted(), [SCRIPT_ANSWER], linting(stdout))
    assert (verdict.outcome, verdict.metrics["lint"]) == (Outcome.PASSED, None)


# --- speed --------------------------------------------------------------------------------------------------


def test_a_speed_task_passes_when_every_turn_has_tokens_even_if_truncated() -> None:
    variant = variant_of("speed", language=None)
    verdict = score(variant, [said("text", finish="length"), said("more")], ScriptedSandbox())
    assert (verdict.outcome, verdict.fraction) == (Outcome.PASSED, 1.0)


def test_a_speed_task_with_an_empty_turn_is_no_answer() -> None:
    verdict = score(variant_of("speed", language=None), [said("text"), said("")], ScriptedSandbox())
    assert (verdict.outcome, failed(verdict)) == (Outcome.NO_ANSWER, {"answer", "tokens"})


# --- problems of tasks ----------------------------------------------------------------------------------------

CALL = {"call": "f", "args": []}
PROBLEMS: list[tuple[str, dict[str, Json], dict[str, Json], dict[str, Json], str]] = [
    ("calls", {"equalty": "exact"}, CALL, {"value": 1}, "scorer.equalty: unknown field; did you mean 'equality'?"),
    ("calls", {"equality": "same"}, CALL, {"value": 1}, 'scorer.equality: expected one of exact, equal, got "same"'),
    ("calls", {"files": ["gone.py"]}, CALL, {"value": 1}, "scorer.files: files/gone.py does not exist"),
    ("calls", {"files": 3}, CALL, {"value": 1}, "scorer.files: expected boolean or array, got 3"),
    ("calls", {"names": "f"}, CALL, {"value": 1}, "scorer.names: expected array"),
    ("calls", {"blocks": "some"}, CALL, {"value": 1}, "scorer.blocks: expected one of one, all"),
    ("calls", {"entry": 3}, CALL, {"value": 1}, "scorer.entry: expected string"),
    ("calls", {}, {"args": []}, {"value": 1}, "case 'one': $.give.call: required field is missing"),
    ("calls", {}, {"call": "f", "args": 3}, {"value": 1}, "$.give.args: expected array"),
    ("calls", {}, {"call": "f", "arg": []}, {"value": 1}, "$.give.arg: unknown field; did you mean 'args'?"),
    ("calls", {}, CALL, {"value": 1, "raises": "X"}, "$.expect: expected at most 1 field"),
    (
        "calls",
        {},
        CALL,
        {"result": 1},
        "$.expect.result: unknown field; known fields: args_after, one_of, output, raises, value",
    ),
    ("program", {}, {"argv": [1]}, {"exit": 0}, "$.give.argv[0]: expected string"),
    ("program", {}, {"mode": "test"}, {"exit": 0}, "$.give.mode: expected one of run, import"),
    ("program", {}, {}, {}, "$.expect: expected at least 1 field"),
    ("program", {}, {}, {"exit": "0"}, "$.expect.exit: expected integer"),
    ("program", {}, {}, {"files": {"a": "text"}}, "$.expect.files.a: expected object"),
    ("program", {}, {}, {"no_files": "a"}, "$.expect.no_files: expected"),
    ("program", {}, {}, {"output": ""}, "$.expect.output: unknown field"),
    ("program", {}, {"call": "f"}, {"exit": 0}, "$.expect.exit: unknown field"),
    (
        "program",
        {"lint": "shellcheck"},
        {},
        {"exit": 0},
        "scorer.lint: shellcheck reads Bash, the task's language is 'python'",
    ),
    ("program", {"lint": "ruff"}, {}, {"exit": 0}, "scorer.lint: expected one of shellcheck"),
    ("calls", {"entry": "../x.py"}, {"call": "f"}, {"value": 1}, "scorer.entry: '../x.py': outside of the tree"),
    ("calls", {"entry": ""}, {"call": "f"}, {"value": 1}, "scorer.entry: '': outside of the tree"),
    ("edits", {"entry": "/etc/x.py"}, {"call": "f"}, {"value": 1}, "scorer.entry: '/etc/x.py': outside of the tree"),
    ("speed", {}, {}, {"value": 1}, "has no cases"),
    ("speed", {"equality": "exact"}, {}, {"value": 1}, "scorer.equality: unknown field"),
]


@pytest.mark.parametrize(("kind", "settings", "give", "expect", "problem"), PROBLEMS)
def test_each_problem_of_a_task_names_its_place(
    kind: str, settings: dict[str, Json], give: dict[str, Json], expect: dict[str, Json], problem: str
) -> None:
    variant = variant_of(kind, [case("one", give, **expect)], settings=settings)
    assert any(problem in text for text in problem_texts(variant.task)), problem_texts(variant.task)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"$": "tupel", "v": []}, "'tupel' is no tag of a value; did you mean 'tuple'?"),
        ({"$": ["set"], "v": []}, "['set'] is no tag of a value"),
        ({"$": "tuple"}, "v: a value of the tag 'tuple' has no content"),
        ({"$": "set", "v": [{"$": "tuple", "v": 1}]}, "v[0].v: expected a list of items for the tag 'tuple'"),
        ({"$": "tuple", "v": 1}, "v: expected a list of items for the tag 'tuple'"),
        ([{"$": "tuple", "v": [{"$": "int", "v": "x"}]}], "[0].v[0].v: expected decimal digits in a string"),
        ({"$": "int", "v": 5}, "v: expected decimal digits in a string"),
        ({"$": "float", "v": "infinity"}, "v: expected one of nan, inf, -inf"),
        ({"$": "complex", "v": [1]}, "v: expected [real, imaginary]"),
        ({"$": "dict", "v": [[1, 2, 3]]}, "v: expected a list of [key, value]"),
        ({"$": "dict", "v": [[[1], 2]]}, "v: a list or an object is no item of a set and no key"),
        ({"$": "set", "v": [{"$": "tuple", "v": [{}]}]}, "v: a list or an object is no item of a set and no key"),
        ({"$": "bytes", "v": "%%%"}, "v: expected base64 in a string"),
        ({"$": "date", "v": "2024-99-99"}, "v: expected a date or time of ISO 8601"),
        ({"$": "decimal", "v": "one"}, "v: expected a number in a string"),
        ({"$": "fraction", "v": [1, 0]}, "v: expected [numerator, denominator]"),
        ({"$": "range", "v": [1, 2]}, "v: expected [start, stop, step]"),
        ({"$": "undefined", "v": 0}, "v: expected null"),
    ],
)
def test_a_value_that_no_language_could_read_is_a_problem_of_its_case(value: Json, problem: str) -> None:
    for part in ({"args": [value]}, {"kwargs": {"x": value}}):
        (text,) = problem_texts(variant_of("calls", [case("one", {"call": "f", **part}, value=1)]).task)
        assert problem in text
    (text,) = problem_texts(variant_of("calls", [case("one", {"call": "f"}, value={"x": value})]).task)
    assert problem in text


def test_a_case_that_is_nested_too_deeply_for_any_answer_is_a_problem() -> None:
    value: Json = 0
    for _ in range(900):
        value = [value]
    (text,) = problem_texts(variant_of("calls", [case("one", {"call": "f"}, value=value)]).task)
    assert "nested more than 256 levels deep" in text


def test_values_that_a_language_reads_are_no_problem() -> None:
    values: list[Json] = [
        {"$": "int", "v": "-123456789012345678901234567890"},
        {"$": "float", "v": "-inf"},
        {"$": "set", "v": [{"$": "set", "v": [1]}, {"$": "tuple", "v": [1, "a"]}, {"$": "bytes", "v": "AAE="}]},
        {"$": "dict", "v": [[1, [2]], [{"$": "date", "v": "2024-01-02T03:04:05Z"}, {"$": "date", "v": "10:30"}]]},
        {"$": "deque", "v": []},
        {"$": "complex", "v": [1, -0.5]},
        {"$": "range", "v": [0, {"$": "int", "v": "9007199254740993"}, 1]},
        {"$": "fraction", "v": [1, 3]},
        {"$": "decimal", "v": "1.50"},
        {"$": "undefined", "v": None},
    ]
    assert problem_texts(variant_of("calls", [case("one", {"call": "f", "args": values}, value=values)]).task) == []
    sly = {"$": "subclass", "of": "int", "name": "Sly", "v": 3}
    assert problem_texts(variant_of("calls", [case("one", {"call": "f"}, value=sly)]).task) == []


def test_a_task_that_runs_code_needs_a_language_and_cases() -> None:
    found = problem_texts(variant_of("calls", language="cobol").task)
    assert any("language: expected a language that can be run, got 'cobol'" in text for text in found)
    assert any("there is no case" in text for text in found)


def test_a_valid_task_has_no_problems() -> None:
    assert problem_texts(ADD.task) == []
    assert problem_texts(variant_of("speed", language=None, settings={"clients": [1, 2]}).task) == []
