"""Hidden cases: one container draws those of all variants, and the solution must agree with what is expected of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pytest

from harness.errors import CheckError, EngineError, Problem, TaskError
from harness.files import to_json
from harness.sandbox import open_sandbox
from harness.score import score
from harness.tasks import HiddenCases, JobCache, check_draws, check_tasks, vary
from harness.types import Job, Json, Observation, Outcome, SandboxFacts, Task, WrongAnswer
from tests.example import SANDBOX
from tests.samples import kit_tasks, task_of

GENERATOR = """
def generate(seed, variant):
    n = int(variant["N"])
    return [{"id": f"double/h{n}", "give": {"call": "double", "args": [n]}, "expect": {"value": 2 * n}}]
"""
FIXED = '[{"id": "zero", "give": {"call": "double", "args": [0]}, "expect": {"value": 0}}]'
DOUBLE = "```python\ndef double(n):\n    return n + n\n```"


class BrokenSandbox:
    """Fails as nothing that a sandbox declares would."""

    @property
    def facts(self) -> SandboxFacts:
        return SANDBOX

    def run(self, job: Job) -> tuple[Observation, ...]:
        raise MemoryError


class CountingSandbox:
    """Runs generators and answers of this file where the test runs, and counts their jobs."""

    facts = SANDBOX

    def __init__(self) -> None:
        self.jobs = Counter[str]()

    def run(self, job: Job) -> tuple[Observation, ...]:
        draws = "cases.py" in job.files
        self.jobs["drawing" if draws else "answer"] += 1
        space: dict[str, Json] = {}
        exec(job.files["cases.py" if draws else job.entry], space)
        if draws:
            space["draw"] = lambda seed, variant: to_json(space["generate"](seed, variant))
        return tuple(Observation(case, "returned", _value(space, give)) for case, give in job.cases)


def _value(space: Mapping[str, Json], give: Mapping[str, Json]) -> Json:
    return space[give["call"]](*give["args"])


def task(solution: str = DOUBLE, cases: str = FIXED) -> Task:
    made = replace(task_of("doubles", "Double.", scorer="calls"), language="python", generator=GENERATOR)
    return replace(made, solution=(solution,), cases_json=cases, variants=({"N": "3"}, {"N": "5"}, {"N": "7"}))


def test_a_failure_reaches_also_those_who_did_not_draw() -> None:
    hidden, variant = HiddenCases("seed", BrokenSandbox()), vary(kit_tasks()["code-bugfix"], 0)
    for _ in range(2):
        with pytest.raises(MemoryError):
            hidden.extend(variant)


def test_a_failure_of_the_engine_is_not_kept() -> None:
    class Restarting(CountingSandbox):
        """Its engine fails while the first job runs, and is then back."""

        failures = 1

        def run(self, job: Job) -> tuple[Observation, ...]:
            if self.failures:
                self.failures -= 1
                raise EngineError("the container engine was restarted")
            return CountingSandbox.run(self, job)

    hidden = HiddenCases("seed", Restarting())
    with pytest.raises(EngineError):
        hidden.extend(vary(task(), 0))
    assert [case.id for case in hidden.extend(vary(task(), 0)).cases] == ["zero", "double/h3"]


def test_a_defect_of_the_task_is_found_once() -> None:
    sandbox = CountingSandbox()
    hidden = HiddenCases("seed", sandbox)
    for _ in range(2):
        with pytest.raises(TaskError):
            hidden.extend(vary(task(DOUBLE.replace("n + n", "n * n")), 1))
    assert sandbox.jobs == {"drawing": 1, "answer": 1}


def test_one_job_draws_for_all_variants_and_each_gets_its_own_cases() -> None:
    sandbox = CountingSandbox()
    hidden = HiddenCases("seed", sandbox)
    drawn = [[case.id for case in hidden.extend(vary(task(), trial)).cases] for trial in range(4)]
    assert drawn == [["zero", "double/h3"], ["zero", "double/h5"], ["zero", "double/h7"], ["zero", "double/h3"]]
    assert sandbox.jobs == {"drawing": 1, "answer": 3}


def test_the_self_check_reports_every_problem_of_drawn_cases_and_each_once() -> None:
    generator = """
