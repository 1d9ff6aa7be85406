"""A task folder as data: what is asked, its cases, its variants, its wrong answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.types.common import Json, Outcome


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
class Case:
    """One input with what must come out. `give` enters the container; `expect` never does."""

    id: str
    give: Mapping[str, Json]
    expect: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Wrong:
    """An answer that must not pass: exactly the checks in `fails` must fail ("*": all), ending as `outcome`.

    One reply a turn; `finish_reason` is what the server would have said ("length" for a truncated answer).
    """

    name: str
    replies: tuple[str, ...]
    fails: tuple[str, ...]
    outcome: Outcome
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Task:
    """One folder under fixtures/, read and checked. Texts still hold `{{variant.NAME}}` and `{{nonce}}`.

    `scored` and `tool_loop` are traits of its scorer kind (harness/score).
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
    cases: str
    solution: tuple[str, ...]
    wrong: tuple[Wrong, ...]
    variants: tuple[Mapping[str, str], ...]
    sha256: str
    private_includes: tuple[str, ...] = ()
    scored: bool = True
    tool_loop: bool = False

    @property
    def separate(self) -> bool:
        """Whether every turn is a conversation of its own (setting `separate`)."""
        return bool(self.settings.get("separate"))

    @property
    def clients(self) -> tuple[int, ...]:
        """How many clients ask at once, group after group (setting `clients`); empty for one client."""
        return tuple(self.settings.get("clients", ()))

    @property
    def canary(self) -> bool:
        """Whether the task is asked at the head of every block, so that its speed shows drift (tag `canary`)."""
        return "canary" in self.tags


@dataclass(frozen=True, slots=True)
class Variant:
    """A task with the renamings and constants of one of its variants put in: what is asked and scored.

    `turns` still hold `{{nonce}}`. `solution` is one reply a turn.
    """

    task: Task
    index: int
    system: str
    turns: tuple[str, ...]
    files: Mapping[str, str]
    cases: tuple[Case, ...]
    solution: tuple[str, ...]
    wrong: tuple[Wrong, ...]


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """A task as the result names it.

    `separate`: every turn is a conversation of its own, and cold. `clients`: so many ask at once, group after group.
    `canary`: asked at the head of every block to show drift. `limits`: of each container that runs an answer to it.
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
