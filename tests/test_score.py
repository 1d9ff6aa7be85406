"""Outcomes in their order, whatever the kind; equality of encoded values; the kinds `calls`, `program` and `speed`."""

import math
import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as some

from harness.files import plain, to_json
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


def test_a_right_answer_passes_with_full_marks() -> None:
    verdict = score(ADD, [said(CODE)], running_python())
    assert (verdict.outcome, verdict.fraction, verdict.rule) == (Outcome.PASSED, 1.0, "fenced")
    assert [one.name for one in verdict.checks] == ["small", "large"]


def test_a_wrong_answer_fails_the_cases_that_it_gets_wrong_and_shows_what_was_seen() -> None:
    verdict = score(ADD, [said("```python\ndef add(a, b):\n    return 3\n```")], running_python())
    assert (verdict.outcome, verdict.fraction, failed(verdict)) == (Outcome.FAILED, 0.5, {"large"})
    assert (check(verdict, "large").expected, check(verdict, "large").observed) == (30, 3)


def test_a_servers_error_is_no_fault_of_the_answer_and_fails_every_check() -> None:
    verdict = score(ADD, [said(CODE, error=StreamError("boom", "500"))], ScriptedSandbox())
    assert (verdict.outcome, verdict.fraction) == (Outcome.SERVER_ERROR, 0.0)
    assert failed(verdict) == {"answer", "small", "large"}


def test_a_prompt_that_the_context_cannot_hold_is_truncated_in() -> None:
    error = StreamError("too long", "context_overflow", 400)
    assert score(ADD, [said(error=error)], ScriptedSandbox()).outcome is Outcome.TRUNCATED_IN


def test_an_error_in_any_turn_counts() -> None:
    replies = [said(CODE, error=StreamError("reset", "reset")), said(CODE)]
    assert score(ADD, replies, ScriptedSandbox()).outcome is Outcome.SERVER_ERROR


def test_an_answer_without_code_is_no_answer_and_runs_nothing() -> None:
    verdict = score(ADD, [said("I would add them.")], ScriptedSandbox())
    assert (verdict.outcome, verdict.fraction, verdict.rule) == (Outcome.NO_ANSWER, 0.0, None)
    assert failed(verdict) == {"answer", "small", "large"}


def test_an_answer_without_code_that_met_its_budget_was_cut() -> None:
    assert score(ADD, [said("I would", finish="length")], ScriptedSandbox()).outcome is Outcome.TRUNCATED_OUT


def test_an_answer_that_met_its_budget_and_fails_was_cut_whatever_ended_it() -> None:
    assert score(ADD, [said(CODE, finish="length")], ending(small="crashed")).outcome is Outcome.TRUNCATED_OUT


def test_an_answer_that_met_its_budget_and_is_right_passes() -> None:
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
def test_of_several_ends_the_worst_names_the_outcome(small: CaseStatus, large: CaseStatus, outcome: Outcome) -> None:
    verdict = score(ADD, [said(CODE)], ending(small=small, large=large))
    assert verdict.outcome is outcome
    assert "small" in failed(verdict)


def test_a_case_that_hangs_fails_alone() -> None:
    assert failed(score(ADD, [said(CODE)], ending(large="timed_out"))) == {"large"}


def test_an_observation_that_is_missing_or_came_twice_fails_its_check() -> None:
    class Forgetful(ScriptedSandbox):
        def run(self, job: Job) -> tuple[Observation, ...]:
            return (Observation("large", "returned", 30), Observation("large", "returned", 30))

    verdict = score(ADD, [said(CODE)], Forgetful())
    assert failed(verdict) == {"small", "large"}
    assert check(verdict, "small").note == "forged: not reported exactly once"


def test_nothing_that_is_expected_enters_the_container() -> None:
    secret = variant_of("calls", [case("one", {"call": "add", "args": [1]}, value="the expected value")])
    sandbox = returning("something else")
    score(secret, [said(CODE)], sandbox)
    assert "the expected value" not in to_json(plain(sandbox.jobs[0]))


def test_a_kind_that_is_not_there_is_a_fault_with_the_list_of_those_that_are() -> None:
    (fault,) = problem_texts(variant_of("guess").task)
    assert "'guess'" in fault
    assert all(kind in fault for kind in KINDS)


# --- calls --------------------------------------------------------------------------------------------------


def test_the_job_of_a_call_holds_the_code_as_the_languages_file_and_the_tasks_limits() -> None:
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
def test_the_tasks_files_go_along_where_the_settings_say_so(settings: Mapping[str, Json], files: set[str]) -> None:
    sandbox = returning(3)
    score(variant_of("calls", ADDS, files={"help.py": "", "data.txt": ""}, settings=settings), [said(CODE)], sandbox)
    assert set(sandbox.jobs[0].files) == files


def test_an_exception_that_is_expected_passes_by_its_name_or_by_one_of_its_bases() -> None:
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


