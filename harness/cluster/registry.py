"""The workers that may score a run: `WorkerRegistry` prepares each that is there or joins, and drops those that fail.

A worker is admitted if its kit is this one, its engine answers, and its sandbox is that of the first worker, down to
the digest of the image: only then does a trial get the same score on either. An image that is missing is built on the
first worker and loaded on the others. A worker that is left out is named with the reason, and tried again later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from types import TracebackType
from typing import Self

from distributed import Client, Future

from harness.cluster.worker import (
    Admission,
    ScoringOrder,
    close_scorer,
    kit_identity,
    load_images,
    open_scorer,
    read_images,
)
from harness.errors import EngineError
from harness.types import Json, Log, SandboxFacts

POLL_S = 1.0
RETRY_S = 20.0
"""A worker that was left out is prepared again after so long: its engine may be back."""
MAX_WAIT_S = 90.0
"""So long may no worker be fit: an engine or a scheduler that is restarted is back within it."""

MAX_TRANSFER_S = 900.0
"""Images are archives of up to a gigabyte; a worker that is lost meanwhile must not hold up the others."""


class WorkerRegistry:
    """Keeps the list of the workers that are fit for a run, in a thread of its own."""

    def __init__(self, client: Client, order: ScoringOrder, log: Log) -> None:
        """Workers are prepared between `__enter__` and `__exit__`."""
        self._client, self._order, self._log = client, order, log
        self._reference: SandboxFacts | None = None
        self._threads: dict[str, int] = {}
        self._scheduler_id = ""
        self._left_out: dict[str, tuple[str, float]] = {}
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lanebench-workers", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        if self._client.status == "running" and self._threads:
            self._client.run(close_scorer, self._order, workers=list(self._threads), on_error="return")

    @property
    def fit(self) -> Mapping[str, int]:
        """The addresses of the workers that may score now, each with its number of threads."""
        with self._changed:
            return dict(self._threads)

    @property
    def scheduler_id(self) -> str:
        """The scheduler that `fit` was read from: one that was started again is another, and has other workers."""
        with self._changed:
            return self._scheduler_id

    def wait_for_fit(self) -> Mapping[str, int]:
        """As `fit`, once there is one. Raises EngineError with the reasons if there is none for MAX_WAIT_S."""
        with self._changed:
            if self._changed.wait_for(lambda: self._threads or not self._thread.is_alive(), MAX_WAIT_S):
                return dict(self._threads)
            reasons = [f"{address}: {reason}" for address, (reason, _) in sorted(self._left_out.items())]
        message = "no worker of the cluster can score"
        raise EngineError(f"{message}: {'; '.join(reasons)}" if reasons else f"{message}: none is there")

    def leave_out(self, address: str, reason: str) -> None:
        """Give this worker no more trials, until it is prepared again."""
        with self._changed:
            known = self._left_out.get(address, ("", 0.0))[0]
            self._left_out[address] = (reason, time.monotonic())
            was_fit = self._threads.pop(address, None) is not None
        if was_fit or reason != known:
            self._log(f"Worker {address} is left out: {reason}")

    def _run(self) -> None:
        while not self._stop.wait(0 if not self._threads else POLL_S):
            try:
                present = self._client.nthreads()
                self._update(present, self._client.scheduler_info()["id"])
            # The scheduler does not answer: the client tries to reach it again, and its `status` says if it gave up.
            except OSError:
                self._stop.wait(POLL_S)

    def _update(self, present: Mapping[str, int], scheduler_id: str) -> None:
        with self._changed:
            # Before the workers: whoever misses them can tell by it that no trial ended them.
            self._scheduler_id = scheduler_id
            for address in set(self._threads) - set(present):
                self._log(f"Worker {address} is gone.")
                del self._threads[address]
        now = time.monotonic()
        for address in sorted(present):
            tried_at = self._left_out.get(address, ("", now - RETRY_S))[1]
            if address not in self._threads and now - tried_at >= RETRY_S and not self._stop.is_set():
                self._admit(address, present[address])

    def _admit(self, address: str, threads: int) -> None:
        reason = self._why_other_kit(address)
        facts = None
        if not reason:
            admission = self._open(address)
            facts, reason = admission.facts, admission.reason
        if facts is not None and self._reference is not None:
            reason = _difference(facts, self._reference)
        if reason or facts is None:
            self.leave_out(address, reason or "it cannot be prepared")
            return
        with self._changed:
            self._reference = self._reference or facts
            self._left_out.pop(address, None)
            self._threads[address] = threads
            self._changed.notify_all()
        self._log(f"Worker {address} scores with {threads} thread{'s' if threads > 1 else ''}.")

    def _why_other_kit(self, address: str) -> str:
        there, here = self._call(address, kit_identity), kit_identity()
        if isinstance(there, Exception):
            return f"this kit is not installed there ({there})"
        return "" if there == here else f"it has {there}, this is {here}"

    def _open(self, address: str) -> Admission:
        found = self._try_to_open(address)
        if found.missing:
            self._log(f"Worker {address} gets {', '.join(found.missing)} from another worker (once).")
            archives = self._client.submit(read_images, found.missing, workers=list(self._threads), pure=False)
            loaded = self._client.submit(load_images, archives, workers=[address], pure=False)
            reason = self._why_not_loaded(loaded)
            found = Admission(reason=reason) if reason else self._try_to_open(address)
        return found

    def _why_not_loaded(self, loaded: Future[None]) -> str:
        """Waits until a worker has its images; the reason if it does not get them, "" if it does."""
        # In short waits, so that a slow transfer does not hold up the end of the scoring.
        for _ in range(round(MAX_TRANSFER_S / POLL_S)):
            if self._stop.is_set():
                return "its images had not arrived when the scoring ended"
            try:
                error = loaded.exception(POLL_S)
            # It is an OSError, too: `_run` would take it for a scheduler that does not answer.
            except TimeoutError:
                continue
            return "" if error is None else f"its images cannot be loaded: {error}"
        return f"its images had not arrived after {MAX_TRANSFER_S:g} s"

    def _try_to_open(self, address: str) -> Admission:
        found = self._call(address, open_scorer, self._order, may_build=self._reference is None)
        return found if isinstance(found, Admission) else Admission(reason=f"{type(found).__name__}: {found}")

    def _call(self, address: str, function: Callable[..., Json], *args: Json, **options: Json) -> Json:
        """What a function returns on this worker, or the exception that it raised."""
        return self._client.run(function, *args, workers=[address], on_error="return", **options).get(address)


def _difference(facts: SandboxFacts, reference: SandboxFacts) -> str:
    """How a sandbox differs from that of the first worker; "" if it does not."""
    names = [field.name for field in fields(facts) if getattr(facts, field.name) != getattr(reference, field.name)]
    parts = [f"{name} is {getattr(facts, name)}, on the first worker {getattr(reference, name)}" for name in names]
    return "; ".join(parts).replace("_", " ")
