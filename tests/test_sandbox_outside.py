"""An answer that keeps the driver `outside` waiting costs the time of its case or of its job, and never the run."""

from collections.abc import Iterator
from itertools import count
from types import SimpleNamespace
from typing import cast

import pytest

from harness.sandbox import DockerSandbox, open_sandbox, outside
from harness.sandbox.container_config import ContainerKind
from harness.sandbox.pool import ContainerPool
from harness.types import Job, Limits, Observation

BLOCKS_ITS_DRIVER = """
import ctypes, threading, time
def block():
    time.sleep(0.3)
    ctypes.PyDLL(None).sleep(100000)
def f(x):
    threading.Thread(target=block, daemon=True).start()
    return 1
"""
"""A thread of the answer holds the interpreter's lock after the call, so that the driver cannot read the next one."""
CALLS_TWICE = """
import time
def check(candidate):
    assert candidate(0) == 1
    time.sleep(1)
    candidate("a" * 4_000_000)
"""
"""The second call is larger than all buffers between host and driver."""

PAIRS = "from collections import deque, namedtuple\nP = namedtuple('P', 'a b')\n"


@pytest.fixture(scope="module")
def box() -> Iterator[DockerSandbox]:
    with open_sandbox("outside-driver", print, ["python"]) as opened:
        yield opened


def run(box: DockerSandbox, code: str, tests: str, limits: Limits, time_s: float = 100.0) -> Observation:
    cases = (("check", {"call": "check", "candidate": "f"}),)
    files, test_files = {"answer.py": code}, {"tests.py": tests}
    [seen] = box.run(
        Job("python", "outside", "answer.py", files, cases, limits, time_s, tests=test_files, tests_entry="tests.py")
    )
    return seen


@pytest.mark.engine
def test_an_answer_that_does_not_take_a_call_times_out(box: DockerSandbox) -> None:
    seen = run(box, BLOCKS_ITS_DRIVER, CALLS_TWICE, Limits(load_timeout_s=60.0, case_timeout_s=4.0))
    assert (seen.status, seen.note) == ("timed_out", "no end within 4 s")


@pytest.mark.engine
def test_a_call_that_gives_nothing_is_the_fault_of_the_tests_and_ends_no_run(box: DockerSandbox) -> None:
    tests = "def check(candidate):\n    candidate._report.send('call')\n"
    seen = run(box, "def f(n): return n\n", tests, Limits(load_timeout_s=60.0, case_timeout_s=20.0))
    assert (seen.status, seen.note) == ("forged", "a line out of turn")


@pytest.mark.engine
@pytest.mark.parametrize(
    ("code", "test"),
    [
        (f"{PAIRS}def f(n): return deque([P(1, 2)])",
         "assert candidate(0) == deque([(1, 2)])"),
        (f"{PAIRS}def f(n): return {{P(1, 2): deque([{{3}}])}}",
         "assert candidate(0) == {(1, 2): deque([{3}])}"),
        ("def f(queue): queue.append(9)", "d = deque([1]); assert candidate(d) is None; assert d == deque([1, 9])"),
        ("def f(queue): queue.popleft()", "d = deque([1, 2], 2); candidate(d); assert (list(d), d.maxlen) == ([2], 2)"),
        ("def f(queue): queue[0].append(9)", "i = [1]; candidate(deque([i])); assert i == [1, 9]"),
        ("def f(items): items[0].append(9)", "d = deque(); candidate([d]); assert d == deque([9])"),
    ],
)  # fmt: skip
def test_a_deque_arrives_with_what_it_holds_and_as_it_is_after_the_call(
    box: DockerSandbox, code: str, test: str
) -> None:
    tests = f"from collections import deque\ndef check(candidate):\n    {test}\n"
    seen = run(box, code, tests, Limits(load_timeout_s=60.0, case_timeout_s=20.0))
    assert (seen.status, seen.note) == ("returned", None)


@pytest.mark.engine
def test_more_calls_than_a_job_may_make_end_it_at_once(box: DockerSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "MAX_CALLS_PER_JOB", 3)
    tests = "def check(candidate):\n    assert [candidate(n) for n in range({})] == list(range({}))\n"
    limits = Limits(load_timeout_s=60.0, case_timeout_s=60.0)
    three, four = (run(box, "def f(n): return n\n", tests.format(calls, calls), limits) for calls in (3, 4))
    assert three.status == "returned"
    assert (four.status, four.note) == ("crashed", "the tests: more than 3 calls")


def test_a_job_that_seems_killed_from_outside_has_the_time_of_one_job_for_all_its_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, given_s = count(step=2), list[float]()
    seen = Observation("check", "crashed", None, None)

    def run_once(_pool: object, _kind: object, job: Job) -> tuple[tuple[Observation, ...], bool]:
        given_s.append(job.time_s)
        return (seen,), True

    monkeypatch.setattr(outside, "_run", run_once)
    monkeypatch.setattr(outside, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    job = Job("python", "outside", "answer.py", {}, (), Limits(), 5.0)
    pool, kind = cast(ContainerPool, None), cast(ContainerKind, None)
    assert outside.run_outside_job(pool, kind, job) == (seen,)
    assert given_s == [5.0, 3.0, 1.0]