def generate(seed, variant):
    return [{"id": "double/h1", "give": {"call": "double"}}, {"id": "double/h2", "give": [], "expect": {"value": 1}}]
"""
    drawn = replace(task(), generator=generator, variants=({"N": "3"},))
    extend = HiddenCases("seed", CountingSandbox()).extend
    with pytest.raises(CheckError) as caught:
        check_tasks([drawn], partial(score, sandbox=CountingSandbox()), lambda line: None, extend=extend)
    messages = [problem.message for problem in caught.value.problems]
    assert len(messages) == 2
    assert "$[0].expect: required field is missing" in messages[0]
    assert "$[1].give" in messages[1]


def test_a_hidden_case_that_the_solution_fails_is_a_defect_of_the_task() -> None:
    with pytest.raises(TaskError) as caught:
        HiddenCases("seed", CountingSandbox()).extend(vary(task(DOUBLE.replace("n + n", "n * n")), 1))
    (problem,) = caught.value.problems
    assert problem.message.startswith("doubles/cases.py (variant 1): generator and solution disagree on 1 of 1 cases")
    assert "double/h5: 10 against 25" in problem.message


def test_a_fixed_case_that_the_solution_fails_is_no_disagreement_of_the_two() -> None:
    wrong_case = FIXED.replace('"value": 0', '"value": 1')
    hidden = HiddenCases("seed", CountingSandbox())
    assert [case.id for case in hidden.extend(vary(task(cases=wrong_case), 0)).cases] == ["zero", "double/h3"]


def test_the_self_check_runs_a_solution_once_for_its_draw_and_its_score() -> None:
    sandbox = CountingSandbox()
    cache = JobCache(sandbox)
    wrong = WrongAnswer("same", (DOUBLE.replace("n + n", "n"),), (), Outcome.FAILED, "stop")
    checked = replace(task(), wrong_answers=(wrong,))
    extend = HiddenCases("seed", cache).extend
    assert check_tasks([checked], partial(score, sandbox=cache), lambda line: None, extend=extend) == 6
    assert sandbox.jobs == {"drawing": 1, "answer": 6}


def test_a_generator_that_does_not_draw_from_its_seed_is_found() -> None:
    unseeded = "import random\n" + GENERATOR.replace('"args": [n]', '"args": [random.random()]')
    assert check_draws([task()], CountingSandbox(), CountingSandbox()) == []
    (problem,) = check_draws([replace(task(), generator=unseeded)], JobCache(CountingSandbox()), CountingSandbox())
    assert problem.message == "doubles/cases.py: two draws from the same seed differ"


def test_a_drawn_case_that_states_an_unknown_requirement_is_a_defect_of_the_task() -> None:
    drawn = replace(task(), generator=GENERATOR.replace('"give"', '"requirements": ["nope"], "give"'))
    with pytest.raises(TaskError, match="case 'double/h3': no requirement has the id 'nope'"):
        HiddenCases("seed", CountingSandbox()).extend(vary(drawn, 0))


def test_a_generator_without_cases_is_told_to_return_some() -> None:
    with pytest.raises(TaskError) as caught:
        HiddenCases("seed", CountingSandbox()).extend(vary(replace(task(), generator="generate = lambda *_: []"), 0))
    assert caught.value.problems == (
        Problem("doubles/cases.py (variant 0): the generator returned no case", "return at least one"),
    )


@pytest.mark.engine
def test_a_generator_that_fails_is_shown_with_its_line() -> None:
    failing = {
        "def generate(seed, variant)\n    pass\n": "line 1: SyntaxError: expected ':'",
        "def generate(seed, variant):\n    return variant['X']\n": "line 2: KeyError: 'X'",
        "import numpy\n": "line 1: ModuleNotFoundError: No module named 'numpy'",
        "def generate(seed, variant):\n    return {1}\n": "TypeError: Object of type set is not JSON serializable",
    }
    with open_sandbox("test-hidden-cases", lambda line: None, ["python"]) as sandbox:
        for code, text in failing.items():
            with pytest.raises(TaskError) as caught:
                HiddenCases("seed", sandbox).extend(vary(replace(task(), generator=code), 0))
            message = f"doubles/cases.py (variant 0): the generator failed: {text}"
            assert caught.value.problems == (Problem(message, "correct cases.py"),)
