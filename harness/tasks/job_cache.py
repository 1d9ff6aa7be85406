"""A sandbox that runs equal jobs once: `JobCache`, for the self-check of tasks and for `verify`.

The answers of a task's folder share much of their code: most wrong answers to a conversation are wrong in one turn and
equal the solution in the others. And a model gives the same answer to several trials: of the 621 in two published
results, 489 differ. What ran once need not run again. When a run is scored, each answer of a model runs each time: an
answer whose program ends now so and now so is then seen.

Results with a timeout are not kept: how many cases of a job run, and for how long, is what its trial has left, and two
trials with an equal job may have left unequal amounts.
"""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from threading import Lock

from harness.files import sha256_of, to_json
from harness.types import Job, Observation, Sandbox, SandboxFacts


class JobCache:
    """Runs each job in another sandbox, and an equal one not again, however many threads ask for it."""

    def __init__(self, sandbox: Sandbox, max_jobs: int | None = None) -> None:
        """Remembers the last `max_jobs` jobs that were asked for, all by default."""
        self._sandbox, self._max_jobs = sandbox, max_jobs
        self._lock, self._results = Lock(), OrderedDict[str, Future[tuple[Observation, ...]]]()

    @property
    def facts(self) -> SandboxFacts:
        """Those of the sandbox that runs the jobs."""
        return self._sandbox.facts

    def run(self, job: Job) -> tuple[Observation, ...]:
        """One observation per case. Raises EngineError."""
        key = _key(job)
        with self._lock:
            first = key not in self._results
            future = self._results.setdefault(key, Future())
            self._results.move_to_end(key)
            if self._max_jobs is not None and len(self._results) > self._max_jobs:
                self._results.popitem(last=False)
        if not first:
            observations = future.result()
            return self._sandbox.run(job) if _has_timeouts(observations) else observations
        try:
            observations = self._sandbox.run(job)
        except BaseException as error:
            # The other threads that wait for this job get the same error, and none waits forever. Who asks later
            # runs it again: an engine that was restarted is back.
            self._forget(key, future)
            future.set_exception(error)
            raise
        if _has_timeouts(observations):
            self._forget(key, future)
        future.set_result(observations)
        return observations

    def _forget(self, key: str, future: Future[tuple[Observation, ...]]) -> None:
        with self._lock:
            if self._results.get(key) is future:
                del self._results[key]


def _has_timeouts(observations: tuple[Observation, ...]) -> bool:
    """Whether a case timed out, or was not run for want of timeouts or of time."""
    return any(observation.status == "timed_out" for observation in observations)


def _key(job: Job) -> str:
    cases = [[name, dict(give)] for name, give in job.cases]
    files = [dict(job.files), dict(job.tests), job.tests_entry, list(job.packages)]
    return sha256_of(to_json([job.language, job.driver, job.entry, files, cases, repr(job.limits)]))
