"""Unusual right answers to the tasks that run no code: reviews, posts, briefs and values. All pass."""

import json
from collections.abc import Callable

import pytest

from harness.score import score
from harness.tasks import readings_of, vary
from harness.types import Json, Outcome, Variant
from tests.samples import kit_tasks
from tests.scored import ScriptedSandbox

TASKS = kit_tasks()
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

# --- write-voice --------------------------------------------------------------------------------------------

IMPORT = """Last Tuesday our nightly import needed forty-seven minutes. It normally needs 6, so I blamed the database.

I spent 2 hours guessing. I looked at disks, at indexes, at the weather. Then I added a single line to the log. I
could have done that first. The import was trying everything 3 times, row by row.

Renske had put that loop in back in March, and she had meant it for each file. She saw it before I had finished my
sentence, and the credit for the repair is hers. She deleted four lines. I watched.

The import takes 5 minutes now. It is faster than it was before I began to help, and I have decided not to think about
that too much.

What I took home from it is small and I keep having to learn it: measure first, guess later. My guesses are quick, but
they are not cheap."""
POSTS = {
    "forty-seven-minutes": (0, IMPORT),
    "1-line": (0, IMPORT.replace("a single line to the log", "1 line to the log").replace("forty-seven", "47")),
    "minutes-first": (
        0,
        IMPORT.replace(
            "Last Tuesday our nightly import needed forty-seven minutes.",
            "47 mins. That is how long our nightly import took last Tuesday, and never did it feel longer.",
        ).replace("I spent 2 hours guessing.", "I spent two hours guessing, and not one of them helped."),
    ),
    "taken-back": (
        1,
        """Eleven minutes is not a long time. It was long enough for me on Thursday, when we pulled the release of our
booking page again.

Two hundred and thirty customers saw a wrong price in that time. 3 colleagues from the shop phoned all of them, with
more patience than I would have had. My own part was to stand in a corridor and look useful.

It began with a rounding rule, which Tobias had copied from an older page. I had approved it between meetings. He
apologized, I apologized, and then we agreed that the old page was the one that should be sorry.

Rolling back took us forty seconds. I would love to call that talent. It was habit: once a month somebody new has to do
it, while the rest of us stand behind the chair and keep quiet.

I had argued against those drills for a year. I lost, and I have never been so glad about it. Keep practising your way
back, even in the months when you are sure that you will never need it.""",
    ),
    "flaky-test": (
        2,
        """For four months we lived with a test that went red about once in 7 days. Everybody had a favourite way to
start it again. Mine was to swear first.

Then Noor took it along on a train. The ride lasts 90 minutes, and somewhere behind the second tunnel she knew.

Nothing was wrong with the test. Two jobs of ours wrote one and the same file whenever they began in the same second. I
had written both of them, in different years, and I had been proud of each.

She fixed it with one line. Every job now has a file that is its own, and I have a desk that is a little quieter.

I kept one thing from all this. A test that only fails sometimes is telling you something, and it is very patient about
it. I was the one who was not listening, and I had every chance, week after week.""",
    ),
    "certificate": (
        3,
        """The first call came at lunch. A shop could not take payments, and would we kindly look. By the time our own
alarm rang, 18 shops had called, and I had run out of ways to say sorry.

Payments were down for 52 minutes that Friday. The certificate of the payment page had simply run out.

I checked the renewal job and it was green. I checked it again, with more feeling. It was Imani who discovered the
folder: the job had been writing its new certificates there, and nobody read that folder, least of all me.

We corrected two words in a path, and that was all. There is an alarm now that rings 21 days ahead. It is loud.

So I look at the date these days, and not at the job. It is a humble sort of wisdom, and it fits on a small piece of
paper beside my screen.""",
    ),
    "report": (
        4,
        """I used to be good at our monthly report. It took the team sixteen hours, all by hand, and I chose the font.

In May Lucian asked a question. He wrote to the 35 people on our list and wanted to know who read the thing. I was sure
that we would be busy for a week with the praise.

There were 2 answers. Both said the same: they liked the table on page 7, and they had never seen the other pages. I
looked for a third answer in the spam folder. It was a dull afternoon.

Now a script sends that table, and it runs in 8 seconds. It has no font.

What stays with me is simple enough. Before we write the next long thing, we ask who reads it. So far that has saved us
from two newsletters, one handbook of mine, and a poem for the anniversary.""",
    ),
}

