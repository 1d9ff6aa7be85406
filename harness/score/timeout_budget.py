"""Limits how long one trial may keep the scorer busy: `TimeoutBudget` is a sandbox for the jobs of a single trial.

A scorer kind may run several jobs for one trial (the turns of a conversation, a model's tests against many modules).
A job stops by itself after so many timeouts, and when its time is used up; these bounds are for all jobs of the trial
together, and each job gets what the ones before it have left, so that an answer that hangs everywhere costs a few
timeouts and not some for each job.
"""

from __future__ import annotations

import time
from dataclasses import replace

from harness.types import (
    MAX_TIMEOUTS_PER_TRIAL,
    MAX_TRIAL_S,
    TOO_MANY_TIMEOUTS,
    Job,
    Observation,
    Sandbox,
    SandboxFacts,
)


class TimeoutBudget:
    """A sandbox that runs no further job once the trial has used up its timeouts or its time."""

    def __init__(self, sandbox: Sandbox, time_s: float = MAX_TRIAL_S) -> None:
        """`sandbox` runs the jobs while the budget lasts: three timeouts, and so much time for all jobs together."""
        self._sandbox = sandbox
        self._timeouts_left = MAX_TIMEOUTS_PER_TRIAL
        self._time_s = self._time_left_s = time_s

    @property
    def facts(self) -> SandboxFacts:
        """The engine and the image."""
        return self._sandbox.facts

    def run(self, job: Job) -> tuple[Observation, ...]:
        """One observation per case. Raises EngineError."""
        if self._timeouts_left <= 0:
            return job.left_out(TOO_MANY_TIMEOUTS)
        if self._time_left_s <= 0:
            return job.left_out(f"the trial took {self._time_s:g} s")
        began = time.monotonic()
        observations = self._sandbox.run(replace(job, time_s=self._time_left_s, max_timeouts=self._timeouts_left))
        self._time_left_s -= time.monotonic() - began
        self._timeouts_left -= sum(observation.status == "timed_out" for observation in observations)
        return observations
