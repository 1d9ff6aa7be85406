"""Limits how long one trial may keep the scorer busy: `TimeoutBudget` is a sandbox for the jobs of a single trial.

A scorer kind may run several jobs for one trial (the turns of a conversation, a model's tests against many modules).
Each job stops after three timeouts by itself; this bound is for all jobs of the trial together, so that an answer that
hangs everywhere costs a few timeouts and not one for each job.
"""

from __future__ import annotations

from harness.types import Job, Observation, Sandbox, SandboxFacts

MAX_TIMEOUTS_PER_TRIAL = 3


class TimeoutBudget:
    """A sandbox that runs no further job once the trial has used up its timeouts."""

    def __init__(self, sandbox: Sandbox) -> None:
        """`sandbox` runs the jobs while the budget lasts."""
        self._sandbox = sandbox
        self._timeouts = 0

    @property
    def facts(self) -> SandboxFacts:
        """The engine and the image."""
        return self._sandbox.facts

    def run(self, job: Job) -> tuple[Observation, ...]:
        """One observation per case. Raises EngineError."""
        if self._timeouts >= MAX_TIMEOUTS_PER_TRIAL:
            note = f"not run: {MAX_TIMEOUTS_PER_TRIAL} cases of the trial timed out"
            return tuple(Observation(name, "timed_out", None, note) for name, _ in job.cases)
        observations = self._sandbox.run(job)
        self._timeouts += sum(observation.status == "timed_out" for observation in observations)
        return observations
