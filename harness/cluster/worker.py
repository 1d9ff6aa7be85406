"""What runs on a worker: it opens a sandbox for a run, scores trials in it and closes it again.

The client calls the functions of this module by their names, so that a worker runs the code of the kit that is
installed there; `kit_identity` is what the client compares beforehand. A run's sandbox is state of the worker, which
Dask keeps in a plugin: it is closed with the worker, or by `close_scorer`.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Lock

from distributed import Worker, WorkerPlugin, get_worker

from harness import __version__
from harness.cluster.trial import score_trial
from harness.errors import EngineError, LanebenchError
from harness.files import kit_digest
from harness.sandbox import DockerSandbox, ensure_engine, export_image, import_image, missing_images, open_sandbox
from harness.tasks import HiddenCases
from harness.types import Recording, SandboxFacts, ScoredTrial, Task


@dataclass(frozen=True, slots=True)
class ScoringOrder:
    """What a worker is prepared for: a run, its languages and the runtime of its containers."""

    run_id: str
    languages: tuple[str, ...]
    runtime: str | None

    @property
    def plugin_name(self) -> str:
        """The plugin that holds the sandbox: runs that use a cluster at the same time do not share one."""
        return f"lanebench {self.run_id}"


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a worker is prepared: the facts of its sandbox, or the images that it lacks, or why it cannot score."""

    facts: SandboxFacts | None = None
    missing: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WorkerFailure:
    """Why a worker could not score a trial: an EngineError is the worker's, any other the trial's."""

    worker: str
    error: LanebenchError


class ScorerPlugin(WorkerPlugin):
    """The sandbox of one run on one worker."""

    def __init__(self, order: ScoringOrder) -> None:
        """Opened by `setup`."""
        self._order, self._stack, self._lock = order, ExitStack(), Lock()
        self._hidden_cases: dict[str, HiddenCases] = {}
        self._sandbox: DockerSandbox | None = None

    async def setup(self, worker: Worker) -> None:
        """Open the sandbox, in a thread: the worker's event loop goes on to tell the scheduler that it is there."""
        del worker
        await asyncio.to_thread(self._open)

    async def teardown(self, worker: Worker) -> None:
        """Remove the containers."""
        del worker
        await asyncio.to_thread(self._stack.close)

    @property
    def sandbox(self) -> DockerSandbox:
        """The open sandbox."""
        if self._sandbox is None:
            raise EngineError("the sandbox of this worker is not open")
        return self._sandbox

    def score(self, task: Task, turns: Sequence[Recording], case_seed: str) -> ScoredTrial:
        """Score one trial. Raises EngineError, TaskError."""
        with self._lock:
            hidden_cases = self._hidden_cases.setdefault(case_seed, HiddenCases(case_seed, self.sandbox))
        return score_trial(task, turns, self.sandbox, hidden_cases)

    def _open(self) -> None:
        order = self._order
        opened = open_sandbox(order.run_id, print, order.languages, runtime=order.runtime)
        self._sandbox = self._stack.enter_context(opened)


def kit_identity() -> str:
    """The kit that is installed here, with the Python that it runs on, whose parser reads answers."""
    major, minor, _ = platform.python_version_tuple()
    return f"lanebench {__version__} ({kit_digest()[:12]}) on Python {major}.{minor}"


async def open_scorer(order: ScoringOrder, *, may_build: bool, dask_worker: Worker) -> Admission:
    """Prepare this worker; images are only built by the first one, since no other build has the same digest."""
    try:
        missing = () if may_build else await asyncio.to_thread(_missing, order.languages)
        if missing:
            return Admission(missing=missing)
        plugin = ScorerPlugin(order)
        await dask_worker.plugin_add(plugin, name=order.plugin_name, catch_errors=False)
    except LanebenchError as error:
        return Admission(reason=error.message)
    return Admission(plugin.sandbox.facts)


async def close_scorer(order: ScoringOrder, *, dask_worker: Worker) -> None:
    """Close the run's sandbox, if this worker has one."""
    if order.plugin_name in dask_worker.plugins:
        await dask_worker.plugin_remove(order.plugin_name)


def score_on_worker(
    order: ScoringOrder, task: Task, turns: tuple[Recording, ...], case_seed: str
) -> ScoredTrial | WorkerFailure:
    """Score one trial on this worker. An error is a value: Dask would log what is raised here as a worker's defect."""
    worker = get_worker()
    plugin = worker.plugins.get(order.plugin_name)
    try:
        if not isinstance(plugin, ScorerPlugin):
            raise EngineError("the worker is not prepared for this run")
        return plugin.score(task, turns, case_seed)
    except LanebenchError as error:
        return WorkerFailure(worker.address, error)


def read_images(tags: tuple[str, ...]) -> list[bytes]:
    """These images of this worker's engine, as archives. Raises EngineError."""
    engine = ensure_engine(print)
    try:
        return [export_image(engine, tag) for tag in tags]
    finally:
        engine.close()


def load_images(archives: list[bytes]) -> None:
    """Load images into this worker's engine. Raises EngineError."""
    engine = ensure_engine(print)
    try:
        for archive in archives:
            import_image(engine, archive)
    finally:
        engine.close()


def _missing(languages: tuple[str, ...]) -> tuple[str, ...]:
    engine = ensure_engine(print)
    try:
        return missing_images(engine, languages)
    finally:
        engine.close()
