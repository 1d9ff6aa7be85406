"""Makes the report of a level from the findings of its checks.

`report_level` is for checks that ran, `unverified` for a level that could not be checked at all. Of each check the
first MAX_FINDINGS_PER_CHECK findings are kept, and the others counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from harness.bundle import UnreadableError
from harness.types import Finding, LevelReport, Severity

MAX_FINDINGS_PER_CHECK = 50
MAX_TEXT_CHARS = 1000
"""Of a location or a message, which quote what others wrote."""


def report_level(level: str, detail: str, findings: Iterable[Finding], *, strict: bool) -> LevelReport:
    """The report of a level whose checks ran; `detail` says what they checked.

    A file that turns out to be unreadable ends the checks with its finding.
    """
    found = tuple(_capped(_until_unreadable(findings)))
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


def _capped(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The first findings of each check, then one with the number of its others; severities are counted apart."""
    counts: Counter[tuple[str, Severity]] = Counter()
    for finding in findings:
        kind = (finding.check, finding.severity)
        counts[kind] += 1
        if counts[kind] <= MAX_FINDINGS_PER_CHECK:
            yield replace(finding, location=_cut(finding.location), message=_cut(finding.message))
    for (check, severity), count in counts.items():
        if count > MAX_FINDINGS_PER_CHECK:
            message = f"{count - MAX_FINDINGS_PER_CHECK} more findings of this check"
            yield Finding(check, "in all", message, severity)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[:MAX_TEXT_CHARS]}..."
