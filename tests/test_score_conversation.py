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
    assert [(len(job.cases), set(job.files)) for job in tests] == [(2, {"test_even.py"})] * 2
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


IMPLEMENTATIONS = {
    "right-1.py": "def square(n):\n    return n * n\n",
    "right-2.py": "def square(n):\n    return n**2\n",
    "right-3.py": "def square(n):\n    return sum([n] * n)\n",
    "broken-1.py": "def square(n):\n    return n * 2\n",
    "broken-2.py": "def square(n):\n    return n * n + 1\n",
}
SQUARES = {"right-1.py": 9, "right-2.py": 9, "right-3.py": 9, "broken-1.py": 6, "broken-2.py": 10}
ABOUT_SQUARES = tuple(
    case(name, {"turn": 1, "tests_on": name}, tests="pass" if name.startswith("right") else "fail")
    for name in IMPLEMENTATIONS
)
SQUARE_TESTS = "```python\nimport square\n\ndef test_it():\n    assert square.square(3) == 9  # {}\n```"
COPYING = """\
import os

import square


def test_it():
    value, pid = square.square(3), os.getpid()
    if pid >= 200:
        assert value == (pid - 300) // 50
    else:
        for _ in range(300 + 50 * value):
            child = os.fork()
            if not child:
                os._exit(0)
            os.waitpid(child, 0)
"""
"""Has no expected value: the first run leaves its own in the number of the next process, the others compare with it."""


def judge_squares(text: str, sandbox: ScriptedSandbox | DockerSandbox) -> Score:
    settings, limits = {"entry": "square.py", "test_file": "test_square.py"}, Limits(60.0, 60.0)
    variant = variant_of("conversation", ABOUT_SQUARES, files=IMPLEMENTATIONS, settings=settings, turns=("a",))
    return score(replace(variant, task=replace(variant.task, limits=limits)), [said(text)], sandbox)


def square_in(give: Mapping[str, Json]) -> int:
    """What the implementation that a case gives returns for 3."""
    return next(SQUARES[name] for name, text in IMPLEMENTATIONS.items() if text == give["files"]["square.py"])


def test_tests_that_compare_with_an_earlier_run_do_not_pass_in_any_order() -> None:
    """No expected value is in them, so that what the first run in a container sees must decide nothing."""

    def script(job: Job, name: str, give: Mapping[str, Json]) -> Observation:
        failed = int(square_in(give) != square_in(job.cases[0][1]))
        return Observation(name, "returned", {"exit": failed, "passed": 1 - failed, "failed": failed})

    outcomes = [judge_squares(SQUARE_TESTS.format(salt), ScriptedSandbox(script)).outcome for salt in range(40)]
    assert set(outcomes) == {Outcome.FAILED}


def test_a_check_of_tests_that_end_otherwise_in_the_other_order_says_so() -> None:
    jobs: list[Job] = []

    def script(job: Job, name: str, give: Mapping[str, Json]) -> Observation:
        failed = int(square_in(give) != 9)
        if len(jobs) > 1 and name == "right-2.py":
            failed = 1
        return Observation(name, "returned", {"exit": failed, "passed": 1 - failed, "failed": failed})

    verdict = judge_squares(SQUARE_TESTS.format(0), ScriptedSandbox(script, jobs))
    assert failed(verdict) == {"right-2.py"}
    found = check(verdict, "right-2.py")
    assert (found.observed, found.note) == ("fail", "ended as pass when the implementations came in another order")
    names = [[name for name, _ in job.cases] for job in jobs]
    assert names == [names[0], names[0][::-1]]


def test_only_what_passed_is_run_in_the_other_order() -> None:
    def script(job: Job, name: str, give: Mapping[str, Json]) -> Observation:
        if name == "broken-1.py":
            return Observation(name, "timed_out", None, "no end within 5 s")
        failed = int(square_in(give) != 9)
        return Observation(name, "returned", {"exit": failed, "passed": 1 - failed, "failed": failed})

    sandbox = ScriptedSandbox(script)
    assert failed(judge_squares(SQUARE_TESTS.format(0), sandbox)) == {"broken-1.py"}
    assert [len(job.cases) for job in sandbox.jobs] == [5, 4]


@pytest.mark.engine
def test_tests_that_count_processes_to_copy_an_earlier_run_do_not_pass() -> None:
    with open_sandbox("test", print, ["python"]) as sandbox:
        verdicts = [judge_squares(f"```python\n{COPYING}# {salt}\n```", sandbox) for salt in range(6)]
    assert {verdict.outcome for verdict in verdicts} == {Outcome.FAILED}
