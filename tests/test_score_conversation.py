"""Kind `conversation`: the code of each turn, and tests that the model wrote."""

from collections.abc import Mapping

import pytest

from harness.errors import EngineError
from harness.score import score
from harness.types import Case, Job, Json, Observation, Outcome, Reading, Score
from tests.scored import ScriptedSandbox, case, check, failed, problem_texts, running_python, said, variant_of

FILES = {"right.py": "def even(n):\n    return n % 2 == 0\n", "broken.py": "def even(n):\n    return True\n"}
SETTINGS = {"entry": "even.py", "test_file": "test_even.py"}
CASES = (
    case("turn-1/two", {"turn": 1, "call": "even", "args": [2]}, value=True),
    case("turn-1/three", {"turn": 1, "call": "even", "args": [3]}, value=False),
    case("turn-2/minus", {"turn": 2, "call": "even", "args": [-1]}, value=False),
    case("turn-3/right", {"turn": 3, "tests_on": "right.py"}, tests="pass"),
    case("turn-3/broken", {"turn": 3, "tests_on": "broken.py"}, tests="fail"),
)
EVEN = said("```python\ndef even(n):\n    return n % 2 == 0\n```")
TESTS = said(
    "```python\nfrom even import even\n\n\ndef test_odd():\n    assert not even(3)\n```\nRun it:\n```bash\npytest\n```"
)


def exits(by_implementation: Mapping[str, int]) -> ScriptedSandbox:
    """A sandbox that calls functions for real, and in which the tests end as said for each implementation."""
    real = running_python()

    def script(job: Job, name: str, give: Mapping[str, Json]) -> Observation:
        if job.driver == "calls":
            assert real.script is not None
            return real.script(job, name, give)
        implementation = next(path for path, text in FILES.items() if text == give["files"]["even.py"])
        value = {"exit": by_implementation[implementation], "stdout": "", "stderr": "", "files": {}}
        return Observation(name, "returned", value)

    return ScriptedSandbox(script)


FAIR = {"right.py": 0, "broken.py": 1}


def judge(*replies: Reading, ends: Mapping[str, int] = FAIR, cases: tuple[Case, ...] = CASES) -> Score:
    variant = variant_of("conversation", cases, files=FILES, settings=SETTINGS, turns=("a", "b", "c"))
    assert problem_texts(variant.task) == []
    return score(variant, replies, exits(ends))


def test_three_right_turns_pass() -> None:
    verdict = judge(EVEN, EVEN, TESTS)
    assert (verdict.outcome, verdict.extraction_rule) == (Outcome.PASSED, "fenced")
    assert [check.name for check in verdict.checks] == [case.id for case in CASES]
    assert verdict.metrics == {
        "rules": {"1": "fenced", "2": "fenced", "3": "fenced"},
        "tests_right": 1.0,
        "tests_broken": 1.0,
        "groups": {
            "turn-1": {"passed": 2, "n": 2},
            "turn-2": {"passed": 1, "n": 1},
            "turn-3": {"passed": 2, "n": 2},
        },
    }


def test_each_turn_is_scored_on_its_own_code() -> None:
    always = said("```python\ndef even(n):\n    return True\n```")
    assert failed(judge(always, EVEN, TESTS)) == {"turn-1/three"}
    assert failed(judge(EVEN, always, TESTS)) == {"turn-2/minus"}


@pytest.mark.parametrize(
    ("ends", "fails"),
    [
        ({"right.py": 1, "broken.py": 1}, {"turn-3/right"}),
        ({"right.py": 0, "broken.py": 0}, {"turn-3/broken"}),
        ({"right.py": 5, "broken.py": 5}, {"turn-3/right", "turn-3/broken"}),
        ({"right.py": 2, "broken.py": 2}, {"turn-3/right", "turn-3/broken"}),
        ({"right.py": 0, "broken.py": -9}, {"turn-3/broken"}),
    ],
)
def test_tests_must_pass_on_right_code_and_fail_on_broken_code_by_running(
    ends: Mapping[str, int], fails: set[str]
) -> None:
    assert failed(judge(EVEN, EVEN, TESTS, ends=ends)) == fails