def test_an_exception_that_was_expected_but_did_not_come_fails() -> None:
    variant = variant_of("calls", [case("one", {"call": "f"}, raises="ValueError")])
    assert failed(score(variant, [said("```python\ndef f(): pass\n```")], returning(None))) == {"one"}


def test_one_of_several_values_is_enough() -> None:
    variant = variant_of("calls", [case("one", {"call": "f"}, one_of=[1, 2])])
    answer = [said("```python\ndef f(): pass\n```")]
    assert score(variant, answer, returning(2)).outcome is Outcome.PASSED
    assert score(variant, answer, returning(3)).outcome is Outcome.FAILED


def test_groups_before_a_slash_are_counted_apart() -> None:
    variant = variant_of(
        "calls",
        [
            case("still/a", {"call": "add", "args": [1, 2]}, value=3),
            case("new/a", {"call": "add", "args": [1, 3]}, value=5),
        ],
    )
    verdict = score(variant, [said(CODE)], running_python())
    assert verdict.facts["groups"] == {"still": {"passed": 1, "n": 1}, "new": {"passed": 0, "n": 1}}


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
]


@pytest.mark.parametrize(("expected", "seen", "how"), ALIKE)
def test_values_that_are_alike_are_the_same_both_ways(expected: Json, seen: Json, how: Equality) -> None:
    assert is_equal(expected, seen, how)
    assert is_equal(seen, expected, how)


@pytest.mark.parametrize(("expected", "seen", "how"), UNLIKE)
def test_values_that_differ_are_not_the_same_either_way(expected: Json, seen: Json, how: Equality) -> None:
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
def test_a_value_that_is_malformed_or_too_large_equals_nothing_and_breaks_nothing(seen: Json) -> None:
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
def test_a_value_that_is_made_to_be_slow_to_compare_is_not(seen: Json) -> None:
    began = time.process_time()
    assert not is_equal([1], [seen], EXACT)
    assert time.process_time() - began < 5


def test_a_value_too_deep_to_be_read_equals_nothing() -> None:
    deep: Json = 1
    for _ in range(200):
        deep = [deep]
    assert not is_equal(deep, deep, EXACT)


def test_the_task_chooses_the_equality_and_the_language_how_many_kinds_of_number_there_are() -> None:
    assert equality_of("exact", "python") == EXACT
    assert equality_of("equal", "python") == EQUAL
    assert equality_of("exact", "typescript") == SCRIPT
    variant = variant_of("calls", [case("one", {"call": "f"}, value=1)], settings={"equality": "equal"})
    assert score(variant, [said("```python\ndef f(): pass\n```")], returning(1.0)).outcome is Outcome.PASSED


JSON_VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_what_is_shown_is_short_and_can_be_written_to_a_result(value: Json) -> None:
    seen = display(value)
    assert len(to_json(seen)) <= 8 * MAX_SHOWN_CHARS
    assert not isinstance(seen, float) or math.isfinite(seen)


@given(JSON_VALUES)
def test_every_value_without_marks_equals_itself(value: Json) -> None:
    assert is_equal(value, value, EXACT) or "$" in str(value)


# --- program ------------------------------------------------------------------------------------------------

PROGRAM = said("```python\nprint('hello')\n```")


def ran(exit: int = 0, stdout: Json = "", stderr: str = "", files: Mapping[str, Json] | None = None) -> ScriptedSandbox:
    return returning({"exit": exit, "stdout": stdout, "stderr": stderr, "files": dict(files or {})})


RIGHT_AND_WRONG: list[tuple[dict[str, Json], ScriptedSandbox, ScriptedSandbox]] = [
    ({"exit": 0}, ran(0), ran(1)),
    ({"exit": 2}, ran(2), ran(0)),
    ({"stdout": "a\n"}, ran(stdout="a\n"), ran(stdout="a")),
    ({"stdout": ""}, ran(), ran(stdout={"$": "bytes", "v": "/w=="})),
    ({"stdout_json": [1, {"a": None}]}, ran(stdout='[1,{"a":null}]'), ran(stdout='[1,{"a":0}]')),
    ({"stdout_json": 1}, ran(stdout="1\n"), ran(stdout="one")),
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
]


@pytest.mark.parametrize(("expect", "right", "wrong"), RIGHT_AND_WRONG)
def test_each_expectation_of_a_program_passes_the_right_run_and_fails_the_wrong_one(
    expect: dict[str, Json], right: ScriptedSandbox, wrong: ScriptedSandbox
) -> None:
    variant = variant_of("program", [case("run", {"argv": []}, **expect)])
    assert problem_texts(variant.task) == []
    assert score(variant, [PROGRAM], right).outcome is Outcome.PASSED
    verdict = score(variant, [PROGRAM], wrong)
    assert (verdict.outcome, failed(verdict)) == (Outcome.FAILED, {"run"})


