"""An answer that hangs or is slow in every job of a trial costs three timeouts, or the trial's time, and no more."""

import time
from collections.abc import Mapping

from harness.score.timeout_budget import TimeoutBudget
from harness.types import MAX_TIMEOUTS_PER_TRIAL, Job, Json, Limits, Observation
from tests.scored import ScriptedSandbox


def job_of(count: int) -> Job:
    cases = tuple((f"c{number}", {"call": "f"}) for number in range(count))
    return Job("python", "calls", "answer.py", {"answer.py": ""}, cases, Limits())


def test_no_further_job_runs_after_the_last_allowed_timeout() -> None:
    hanging = ScriptedSandbox(lambda job, name, give: Observation(name, "timed_out"))
    budget = TimeoutBudget(hanging)
    ends = [budget.run(job_of(1))[0] for _ in range(10)]
    assert len(hanging.jobs) == MAX_TIMEOUTS_PER_TRIAL
    assert {end.status for end in ends} == {"timed_out"}
    assert [end.note for end in ends[MAX_TIMEOUTS_PER_TRIAL:]] == ["not run: 3 cases of the trial timed out"] * 7


def test_a_job_may_only_have_the_timeouts_that_the_jobs_before_it_left() -> None:
    hanging_twice = ScriptedSandbox(
        lambda job, name, give: Observation(name, "timed_out" if name in ("c0", "c1") else "returned", 1)
    )
    budget = TimeoutBudget(hanging_twice)
    budget.run(job_of(4))
    budget.run(job_of(1))
    assert [job.max_timeouts for job in hanging_twice.jobs] == [3, 1]


def test_jobs_that_return_use_up_nothing() -> None:
    returning = ScriptedSandbox(lambda job, name, give: Observation(name, "returned", 1))
    budget = TimeoutBudget(returning)
    assert all(budget.run(job_of(5))[0].value == 1 for _ in range(10))
    assert budget.facts is returning.facts


def test_no_further_job_runs_once_the_time_is_used_up() -> None:
    def sleep(job: Job, name: str, give: Mapping[str, Json]) -> Observation:
        time.sleep(0.06)
        return Observation(name, "returned", 1)

    slow = ScriptedSandbox(sleep)
    budget = TimeoutBudget(slow, time_s=0.1)
    ends = [budget.run(job_of(1))[0] for _ in range(4)]
    assert [end.status for end in ends] == ["returned", "returned", "timed_out", "timed_out"]
    assert ends[-1].note == "not run: the trial took 0.1 s"
    assert [job.time_s <= limit for job, limit in zip(slow.jobs, (0.1, 0.04), strict=True)] == [True, True]
