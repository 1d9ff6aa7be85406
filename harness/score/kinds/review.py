"""Kind `review`: review findings are matched with planted defects, decoys and clean code. No code is run.

The answer is a JSON list (alone, in a fence, or under a key `findings`) of objects, or several such lists, {"app.py":
list} or objects one after another, with `file` (optional where one file is reviewed), `line` or `lines` [from, to] or
`line_start` and `line_end`, `severity`, `category`, and any of `title`, `claim`, `description`, `message`; or Markdown:
one list item, table row or heading for each finding, with "line 12" or "lines 12-15" or "app.py:12" in it. A list takes
the place of an earlier one if half of their findings have the same lines, up to one; else each finding takes the place
of one at its lines. An empty JSON list, alone, in a fence, or as the first or last line without other findings, is an
answer: nothing was found.

settings (all optional)
    line_tolerance          a finding's lines may be off by so many; default 3
    max_lines               a finding that covers more lines has no place and finds nothing; default 12
    max_findings            findings after so many are not read; default 40
    min_precision           a check `precision`: right claims / (right, false, repeated and stuffed claims)
    min_severity_agreement  a check `severity`: share of the found defects whose severity is at most one step off
    format                  "json": a check `format`, that the findings were JSON
cases.json    `give` is {} (nothing enters a container); `expect` is one of
    {"defect": [notions], "file": name, "lines": [from, to], "severity": "critical"|"high"|"medium"|"low"}
              found by a finding in this file whose lines overlap these and whose category or text contains one of the
              notions; with "scope": [from, to] also by one that lies in these lines (a function of which one line is
              wrong); with "optional": true it is counted in metrics, but is no check
              "requires": [notions] one of these must be there as well; "unless": [notions] none of these may be
    {"decoy": "why it is right", "file": name, "lines": [from, to]}    passed when there is no false claim on it:
              any claim, or with "claims": [notions] one that contains one of these and none of "unless"
    {"clean": true, "file": name}, also with "lines"                   passed when there is no claim on it
A notion is a part of a word from its beginning, or several words, in any case; hyphens count as spaces.
checks        one for each case (except optional ones), `precision`, `severity` and `format` where set
metrics       recall, precision, severity_exact, severity_near, findings, matched, repeated, stuffed, false_claims,
              undecided (how many), undecided_claims (the first of them)
One finding matches one defect, in as many pairs as possible; a further finding of a defect that is found is repeated.
A finding that speaks of more than three kinds of defects is stuffed and finds none. A finding that says that a place is
right finds nothing there; a sentence that only says what is in order, such as a remark on the fix, is not counted.
Every finding, matched or not, is held against the decoys and the clean code.

Words do not decide whether a claim that meets the notions makes sense, nor whether a claim that meets none is true: the
former counts as right, the latter is undecided and counts neither way, until somebody reads it without the model's
name.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from harness.errors import Problem
from harness.score.compare import display
from harness.score.denials import is_denial, without_all_clear
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

PRECISION, SEVERITY, FORMAT = "precision", "severity", "format"
SETTINGS: dict[str, Json] = {
    "line_tolerance": INTEGER,
    "max_lines": INTEGER,
    "max_findings": INTEGER,
    "format": {"const": "json"},
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
            "scope": LINES,
            "requires": STRINGS,
            "unless": STRINGS,
        },
        ["defect", "file", "lines", "severity"],
    ),
    "decoy": object_schema(
        {"decoy": ANY, "file": STRING, "lines": LINES, "claims": STRINGS, "unless": STRINGS}, ["decoy", "file", "lines"]
    ),
    "clean": object_schema({"clean": ANY, "file": STRING, "lines": LINES}, ["clean", "file"]),
}
"""The schema of `expect` by the field that says what the case is."""
_LINE_TOLERANCE, _MAX_LINES, _MAX_FINDINGS = 3, 12, 40
_MAX_KINDS_PER_CLAIM = 3
"""An honest claim may touch on the kinds of other defects ("the missing check lets an error page leak")."""
_MAX_LISTED = 12
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

    `found` has each found defect's finding, `repeated` further findings of a found defect, `stuffed` those that speak
    of too many defects, `false_claims` the findings on each decoy and clean file.
    """

    found: Mapping[int, int]
    repeated: frozenset[int]
    stuffed: frozenset[int]
    false_claims: Mapping[int, Sequence[int]]

    @property
    def false(self) -> frozenset[int]:
        """The findings that are false claims; one may be about several cases."""
        return frozenset(finding for findings in self.false_claims.values() for finding in findings)

    @property
    def right(self) -> frozenset[int]:
        """The findings that found a defect and claim nothing false."""
        return frozenset(self.found.values()) - self.false

    @property
    def wrong(self) -> frozenset[int]:
        """The findings that count against precision."""
        return self.false | self.repeated | self.stuffed


