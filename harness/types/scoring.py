"""Scoring: the job that enters a container, the observations that come out, and the score with its checks."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from harness.types.common import Json, Outcome
from harness.types.model import TrialKey
from harness.types.recording import Recording
from harness.types.task import Limits, Task

MAX_TIMEOUTS_PER_TRIAL = 3
TOO_MANY_TIMEOUTS = f"{MAX_TIMEOUTS_PER_TRIAL} cases of the trial timed out"
"""Why the cases after these timeouts are not run."""
MAX_TRIAL_S = 100.0
"""Honest answers take a few seconds in all; hidden cases are some forty a trial, of up to 5 s each."""
HIDDEN_INPUTS = "hidden_inputs"
"""The metric with the inputs of failed hidden cases by name, shortened for display: no file of the task has them."""


@dataclass(frozen=True, slots=True)
class Job:
    """What enters the container: the answer's code, the task's files, and the inputs of each case.

    Expected values stay on the host, so an answer has nothing to read them from. `time_s` is the time for all cases
    together, beside the limit of each: an answer could be slow in every case without exceeding that. After
    `max_timeouts` cases that timed out, the others are not run.

    `tests` are the files of the driver `outside`, whose cases are test functions in `tests_entry`: they go into another
    container than the answer, and there the cases run. `packages` are those that the image has beside the language,
    each as NAME==VERSION, those of npm as PLACE@VERSION.
    """

    language: str
    driver: Literal["calls", "program", "tests", "outside"]
    entry: str
    files: Mapping[str, str]
    cases: tuple[tuple[str, Mapping[str, Json]], ...]
    limits: Limits
    time_s: float = MAX_TRIAL_S
    max_timeouts: int = MAX_TIMEOUTS_PER_TRIAL
    tests: Mapping[str, str] = field(default_factory=dict)
    tests_entry: str = ""
    packages: tuple[str, ...] = ()

    def left_out(self, reason: str, start: int = 0) -> tuple[Observation, ...]:
        """The observations of the cases from `start` on when they are not run: each could cost a timeout more."""
        return tuple(Observation(name, "timed_out", None, f"not run: {reason}") for name, _ in self.cases[start:])


CaseStatus = Literal[
    "returned", "raised", "not_callable", "timed_out", "out_of_memory", "crashed", "not_loaded", "forged"
]


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of one case in the container: a value of plain JSON types, or why there is none.

    `note` is the type of the exception, or the reason. `args_after` are the positional arguments as they are after the
    call, `output` what it wrote to standard output and error; None where they were not asked for. The status
    `not_callable` is that of a call that no function takes.
    """

    case: str
    status: CaseStatus
    value: Json = None
    note: str | None = None
    args_after: Json = None
    output: str | None = None


LimitKind = Literal["cpu", "memory", "processes", "swap"]
"""The resources that a container engine can limit."""


@dataclass(frozen=True, slots=True)
class SandboxFacts:
    """The container engine and image that ran the answers; part of every result.

    `enforced_limits` lists the limits that this engine can enforce; their values are part of each task. `seccomp` names
    the seccomp profile that applied: Lanebench's or the engine's default.
    """

    engine: str
    engine_version: str
    runtime: str
    image: str
    image_digest: str
    rootless: bool
    cgroup_version: str
    enforced_limits: tuple[LimitKind, ...] = ()
    seccomp: Literal["lanebench", "engine"] | None = None


class Sandbox(Protocol):
    """Runs jobs in throwaway containers.

    Raises EngineError when the engine fails and DownloadError when a job's packages cannot be had, never for what an
    answer does.
    """

    @property
    def facts(self) -> SandboxFacts:
        """The engine and the image."""
        ...

    def run(self, job: Job) -> tuple[Observation, ...]:
        """One observation per case, in the order of `job.cases`."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """One check of an answer: the expected and the observed value, both shortened for display."""

    name: str
    passed: bool
    expected: Json = None
    observed: Json = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """The verdict on a trial; `extraction_rule` names the rule that found the code in the answer."""

    outcome: Outcome
    fraction: float
    checks: tuple[Check, ...]
    extraction_rule: str | None = None
    metrics: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoredTrial:
    """One line of scores.jsonl; `sandbox` is None if no code was run.

    `case_seed` is the seed of the hidden cases, the digest of the run's recordings; None for a task that has none.
    """

    key: TrialKey
    variant: int
    score: Score
    sandbox: SandboxFacts | None = None
    case_seed: str | None = None


RecordedTrial = tuple[Task, tuple[Recording, ...]]
"""A trial that is to be scored: its task and its turns."""


class TrialScorer(Protocol):
    """Scores recorded trials, on this machine or on others (harness/cluster)."""

    def score_all(self, trials: Iterable[RecordedTrial], case_seed: str) -> Generator[ScoredTrial, None, None]:
        """Score the trials; yields each when it is done. Raises EngineError, TaskError."""
        ...