# --- summarize-long -----------------------------------------------------------------------------------------

BRIEF = {
    "T1": """Rollouts start between 08:20 and 16:50 on working days. The canary receives 9 % of traffic for 35 minutes.
A rollback must complete across both halls within 6 min 30 s. A change may have at most 380 changed lines, and
fourteen previous builds of each service are kept warm.""",
    "T2": """- Every cluster runs PostgreSQL 16.4.
- The lock timeout of migrations is 2.5 seconds, no longer 8 seconds.
- Yardbook keeps position history for 26 months.
- Application logs are searchable for 34 days.
- A restore drill takes place every 5th week.""",
    "T3": """Pages must be acknowledged within seven minutes. Tomasz Wieliczko owns the programme. The pool of trained
commanders has at least nine people. Turns hand over on Wednesdays at 10:30. A week of carrying the pager pays
285 euros.""",
    "T4": """Strongroom rotates secrets every 63 days. A Gatehand token is valid for 25 minutes. The subsistence
allowance is 53 euros per working day at the other office. Ending the data hall contract needs 75 days of notice. Halves
on invoices are rounded half to even.""",
}


def brief(variant: Variant, heading: str = "## {}", **changes: tuple[str, str]) -> str:
    """The brief under the variant's titles, with passages replaced."""
    names = names_of(variant)
    text = "\n\n".join(f"{heading.format(names[key])}\n\n{body}" for key, body in BRIEF.items())
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    return text


BRIEF_CHANGES: dict[str, dict[str, tuple[str, str]]] = {
    "as-it-is": {},
    "390-seconds": {"rollback": ("6 min 30 s", "390 seconds")},
    "six-and-a-half": {"rollback": ("6 min 30 s", "six and a half minutes"), "canary": ("9 %", "nine per cent")},
    "every-fifth-week": {
        "drill": ("A restore drill takes place every 5th week", "Every fifth week there is a restore drill"),
        "commanders": ("has at least nine people", "must never fall below 9 people"),
    },
    "no-more-than": {
        "size": ("A change may have at most 380 changed lines", "No change may have more than 380 lines"),
        "pages": ("must be acknowledged within seven minutes", "must not wait longer than 7 min for acknowledgement"),
        "allowance": ("The subsistence\nallowance is 53 euros", "The subsistence allowance is \u20ac53"),
    },
    "with-what-it-replaced": {
        "history": ("for 26 months", "for 26 months (previously 400 days)"),
        "pages": ("within seven minutes", "within 7 minutes, down from 12 minutes"),
        "owner": ("Tomasz Wieliczko owns the programme", "Tomasz Wieliczko owns the programme, replacing Ilse Vorhaug"),
    },
    "in-one-sentence": {
        "handover": (
            "Turns hand over on Wednesdays at 10:30. A week of carrying the pager pays\n285 euros.",
            "Turns hand over on Wednesdays at 10:30, and a week of carrying the pager pays 285 euros.",
        ),
        "tokens": ("every 63 days. A Gatehand", "every 63 days, while a Gatehand"),
    },
}

# --- long-needle --------------------------------------------------------------------------------------------


def expected_values(variant: Variant, at: int) -> dict[str, Json]:
    """A writing of each value: the first (0) or the last (-1)."""
    return {case.expect["key"]: case.expect["any"][at] for case in variant.cases if "any" in case.expect}


