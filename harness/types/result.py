"""The publishable file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.types.common import Json, Source
from harness.types.host import HostFacts, KitUse, MemoryUse, SelfTest
from harness.types.lane import Lane, Recommendation
from harness.types.model import Sampling
from harness.types.probe import ProbeFinding
from harness.types.run import KitInfo, ServiceChange, Skipped
from harness.types.scoring import SandboxFacts
from harness.types.summary import Caveat, Cell, Comparison, ModelSummary, Rank
from harness.types.task import TaskInfo
from harness.types.trial import TrialResult


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as the result names it: what was asked for, and what its server said of itself."""

    label: str
    server: str
    server_version: str | None
    model: str
    thinking: Literal["on", "off", "default"]
    sampling: Sampling
    context_tokens: int | None
    served_context_tokens: int | None
    facts: Mapping[str, Json]
    simulated: bool
    memory: MemoryUse
    load_s: float | None
    stop_reason: str | None = None
    own_context_tokens: int | None = None
    context_setting: str | None = None
    swap_growth_bytes: int | None = None
    skipped: tuple[Skipped, ...] = ()
    live: tuple[ProbeFinding, ...] = ()
    kit_use: KitUse | None = None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The run as planned and as it went."""

    id: str
    started_at: str
    ended_at: str
    suite: str
    seed: int
    trials: int
    warmups: int
    simulated: bool
    changes: tuple[ServiceChange, ...] = ()
    selftest: SelfTest | None = None


@dataclass(frozen=True, slots=True)
class Digests:
    """sha256 of the bytes that stand beside the result; None where that file was not made."""

    recordings_sha256: str | None
    scores_sha256: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """The publishable file: evidence (kit to trials, and lanes), and what is computed from it (all the rest).

    `sources` says of each fact whether the kit measured it, the server reported it, the user declared it.
    """

    kit: KitInfo
    run: RunInfo
    host: HostFacts
    sandbox: SandboxFacts | None
    models: tuple[ModelInfo, ...]
    tasks: tuple[TaskInfo, ...]
    digests: Digests
    trials: tuple[TrialResult, ...]
    cells: tuple[Cell, ...]
    summaries: tuple[ModelSummary, ...]
    warnings: tuple[Caveat, ...]
    lanes: tuple[Lane, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    ranks: tuple[Rank, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)