def test_a_program_that_fails_says_so_with_the_line_that_names_the_error() -> None:
    variant = variant_of("program", [case("run", {}, exit=0)])
    trace = "Traceback (most recent call last):\n  ...\nNameError: name 'sys' is not defined\n\nNode.js v22\n"
    seen = check(score(variant, [PROGRAM], ran(1, stderr=trace)), "run").observed
    assert seen == {"exit": {"exit": 1, "stderr": "NameError: name 'sys' is not defined"}}


def test_a_program_that_died_by_a_signal_has_crashed() -> None:
    variant = variant_of("program", [case("run", {}, exit=0)])
    assert score(variant, [PROGRAM], ran(-11)).outcome is Outcome.CRASHED


def test_a_program_that_is_expected_to_die_by_a_signal_passes() -> None:
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


def test_what_the_linter_says_stands_beside_the_verdict_and_changes_nothing() -> None:
    assert problem_texts(linted().task) == []
    sandbox = linting(REMARKS)
    verdict = score(linted(), [SCRIPT_ANSWER], sandbox)
    assert verdict.outcome is Outcome.PASSED
    assert verdict.facts["lint"] == {"error": 1, "warning": 0, "info": 1, "style": 0, "codes": ["SC1009", "SC2086"]}
    assert sandbox.jobs[1].files["script.sh"] == "#!/bin/bash\necho $1\n"


@pytest.mark.parametrize("stdout", ["", "no such command", "{}", "[1]", {"$": "bytes", "v": "/w=="}])
def test_a_linter_that_did_not_run_says_nothing(stdout: Json) -> None:
    verdict = score(linted(), [SCRIPT_ANSWER], linting(stdout))
    assert (verdict.outcome, verdict.facts["lint"]) == (Outcome.PASSED, None)


# --- speed --------------------------------------------------------------------------------------------------


def test_a_timed_task_passes_when_every_turn_gave_tokens_even_where_the_budget_cut_them() -> None:
    variant = variant_of("speed", language=None)
    verdict = score(variant, [said("text", finish="length"), said("more")], ScriptedSandbox())
    assert (verdict.outcome, verdict.fraction) == (Outcome.PASSED, 1.0)


def test_a_timed_task_with_a_silent_turn_is_no_answer() -> None:
    verdict = score(variant_of("speed", language=None), [said("text"), said("")], ScriptedSandbox())
    assert (verdict.outcome, failed(verdict)) == (Outcome.NO_ANSWER, {"answer", "tokens"})


# --- faults of tasks ----------------------------------------------------------------------------------------

CALL = {"call": "f", "args": []}
FAULTS: list[tuple[str, dict[str, Json], dict[str, Json], dict[str, Json], str]] = [
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
    ("calls", {}, CALL, {"result": 1}, "$.expect.result: unknown field; known fields: one_of, raises, value"),
    ("program", {}, {"argv": [1]}, {"exit": 0}, "$.give.argv[0]: expected string"),
    ("program", {}, {"mode": "test"}, {"exit": 0}, "$.give.mode: expected one of run, import"),
    ("program", {}, {}, {}, "$.expect: expected at least 1 field"),
    ("program", {}, {}, {"exit": "0"}, "$.expect.exit: expected integer"),
    ("program", {}, {}, {"files": {"a": "text"}}, "$.expect.files.a: expected object"),
    ("program", {}, {}, {"no_files": "a"}, "$.expect.no_files: expected"),
    ("program", {}, {}, {"output": ""}, "$.expect.output: unknown field"),
    (
        "program",
        {"lint": "shellcheck"},
        {},
        {"exit": 0},
        "scorer.lint: shellcheck reads Bash, the task's language is 'python'",
    ),
    ("program", {"lint": "ruff"}, {}, {"exit": 0}, "scorer.lint: expected one of shellcheck"),
    ("speed", {}, {}, {"value": 1}, "has no cases"),
    ("speed", {"equality": "exact"}, {}, {"value": 1}, "scorer.equality: unknown field"),
]


@pytest.mark.parametrize(("kind", "settings", "give", "expect", "fault"), FAULTS)
def test_what_is_wrong_with_a_task_is_told_with_its_place(
    kind: str, settings: dict[str, Json], give: dict[str, Json], expect: dict[str, Json], fault: str
) -> None:
    variant = variant_of(kind, [case("one", give, **expect)], settings=settings)
    assert any(fault in one for one in problem_texts(variant.task)), problem_texts(variant.task)


def test_a_task_that_runs_code_needs_a_language_and_cases() -> None:
    found = problem_texts(variant_of("calls", language="cobol").task)
    assert any("language: expected a language that can be run, got 'cobol'" in one for one in found)
    assert any("there is no case" in one for one in found)


def test_a_sound_task_has_no_faults() -> None:
    assert problem_texts(ADD.task) == []
    assert problem_texts(variant_of("speed", language=None, settings={"clients": [1, 2]}).task) == []
