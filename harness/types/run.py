"""A run: its plan, written before the first request, and what was observed of each model besides its trials."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from harness.types.host import HostFacts, MemoryUse, RecorderOverhead, SelfTest
from harness.types.lane import Lane
from harness.types.model import Model
from harness.types.probe import ProbeFinding
from harness.types.sequential import Look, SequentialDesign
from harness.types.settings import RunSettings
from harness.types.task import TaskInfo

STOPPED_BY_OWNER = "stopped by its owner"
"""Why a session or a model ended that Ctrl-C or SIGTERM stopped: nothing is wrong with it, so it goes on later."""


@dataclass(frozen=True, slots=True)
class SkippedTask:
    """A task that a model did not run: its prompt and budget need more tokens than the served context has."""

    task: str
    required_tokens: int
    available_tokens: int


@dataclass(frozen=True, slots=True)
class CutBudget:
    """A task for which the served context leaves fewer output tokens for thinking than the run allows."""

    task: str
    thinking_tokens: int


@dataclass(frozen=True, slots=True)
class StoppedService:
    """A service on this machine that the run stopped, for example a launchd job.

    `restored`: whether it was running again afterwards; None as long as no restore was tried.
    """

    service: str
    stopped_at: str
    restored: bool | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ModelRun:
    """One line of models.jsonl per model: its server's version, context, memory, skipped tasks and more.

    `load_s` is how long loading took, `stop_reason` why the model did not finish its trials (None: it did);
    `is_left_out` says that it was asked nothing, since this machine or its context has no room.
    `served_context_tokens` is the context that the server serves, `model_context_tokens` the context that the model
    supports, `context_setting` the server's setting that limits it. `tokens_per_char` is what the server counted for
    prose before the first trial; tasks that do not fit are skipped by it. `probe_findings` are the probe's findings.
    `thinks` says whether a model at its default setting thinks, as its template or a first reply showed; None if its
    settings decide that or nothing showed it. `cut_budgets` are the tasks with less room for thinking.
    """

    label: str
    server_version: str | None = None
    served_context_tokens: int | None = None
    memory: MemoryUse = field(default_factory=MemoryUse)
    load_s: float | None = None
    stop_reason: str | None = None
    model_context_tokens: int | None = None
    context_setting: str | None = None
    swap_growth_bytes: int | None = None
    skipped: tuple[SkippedTask, ...] = ()
    cut_budgets: tuple[CutBudget, ...] = ()
    thinks: bool | None = None
    tokens_per_char: float | None = None
    probe_findings: tuple[ProbeFinding, ...] = ()
    recorder_overhead: RecorderOverhead | None = None
    is_left_out: bool = False


LogEvent = Literal["start", "resume", "stop", "kill", "clock", "anchor", "look"]
"""What a line of a run's log notes."""
Stage = Literal["record", "score"]
"""The stages that append to a run's files."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of log.jsonl: a session of the run begins or ends, or a clock was set within it.

    The first session of a stage starts it, later ones resume it. `kill` stands for the end of a session that left no
    `stop`; it is written when the run is opened again, with `torn_bytes`, the size of the incomplete lines that were
    dropped then. `clock` notes within a session that the wall clock moved against the monotonic one,
    `anchor` holds in `token` a time stamp of the digest of the line before it,
    `look` what a sequential run found in the trials so far. `at` is the wall
    clock, `monotonic_ns` the clock of the recordings, which restarts with `boot_id`. `reason` says why the session
    stopped.
    """

    event: LogEvent
    stage: Stage
    at: str
    monotonic_ns: int
    boot_id: str | None
    reason: str | None = None
    torn_bytes: int | None = None
    token: str | None = None
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class KitInfo:
    """The version of Lanebench that wrote a file; `commit` and `dirty` are None outside a git checkout."""

    version: str
    commit: str | None
    dirty: bool | None


@dataclass(frozen=True, slots=True)
class RunPlan:
    """run.json: everything that was decided before the first request.

    `settings.tasks` names every task of the run; `settings.suite` is CUSTOM_SUITE if they were named individually.
    `design` is None for a run with a fixed number of trials.
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
    design: SequentialDesign | None = None
