"""`ThreadScorer`: scores trials in one sandbox on threads of this process."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from harness.cluster.trial import score_trial
from harness.score import scoring_threads
from harness.tasks import HiddenCases
from harness.types import RecordedTrial, Sandbox, ScoredTrial


class ThreadScorer:
    """The trial scorer of one machine."""

    def __init__(self, sandbox: Sandbox) -> None:
        """The answers of all threads run in `sandbox`."""
        self._sandbox = sandbox

    def score_all(self, trials: Iterable[RecordedTrial], case_seed: str) -> Generator[ScoredTrial, None, None]:
        """Score the trials; yields each when it is done. Raises EngineError, TaskError."""
        hidden_cases, threads = HiddenCases(case_seed, self._sandbox), scoring_threads()
        with ThreadPoolExecutor(max_workers=threads) as pool:
            pending: set[Future[ScoredTrial]] = set()
            try:
                for task, turns in trials:
                    pending.add(pool.submit(score_trial, task, turns, self._sandbox, hidden_cases))
                    # Trials are read from the disk while others are scored: the queue bounds the memory of a long run.
                    if len(pending) >= 2 * threads:
                        yield from _take_finished(pending)
                while pending:
                    yield from _take_finished(pending)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


def _take_finished(pending: set[Future[ScoredTrial]]) -> Iterator[ScoredTrial]:
    """Wait for a score, then remove and yield all that are there."""
    finished, _ = wait(pending, return_when=FIRST_COMPLETED)
    pending -= finished
    for future in finished:
        yield future.result()
