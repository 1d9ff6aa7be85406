"""A task: its prompts, files, cases and variants, its solution and the wrong answers that must fail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.types.common import Json, Outcome

TWIN = "-twin"
"""The end of the name of a task's twin. X and X-twin are a pair."""
BUG_SCORERS = ("repository", "tools", "agent")
"""The scorer kinds of the forms in which a model is asked to fix a bug."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one container: `load_timeout_s` to load the answer's code, then `case_timeout_s` for each case."""

    load_timeout_s: float = 10.0
    case_timeout_s: float = 5.0
    memory_bytes: int = 256 * 1024 * 1024
    pids: int = 64
    output_bytes: int = 1024 * 1024
    disk_bytes: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ExcludedInstance:
    """A problem, bug or instance of a public source that did not become a task or cannot be graded here, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """One test case: `give` is the input, which enters the container; `expect` stays on the host.

    `requirements` are ids of the requirements that it tests. `hidden`: it was drawn from the run's seed (see
    `harness.tasks.HiddenCases`), so that no published file holds it.
    """

    id: str
    give: Mapping[str, Json]
    expect: Mapping[str, Json]
    requirements: tuple[str, ...] = ()
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """A wrong answer that ships with the task: exactly the checks in `fails` must fail ("*": all of them).

    With `breaks` instead, at least one check of that requirement must fail, and no check that does not test it.
    `replies` has one reply per turn; `outcome` is the expected outcome; `finish_reason` what the server would report
    ("length" for a truncated answer).
    """

    name: str
    replies: tuple[str, ...]
    fails: tuple[str, ...]
    outcome: Outcome
    finish_reason: str = "stop"
    breaks: str | None = None


HIDDEN_ID = re.compile(r"(?:^|[/-])h\d+$")
"""The ids of drawn cases, by which a result tells that a task has some: order/h1, order/h2."""


@dataclass(frozen=True, slots=True)
class TaskRequirement:
    """Something that the prompt demands: the sentence that says so, and the names of the checks that test it.

    A name that ends in `/*` stands for all checks that begin with what is before the star.
    """

    id: str
    sentence: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """A validated task folder. Its texts still contain `{{variant.NAME}}` and `{{nonce}}`.

    `scored`, `tool_loop` and `for_agents` are properties of its scorer kind (harness/score). `host_files` are laid over
    the files when the cases of an agent's task run; nothing that answers ever sees them. `manifest` is the text of
    task.toml, so that a problem with the settings can name a line. `generator` is the text of cases.py, which draws
    hidden cases; "" if the task has none. `survivors` are mutants of the solution that may pass, each with its reason.
    """

    name: str
    title: str
    suites: tuple[str, ...]
    tags: tuple[str, ...]
    language: str | None
    budget_tokens: int
    limits: Limits
    scorer: str
    settings: Mapping[str, Json]
    system: str
    turns: tuple[str, ...]
    files: Mapping[str, str]
    cases_json: str
    solution: tuple[str, ...]
    wrong_answers: tuple[WrongAnswer, ...]
    variants: tuple[Mapping[str, str], ...]
    sha256: str
    private_includes: tuple[str, ...] = ()
    scored: bool = True
    tool_loop: bool = False
    for_agents: bool = False
    host_files: Mapping[str, str] = field(default_factory=dict)
    manifest: str = ""
    generator: str = ""
    requirements: tuple[TaskRequirement, ...] = ()
    renames: tuple[str, ...] = ()
    survivors: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)
    """Where an imported task is from; empty for one that was written for the kit, or by a user."""

    @property
    def separate(self) -> bool:
        """Whether every turn starts a new conversation (setting `separate`)."""
        return bool(self.settings.get("separate"))

    @property
    def clients(self) -> tuple[int, ...]:
        """Numbers of concurrent clients, one group of requests for each (setting `clients`); empty: a single client."""
        return tuple(self.settings.get("clients", ()))

    @property
    def canary(self) -> bool:
        """Whether the task runs at the start of every block, so that its speed shows drift (tag `canary`)."""
        return "canary" in self.tags


@dataclass(frozen=True, slots=True)
class Variant:
    """A task with the names and constants of one of its variants filled in; this is what is sent and scored.

    `turns` still contain `{{nonce}}`. `solution` has one reply per turn.
    """

    task: Task
    index: int
    system: str
    turns: tuple[str, ...]
    files: Mapping[str, str]
    cases: tuple[Case, ...]
    solution: tuple[str, ...]
    wrong_answers: tuple[WrongAnswer, ...]
    host_files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """A task in the plan and in the result; see the properties of `Task`.

    `limits` are those of each container that runs an answer; None if no code is run. `origin` is the set that the task
    is from; empty for one that was written for the kit, or by a user.
    """

    name: str
    title: str
    scorer: str
    language: str | None
    sha256: str
    variants: int
    private_includes: tuple[str, ...] = ()
    separate: bool = False
    clients: tuple[int, ...] = ()
    canary: bool = False
    scored: bool = True
    limits: Limits | None = None
    for_agents: bool = False
    origin: str = ""

    @property
    def is_conversation(self) -> bool:
        """Whether the turns of a trial follow each other: each is no conversation and no client of its own."""
        return not (self.separate or self.clients)
