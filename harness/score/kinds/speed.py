"""Kind `speed`: only the timings count; passed when every turn gave tokens and no error.

settings      none of its own
cases.json    none
checks        `tokens`
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.score.settings import Demands
from harness.score.verdict import Judgment, nothing
from harness.types import Case, Check, Reading, Sandbox, Task, Variant

TOKENS = "tokens"


def check_names(variant: Variant) -> tuple[str, ...]:
    """The checks' names."""
    del variant
    return (TOKENS,)


def _has_tokens(reading: Reading) -> bool:
    return bool(reading.content or reading.reasoning or reading.tool_calls)


def score_speed(variant: Variant, readings: Sequence[Reading], sandbox: Sandbox) -> Judgment:
    """Score by whether tokens came; the sandbox is not used."""
    del variant, sandbox
    silent = [turn for turn, reading in enumerate(readings, 1) if not _has_tokens(reading)]
    if silent:
        return nothing([TOKENS], f"turn {silent[0]} gave no tokens")
    return Judgment((Check(TOKENS, True),))


def problems(task: Task, cases: Sequence[Case]) -> list[str]:
    """What is wrong with a task of this kind."""
    demands = Demands(task)
    demands.settings(())
    if cases:
        demands.found.append("cases.json: a task that is only timed has no cases; take the file out")
    return demands.found
