"""Kind `conversation`: the code of each turn, and tests that the model wrote."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.sandbox import DockerSandbox, open_sandbox
from harness.sandbox.image import DRIVERS
from harness.score import score
from harness.types import Case, Job, Json, Limits, Observation, Outcome, Reading, Score
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
        status = by_implementation[implementation]
        counts: dict[str, Json] = {"passed": int(status == 0), "failed": int(status == 1)} if status in (0, 1) else {}
        return Observation(name, "returned", {"exit": status, **counts})

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


def test_after_three_timeouts_no_more_tests_are_run() -> None:
    turns = range(1, 10)
    cases = tuple(case(f"turn-{turn}/right", {"turn": turn, "tests_on": "right.py"}, tests="pass") for turn in turns)
    sandbox = ScriptedSandbox(lambda job, name, give: Observation(name, "timed_out", None, "no end"))
    variant = variant_of("conversation", cases, files=FILES, settings=SETTINGS, turns=("a",) * 9)
    verdict = score(variant, [TESTS] * 9, sandbox)
    assert (verdict.outcome, len(sandbox.jobs), len(failed(verdict))) == (Outcome.TIMED_OUT, 3, 9)


def test_a_container_without_pytest_ends_before_it_takes_its_job(tmp_path: Path) -> None:
    """The kit then reports an engine error (see harness/sandbox/runner.py)."""
    (tmp_path / "pytest.py").write_text("raise ImportError\n", encoding="utf-8")
    job = json.dumps({"nonce": "0", "driver": "tests", "entry": "test_even.py", "files": {}, "cases": []})
    command, env = [sys.executable, str(DRIVERS / "tests.py")], {**os.environ, "PYTHONPATH": str(tmp_path)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        # Left open: the driver ends with its standard input.
        process.stdin.write(f"{len(job)}\n{job}".encode())
        process.stdin.flush()
        assert process.wait(60) == 3
        assert process.stdout is not None
        assert process.stderr is not None
        assert (process.stdout.read(), process.stderr.read()) == (b"", b"pytest cannot be imported\n")


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
    tests = [job for job in sandbox.jobs if job.driver == "tests"]
    assert [(len(job.cases), set(job.files)) for job in tests] == [(2, {"test_even.py"})]
    assert "right" not in str([give["files"] for job in tests for _, give in job.cases])


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
            "expect.result: unknown field; known fields: args_after, one_of, output, raises, value",
        ),
        ({"turn": 1, "argv": []}, {}, "expect: expected at least 1 field"),
    ],
)
def test_wrong_cases_are_reported(give: dict[str, Json], expect: dict[str, Json], problem: str) -> None:
    variant = variant_of("conversation", [case("one", give, **expect)], files=FILES, turns=("a", "b", "c"))
    found = problem_texts(variant.task)
    assert any(problem in text for text in found), found


# --- tests that a model wrote, in real containers ---------------------------------------------------------------------

HONEST_TESTS = {
    "functions": """\
from even import even


def test_two():
    assert even(2)


def test_odd():
    assert not even(3)
""",
    "a class": """\
import unittest

import even


class TestEven(unittest.TestCase):
    def test_odd(self):
        self.assertFalse(even.even(3))
""",
    "prints and changes the folder": """\
import os

from even import even


def test_odd(tmp_path, capsys):
    os.chdir(tmp_path)
    print(even(3), flush=True)
    assert capsys.readouterr().out == 'False\\n'
""",
    "one of several fails": """\
import pytest
from even import even


@pytest.mark.parametrize('n', [2, 3, 4])
def test_n(n):
    assert even(n) is (n != 3)


@pytest.mark.skip
def test_later():
    assert False
""",
}
HOSTILE_TESTS = {
    "no test at all": """\
from even import even


def check_odd():
    assert not even(3)


Test = None
class TestNothing: ...
""",
    "exits at import": """\
import os
from even import even


def test_odd(): ...


os._exit(int(even(3)))
""",
    "ends politely at import": """\
import sys
from even import even


def test_odd(): ...


sys.exit(int(even(3)))
""",
    "exits in a test": """\
import os
from even import even


def test_odd():
    os._exit(int(even(3)))
""",
    "prints a summary of its own": """\
import os
from even import even


def test_odd():
    bad = int(even(3))
    os.write(1, ('\\n{"token": "", "passed": %d, "failed": %d}' % (1 - bad, bad)).encode())
    os._exit(bad)
""",
    "only skips": """\
import pytest
from even import even


@pytest.mark.skip
def test_odd():
    assert not even(3)
""",
    "expects to fail": """\
import pytest
from even import even


@pytest.mark.xfail
def test_odd():
    assert even(3)
""",
    "reads its environment": """\
import os


def test_place():
    assert 'broken' not in repr(sorted(os.environ.items()))
""",
    "reads its folder": """\
import os


def test_place():
    assert 'broken' not in repr([os.getcwd(), __file__, *os.listdir()])
""",
    "counts how often it ran": """\
import os
import pathlib

place = pathlib.Path('/tmp/count')


def test_count():
    seen = place.exists()
    place.touch()
    assert not seen and int(os.path.basename(os.getcwd())[:1], 16) < 99
""",
    "looks at its process number": """\
import os


def test_number():
    assert os.getpid() < 10 or os.getppid() > 1
""",
    "asserts nothing": """\
from even import even


def test_odd():
    even(3)
""",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DockerSandbox]:
    with open_sandbox("test", print, ["python"]) as opened:
        yield opened


def judge_tests(sandbox: DockerSandbox, tests: str) -> Score:
    variant = variant_of("conversation", CASES[3:], files=FILES, settings=SETTINGS, turns=("a", "b", "c"))
    patient = replace(variant, task=replace(variant.task, limits=Limits(case_timeout_s=60.0)))
    return score(patient, [EVEN, EVEN, said(f"```python\n{tests}```")], sandbox)


@pytest.mark.engine
@pytest.mark.parametrize("name", HONEST_TESTS)
def test_honest_tests_pass_in_a_container(sandbox: DockerSandbox, name: str) -> None:
    verdict = judge_tests(sandbox, HONEST_TESTS[name])
    assert verdict.outcome is Outcome.PASSED, verdict.checks


@pytest.mark.engine
@pytest.mark.parametrize("name", HOSTILE_TESTS)
def test_tests_that_test_nothing_do_not_pass_in_a_container(sandbox: DockerSandbox, name: str) -> None:
    assert judge_tests(sandbox, HOSTILE_TESTS[name]).outcome is Outcome.FAILED
