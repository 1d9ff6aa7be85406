"""The answer to a pull request as Markdown: `render_answer` says what was checked, what was found, and what it shows.

Everything that a bundle says is escaped: nothing in it becomes markup, a link or a mention.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.report import Section, Table, format_machine, lane_answers, render_markdown_sections, text_row
from harness.submission.review import BundleReview, Review
from harness.types import Finding, Result, Verdict

MAX_FINDINGS = 20
MAX_CHARS = 60_000
"""GitHub takes 65,536 characters."""
MAX_TEXT_CHARS = 500
CUT = "\n\nThe answer was cut here.\n"
TITLES = {0: "Verified", 1: "Refused", 2: "Could not be checked in full"}
STATES = {"reached": "reached", "failed": "FAILED", "unverified": "could not be checked", "not_requested": "-"}


def render_answer(review: Review) -> str:
    """The whole answer."""
    sections = [_bundle_section(bundle) for bundle in review.bundles]
    if review.problems:
        rules = tuple(map(_cut, review.problems[:MAX_FINDINGS]))
        lead = "A pull request with results adds new bundles to their folder, and changes nothing else."
        sections.insert(0, Section("rules", "What this pull request may not do", lead, notes=rules))
    if review.exit_code == 2 and any(bundle.unchecked for bundle in review.bundles):
        lead = "The machine that checks is at fault, not the pull request: let it check again."
        sections.append(Section("next", "What now", lead))
    if review.exit_code == 1:
        lead = "A bundle is never edited by hand: correct the run, publish it again, and push the new file."
        sections.append(Section("next", "What now", lead))
    text = render_markdown_sections(TITLES[review.exit_code], sections)
    return text if len(text) <= MAX_CHARS else text[:MAX_CHARS] + CUT


def _bundle_section(bundle: BundleReview) -> Section:
    tables = [] if bundle.verdict is None else [_level_table(bundle.verdict)]
    notes = [
        *bundle.problems,
        *bundle.unchecked,
        *(() if bundle.verdict is None else _findings(bundle.name, bundle.verdict)),
    ]
    if bundle.result is not None:
        tables.append(_card(bundle.result))
    return Section(bundle.name, bundle.name, "", tuple(tables), notes=tuple(map(_cut, notes)))


def _level_table(verdict: Verdict) -> Table:
    rows = [
        text_row(report.level, STATES[report.state], _cut(report.detail) if report.state != "failed" else "")
        for report in verdict.levels
        if report.state != "not_requested"
    ]
    return Table("Levels", ("level", "", "what was checked"), tuple(rows))


def _findings(name: str, verdict: Verdict) -> Iterator[str]:
    found = [finding for report in verdict.levels for finding in report.findings if finding.severity != "info"]
    for finding in found[:MAX_FINDINGS]:
        yield f"{finding.severity} [{finding.check}] {_place(name, finding)}: {finding.message}"
    if len(found) > MAX_FINDINGS:
        yield f"and {len(found) - MAX_FINDINGS} more findings"


def _place(name: str, finding: Finding) -> str:
    """The location from the bundle's name on: the folder is one of this machine."""
    at = finding.location.rfind(f"/{name}")
    return finding.location[at + 1 :]


def _card(result: Result) -> Table:
    """What the result shows: the machine, and the answer of each lane."""
    host = result.host
    facts = [
        ("machine", format_machine(host)),
        ("models", ", ".join(model.label for model in result.models)),
        ("trials", f"{result.run.trials_words} of {len(result.tasks)} tasks"),
        *((answer.lane, " ".join(answer.sentences)) for answer in lane_answers(result) if answer.state != "no_task"),
    ]
    return Table("What it shows", ("", ""), tuple(text_row(_cut(name), _cut(text)) for name, text in facts))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[: MAX_TEXT_CHARS - 1]}\u2026"
