"""Turns what a scorer found into a score: the outcome by ordered rules, the same for every kind.

The first of these that applies: a server's error is `server_error`, or `truncated_in` where the prompt exceeded the
context; an answer without anything to score is `no_answer`, an agent's `no_edit`, or how it was cut (see below); an
answer that passes all checks is `passed`; a stated refusal is `declined`; an answer that reached its budget is
`truncated_out`, one that was stopped in a loop `repetitive`, an agent's the limit that ended it, or `crashed`; then, by
how the code ended, `out_of_memory`, `timed_out`, `crashed`; else `failed`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.score.compare import display
from harness.types import HIDDEN_INPUTS, REPETITION, Case, CaseStatus, Check, Json, Observation, Outcome, Reading, Score

ANSWER = "answer"
"""The check that fails where there is nothing to score."""
MAX_HIDDEN_INPUTS = 12
_WORST_FIRST = (Outcome.OUT_OF_MEMORY, Outcome.TIMED_OUT, Outcome.CRASHED)
_OUTCOME_OF_CUT: Mapping[str | None, Outcome] = {
    "length": Outcome.TRUNCATED_OUT,
    REPETITION: Outcome.REPETITIVE,
    # How an agent ended (AgentEnd, and `crashed` for one that exited with an error).
    "crashed": Outcome.CRASHED,
    "clock": Outcome.TIME_LIMIT,
    "turns": Outcome.TURN_LIMIT,
    "tokens": Outcome.TOKEN_LIMIT,
    "context": Outcome.CONTEXT_EXCEEDED,
    "memory": Outcome.OUT_OF_MEMORY,
}
_OUTCOME_OF_END: Mapping[CaseStatus, Outcome] = {
    "out_of_memory": Outcome.OUT_OF_MEMORY,
    "timed_out": Outcome.TIMED_OUT,
    "crashed": Outcome.CRASHED,
    "not_loaded": Outcome.CRASHED,
}


@dataclass(frozen=True, slots=True)
class Judgment:
    """What a scorer kind found in a trial.

    `extraction_rule` names how the scored part was found in the answer; `abnormal_ends` are the ways in which code
    ended without returning; `missing` says why there was nothing to score, and then every check has failed and the
    outcome is `missing_outcome`.
    """

    checks: tuple[Check, ...]
    extraction_rule: str | None = None
    abnormal_ends: frozenset[Outcome] = frozenset()
    missing: str | None = None
    missing_outcome: Outcome = Outcome.NO_ANSWER
    declined: bool = False
    metrics: Mapping[str, Json] = field(default_factory=dict)


def no_answer(names: Sequence[str], why: str, rule: str | None = None) -> Judgment:
    """The judgment on an answer with nothing to score: every check failed."""
    return Judgment(tuple(Check(name, False, None, None, why) for name in names), rule, missing=why)


def abnormal_ends(observations: Sequence[Observation]) -> frozenset[Outcome]:
    """How code ended in these cases, other than by a value or an exception."""
    return frozenset(
        _OUTCOME_OF_END[observation.status] for observation in observations if observation.status in _OUTCOME_OF_END
    )


def score_of(judgment: Judgment, readings: Sequence[Reading], cases: Sequence[Case]) -> Score:
    """The score of a judgment on a trial's readings; the cases give the inputs of failed hidden checks."""
    checks, metrics = judgment.checks, judgment.metrics
    if judgment.missing is not None:
        checks = (Check(ANSWER, False, None, None, judgment.missing), *checks)
    elif inputs := _hidden_inputs(checks, cases):
        metrics = {**metrics, HIDDEN_INPUTS: inputs}
    passed = sum(check.passed for check in checks)
    fraction = passed / len(checks) if checks else 0.0
    return Score(_outcome(judgment, readings), fraction, checks, judgment.extraction_rule, metrics)


def _hidden_inputs(checks: Sequence[Check], cases: Sequence[Case]) -> dict[str, Json]:
    """Whoever looks at a failed case wants its input, and only a container could draw it again."""
    drawn = {case.id: case.give for case in cases if case.hidden}
    failed = [check.name for check in checks if not check.passed and check.name in drawn]
    return {name: display(dict(drawn[name])) for name in failed[:MAX_HIDDEN_INPUTS]}


def _outcome(judgment: Judgment, readings: Sequence[Reading]) -> Outcome:
    cut = next(
        (_OUTCOME_OF_CUT[end] for reading in readings if (end := reading.finish_reason) in _OUTCOME_OF_CUT), None
    )
    if judgment.missing is not None:
        return cut or judgment.missing_outcome
    if judgment.checks and all(check.passed for check in judgment.checks):
        return Outcome.PASSED
    if judgment.declined:
        return Outcome.DECLINED
    if cut is not None:
        return cut
    return next((outcome for outcome in _WORST_FIRST if outcome in judgment.abnormal_ends), Outcome.FAILED)


def server_error(names: Sequence[str], reading: Reading) -> Score:
    """The score of a trial whose server failed; `reading` has the error."""
    error = reading.error
    overflow = error is not None and error.kind == "context_overflow"
    message = display(error.message) if error is not None else None
    why = "the prompt exceeded the context" if overflow else "the server failed"
    checks = (Check(ANSWER, False, None, message, why), *(Check(name, False, None, None, why) for name in names))
    return Score(Outcome.TRUNCATED_IN if overflow else Outcome.SERVER_ERROR, 0.0, checks)
