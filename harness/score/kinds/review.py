"""Kind `review`: review findings are matched with planted defects, decoys and clean code. No code is run.

The answer is a JSON list (alone, in a fence, or under a key `findings`) of objects with `file` (optional where one file
is reviewed), `line` or `lines` [from, to] or `line_start` and `line_end`, `severity`, `category`, and any of `title`,
`claim`, `description`, `message`, `fix`; or Markdown: one list item, table row or heading for each finding, with
"line 12" or "lines 12-15" or "app.py:12" in it. An empty JSON list is an answer: nothing was found.

settings (all optional)
    line_tolerance          tolerance in lines; default 3
    max_findings            maximum number of findings read; default 40
    min_precision           a check `precision`: right claims / (right claims + claims on decoys and clean code)
    min_severity_agreement  a check `severity`: share of the found defects whose severity is at most one step off
cases.json    `give` is {} (nothing enters a container); `expect` is one of
    {"defect": [words], "file": name, "lines": [from, to], "severity": "critical"|"high"|"medium"|"low"}
              found by a finding in this file whose lines overlap these and whose category or text contains one of the
              words (parts of words, lower case); with "optional": true it is counted in metrics, but is no check
    {"decoy": "why it is right", "file": name, "lines": [from, to]}    passed when there is no claim on it
    {"clean": true, "file": name}, also with "lines"                   passed when there is no claim on it
checks        one for each case (except optional ones), `precision` and `severity` where set
metrics       recall, precision, severity_exact, severity_near, findings, matched, duplicates, false_claims, unjudged
One finding matches one defect, in as many pairs as possible. A finding that matches nothing is unjudged, not wrong.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import Problem
from harness.score.compare import display
from harness.score.extraction.review_findings import SEVERITIES, ReviewFinding, findings_of
from harness.score.scorer_kind import ScorerKind
from harness.score.validation import (
    ANY,
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    STRINGS,
    case_location,
    case_schema,
    object_schema,
)
from harness.score.verdict import Judgment, no_answer
from harness.types import Case, Check, Json, Reading, Sandbox, Task, Variant

PRECISION, SEVERITY = "precision", "severity"
SETTINGS: dict[str, Json] = {
    "line_tolerance": INTEGER,
    "max_findings": INTEGER,
    "min_precision": NUMBER,
    "min_severity_agreement": NUMBER,
}
LINES: Json = {"type": "array", "items": INTEGER, "minItems": 2, "maxItems": 2}
EXPECT: Mapping[str, Json] = {
    "defect": object_schema(
        {
            "defect": STRINGS,
            "file": STRING,
            "lines": LINES,
            "severity": {"enum": list(SEVERITIES)},
            "optional": BOOLEAN,
        },
        ["defect", "file", "lines", "severity"],
    ),
    "decoy": object_schema({"decoy": ANY, "file": STRING, "lines": LINES}, ["decoy", "file", "lines"]),
    "clean": object_schema({"clean": ANY, "file": STRING, "lines": LINES}, ["clean", "file"]),
}
"""The schema of `expect` by the field that says what the case is."""
_LINE_TOLERANCE, _MAX_FINDINGS = 3, 40
_DECIMALS = 4


def match(left_nodes: int, edges: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """A maximum matching: left node -> right node, each at most once (augmenting paths, Berge 1957).

    `edges` has the right nodes that each of the `left_nodes` may be matched with.
    """
    left_of: dict[int, int] = {}

    def augment(left: int, visited: set[int]) -> bool:
        for right in edges.get(left, ()):
            if right in visited:
                continue
            visited.add(right)
            if right not in left_of or augment(left_of[right], visited):
                left_of[right] = left
                return True
        return False

    for left in range(left_nodes):
        augment(left, set())
    return {left: right for right, left in left_of.items()}


@dataclass(frozen=True, slots=True)
class _Matching:
    """The findings matched with the cases; both are named by their index.

    `found` has each found defect's finding, `duplicates` further findings of a defect, `false_claims` the findings on
    each decoy and clean file, `unjudged` how many findings are none of these.
    """

    found: Mapping[int, int]
    duplicates: frozenset[int]
    false_claims: Mapping[int, Sequence[int]]
    unjudged: int

    @property
    def false_count(self) -> int:
        """How many findings are false claims; one may be about several cases."""
        return len({finding for findings in self.false_claims.values() for finding in findings})


def _is_defect(case: Case) -> bool:
    return "defect" in case.expect


def _is_optional(case: Case) -> bool:
    return _is_defect(case) and case.expect.get("optional") is True


def check_names(variant: Variant) -> tuple[str, ...]:
    """The ids of the cases that are not optional, `precision` and `severity` where they are set."""
    settings = variant.task.settings
    extra = [name for name, setting, _ in _THRESHOLDS if setting in settings]
    return (*(case.id for case in variant.cases if not _is_optional(case)), *extra)


def _is_at(finding: ReviewFinding, expect: Mapping[str, Json], tolerance: int) -> bool:
    """Whether a finding is about this file and these lines; one that names no file may be about any."""
    file = expect.get("file")
    if finding.file is not None and file is not None and not _is_same_file(finding.file, str(file)):
        return False
    if "lines" not in expect:
        return finding.file is not None or file is None
    if finding.first_line is None or finding.last_line is None:
        return False
    first, last = (int(number) for number in expect["lines"])
    return finding.first_line <= last + tolerance and finding.last_line >= first - tolerance


def _is_same_file(named: str, file: str) -> bool:
    path = posixpath.normpath(named.strip("`'\" ")).lstrip("/")
    return path == file or posixpath.basename(path) == posixpath.basename(file)


def _describes(finding: ReviewFinding, case: Case, tolerance: int) -> bool:
    words = [str(word).lower() for word in case.expect["defect"]]
    return _is_at(finding, case.expect, tolerance) and any(word in finding.text for word in words)


def _match_findings(variant: Variant, findings: Sequence[ReviewFinding]) -> _Matching:
    tolerance = int(variant.task.settings.get("line_tolerance", _LINE_TOLERANCE))
    candidates = {
        number: [index for index, finding in enumerate(findings) if _describes(finding, case, tolerance)]
        for number, case in enumerate(variant.cases)
        if _is_defect(case)
    }
    found = match(len(variant.cases), candidates)
    duplicates = {index for indexes in candidates.values() for index in indexes} - set(found.values())
    others = [index for index in range(len(findings)) if index not in duplicates and index not in found.values()]
    false_claims = {
        number: [index for index in others if _is_at(findings[index], case.expect, 0)]
        for number, case in enumerate(variant.cases)
        if not _is_defect(case)
    }
    wrong = {index for indexes in false_claims.values() for index in indexes}
    return _Matching(found, frozenset(duplicates), false_claims, len(others) - len(wrong))


def _severity_distance(case: Case, finding: ReviewFinding) -> int | None:
    if finding.severity is None:
        return None
    return abs(SEVERITIES.index(finding.severity) - SEVERITIES.index(str(case.expect["severity"])))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, _DECIMALS) if whole else None


def _metrics(variant: Variant, findings: Sequence[ReviewFinding], matching: _Matching) -> dict[str, Json]:
    defects = sum(map(_is_defect, variant.cases))
    found = matching.found
    distances = [_severity_distance(variant.cases[number], findings[index]) for number, index in found.items()]
    return {
        "recall": _share(len(found), defects),
        "precision": _share(len(found), len(found) + matching.false_count),
        "severity_exact": _share(sum(distance == 0 for distance in distances), len(distances)),
        "severity_near": _share(sum(distance in (0, 1) for distance in distances), len(distances)),
        "findings": len(findings),
        "matched": len(found),
        "duplicates": len(matching.duplicates),
        "false_claims": matching.false_count,
        "unjudged": matching.unjudged,
    }


def _display_finding(finding: ReviewFinding) -> Json:
    return display(f"{finding.file or ''}:{finding.first_line or '?'} {finding.text[:80]}")


def _case_check(number: int, case: Case, findings: Sequence[ReviewFinding], matching: _Matching) -> Check:
    if _is_defect(case):
        index = matching.found.get(number)
        expected = {key: case.expect[key] for key in ("file", "lines", "severity") if key in case.expect}
        return Check(case.id, index is not None, expected, None if index is None else _display_finding(findings[index]))
    claims = matching.false_claims[number]
    return Check(case.id, not claims, "no claim here", [_display_finding(findings[index]) for index in claims[:3]])


_THRESHOLDS = ((PRECISION, "min_precision", "precision"), (SEVERITY, "min_severity_agreement", "severity_near"))
"""Each check on a share: its name, its setting, and the fact that it looks at."""


def _threshold_checks(variant: Variant, metrics: Mapping[str, Json]) -> list[Check]:
    """A share without a denominator passes: without claims no claim is wrong, without matches no severity is off."""
    checks = []
    for name, setting, fact in _THRESHOLDS:
        minimum = variant.task.settings.get(setting)
        if minimum is not None:
            share = metrics[fact]
            checks.append(Check(name, share is None or share >= minimum, f"{minimum} or more", share))
    return checks


def score_review(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the last turn's findings; the sandbox is not used."""
    del sandbox
    read = findings_of(readings[-1].content)
    if read is None:
        return no_answer(check_names(variant), "no findings were found in the answer")
    findings = read[0][: int(variant.task.settings.get("max_findings", _MAX_FINDINGS))]
    matching = _match_findings(variant, findings)
    metrics = _metrics(variant, findings, matching)
    checks = [
        _case_check(number, case, findings, matching)
        for number, case in enumerate(variant.cases)
        if not _is_optional(case)
    ]
    return Judgment((*checks, *_threshold_checks(variant, metrics)), f"findings-{read[1]}", metrics=metrics)


def case_schema_of(case: Case) -> Json:
    """The schema of a case by what it is: a defect, a decoy or a clean file."""
    kind = next((name for name in EXPECT if name in case.expect), None)
    none = {"type": "object", "required": ["defect"], "properties": {"defect": {"description": "or decoy, or clean"}}}
    return case_schema(object_schema({}), none if kind is None else EXPECT[kind])


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problem of each range of lines that ends before it begins."""
    for case in cases:
        first, last = case.expect.get("lines", (0, 0))
        if first > last:
            yield case_location(task, case).at("expect", "lines").problem(f"expected [from, to], got [{first}, {last}]")


KIND = ScorerKind(
    check_names,
    score_review,
    settings=lambda task: SETTINGS,
    case=lambda task, case: case_schema_of(case),
    problems=problems,
)