def _is_defect(case: Case) -> bool:
    return "defect" in case.expect


def _is_optional(case: Case) -> bool:
    return _is_defect(case) and case.expect.get("optional") is True


def check_names(variant: Variant) -> tuple[str, ...]:
    """The ids of the cases that are not optional, and those that are set: `precision`, `severity`, `format`."""
    settings = variant.task.settings
    extra = [name for name, setting, _ in _THRESHOLDS if setting in settings]
    extra += [FORMAT] if FORMAT in settings else []
    return (*(case.id for case in variant.cases if not _is_optional(case)), *extra)


def _is_in_file(finding: ReviewFinding, file: Json) -> bool:
    """Whether a finding is about this file; one that names no file may be about any."""
    return finding.file is None or file is None or _is_same_file(finding.file, str(file))


def _span_of(finding: ReviewFinding) -> tuple[int, int] | None:
    if finding.first_line is None or finding.last_line is None:
        return None
    return min(finding.first_line, finding.last_line), max(finding.first_line, finding.last_line)


def _overlaps(span: tuple[int, int], lines: Sequence[Json], tolerance: int = 0) -> bool:
    first, last = (int(number) for number in lines)
    return span[0] <= last + tolerance and span[1] >= first - tolerance


def _is_at_sound_code(finding: ReviewFinding, expect: Mapping[str, Json]) -> bool:
    if not _is_in_file(finding, expect.get("file")):
        return False
    if "lines" not in expect:
        return finding.file is not None
    span = _span_of(finding)
    return span is not None and _overlaps(span, expect["lines"])


def _is_at_defect(finding: ReviewFinding, expect: Mapping[str, Json], settings: Mapping[str, Json]) -> bool:
    """Whether a finding is about a defect's place: near its lines, or within its scope, and not wider than a place."""
    span = _span_of(finding)
    if span is None or not _is_in_file(finding, expect.get("file")):
        return False
    if span[1] - span[0] >= int(settings.get("max_lines", _MAX_LINES)):
        return False
    first, last = (int(number) for number in expect.get("scope", (1, 0)))
    is_near = _overlaps(span, expect["lines"], int(settings.get("line_tolerance", _LINE_TOLERANCE)))
    return is_near or (first <= span[0] and span[1] <= last)


def _is_same_file(named: str, file: str) -> bool:
    path = posixpath.normpath(named.strip("`'\" ")).lstrip("/")
    return path == file or posixpath.basename(path) == posixpath.basename(file)


@lru_cache(maxsize=1024)
def _notion(notion: str) -> re.Pattern[str]:
    plain = _plain(notion)
    return re.compile((r"(?<!\w)" if plain[:1].isalnum() else "") + re.escape(plain))


def _plain(text: str) -> str:
    return re.sub(r"[-_\s]+", " ", text.lower())


def _contains(text: str, notions: Sequence[Json]) -> bool:
    return any(_notion(str(notion)).search(text) for notion in notions)


