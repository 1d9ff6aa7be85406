"""What enters a container, what comes out, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from harness.types.common import Json, Outcome
from harness.types.model import TrialKey
from harness.types.task import Limits


@dataclass(frozen=True, slots=True)
class Job:
    """What enters the container: the answer's code, given files and inputs. No expected value has a place here."""

    language: str
    driver: Literal["calls", "program"]
    entry: str
    files: Mapping[str, str]
    cases: tuple[tuple[str, Mapping[str, Json]], ...]
    limits: Limits


CaseEnd = Literal["returned", "raised", "timed_out", "out_of_memory", "crashed", "not_loaded", "forged"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What came out of one case. `value` is rebuilt from plain JSON; `note` is an exception's type or a reason."""

    case: str
    ended: CaseEnd
    value: Json = None
    note: str | None = None


Limited = Literal["cpu", "memory", "processes", "swap"]
"""What an engine may limit."""


@dataclass(frozen=True, slots=True)
class SandboxFacts:
    """What the sandbox was: stands in every result.

    `enforces` names the limits that the engine can set on a container, of cpu, memory, processes and swap; what they
    are stands with each task. `seccomp` says whose list of system calls held: the kit's or the engine's.
    """

    engine: str
    engine_version: str
    runtime: str
    image: str
    image_digest: str
    rootless: bool
    cgroup_version: str
    enforces: tuple[Limited, ...] = ()
    seccomp: Literal["lanebench", "engine"] | None = None


class Sandbox(Protocol):
    """Runs a job in a throwaway place. Raises EngineError for faults of the kit's own side, and only then."""

    @property
    def facts(self) -> SandboxFacts:
        """What the sandbox is."""
        ...

    def run(self, job: Job) -> tuple[Observation, ...]:
        """One observation a case, in the order of the job's cases."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was expected and what was seen, both short enough to print."""

    name: str
    passed: bool
    expected: Json = None
    seen: Json = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """The verdict on a trial. `rule` names how the code was found in the answer."""

    outcome: Outcome
    fraction: float
    checks: tuple[Check, ...]
    rule: str | None = None
    facts: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoredTrial:
    """One line of scores.jsonl; `sandbox` is None where nothing had to run."""

    key: TrialKey
    variant: int
    score: Score
    sandbox: SandboxFacts | None = None