def test_tests_that_could_not_run_show_their_exit_code() -> None:
    verdict = judge(EVEN, EVEN, TESTS, ends={"right.py": 2, "broken.py": 1})
    assert check(verdict, "turn-3/right").observed == "exit 2: no tests that could run"


def test_an_image_without_pytest_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="pytest"):
        judge(EVEN, EVEN, TESTS, ends={"right.py": 91, "broken.py": 91})


def test_the_block_with_tests_is_chosen_in_a_turn_about_tests() -> None:
    sandbox = exits(FAIR)
    both = said(f"```python\n{FILES['broken.py']}```\n" + TESTS.content)
    variant = variant_of("conversation", CASES[3:], files=FILES, settings=SETTINGS, turns=("a", "b", "c"))
    score(variant, [EVEN, EVEN, both], sandbox)
    assert sandbox.jobs[0].files["test_even.py"].startswith("from even import even")


def test_neither_the_turn_nor_the_expected_value_enters_the_container() -> None:
    sandbox = exits(FAIR)
    variant = variant_of("conversation", CASES, files=FILES, settings=SETTINGS, turns=("a", "b", "c"))
    score(variant, [EVEN, EVEN, TESTS], sandbox)
    gives = [give for job in sandbox.jobs for _, give in job.cases]
    assert all("turn" not in give and "tests_on" not in give for give in gives)
    tests = next(job for job in sandbox.jobs if job.driver == "program")
    assert set(tests.files) == {"test_even.py", "run_the_tests.py"}
    assert "right" not in str([give["files"] for _, give in tests.cases])


def test_a_turn_without_code_fails_its_cases_only() -> None:
    verdict = judge(EVEN, said("It already works for all of them."), TESTS)
    assert (verdict.outcome, failed(verdict)) == (Outcome.FAILED, {"turn-2/minus"})


def test_turns_that_were_not_reached_fail_their_cases() -> None:
    verdict = judge(EVEN)
    assert failed(verdict) == {"turn-2/minus", "turn-3/right", "turn-3/broken"}
    assert check(verdict, "turn-3/right").note == "the conversation ended before this turn"


def test_no_code_in_any_turn_is_no_answer_and_a_truncated_turn_is_truncated_out() -> None:
    verdict = judge(said("No."), said("No."), said("No."))
    assert (verdict.outcome, len(failed(verdict))) == (Outcome.NO_ANSWER, 6)
    cut = said("```python\nfrom ev", finish="length")
    assert judge(EVEN, EVEN, cut, ends={"right.py": 2, "broken.py": 2}).outcome is Outcome.TRUNCATED_OUT


def test_a_turn_may_be_a_program() -> None:
    program = case("turn-1/run", {"turn": 1, "argv": [], "stdin": ""}, stdout="4\n")
    variant = variant_of("conversation", [program])
    value = {"exit": 0, "stdout": "4\n", "stderr": "", "files": {}}
    sandbox = ScriptedSandbox(lambda job, name, give: Observation(name, "returned", value))
    assert score(variant, [said("```python\nprint(4)\n```")], sandbox).outcome is Outcome.PASSED
    assert sandbox.jobs[0].driver == "program"


@pytest.mark.parametrize(
    ("give", "expect", "problem"),
    [
        ({"call": "f"}, {"value": 1}, "give.turn: required field is missing"),
        ({"turn": 4, "call": "f"}, {"value": 1}, "give.turn: there is no turn 4, the task has 3"),
        ({"turn": 1, "tests_on": "gone.py"}, {"tests": "pass"}, "files/gone.py does not exist"),
        ({"turn": 1, "tests_on": "right.py"}, {"tests": "maybe"}, "expect.tests: expected one of pass, fail"),
        (
            {"turn": 1, "call": "f"},
            {"result": 1},
            "expect.result: unknown field; known fields: args_after, one_of, raises, value",
        ),
        ({"turn": 1, "argv": []}, {}, "expect: expected at least 1 field"),
    ],
)
def test_wrong_cases_are_reported(give: dict[str, Json], expect: dict[str, Json], problem: str) -> None:
    variant = variant_of("conversation", [case("one", give, **expect)], files=FILES, turns=("a", "b", "c"))
    found = problem_texts(variant.task)
    assert any(problem in text for text in found), found