def _says_defect(finding: ReviewFinding, expect: Mapping[str, Json]) -> bool:
    """Whether a finding's text speaks of this kind of defect, wherever it is."""
    text = _plain(finding.text)
    if is_denial(text) or _contains(text, expect.get("unless", ())):
        return False
    said = without_all_clear(text)
    return _contains(said, expect["defect"]) and ("requires" not in expect or _contains(said, expect["requires"]))


def _is_false_claim(finding: ReviewFinding, expect: Mapping[str, Json]) -> bool:
    """Whether a finding claims of sound code what is not true of it."""
    if not _is_at_sound_code(finding, expect):
        return False
    text = _plain(finding.text)
    is_claimed = "claims" not in expect or _contains(text, expect["claims"])
    return is_claimed and not _contains(text, expect.get("unless", ()))


def _is_stuffed(finding: ReviewFinding, variant: Variant) -> bool:
    """Whether a finding speaks of more kinds of defects than one claim does; each kind has notions of its own."""
    said = [case.expect["defect"] for case in variant.cases if _is_defect(case) and _says_defect(finding, case.expect)]
    return len({tuple(notions) for notions in said}) > _MAX_KINDS_PER_CLAIM


def _match_findings(variant: Variant, findings: Sequence[ReviewFinding]) -> _Matching:
    settings = variant.task.settings
    stuffed = frozenset(index for index, finding in enumerate(findings) if _is_stuffed(finding, variant))
    usable = [index for index in range(len(findings)) if index not in stuffed]
    candidates = {
        number: [
            index
            for index in usable
            if _is_at_defect(findings[index], case.expect, settings) and _says_defect(findings[index], case.expect)
        ]
        for number, case in enumerate(variant.cases)
        if _is_defect(case)
    }
    found = match(len(variant.cases), candidates)
    repeated = {index for indexes in candidates.values() for index in indexes} - set(found.values())
    false_claims = {
        number: [index for index, finding in enumerate(findings) if _is_false_claim(finding, case.expect)]
        for number, case in enumerate(variant.cases)
        if not _is_defect(case)
    }
    return _Matching(found, frozenset(repeated), stuffed, false_claims)


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
    decided = matching.wrong.union(found.values())
    undecided = [finding for index, finding in enumerate(findings) if index not in decided]
    return {
        "recall": _share(len(found), defects),
        "precision": _share(len(matching.right), len(matching.right | matching.wrong)),
        "severity_exact": _share(sum(distance == 0 for distance in distances), len(distances)),
        "severity_near": _share(sum(distance in (0, 1) for distance in distances), len(distances)),
        "findings": len(findings),
        "matched": len(found),
        "repeated": len(matching.repeated),
        "stuffed": len(matching.stuffed),
        "false_claims": len(matching.false),
        "undecided": len(undecided),
        "undecided_claims": [_display_finding(finding) for finding in undecided[:_MAX_LISTED]],
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
    checks += _threshold_checks(variant, metrics)
    if FORMAT in variant.task.settings:
        checks.append(Check(FORMAT, read[1] == variant.task.settings[FORMAT], variant.task.settings[FORMAT], read[1]))
    return Judgment(tuple(checks), f"findings-{read[1]}", metrics=metrics)


def case_schema_of(case: Case) -> Json:
    """The schema of a case by what it is: a defect, a decoy or a clean file."""
    kind = next((name for name in EXPECT if name in case.expect), None)
    none = {"type": "object", "required": ["defect"], "properties": {"defect": {"description": "or decoy, or clean"}}}
    return case_schema(object_schema({}), none if kind is None else EXPECT[kind])


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problem of each range of lines that ends before it begins."""
    for case in cases:
        for field in ("lines", "scope"):
            first, last = case.expect.get(field, (0, 0))
            if first > last:
                message = f"expected [from, to], got [{first}, {last}]"
                yield case_location(task, case).at("expect", field).problem(message)


KIND = ScorerKind(
    check_names,
    score_review,
    settings=lambda task: SETTINGS,
    case=lambda task, case: case_schema_of(case),
    problems=problems,
    needs_reader=True,
)
