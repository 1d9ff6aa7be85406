"""From what a scorer found to the score: the outcome by ordered rules, the same for every kind.

In this order: a server's fault is `server_error`, a prompt that the context did not hold `truncated_in`; an answer
without what is scored is `no_answer`, or `truncated_out` where it met its budget; all checks passed is `passed`;
a stated "cannot" is `declined`; an answer that met its budget is `truncated_out`; then, by what ended the code,
`out_of_memory`, `timed_out`, `crashed`; else `failed`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.score.compare import short
from harness.types import CaseEnd, Check, Json, Observation, Outcome, Reading, Score

ANSWER = "answer"
_WORST_FIRST = (Outcome.OUT_OF_MEMORY, Outcome.TIMED_OUT, Outcome.CRASHED)
_OF_END: Mapping[CaseEnd, Outcome] = {
    "out_of_memory": Outcome.OUT_OF_MEMORY,
    "timed_out": Outcome.TIMED_OUT,
    "crashed": Outcome.CRASHED,
    "not_loaded": Outcome.CRASHED,
}


@dataclass(frozen=True, slots=True)
class Judgment:
    """What a kind found in a trial: its checks, and what ended the code besides its own return.

    `missing` says why there was nothing to score; its checks are the kind's to list and all failed.
    """

    checks: tuple[Check, ...]
    rule: str | None = None
    ends: frozenset[Outcome] = frozenset()
    missing: str | None = None
    declined: bool = False
    facts: Mapping[str, Json] = field(default_factory=dict)


def nothing(names: Sequence[str], why: str, rule: str | None = None) -> Judgment:
    """The judgement on an answer that holds nothing to score: every check failed."""
    return Judgment(tuple(Check(name, False, None, None, why) for name in names), rule, missing=why)


def ends_of(seen: Sequence[Observation]) -> frozenset[Outcome]:
    """What ended the code in these cases; a value or an exception is no end."""
    return frozenset(_OF_END[one.ended] for one in seen if one.ended in _OF_END)


def score_of(judgment: Judgment, readings: Sequence[Reading]) -> Score:
    """The score of a judgement on these turns."""
    checks = judgment.checks
    if judgment.missing is not None:
        checks = (Check(ANSWER, False, None, None, judgment.missing), *checks)
    passed = sum(check.passed for check in checks)
    fraction = passed / len(checks) if checks else 0.0
    return Score(_outcome(judgment, readings), fraction, checks, judgment.rule, judgment.facts)


def _outcome(judgment: Judgment, readings: Sequence[Reading]) -> Outcome:
    cut = any(reading.finish_reason == "length" for reading in readings)
    if judgment.missing is not None:
        return Outcome.TRUNCATED_OUT if cut else Outcome.NO_ANSWER
    if judgment.checks and all(check.passed for check in judgment.checks):
        return Outcome.PASSED
    if judgment.declined:
        return Outcome.DECLINED
    if cut:
        return Outcome.TRUNCATED_OUT
    return next((one for one in _WORST_FIRST if one in judgment.ends), Outcome.FAILED)


def server_error(names: Sequence[str], reading: Reading) -> Score:
    """The score of a trial whose server failed; `reading` has the error."""
    error = reading.error
    overflow = error is not None and error.kind == "context_overflow"
    said = short(error.message) if error is not None else None
    why = "the server could not hold the prompt" if overflow else "the server failed"
    checks = (Check(ANSWER, False, None, said, why), *(Check(name, False, None, None, why) for name in names))
    return Score(Outcome.TRUNCATED_IN if overflow else Outcome.SERVER_ERROR, 0.0, checks)
