"""The verdict of `verify`: the levels in their order, a report for each level, and its findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LEVELS = ("readable", "schema", "consistent", "reread", "rescored", "replicated")
ALSO_CALLED = {"arithmetic": "consistent", "rescore": "rescored"}

Severity = Literal["fault", "unknown", "doubt", "note"]
"""A fault fails its level; an unknown leaves it unverified; a doubt fails it in strict mode; a note is information."""

State = Literal["reached", "failed", "unverified", "not asked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found: `check` is its id in the table, `place` the file and the path in it."""

    check: str
    place: str
    text: str
    severity: Severity = "fault"


@dataclass(frozen=True, slots=True)
class LevelReport:
    """How one level ended. `told` says what was looked at, or why it could not be."""

    level: str
    state: State
    told: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """All levels of one source. `asked` is the level that had to be reached."""

    source: str
    asked: str
    levels: tuple[LevelReport, ...]

    @property
    def exit_code(self) -> int:
        """0 the asked level and all before it are reached, 1 one of them failed, 2 one could not be checked."""
        states = {one.state for one in self.levels[: LEVELS.index(self.asked) + 1]}
        if "failed" in states:
            return 1
        return 2 if states - {"reached"} else 0
