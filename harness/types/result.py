"""The result of a run: result.json, the file that is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.types.common import Json, Source
from harness.types.host import HostFacts, MemoryUse, RecorderOverhead, SelfTest
from harness.types.judging import JudgeReport, Judging
from harness.types.lane import Lane, Recommendation
from harness.types.model import Sampling
from harness.types.probe import ProbeFinding
from harness.types.run import CutBudget, KitInfo, SkippedTask, StoppedService
from harness.types.scoring import SandboxFacts
from harness.types.sequential import Look, SequentialDesign
from harness.types.summary import Cell, Comparison, ModelSummary, Rank, ResultWarning, TwinGap
from harness.types.task import BUG_SCORERS, TWIN, TaskInfo
from harness.types.trial import TrialResult

MAX_RESULT_TRIALS = 50_000
"""The trials that a result may have, with its warm-ups: as many as the schema allows."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model in the result: its configuration, and what was observed of it and its server (see `ModelRun`)."""

    label: str
    server: str
    server_version: str | None
    model: str
    api: str
    thinking: Literal["on", "off", "default"]
    sampling: Sampling
    context_tokens: int | None
    served_context_tokens: int | None
    extra: Mapping[str, Json]
    facts: Mapping[str, Json]
    simulated: bool
    memory: MemoryUse
    load_s: float | None
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
    agent: str | None = None
    agent_version: str | None = None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The plan of the run in short, when it ended, and the services that it stopped meanwhile.

    `passes` is how often the models took turns, each time after warm-ups; in a sequential run at most, with one for
    each look or block. An older sequential run states 1: it has warm-ups before its first look or block alone.
    """

    id: str
    started_at: str
    ended_at: str
    suite: str
    seed: int
    trials: int
    warmups: int
    thinking_tokens: int
    simulated: bool
    stopped_services: tuple[StoppedService, ...] = ()
    selftest: SelfTest | None = None
    beacon: str = ""
    design: SequentialDesign | None = None
    looks: tuple[Look, ...] = ()
    passes: int = 1

    @property
    def trials_words(self) -> str:
        """`10 trials`, or `7 of at most 10 trials` where looks or the time decide how many."""
        words = f"{self.trials} trial{'' if self.trials == 1 else 's'}"
        if self.design is None:
            return words
        return f"{self.looks[-1].trials} of at most {words}" if self.looks else f"up to {words}"


@dataclass(frozen=True, slots=True)
class Digests:
    """sha256 of recordings.jsonl, scores.jsonl and log.jsonl of the same run; None for a file that was not written."""

    recordings_sha256: str | None
    scores_sha256: str | None
    log_sha256: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """The whole of result.json. `kit` to `trials`, `lanes` and `judgings` are evidence; the rest is computed from it.

    `sources` maps the path of a fact, such as `host.chip`, to where it comes from.
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
    warnings: tuple[ResultWarning, ...]
    lanes: tuple[Lane, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    ranks: tuple[Rank, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)
    judgings: tuple[Judging, ...] = ()
    judge_reports: tuple[JudgeReport, ...] = ()
    twin_gaps: tuple[TwinGap, ...] = ()

    @property
    def counted_trials(self) -> tuple[TrialResult, ...]:
        """The trials that count: no warm-ups, and none of a block in which the time of the run ran out."""
        last = self.run.looks[-1] if self.run.looks else None
        end = last.trials if last is not None and last.stop == "budget" else self.run.trials
        return tuple(trial for trial in self.trials if not trial.warmup and trial.trial < end)

    @property
    def private_tasks(self) -> Mapping[str, TaskInfo]:
        """The tasks whose prompts include private files, by name."""
        return {task.name: task for task in self.tasks if task.private_includes}

    @property
    def bugs_with_twins(self) -> Mapping[str, tuple[str, ...]]:
        """The tasks about bugs that have a twin in this run, by the scorer kind: the form in which they were asked."""
        names = {task.name for task in self.tasks}
        found: dict[str, tuple[str, ...]] = {}
        for task in self.tasks:
            if task.scorer in BUG_SCORERS and task.name + TWIN in names:
                found[task.scorer] = (*found.get(task.scorer, ()), task.name)
        return {scorer: found[scorer] for scorer in BUG_SCORERS if scorer in found}

    def lane_count(self, lane: Lane, model: str) -> tuple[int, int]:
        """How many trials of a lane's scored tasks a model passed, and of how many."""
        rates = [
            cell.pass_rate
            for cell in self.cells
            if cell.model == model and cell.scored and lane.tasks.get(cell.task, 0) > 0
        ]
        return sum(rate.passed for rate in rates), sum(rate.n for rate in rates)
