"""One job in several containers: how often an answer is run again, and what is not run any more."""

import json
from dataclasses import replace
from typing import Any, cast

import pytest

from harness.sandbox import open_sandbox
from harness.sandbox.container import SIGKILL_EXIT, STDOUT, ContainerExit
from harness.sandbox.container_config import ContainerKind
from harness.sandbox.runner import MAX_RETRIES_PER_JOB, run_job
from harness.types import MAX_TIMEOUTS_PER_TRIAL, Job, Limits

CASES = tuple((f"c{number}", {"call": "f", "args": [number]}) for number in range(8))
KIND = ContainerKind("image", "python", "calls", Limits())


class FakeContainer:
    """Reports what it is told to for the nonce of its job, then is killed from outside."""

    def __init__(self, events: tuple[str, ...]) -> None:
        self._events, self._lines = events, list[bytes]()

    def send(self, payload: bytes) -> None:
        nonce = json.loads(payload)["nonce"]
        self._lines = [json.dumps({"n": nonce, "e": event}).encode() + b"\n" for event in self._events]

    def read_frame(self, deadline: float) -> tuple[int, bytes] | None:
        return (STDOUT, self._lines.pop(0)) if self._lines else None

    def exit_status(self) -> ContainerExit:
        return ContainerExit(code=SIGKILL_EXIT, out_of_memory=False, running=False)

    def is_responsive(self) -> bool:
        return True


class AlternatingPool:
    """Its containers are killed in turn while the answer loads and in its first case; it counts them."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self, kind: ContainerKind) -> FakeContainer:
        self.taken += 1
        return FakeContainer(("taken",) if self.taken % 2 else ("taken", "loaded"))

    def discard(self, container: FakeContainer, *, exits_by_itself: bool) -> None:
        pass

    def evict(self, kind: ContainerKind) -> None:
        pass


def test_an_answer_that_alternates_between_two_ways_to_be_killed_is_not_run_for_ever() -> None:
    pool = AlternatingPool()
    job = Job("python", "calls", "answer.py", {"answer.py": ""}, CASES, Limits())
    observations = run_job(cast(Any, pool), KIND, job)
    assert [seen.status for seen in observations] == ["crashed"] * len(CASES)
    assert pool.taken <= len(CASES) + MAX_RETRIES_PER_JOB


@pytest.mark.engine
def test_after_three_timeouts_the_other_cases_are_not_run() -> None:
    code = "def f(number):\n    while number:\n        pass\n    return number\n"
    limits = Limits(case_timeout_s=0.5)
    job = Job("python", "calls", "answer.py", {"answer.py": code}, CASES, limits)
    with open_sandbox("runner-test", print, ["python"]) as sandbox:
        observations = sandbox.run(job)
        second_job = sandbox.run(replace(job, max_timeouts=1))
    assert [seen.status for seen in observations] == ["returned"] + ["timed_out"] * 7
    not_run = [seen.case for seen in observations if seen.note is not None and seen.note.startswith("not run")]
    assert not_run == [name for name, _ in CASES[1 + MAX_TIMEOUTS_PER_TRIAL :]]
    assert [seen.note for seen in second_job[1:3]] == ["no end within 0.5 s", "not run: 3 cases of the trial timed out"]
