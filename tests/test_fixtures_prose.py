"""Unusual right answers to the tasks that run no code: reviews, posts, briefs and values. All pass."""

import json
from collections.abc import Callable

import pytest

from harness.score import score
from harness.tasks import find_fixtures, load_tasks, readings_of, vary
from harness.types import Json, Outcome, Variant
from tests.scored import ScriptedSandbox

TASKS = {task.name: task for task in load_tasks([find_fixtures()])}
Answer = Callable[[Variant], str]


def names_of(variant: Variant) -> dict[str, str]:
    return dict(variant.task.variants[variant.index])


# --- code-review --------------------------------------------------------------------------------------------


def lines_of(variant: Variant, case_id: str, field: str = "lines") -> list[int]:
    """The lines of a defect or decoy, or the function around it."""
    expect = next(case.expect for case in variant.cases if case.id == case_id)
    return list(expect.get(field, expect["lines"]))


REVIEW = {
    "secret": ("high", "Hardcoded secret key"),
    "md5": ("high", "Weak password hashing"),
    "sql": ("critical", "SQL Injection"),
    "validation": ("medium", "Missing input validation"),
    "traversal": ("high", "Path Traversal"),
    "pickle": ("critical", "Insecure Deserialization"),
    "command": ("critical", "OS Command Injection"),
    "unclosed": ("medium", "Resource leak"),
    "leak": ("medium", "Information disclosure"),
}


def findings(variant: Variant, field: str = "lines", **claims: str) -> list[Json]:
    return [
        {
            "file": "desk.py",
            "lines": lines_of(variant, case_id, field),
            "severity": severity,
            "category": claims.get(case_id, category),
            "claim": claims.get(case_id, category),
            "fix": "Mend it.",
        }
        for case_id, (severity, category) in REVIEW.items()
    ]


def review_in_a_few_words(variant: Variant) -> str:
    return json.dumps({"findings": findings(variant)})


def review_at_the_heads_of_the_handlers(variant: Variant) -> str:
    rows = findings(variant, "scope")
    for row in rows:
        row["lines"] = [row["lines"][0], row["lines"][0]]
    return json.dumps(rows)


def review_of_whole_handlers(variant: Variant) -> str:
    return f"I found these.\n\n```json\n{json.dumps(findings(variant, 'scope'), indent=2)}\n```\n\nThat is all."


def review_with_true_findings_at_decoys(variant: Variant) -> str:
    """The decoys are right about what they are decoys for; something else is wrong there."""
    count, track = lines_of(variant, "d-closing"), lines_of(variant, "d-list")
    claims = [
        (count, "Missing authentication: anyone can call this handler; it opens a connection without a login check."),
        (track, "subprocess.run may raise TimeoutExpired, which nobody catches, so the shell's caller gets an error."),
        (track, "The command's exit status is ignored."),
        (lines_of(variant, "d-fixed-path"), "No authentication on the rules, and a missing path (FileNotFoundError)."),
    ]
    rows = [{"file": "desk.py", "lines": at, "severity": "low", "category": "other", "claim": text, "fix": "Add it."}
            for at, text in claims]  # fmt: skip
    return json.dumps([*findings(variant), *rows])


def review_in_other_words(variant: Variant) -> str:
    rows = findings(
        variant,
        secret="The signing key is committed with the code; sessions can be forged by anyone with the repository",
        md5="An unsalted fast digest guards the accounts and falls to brute force",
        sql="User input is interpolated into the query",
        validation="body['name'] raises KeyError on malformed JSON, and grams may be negative",
        traversal="../ in the name reaches any file that the process may read",
        pickle="A client can tamper with the cookie that is unpickled",
        command="shell=True with a printer name that the request supplies",
        unclosed="The connection is left open: nothing closes it, and descriptors run out",
        leak="Stack traces go to the client and reveal internals",
    )
    return json.dumps(rows)


def review_with_single_lines_and_crlf(variant: Variant) -> str:
    rows = [
        {"path": "./desk.py", "line": row["lines"][0], "severity": row["severity"].upper(), "title": row["category"]}
        for row in findings(variant)
    ]
    return "```json\r\n" + json.dumps(rows, indent=1).replace("\n", "\r\n") + "\r\n```\r\n"


REVIEWS: list[Answer] = [
    review_in_a_few_words,
    review_at_the_heads_of_the_handlers,
    review_of_whole_handlers,
    review_with_true_findings_at_decoys,
    review_in_other_words,
    review_with_single_lines_and_crlf,
]

ALTERNATIVES: list[tuple[str, Answer]] = [
    *(("code-review", answer) for answer in REVIEWS),
]


@pytest.mark.parametrize(("name", "answer"), ALTERNATIVES, ids=[f"{name}-{one.__name__}" for name, one in ALTERNATIVES])
def test_an_unusual_right_answer_passes(name: str, answer: Answer) -> None:
    for index in range(len(TASKS[name].variants)):
        variant = vary(TASKS[name], index)
        verdict = score(variant, readings_of([answer(variant)]), ScriptedSandbox())
        assert [(index, check) for check in verdict.checks if not check.passed] == []
        assert verdict.outcome is Outcome.PASSED


@pytest.mark.parametrize("name", ["code-review"])
def test_the_solution_of_one_variant_fails_every_other(name: str) -> None:
    variants = [vary(TASKS[name], index) for index in range(len(TASKS[name].variants))]
    for variant in variants:
        for other in variants:
            verdict = score(variant, readings_of(other.solution), ScriptedSandbox())
            assert (verdict.outcome is Outcome.PASSED) == (variant is other), (variant.index, other.index)
