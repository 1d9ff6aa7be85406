"""Kind `review`: findings against planted defects, decoys and clean code. Nothing is run.

The answer is a JSON list (alone, in a fence, or under a key `findings`) of objects with `file` (may be left out where
one file is reviewed), `line` or `lines` [from, to] or `line_start` and `line_end`, `severity`, `category`, and any of
`title`, `claim`, `description`, `message`, `fix`; or Markdown: one list item, table row or heading a finding, with
"line 12" or "lines 12-15" or "app.py:12" in it. An empty JSON list is an answer: nothing was found.

settings (all optional)
    slack_lines          how far a finding's lines may be off; default 3
    max_findings         what comes after so many findings is not read; default 40
    precision_at_least   a check `precision`: right claims / (right claims + claims on decoys and clean code)
    severity_at_least    a check `severity`: share of the found defects whose severity is at most one step off
cases.json    `give` is {} (nothing enters a container); `expect` is one of
    {"defect": [words], "file": name, "lines": [from, to], "severity": "critical"|"high"|"medium"|"low"}
              found by a finding in this file whose lines meet these and that holds one of the words (parts of words,
              lower case) in category or text; with "optional": true it is counted in facts, but is no check
    {"decoy": "why it is right", "file": name, "lines": [from, to]}    passed when no claim is made there
    {"clean": true, "file": name}, also with "lines"                   passed when no claim is made there
checks        one a case (but optional ones), `precision` and `severity` where set
facts         recall, precision, severity_exact, severity_near, findings, matched, duplicates, false_claims, unjudged
One finding goes with one defect (most pairs possible). What matches nothing judged is unjudged, never wrong.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.score.compare import short
from harness.score.extraction.review_findings import SEVERITIES, ReviewFinding, findings_of
from harness.score.settings import Demands
from harness.score.verdict import Judgment, nothing
from harness.types import Case, Check, Json, Reading, Sandbox, Task, Variant

PRECISION, SEVERITY = "precision", "severity"
SETTINGS = ("slack_lines", "max_findings", "precision_at_least", "severity_at_least")
_SLACK, _MOST = 3, 40
_ROUNDED = 4


def match(wanted: int, edges: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """The most pairs: left node -> right node, each at most once (augmenting paths, Berge 1957).

    `edges` says for each of the `wanted` left nodes which right nodes it may go with.
    """
    left_of: dict[int, int] = {}

    def augment(left: int, seen: set[int]) -> bool:
        for right in edges.get(left, ()):
            if right in seen:
                continue
            seen.add(right)
            if right not in left_of or augment(left_of[right], seen):
                left_of[right] = left
                return True
        return False

    for left in range(wanted):
        augment(left, set())
    return {left: right for right, left in left_of.items()}


@dataclass(frozen=True, slots=True)
class _Reviewed:
    """The claims set against what was planted: who goes with whom, and what the rest are."""

    pairs: Mapping[int, int]
    duplicates: frozenset[int]
    false: Mapping[int, Sequence[int]]
    unjudged: int


def _is_optional(case: Case) -> bool:
    return "defect" in case.expect and case.expect.get("optional") is True


def _checked(variant: Variant) -> list[Case]:
    return [case for case in variant.cases if not _is_optional(case)]


def check_names(variant: Variant) -> tuple[str, ...]:
    """The checks' names."""
    settings = variant.task.settings
    extra = [name for name in (PRECISION, SEVERITY) if f"{name}_at_least" in settings]
    return (*(case.id for case in _checked(variant)), *extra)


def _is_there(finding: ReviewFinding, expect: Mapping[str, Json], slack: int) -> bool:
    """Whether a finding speaks of this file and these lines; without a file it can be any."""
    file = expect.get("file")
    if finding.file is not None and file is not None and not _same_file(finding.file, str(file)):
        return False
    if "lines" not in expect:
        return finding.file is not None or file is None
    if finding.first_line is None or finding.last_line is None:
        return False
    first, last = (int(number) for number in expect["lines"])
    return finding.first_line <= last + slack and finding.last_line >= first - slack


def _same_file(said: str, file: str) -> bool:
    path = posixpath.normpath(said.strip("`'\" ")).lstrip("/")
    return path == file or posixpath.basename(path) == posixpath.basename(file)


def _fits(finding: ReviewFinding, case: Case, slack: int) -> bool:
    words = [str(word).lower() for word in case.expect["defect"]]
    return _is_there(finding, case.expect, slack) and any(word in finding.text for word in words)


def _review(variant: Variant, findings: Sequence[ReviewFinding]) -> _Reviewed:
    slack = int(variant.task.settings.get("slack_lines", _SLACK))
    cases = variant.cases
    edges = {
        number: [at for at, one in enumerate(findings) if _fits(one, case, slack)]
        for number, case in enumerate(cases)
        if "defect" in case.expect
    }
    pairs = match(len(cases), edges)
    used = set(pairs.values())
    again = {at for fitting in edges.values() for at in fitting} - used
    rest = [at for at in range(len(findings)) if at not in used and at not in again]
    false = {
        number: [at for at in rest if _is_there(findings[at], case.expect, 0)]
        for number, case in enumerate(cases)
        if "defect" not in case.expect
    }
    wrong = {at for hit in false.values() for at in hit}
    return _Reviewed(pairs, frozenset(again), false, len(rest) - len(wrong))


