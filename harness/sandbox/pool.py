"""Containers made ahead, so that a job waits for its own program and not for the engine; and their removal.

A container made ahead has started and its driver waits for a job; it is used once. Making and removing happens in
threads of the pool's own; what they could not do is found again by the caller, who makes a container himself.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

from harness.errors import EngineError
from harness.sandbox.container import Container
from harness.sandbox.container_config import ContainerKind
from harness.sandbox.engine import Engine

_KINDS = 3
_REMOVALS = 16


class ContainerPool:
    """Holds `ahead` started containers for each of the last few kinds that were asked for."""

    def __init__(self, engine: Engine, labels: Mapping[str, str], ahead: int) -> None:
        """Nothing is made before the first `take` or `warm`."""
        self._engine, self._labels, self._ahead = engine, labels, ahead
        self._lock = threading.Lock()
        self._ready: OrderedDict[ContainerKind, list[Container]] = OrderedDict()
        self._coming: dict[ContainerKind, int] = {}
        self._closed = False
        self._faults: list[EngineError] = []
        self._begun: set[Future[None]] = set()
        self._removals = threading.BoundedSemaphore(_REMOVALS)
        self._makers = ThreadPoolExecutor(max(2, ahead), thread_name_prefix="lanebench-make")
        self._removers = ThreadPoolExecutor(2, thread_name_prefix="lanebench-remove")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def take(self, kind: ContainerKind) -> Container:
        """A container whose driver waits for its job; another is begun in its place. Raises EngineError."""
        with self._lock:
            ready = self._ready.get(kind)
            container = ready.pop() if ready else None
        self.warm(kind)
        return container if container is not None else Container(self._engine, kind, self._labels)

    def warm(self, kind: ContainerKind) -> None:
        """Begin what is missing of a kind, and let go of the kind that was not asked for longest."""
        with self._lock:
            if self._closed:
                return
            ready = self._ready.setdefault(kind, [])
            self._ready.move_to_end(kind)
            missing = self._ahead - len(ready) - self._coming.get(kind, 0)
            self._coming[kind] = self._coming.get(kind, 0) + max(0, missing)
            old = self._ready.popitem(last=False)[1] if len(self._ready) > _KINDS else []
        for _ in range(missing):
            self._begin(self._makers.submit(self._make, kind))
        for container in old:
            self.discard(container)

    def evict(self, kind: ContainerKind) -> None:
        """Let go of what was made ahead of a kind: it may be as dead as the one that was taken."""
        with self._lock:
            old = self._ready.pop(kind, [])
        for container in old:
            self.discard(container)

    def _make(self, kind: ContainerKind) -> None:
        container = None
        try:
            if not self._closed:
                container = Container(self._engine, kind, self._labels)
        except EngineError:
            # The next `take` finds none ready, makes one itself and raises what is still wrong then.
            container = None
        finally:
            with self._lock:
                self._coming[kind] -= 1
                kept = not self._closed and kind in self._ready and container is not None
                if kept and container is not None:
                    self._ready[kind].append(container)
            if container is not None and not kept:
                self._remove(container)

    def discard(self, container: Container, *, leaving: bool = False) -> None:
        """Remove a container soon, `leaving` once it has ended by itself; waits only when many removals are behind."""
        self._removals.acquire()
        removal = self._removers.submit(self._remove, container, leaving=leaving)
        removal.add_done_callback(self._removed)
        self._begin(removal)

    def _begin(self, work: Future[None]) -> None:
        with self._lock:
            self._begun = {one for one in self._begun if not one.done()} | {work}

    def wait_idle(self) -> None:
        """Wait until what was begun is made, and what was let go of is removed."""
        with self._lock:
            begun = tuple(self._begun)
        wait(begun)

    def _removed(self, _: Future[None]) -> None:
        self._removals.release()

    def _remove(self, container: Container, *, leaving: bool = False) -> None:
        try:
            if leaving:
                container.wait_for_exit()
            container.remove()
        except EngineError as error:
            # What is left has its label and goes with the next start; the fault is told when the pool closes.
            self._faults.append(error)

    def close(self) -> None:
        """Remove every container of the pool and wait until that is done."""
        with self._lock:
            self._closed = True
            left = [container for containers in self._ready.values() for container in containers]
            self._ready.clear()
        self._makers.shutdown(wait=True)
        for container in left:
            self.discard(container)
        self._removers.shutdown(wait=True)

    @property
    def labels(self) -> Mapping[str, str]:
        """What marks this pool's containers as its owner's."""
        return self._labels

    @property
    def faults(self) -> tuple[EngineError, ...]:
        """What could not be removed."""
        return tuple(self._faults)