def absent_keys(variant: Variant) -> list[str]:
    return [case.expect["key"] for case in variant.cases if "absent" in case.expect]


def last_writing_without_absent_keys(variant: Variant) -> str:
    return json.dumps(expected_values(variant, -1), ensure_ascii=False)


def in_capitals(variant: Variant) -> str:
    values = {key: str(value).upper() for key, value in expected_values(variant, 0).items()}
    return json.dumps({**values, **dict.fromkeys(absent_keys(variant))}, ensure_ascii=False)


def in_reverse_order_as_lists(variant: Variant) -> str:
    values = dict(reversed(expected_values(variant, 0).items()))
    return json.dumps({**dict.fromkeys(absent_keys(variant)), **{key: [value] for key, value in values.items()}})


def after_a_draft_in_the_reasoning(variant: Variant) -> str:
    draft = json.dumps(dict.fromkeys(expected_values(variant, 0), "?"))
    return f"<think>{draft}</think>Here it is:\n\n~~~json\n{last_writing_without_absent_keys(variant)}\n~~~\n"


def between_sentences_with_quotes(variant: Variant) -> str:
    values = {key: f' "{value}" ' for key, value in expected_values(variant, 0).items()}
    return f"I read {{all}} of it. {json.dumps({**values, **dict.fromkeys(absent_keys(variant))})} That is all."


def with_keys_in_another_case(variant: Variant) -> str:
    values = {key.replace("_", " ").title(): value for key, value in expected_values(variant, 0).items()}
    return json.dumps({**values, **dict.fromkeys(absent_keys(variant))}).replace(", ", ",\r\n")


NEEDLES: list[Answer] = [
    last_writing_without_absent_keys,
    in_capitals,
    in_reverse_order_as_lists,
    after_a_draft_in_the_reasoning,
    between_sentences_with_quotes,
    with_keys_in_another_case,
]

ALTERNATIVES: list[tuple[str, Answer]] = [
    *(("code-review", answer) for answer in REVIEWS),
    *((name, answer) for name in ("long-needle-28k", "long-needle-256k") for answer in NEEDLES),
]


def assert_passes(variant: Variant, answer: str) -> None:
    verdict = score(variant, readings_of([answer]), ScriptedSandbox())
    assert [(variant.index, check) for check in verdict.checks if not check.passed] == []
    assert verdict.outcome is Outcome.PASSED


@pytest.mark.parametrize(("name", "answer"), ALTERNATIVES, ids=[f"{name}-{one.__name__}" for name, one in ALTERNATIVES])
def test_an_unusual_right_answer_passes(name: str, answer: Answer) -> None:
    for index in range(len(TASKS[name].variants)):
        variant = vary(TASKS[name], index)
        assert_passes(variant, answer(variant))


@pytest.mark.parametrize("post", POSTS)
def test_an_unusual_right_post_passes(post: str) -> None:
    index, text = POSTS[post]
    assert_passes(vary(TASKS["write-voice"], index), text)


@pytest.mark.parametrize("change", BRIEF_CHANGES)
def test_an_unusual_right_brief_passes(change: str) -> None:
    for index in range(len(TASKS["summarize-long"].variants)):
        variant = vary(TASKS["summarize-long"], index)
        assert_passes(variant, brief(variant, "## {}", **BRIEF_CHANGES[change]))
        assert_passes(variant, brief(variant, "**{}:**", **BRIEF_CHANGES[change]))


@pytest.mark.parametrize("name", ["code-review", "write-voice", "long-needle-28k"])
def test_the_solution_of_one_variant_fails_every_other(name: str) -> None:
    variants = [vary(TASKS[name], index) for index in range(len(TASKS[name].variants))]
    for variant in variants:
        for other in variants:
            verdict = score(variant, readings_of(other.solution), ScriptedSandbox())
            assert (verdict.outcome is Outcome.PASSED) == (variant is other), (variant.index, other.index)
