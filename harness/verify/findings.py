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

from harness.types import Finding, LevelReport


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
