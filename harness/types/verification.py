"""The verdict of `verify`: the levels in their order, a report for each level, and its findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LEVELS = ("readable", "schema", "consistent", "reread", "rescored", "replicated")
LEVEL_ALIASES = {"arithmetic": "consistent", "rescore": "rescored"}

Severity = Literal["error", "inconclusive", "warning", "info"]
"""An error fails its level. Inconclusive leaves it unverified: something needed for the check is missing. A warning is
implausible but possible, and fails its level in strict mode. Info is for information only."""

State = Literal["reached", "failed", "unverified", "not_requested"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found: `check` is the check's id, `location` the file and the JSON path or line in it."""

    check: str
    location: str
    message: str
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class LevelReport:
    """How one level ended. `detail` says what was checked, or why it could not be checked."""

    level: str
    state: State
    detail: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The reports of all levels for one source; `requested_level` is the level that it had to reach."""

    source: str
    requested_level: str
    levels: tuple[LevelReport, ...]

    @property
    def exit_code(self) -> int:
        """0: the requested level and all before it are reached. 1: one of them failed. 2: one could not be checked."""
        states = {report.state for report in self.levels[: LEVELS.index(self.requested_level) + 1]}
        if "failed" in states:
            return 1
        return 2 if states - {"reached"} else 0
