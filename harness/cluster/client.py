"""`ClusterScorer`: sends trials to the workers of a Dask cluster and yields their scores as they arrive.

Dask sends a trial on when its worker is lost, and gives it up when it was lost with several. What is left to do here:
a trial whose worker's engine failed goes to another worker; one that Dask lost with its scheduler, or that waits for
workers that are gone, is sent again. A trial is yielded once, whatever was computed twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue

from distributed import Client, Future, KilledWorker

from harness.cluster.registry import POLL_S, WorkerRegistry
from harness.cluster.worker import ScoringOrder, WorkerFailure, score_on_worker
from harness.errors import EngineError
from harness.types import Json, RecordedTrial, ScoredTrial, TrialKey

MAX_ENGINE_FAILURES = 3
"""A trial during which so many engines failed is the reason for it."""
MAX_LOST_WORKERS = 3
"""A trial that lost all its workers so often is set aside; Dask's own limit is `allowed-failures` of its scheduler."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A trial on its way: the workers that it may run on, and how many engines failed and workers were lost before.

    `scheduler` is the one that it was sent to.
    """

    trial: RecordedTrial
    workers: frozenset[str] = frozenset()
    scheduler: str = ""
    failures: int = 0
    lost_workers: int = 0


_Pending = dict[object, tuple[Future[Json], _Attempt]]


@dataclass(slots=True)
class ClusterScorer:
    """The trial scorer of a cluster."""

    client: Client
    registry: WorkerRegistry
    order: ScoringOrder
    _sent: int = 0
    _ended: SimpleQueue[Future[Json]] = field(default_factory=SimpleQueue)

    def score_all(self, trials: Iterable[RecordedTrial], case_seed: str) -> Generator[ScoredTrial, None, None]:
        """Score the trials; yields each when it is done. Raises EngineError, TaskError.

        Dask counts the loss of a worker against all trials that the worker held. So those that it gave up run again,
        one at a time, after all others; what ends its workers even then is named in the error, at the end.
        """
        suspects: list[RecordedTrial] = []
        guilty: list[RecordedTrial] = []
        yield from self._score(iter(trials), case_seed, suspects, one_at_a_time=False)
        yield from self._score(iter(suspects), case_seed, guilty, one_at_a_time=True)
        if guilty:
            names = "; ".join(_describe(turns[0].key) for _, turns in guilty)
            raise EngineError(
                f"the kit's fault, set aside without a score: scoring ended every worker that tried {names}",
                fix="all others are scored; the workers' logs say how they ended",
            )

    def _score(
        self, trials: Iterator[RecordedTrial], case_seed: str, killers: list[RecordedTrial], *, one_at_a_time: bool
    ) -> Iterator[ScoredTrial]:
        pending: _Pending = {}
        again: deque[_Attempt] = deque()
        try:
            while True:
                window = 1 if one_at_a_time else 2 * sum(self.registry.fit.values())
                while len(pending) < max(1, window):
                    attempt = again.popleft() if again else _next_attempt(trials)
                    if attempt is None:
                        break
                    future, sent = self._send(attempt, case_seed)
                    pending[future.key] = future, sent
                if not pending:
                    return
                for future, attempt in self._take_ended(pending):
                    scored = self._result(future, attempt, again, killers)
                    if scored is not None:
                        yield scored
        finally:
            self.client.cancel([future for future, _ in pending.values()], force=True)

    def _send(self, attempt: _Attempt, case_seed: str) -> tuple[Future[Json], _Attempt]:
        task, turns = attempt.trial
        fit, scheduler = frozenset(self.registry.wait_for_fit()), self.registry.scheduler_id
        self._sent += 1
        future = self.client.submit(
            score_on_worker, self.order, task, turns, case_seed,
            # Dask's dashboard has a bar for each task; the end makes the key unique, also among clients.
            key=(task.name, turns[0].key.model, turns[0].key.trial, self.client.id, self._sent),
            workers=sorted(fit), pure=False,
        )  # fmt: skip
        future.add_done_callback(self._ended.put)
        return future, replace(attempt, workers=fit, scheduler=scheduler)

    def _take_ended(
        self, pending: dict[object, tuple[Future[Json], _Attempt]]
    ) -> Iterator[tuple[Future[Json], _Attempt]]:
        """Wait for a trial to end; also those of which nothing will be heard, since all their workers are gone."""
        if self.client.status == "closed":
            raise EngineError("the scheduler of the cluster is gone", fix="what is scored is kept: score again")
        try:
            ended = self._ended.get(timeout=POLL_S)
        except Empty:
            fit = self.registry.fit
            for key in [key for key, (_, attempt) in pending.items() if attempt.workers.isdisjoint(fit)]:
                future, attempt = pending.pop(key)
                self.client.cancel([future], force=True)
                # The last one is a loss, however many there were; with their scheduler they go for no trial's fault.
                is_loss = attempt.scheduler == self.registry.scheduler_id
                yield future, replace(attempt, lost_workers=attempt.lost_workers + is_loss)
        else:
            # One that was sent again ends twice: its key is not pending any more.
            if ended.key in pending:
                yield pending.pop(ended.key)

    def _result(
        self, future: Future[Json], attempt: _Attempt, again: deque[_Attempt], killers: list[RecordedTrial]
    ) -> ScoredTrial | None:
        """The score of a trial that ended; None if it goes to another worker or is set aside."""
        if future.status == "finished":
            found = future.result()
            if isinstance(found, ScoredTrial):
                return found
            self._failed(found, attempt, again)
        elif future.status == "error":
            error = future.exception()
            if not isinstance(error, KilledWorker):
                raise error
            killers.append(attempt.trial)
        elif attempt.lost_workers >= MAX_LOST_WORKERS:
            killers.append(attempt.trial)
        else:
            again.append(attempt)
        return None

    def _failed(self, failure: WorkerFailure, attempt: _Attempt, again: deque[_Attempt]) -> None:
        if not isinstance(failure.error, EngineError):
            raise failure.error
        self.registry.leave_out(failure.worker, failure.error.message)
        if attempt.failures + 1 >= MAX_ENGINE_FAILURES:
            raise failure.error
        again.append(replace(attempt, failures=attempt.failures + 1))


def _next_attempt(trials: Iterator[RecordedTrial]) -> _Attempt | None:
    trial = next(trials, None)
    return None if trial is None else _Attempt(trial)


def _describe(key: TrialKey) -> str:
    return f"{key.model} on {key.task}, trial {key.trial}"
