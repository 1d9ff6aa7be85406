"""Review findings read from JSON and Markdown, and matched with planted defects, decoys and clean code."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.files import to_json
from harness.score import score
from harness.score.extraction.review_findings import ReviewFinding, findings_of
from harness.score.kinds.review import match
from harness.types import Case, Json, Outcome, Score
from tests.scored import ScriptedSandbox, case, check, failed, problem_texts, said, variant_of

SQL = case("sql", defect=["sql injection", "parameter"], file="app.py", lines=[20, 24], severity="critical")
MD5 = case("md5", defect=["md5", "weak hash"], file="app.py", lines=[40, 40], severity="high")
SMELL = case("smell", defect=["magic number"], file="app.py", lines=[60, 60], severity="low", optional=True)
DECOY = case("decoy", decoy="the check above makes it safe", file="app.py", lines=[80, 85])
CLEAN = case("clean", clean=True, file="util.py")
CASES = (SQL, MD5, SMELL, DECOY, CLEAN)


def finding(line: Json, text: str, severity: str = "high", file: str = "app.py") -> dict[str, Json]:
    return {"file": file, "line": line, "severity": severity, "category": text}


RIGHT = [finding(21, "SQL injection", "critical"), finding(40, "MD5 for passwords")]


def judge(answer: Json, cases: tuple[Case, ...] = CASES, **settings: Json) -> Score:
    variant = variant_of("review", cases, language=None, settings=settings)
    assert problem_texts(variant.task) == []
    text = answer if isinstance(answer, str) else f"```json\n{to_json(answer)}\n```"
    return score(variant, [said(text)], ScriptedSandbox())


# --- reading ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        '[{"file": "app.py", "line": 21, "severity": "critical", "title": "SQL injection"}]',
        '{"findings": [{"path": "app.py", "lines": [21, 21], "severity": "CRITICAL", "claim": "SQL injection"}]}',
        '```json\n[{"file": "app.py", "start_line": 21, "to": 21, "level": "critical", "kind": "SQL injection"}]\n```',
        'Found:\n[{"file": "app.py", "lines": "21", "severity": " Critical", "issue": "SQL injection"}]\nThat is all.',
        '[{"filename": "app.py", "location": {"line": 21}, "severity": "critical", "message": "SQL injection"}]',
    ],
)
def test_json_findings_are_read_with_any_usual_keys(answer: str) -> None:
    read = findings_of(answer)
    assert read is not None
    (finding_read,), form = read
    assert (finding_read.file, finding_read.first_line, finding_read.last_line, finding_read.severity, form) == (
        "app.py",
        21,
        21,
        "critical",
        "json",
    )
    assert "sql injection" in finding_read.text


@pytest.mark.parametrize("word", ["blocker", "severe", "major", "crit", "9.8", ""])
def test_a_word_of_another_scale_is_no_severity_in_json(word: str) -> None:
    verdict = judge([{**one, "severity": word} for one in RIGHT], min_severity_agreement=0.8)
    assert verdict.metrics["severity_near"] == 0
    assert "severity" in failed(verdict)


@pytest.mark.parametrize(
    "answer",
    [
        "- **Line 21** (critical): SQL injection in the query of app.py",
        "1. [Critical] app.py:21 SQL injection: the name goes into the query",
        "### Critical: SQL injection\n\napp.py, lines 21-21: the name is put into the query.\n",
        "| Severity | Place | Problem |\n|---|---|---|\n| critical | app.py:21 | SQL injection |",
        "* `app.py` L21: critical SQL injection\n",
    ],
)
def test_markdown_findings_are_read_as_items_tables_and_headings(answer: str) -> None:
    read = findings_of(answer)
    assert read is not None
    findings, form = read
    assert form == "markdown"
    assert [(claim.first_line, claim.severity) for claim in findings] == [(21, "critical")]
    assert "sql injection" in findings[0].text


def test_several_markdown_findings_keep_their_own_lines() -> None:
    read = findings_of("- line 21: SQL injection\n  more of it\n- lines 40 to 42: MD5\n\nSummary: bad.")
    assert read is not None
    assert [(claim.first_line, claim.last_line) for claim in read[0]] == [(21, 21), (40, 42)]


ONE_LINE = '{"file": "app.py", "line": 21, "title": "SQL injection"}'
OTHER_LINE = '{"file": "app.py", "line": 40, "title": "MD5", "more": {"a": [1]}}'


@pytest.mark.parametrize(
    "answer",
    [
        f"{ONE_LINE}\n{OTHER_LINE}\n",
        f"```json\n{ONE_LINE}\n{OTHER_LINE}\n```",
        f"First:\n```json\n{ONE_LINE}\n```\nSecond:\n```json\n{OTHER_LINE}\n```",
        f"Two.\n{ONE_LINE}\nand\n{OTHER_LINE}",
    ],
)
def test_objects_one_after_another_are_a_list(answer: str) -> None:
    read = findings_of(answer)
    assert read is not None
    assert (sorted(str(claim.first_line) for claim in read[0]), read[1]) == (["21", "40"], "json")


def test_a_list_counts_before_single_objects() -> None:
    read = findings_of(f"For example\n```json\n{ONE_LINE}\n```\nAll:\n```json\n[{OTHER_LINE}]\n```")
    assert read is not None
    assert [claim.first_line for claim in read[0]] == [40]


@pytest.mark.parametrize(
    "answer",
    [
        f"app.py:\n```json\n[{ONE_LINE}]\n```\nutil.py:\n```json\n[{OTHER_LINE}]\n```",
        f"```json\n[{ONE_LINE}, {OTHER_LINE}]\n```\nutil.py has none:\n```json\n[]\n```",
        f'```json\n{{"findings": [{ONE_LINE}]}}\n```\n```json\n{{"findings": [{OTHER_LINE}]}}\n```',
        f"Critical:\n[{ONE_LINE}]\nHigh:\n[{OTHER_LINE}]\n",
        f'{{"app.py": [{ONE_LINE}, {OTHER_LINE}], "util.py": []}}',
    ],
)
def test_the_lists_of_an_answer_are_joined(answer: str) -> None:
    read = findings_of(answer)
    assert read is not None
    assert [(claim.file, claim.first_line) for claim in read[0]] == [("app.py", 21), ("app.py", 40)]


def test_a_list_that_has_a_place_of_an_earlier_one_takes_its_place() -> None:
    draft = f"[{ONE_LINE}, {OTHER_LINE}]"
    read = findings_of(f"```json\n{draft}\n```\nChecked again:\n```json\n[{OTHER_LINE}]\n```")
    assert read is not None
    assert [claim.first_line for claim in read[0]] == [40]


def places_read(*lists: list[Json]) -> list[tuple[int, int]]:
    """The first and last lines that are read from an answer with these lists of lines."""
    blocks = [to_json([finding(lines, "SQL injection") for lines in each]) for each in lists]
    read = findings_of("\n".join(f"```json\n{block}\n```" for block in blocks))
    assert read is not None
    return [(claim.first_line or 0, claim.last_line or 0) for claim in read[0]]


def test_a_list_of_the_most_important_findings_removes_none() -> None:
    assert sorted(places_read([21, 40, 60], [40])) == [(21, 21), (40, 40), (60, 60)]


def test_two_lists_that_share_a_finding_are_joined() -> None:
    assert places_read([[1, 2], 21, 40], [40, 60, 80]) == [(1, 2), (21, 21), (40, 40), (60, 60), (80, 80)]


def test_a_list_whose_lines_are_off_by_one_is_revised_as_a_whole() -> None:
    assert places_read([[20, 22], 40, 60], [[21, 22], 41, 70]) == [(21, 22), (41, 41), (70, 70)]
    assert places_read([21], [22], [23]) == [(21, 21), (22, 22), (23, 23)]
    assert places_read([[20, 22], 40], [[22, 22], 42]) == [(20, 22), (40, 40), (22, 22), (42, 42)]


def test_findings_without_lines_revise_none() -> None:
    assert places_read([None, 21], [None, 40]) == [(0, 0), (21, 21), (0, 0), (40, 40)]


def test_a_file_above_a_list_is_that_of_its_findings() -> None:
    read = findings_of('{"app.py": [{"line_range": [3, 4], "title": "SQL"}], "util.py": [{"line": 5, "title": "MD5"}]}')
    assert read is not None
    assert [(claim.file, claim.first_line, claim.last_line) for claim in read[0]] == [
        ("app.py", 3, 4),
        ("util.py", 5, 5),
    ]


def test_of_a_list_that_was_cut_off_one_finding_is_read() -> None:
    read = findings_of(f'[\n{ONE_LINE},\n{OTHER_LINE},\n{{"file": ')
    assert read is not None
    assert [claim.first_line for claim in read[0]] == [21]


def test_a_finding_may_have_an_empty_list_of_its_own() -> None:
    read = findings_of('{"file": "app.py", "line": 21, "title": "SQL injection", "comments": []}')
    assert read is not None
    assert [claim.first_line for claim in read[0]] == [21]


def test_thirty_objects_one_after_another_are_all_read() -> None:
    read = findings_of("\n".join(f'{{"line": {line}, "title": "x"}}' for line in range(1, 31)))
    assert read is not None
    assert [claim.first_line for claim in read[0]] == list(range(1, 31))


def test_an_empty_list_is_a_review_and_prose_is_not() -> None:
    assert findings_of("[]") == ([], "json")
    assert findings_of('```json\n{"findings": []}\n```') == ([], "json")
    assert findings_of("It looks fine to me.") is None
    assert findings_of("") is None


@pytest.mark.parametrize(
    "answer",
    [
        "[ ] app.py:21 high: SQL injection\n[ ] app.py:40 low: MD5\n",
        "- [ ] app.py:21 high: SQL injection\n- [ ] app.py:40 low: MD5\n",
        "* [x] app.py:21 high: SQL injection\n* [x] app.py:40 low: MD5\n",
        "- app.py:21 critical: SQL injection. Use\n```python\nitems = (\n[]\n)\n```\n- app.py:40 low: MD5\n",
        "- app.py:21 critical: SQL injection. Use\n{}\n- app.py:40 low: MD5\n",
    ],
)
def test_empty_brackets_beside_findings_are_no_empty_review(answer: str) -> None:
    read = findings_of(answer)
    assert read is not None
    assert [claim.first_line for claim in read[0]] == [21, 40]


@pytest.mark.parametrize(
    "answer",
    [
        "[]",
        " [ ]\n",
        "```json\n[]\n```",
        '{"findings": []}',
        "I found nothing:\n```json\n[]\n```\nThat is all.",
        "None:\n[]\n",
        "[]\nIt looks fine.",
    ],
)
def test_an_empty_list_without_other_findings_is_an_empty_review(answer: str) -> None:
    assert findings_of(answer) == ([], "json")


def test_empty_brackets_within_prose_are_no_review() -> None:
    assert findings_of("Use\n```python\nitems = (\n[]\n)\n```\nin both.") is None
    assert findings_of("[ ] high: SQL injection\n[ ] low: MD5") is None


@pytest.mark.parametrize("key", ["line", "line_end", "title", "severity", "file"])
@pytest.mark.parametrize("levels", [70, 700])
def test_a_claim_that_is_nested_too_deeply_is_no_finding(key: str, levels: int) -> None:
    claim = f'"file": "a.py", "line": 1, "title": "x", "{key}": '
    assert findings_of(f"[{{{claim}{'[' * levels}1{']' * levels}}}]") is None
    assert findings_of(f"[{{{claim}[[1]]}}]") is not None


@given(st.text(max_size=200))
def test_no_text_breaks_reading_findings(text: str) -> None:
    read = findings_of(text)
    assert read is None or all(isinstance(claim, ReviewFinding) for claim in read[0])


# --- matching -----------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(0, 4), max_size=4, unique=True), max_size=5))
def test_the_matching_is_a_maximum_matching(rows: list[list[int]]) -> None:
    edges = dict(enumerate(rows))
    pairs = match(len(rows), edges)
    assert all(right in edges[left] for left, right in pairs.items())
    assert len(set(pairs.values())) == len(pairs)
    best = max(
        len({right for right in chosen if right is not None}) == len([right for right in chosen if right is not None])
        and len([right for right in chosen if right is not None])
        for chosen in itertools.product(*([*row, None] for row in rows))
    )
    assert len(pairs) == best


def test_one_finding_matches_one_defect() -> None:
    both = case("other", defect=["sql"], file="app.py", lines=[22, 22], severity="high")
    verdict = judge([finding(22, "SQL injection", "critical")], (SQL, both))
    assert len(failed(verdict)) == 1
    assert judge([finding(22, "SQL injection"), finding(22, "SQL again")], (SQL, both)).outcome is Outcome.PASSED


# --- judging ------------------------------------------------------------------------------------------------


def test_all_defects_and_no_false_claim_passes() -> None:
    verdict = judge(RIGHT, min_precision=0.8, min_severity_agreement=0.8)
    assert (verdict.outcome, verdict.extraction_rule) == (Outcome.PASSED, "findings-json")
    assert [check.name for check in verdict.checks] == ["sql", "md5", "decoy", "clean", "precision", "severity"]
    facts = verdict.metrics
    assert (facts["recall"], facts["precision"], facts["severity_exact"]) == (0.6667, 1.0, 1.0)


@pytest.mark.parametrize(
    ("answer", "fails"),
    [
        (RIGHT[:1], {"md5"}),
        ([], {"sql", "md5"}),
        ([RIGHT[0], finding(50, "MD5 for passwords")], {"md5"}),
        ([RIGHT[0], finding(40, "a long line")], {"md5"}),
        ([RIGHT[0], finding(40, "MD5 for passwords", file="other.py")], {"md5"}),
        ([RIGHT[0], finding(None, "MD5 for passwords")], {"md5"}),
        ([*RIGHT, finding(82, "missing check")], {"decoy"}),
        ([*RIGHT, finding(3, "unused import", file="util.py")], {"clean"}),
    ],
)
def test_each_check_fails_for_its_defect(answer: Json, fails: set[str]) -> None:
    verdict = judge(answer)
    assert (verdict.outcome, failed(verdict)) == (Outcome.FAILED, fails)


def test_lines_may_be_off_by_the_tolerance_and_no_further() -> None:
    assert failed(judge([RIGHT[0], finding(43, "md5")])) == set()
    assert failed(judge([RIGHT[0], finding(44, "md5")])) == {"md5"}
    assert failed(judge([RIGHT[0], finding(44, "md5")], line_tolerance=4)) == set()


def test_an_optional_defect_counts_in_recall_but_has_no_check() -> None:
    verdict = judge([*RIGHT, finding(60, "magic number", "low")])
    assert (verdict.metrics["recall"], verdict.metrics["matched"]) == (1.0, 3)
    assert "smell" not in {check.name for check in verdict.checks}


def test_claims_on_decoys_and_clean_code_lower_precision_and_others_are_undecided() -> None:
    verdict = judge([*RIGHT, finding(82, "x"), finding(120, "maybe slow"), finding(1, "y", file="util.py")])
    metrics = verdict.metrics
    assert (metrics["precision"], metrics["false_claims"], metrics["undecided"]) == (0.5, 2, 1)


def test_a_defect_that_is_reported_twice_counts_once_and_against_precision() -> None:
    facts = judge([*RIGHT, finding(40, "md5 again")]).metrics
    assert (facts["matched"], facts["repeated"], facts["undecided"], facts["precision"]) == (2, 1, 0, 0.6667)


def test_undecided_claims_are_listed_for_a_reader() -> None:
    metrics = judge([*RIGHT, finding(120, "Maybe slow")]).metrics
    assert (metrics["undecided"], metrics["undecided_claims"]) == (1, ["app.py:120 maybe slow"])


KINDS_OF_DEFECTS = tuple(
    case(word, defect=[word], file="app.py", lines=[10 * at, 10 * at], severity="high")
    for at, word in enumerate(("sql", "shell", "pickle", "secret", "leak"), 1)
)


def test_a_claim_that_is_stuffed_with_keywords_finds_nothing_and_counts_against_precision() -> None:
    stuffed = [finding(10 * at, "sql shell pickle secret leak") for at in range(1, 6)]
    verdict = judge(stuffed, KINDS_OF_DEFECTS)
    assert failed(verdict) == {"sql", "shell", "pickle", "secret", "leak"}
    assert (verdict.metrics["stuffed"], verdict.metrics["precision"]) == (5, 0.0)


def test_a_claim_that_touches_on_other_kinds_is_not_stuffed() -> None:
    assert "sql" not in failed(judge([finding(10, "sql injection that may leak a secret")], KINDS_OF_DEFECTS))


def test_many_defects_of_one_kind_are_one_kind() -> None:
    same = tuple(
        case(f"sql-{at}", defect=["sql"], file="app.py", lines=[10 * at, 10 * at], severity="high")
        for at in range(1, 7)
    )
    assert judge([finding(10 * at, "sql") for at in range(1, 7)], same).outcome is Outcome.PASSED


def test_a_claim_that_covers_more_than_a_few_lines_has_no_place() -> None:
    assert failed(judge([finding([18, 29], "sql injection"), RIGHT[1]])) == set()
    assert failed(judge([finding([18, 30], "sql injection"), RIGHT[1]])) == {"sql"}
    assert failed(judge([finding([1, 79], "sql injection"), finding([1, 79], "md5")])) == {"sql", "md5"}
    assert failed(judge([finding([18, 30], "sql injection"), RIGHT[1]], max_lines=13)) == set()


def test_a_claim_at_the_head_of_the_function_is_at_its_place() -> None:
    scoped = case("scoped", defect=["sql"], file="app.py", lines=[30, 30], scope=[20, 33], severity="high")
    for line in (20, 24, 33):
        assert judge([finding(line, "sql injection")], (scoped,)).outcome is Outcome.PASSED
    for line in (19, 34):
        assert judge([finding(line, "sql injection")], (scoped,)).outcome is Outcome.FAILED


HELD = case(
    "held",
    defect=["md5", "digest"],
    requires=["weak", "fast", "unsalted"],
    unless=["etag"],
    file="app.py",
    lines=[40, 40],
    severity="high",
)


@pytest.mark.parametrize("text", ["Weak MD5", "an unsalted fast digest", "MD5 is weak; it is safe only for caches"])
def test_a_claim_needs_a_notion_of_each_list(text: str) -> None:
    assert judge([finding(40, text)], (HELD,)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    "text",
    [
        "MD5",
        "the digest is too long for the column",
        "weak naming",
        "MD5 makes a weak etag",
        "MD5 is weak, but this is fine",
        "weak md5: not a problem here",
        "no vulnerability: md5 is fast",
        "undigested weak md-55",
    ],
)
def test_nonsense_at_the_right_line_finds_nothing(text: str) -> None:
    verdict = judge([finding(40, text)], (HELD,))
    assert (verdict.outcome, verdict.metrics["undecided"]) == (Outcome.FAILED, 1)


PATH = case("path", defect=["path", "../"], file="app.py", lines=[40, 40], severity="high")


@pytest.mark.parametrize(
    "text",
    [
        "Nothing checks that the joined path is safe, so ../ leads out of the folder.",
        "There is no check that the path is correct; ../ reads any file.",
        "The name is used without making sure it is safe: path traversal with ../.",
        "The code never verifies that the name and the path are right",
        "It doesn't validate that the path is safe",
        "It doesn’t validate that the path is safe",
        "Nobody asks whether the path is safe",
        "The caller must ensure the path is safe, and does not",
        "The code only checks that the ending of the path is right",
        "A check that the path is safe is missing",
        "Assumes that the path is safe",
        "If the path is correct it works, else ../ leads out",
        "The path looks safe, but ../ leads out",
        "The path is not checked and there is no risk assessment",
        "Nothing proves that a path is not exploitable",
        "../ reads any file. It is good practice to check the path.",
        "The path is right there in the request, so ../ leads out",
        "The path of the request is joined as it is. The rest is fine.",
        "../ leads out. The other values are safe.",
        "../ leads out; everything else is correct",
        "A ../ is not a problem on a trusted network, but here it is.",
        "The path is not correctly checked",
        "The path should be properly checked",
        "There is no protection against path traversal",
        "There is no path traversal protection",
        "No check stops path traversal",
        "An attacker has no trouble to send ../",
        "The path is properly checked only for logged in users",
        "Use a fixed folder, so there is no path traversal",
        "Any path can be read without any trouble",
        "The joined path is fine in tests but not in production",
        "The path is used before being properly validated",
        "Ensure that the path is properly validated",
        "The other paths are properly checked, this one leads out",
        "Unlike the names, which are correctly checked, the path is not",
        "Join it with a helper that makes the path safe against ../",
        "../ leads out. The fix properly validates it.",
        "../ leads out. A joined name with a check is safe against it.",
        "../ leads out. A fixed folder is safe from this.",
        "os.path.basename correctly rejects such names; here ../ leads out.",
        "The first branch correctly handles it. The path of this one leads out.",
        "../ leads out; it safely handles an empty name, yet fails on others.",
        "../ leads out, while the helper properly avoids it",
        "../ leads out. There is no trouble for an attacker to exploit it.",
        "../ leads out. The caller has nothing to report.",
        "It seems harmless. It is not: ../ leads out.",
        "../ leads out. It isn't a risk unless the name comes from outside.",
        "../ leads out. This isn't a vulnerability in the library, but in how it is called.",
    ],
)
def test_a_complaint_that_a_thing_is_not_known_to_be_safe_is_no_denial(text: str) -> None:
    assert judge([finding(40, text)], (PATH,)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    "text",
    [
        "The path is safe",
        "../ was checked: the path is safe",
        "The code checks that the path is safe",
        "I verified that the path is safe",
        "No check is needed, since the path is safe",
        "Nothing checks the path but it is safe",
        "The path is not checked and it is fine",
        "There is no validation of the path here because the name is safe",
        "The path is safe but could be shorter",
        "../ is no risk",
        "Nothing checks that the path is safe. This is fine.",
        "There is no path traversal here",
        "There isn't any path problem at this place",
        "This isn’t a problem: the path is fixed",
        "No path issues",
        "This has nothing to do with ../ or a path",
        "The code correctly avoids ../",
        "The path was properly checked before",
        "Safe against ../",
        "The path isn't vulnerable",
        "The path was well done",
        "The path is harmless",
        "../ leads out. This is handled correctly.",
        "../ leads out: handled well.",
        "No action needed: ../ leads out",
        "It is not true that ../ leads out",
        "This code is protected against a path that leads out",
    ],
)
def test_a_finding_that_calls_its_place_right_finds_nothing(text: str) -> None:
    assert judge([finding(40, text)], (PATH,)).outcome is Outcome.FAILED


def test_a_true_claim_at_a_decoy_is_undecided_and_a_false_one_is_false() -> None:
    decoy = case("d", decoy="a list", file="app.py", lines=[80, 80], claims=["injection", "shell"], unless=["timeout"])
    for text in ("the timeout of the shell is not caught", "no login is needed"):
        verdict = judge([*RIGHT, finding(80, text)], (SQL, MD5, decoy))
        assert (verdict.outcome, verdict.metrics["undecided"]) == (Outcome.PASSED, 1)
    assert failed(judge([*RIGHT, finding(80, "command injection")], (SQL, MD5, decoy))) == {"d"}


def test_a_claim_that_finds_a_defect_is_held_against_the_decoys_too() -> None:
    beside = case("beside", decoy="it is right", file="app.py", lines=[26, 26])
    verdict = judge([finding([20, 26], "sql injection"), RIGHT[1]], (SQL, MD5, beside), min_precision=1)
    assert failed(verdict) == {"beside", "precision"}


def test_the_format_may_be_demanded() -> None:
    markdown = "- app.py:21 critical: SQL injection\n- app.py:40 high: MD5 for passwords\n"
    assert failed(judge(RIGHT, format="json")) == set()
    assert failed(judge(markdown, format="json")) == {"format"}
    assert failed(judge(markdown)) == set()


def test_low_precision_fails_its_check() -> None:
    verdict = judge([*RIGHT, finding(82, "x")], min_precision=0.8)
    assert failed(verdict) == {"decoy", "precision"}
    assert check(verdict, "precision").observed == 0.6667


def test_severities_agree_within_one_step() -> None:
    near = [finding(21, "SQL injection", "high"), finding(40, "MD5", "critical")]
    assert (judge(near).metrics["severity_exact"], judge(near).metrics["severity_near"]) == (0.0, 1.0)
    far = [finding(21, "SQL injection", "low"), finding(40, "MD5", "info")]
    assert failed(judge(far, min_severity_agreement=0.5)) == {"severity"}
    unsaid = [{"line": 21, "category": "SQL injection"}, {"line": 40, "category": "MD5"}]
    assert failed(judge(unsaid, min_severity_agreement=0.5)) == {"severity"}


def test_findings_beyond_the_maximum_are_not_read() -> None:
    assert failed(judge(RIGHT, max_findings=1)) == {"md5"}


def test_prose_is_no_answer_and_fails_everything() -> None:
    verdict = judge("The module is fine.")
    assert (verdict.outcome, failed(verdict)) == (Outcome.NO_ANSWER, {"answer", "sql", "md5", "decoy", "clean"})


def test_a_clean_file_with_nothing_found_passes() -> None:
    assert judge([], (CLEAN,)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("expect", "problem"),
    [
        ({"file": "a.py"}, "expect.defect: required field is missing; add it: or decoy, or clean"),
        ({"clean": True}, "expect.file: required field is missing"),
        ({"defect": "sql", "file": "a", "lines": [1, 2], "severity": "low"}, "expect.defect: expected array"),
        (
            {"defect": ["x"], "file": "a", "lines": [2, 1], "severity": "low"},
            "expect.lines: expected [from, to], got [2, 1]",
        ),
        ({"defect": ["x"], "file": "a", "severity": "low"}, "expect.lines: required field is missing"),
        ({"defect": ["x"], "file": "a", "lines": [1, 2]}, "expect.severity: required field is missing"),
        ({"decoy": "why", "file": "a"}, "expect.lines: required field is missing"),
        ({"decoy": "why", "file": "a", "lines": [1, 2], "severity": "low"}, "expect.severity: unknown field"),
    ],
)
def test_wrong_cases_are_reported(expect: dict[str, Json], problem: str) -> None:
    found = problem_texts(variant_of("review", [case("one", **expect)], language=None).task)
    assert any(problem in text for text in found), found


def test_wrong_settings_are_reported() -> None:
    found = problem_texts(variant_of("review", CASES, settings={"line_tolerance": 1.5, "precision": 1}).task)
    assert any("scorer.line_tolerance: expected integer" in text for text in found)
    assert any("scorer.precision: unknown field" in text for text in found)
