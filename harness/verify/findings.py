"""What verify says: findings, a report for each level, a verdict. "Verified" alone is said nowhere.

The levels, each only as good as those before it:

    readable     the bytes can be read at all, and reading them harms nobody
    schema       every document has its published form
    consistent   (arithmetic) every number follows from the trials in the file, and the trials from the plan
    reread       the raw streams beside it give the same answers, counts and times
    rescored     (rescore) the answers, run again in the sandbox, get the same verdicts
    replicated   trials asked again of one's own server agree, by interval
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

LEVELS = ("readable", "schema", "consistent", "reread", "rescored", "replicated")
ALSO_CALLED = {"arithmetic": "consistent", "rescore": "rescored"}

Severity = Literal["fault", "unknown", "doubt", "note"]
"""A fault fails its level; an unknown leaves it unverified; a doubt fails it with --strict only; a note only tells."""

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


def judged(level: str, told: str, findings: Iterable[Finding], *, strict: bool) -> LevelReport:
    """The report of a level whose checks were made."""
    found = tuple(findings)
    severities = {one.severity for one in found}
    if "fault" in severities or (strict and "doubt" in severities):
        return LevelReport(level, "failed", told, found)
    unknown = [one.text for one in found if one.severity == "unknown"]
    if unknown:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        return LevelReport(level, "unverified", unknown[0] + more, found)
    return LevelReport(level, "reached", told, found)


def unverified(level: str, reason: str) -> LevelReport:
    """The report of a level that nothing could be said about."""
    return LevelReport(level, "unverified", reason)