def _steps_off(case: Case, finding: ReviewFinding) -> int | None:
    if finding.severity is None:
        return None
    return abs(SEVERITIES.index(finding.severity) - SEVERITIES.index(str(case.expect["severity"])))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, _ROUNDED) if whole else None


def _facts(variant: Variant, findings: Sequence[ReviewFinding], seen: _Reviewed) -> dict[str, Json]:
    defects = [case for case in variant.cases if "defect" in case.expect]
    off = [_steps_off(variant.cases[number], findings[at]) for number, at in seen.pairs.items()]
    wrong = len({at for hit in seen.false.values() for at in hit})
    return {
        "recall": _share(len(seen.pairs), len(defects)),
        "precision": _share(len(seen.pairs), len(seen.pairs) + wrong),
        "severity_exact": _share(sum(one == 0 for one in off), len(off)),
        "severity_near": _share(sum(one is not None and one <= 1 for one in off), len(off)),
        "findings": len(findings),
        "matched": len(seen.pairs),
        "duplicates": len(seen.duplicates),
        "false_claims": wrong,
        "unjudged": seen.unjudged,
    }


def _shown(finding: ReviewFinding) -> Json:
    return short(f"{finding.file or ''}:{finding.first_line or '?'} {finding.text[:80]}")


def _case_check(number: int, case: Case, findings: Sequence[ReviewFinding], seen: _Reviewed) -> Check:
    if "defect" in case.expect:
        at = seen.pairs.get(number)
        wanted = {key: case.expect[key] for key in ("file", "lines", "severity") if key in case.expect}
        return Check(case.id, at is not None, wanted, None if at is None else _shown(findings[at]))
    hits = seen.false[number]
    return Check(case.id, not hits, "no claim here", [_shown(findings[at]) for at in hits[:3]])


def _threshold_checks(variant: Variant, facts: Mapping[str, Json]) -> list[Check]:
    """Without a claim nothing claimed is wrong; without a match no severity agrees or not."""
    checks = []
    for name, fact in ((PRECISION, "precision"), (SEVERITY, "severity_near")):
        least = variant.task.settings.get(f"{name}_at_least")
        if least is not None:
            seen = facts[fact]
            checks.append(Check(name, seen is None or seen >= least, f"{least} or more", seen))
    return checks


def score_review(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score the last turn's findings; the sandbox is not used."""
    del sandbox
    read = findings_of(readings[-1].content)
    if read is None:
        return nothing(check_names(variant), "no findings were found in the answer")
    findings = read[0][: int(variant.task.settings.get("max_findings", _MOST))]
    seen = _review(variant, findings)
    facts = _facts(variant, findings, seen)
    checks = [
        _case_check(number, case, findings, seen) for number, case in enumerate(variant.cases) if not _is_optional(case)
    ]
    return Judgment((*checks, *_threshold_checks(variant, facts)), f"findings-{read[1]}", facts=facts)


def _demand_lines(at: Demands, expect: Mapping[str, Json], *, needed: bool) -> None:
    if at.of_type(expect, "lines", list, "expect", needed=needed):
        lines = expect["lines"]
        if len(lines) != 2 or not all(type(one) is int for one in lines) or lines[0] > lines[1]:
            at.fault("expect.lines", f"must be [from, to], is {lines}")


def _demand_case(at: Demands, case: Case) -> None:
    expect = case.expect
    at.of_type(expect, "file", str, "expect", needed=True)
    if "defect" in expect:
        at.only(expect, ("defect", "file", "lines", "severity", "optional"), "expect")
        at.texts(expect, "defect", "expect", needed=True)
        at.choice({"severity": expect.get("severity")}, "severity", SEVERITIES, "expect")
        _demand_lines(at, expect, needed=True)
    elif "decoy" in expect:
        at.only(expect, ("decoy", "file", "lines"), "expect")
        _demand_lines(at, expect, needed=True)
    elif "clean" in expect:
        at.only(expect, ("clean", "file", "lines"), "expect")
        _demand_lines(at, expect, needed=False)
    else:
        at.fault("expect", "must hold one of defect, decoy, clean")


def problems(task: Task, cases: Sequence[Case]) -> list[str]:
    """What is wrong with a task of this kind."""
    demands = Demands(task)
    demands.settings(SETTINGS)
    for key in ("slack_lines", "max_findings"):
        demands.of_type(task.settings, key, int)
    for key in ("precision_at_least", "severity_at_least"):
        demands.of_type(task.settings, key, float)
    demands.some(cases)
    for case in cases:
        at = demands.case(case)
        at.only(case.give, (), "give")
        _demand_case(at, case)
    return demands.found
