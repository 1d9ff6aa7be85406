"""What was decided before the first request, and what was seen of a model around its trials."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.types.host import HostFacts, KitUse, MemoryUse, SelfTest
from harness.types.lane import Lane
from harness.types.model import Model
from harness.types.probe import ProbeFinding
from harness.types.settings import RunSettings
from harness.types.task import TaskInfo


@dataclass(frozen=True, slots=True)
class Skipped:
    """A task that was not asked of a model because it does not fit into the context that the server gives it."""

    task: str
    required_tokens: int
    available_tokens: int


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """Something on this machine that the run stopped; `restored` None until it was tried."""

    service: str
    stopped_at: str
    restored: bool | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ModelRun:
    """What was seen of a model around its trials; `stop_reason` says why it did not run to its end.

    `live` is what its server showed against what its kind states; `own_context_tokens` what the model could have, and
    `context_setting` the setting that decides what is served.
    """

    label: str
    server_version: str | None = None
    served_context_tokens: int | None = None
    memory: MemoryUse = field(default_factory=MemoryUse)
    load_s: float | None = None
    stop_reason: str | None = None
    own_context_tokens: int | None = None
    context_setting: str | None = None
    swap_growth_bytes: int | None = None
    skipped: tuple[Skipped, ...] = ()
    live: tuple[ProbeFinding, ...] = ()
    kit_use: KitUse | None = None


@dataclass(frozen=True, slots=True)
class KitInfo:
    """Which kit made the file; `commit` and `dirty` are None outside a checkout."""

    version: str
    commit: str | None
    dirty: bool | None


@dataclass(frozen=True, slots=True)
class RunPlan:
    """run.json: everything that was decided before the first request.

    `settings.tasks` names every task of the run; `settings.suite` is CUSTOM_SUITE where they were named one by one.
    """

    id: str
    started_at: str
    kit: KitInfo
    host: HostFacts
    settings: RunSettings
    models: tuple[Model, ...]
    tasks: tuple[TaskInfo, ...]
    simulated: bool
    lanes: tuple[Lane, ...] = ()
    selftest: SelfTest | None = None
