"""Kind `speed`: only the timings count. A trial passes when every turn has tokens and no error.

settings      none
cases.json    none
checks        `tokens`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.errors import Problem
from harness.score.scorer_kind import ScorerKind
from harness.score.validation import ANY
from harness.score.verdict import Judgment, no_answer
from harness.types import Case, Check, Reading, Sandbox, Task, Variant

TOKENS = "tokens"


def check_names(variant: Variant) -> tuple[str, ...]:
    """The one check, `tokens`."""
    del variant
    return (TOKENS,)


def _has_tokens(reading: Reading) -> bool:
    return bool(reading.content or reading.reasoning or reading.tool_calls)


def score_speed(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score whether every turn has tokens; the sandbox is not used."""
    del variant, sandbox
    empty = [turn for turn, reading in enumerate(readings, 1) if not _has_tokens(reading)]
    if empty:
        return no_answer([TOKENS], f"turn {empty[0]} gave no tokens")
    return Judgment((Check(TOKENS, True),))


def problems(task: Task, cases: Sequence[Case]) -> Iterator[Problem]:
    """The problem of a task that has cases."""
    if cases:
        yield Problem(f"{task.name}/cases.json: a task that only measures speed has no cases", "remove the file")


KIND = ScorerKind(
    check_names,
    score_speed,
    settings=lambda task: {},
    case=lambda task, case: ANY,
    problems=problems,
    needs_cases=False,
    scored=False,
)
