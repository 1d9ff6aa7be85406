"""Makes the report of a level from the findings of its checks.

`report_level` is for checks that ran, `unverified` for a level that could not be checked at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.bundle import UnreadableError
from harness.types import Finding, LevelReport


def report_level(level: str, detail: str, findings: Iterable[Finding], *, strict: bool) -> LevelReport:
    """The report of a level whose checks ran; `detail` says what they checked.

    A file that turns out to be unreadable ends the checks with its finding.
    """
    found = tuple(_until_unreadable(findings))
    severities = {finding.severity for finding in found}
    if "error" in severities or (strict and "warning" in severities):
        return LevelReport(level, "failed", detail, found)
    inconclusive = [finding.message for finding in found if finding.severity == "inconclusive"]
    if inconclusive:
        more = f" (and {len(inconclusive) - 1} more)" if len(inconclusive) > 1 else ""
        return LevelReport(level, "unverified", inconclusive[0] + more, found)
    return LevelReport(level, "reached", detail, found)


def unverified(level: str, reason: str) -> LevelReport:
    """The report of a level that could not be checked."""
    return LevelReport(level, "unverified", reason)


def _until_unreadable(findings: Iterable[Finding]) -> Iterator[Finding]:
    try:
        yield from findings
    except UnreadableError as error:
        yield error.finding
