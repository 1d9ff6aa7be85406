"""Is every test itself tested: the solution of each variant scores full marks, each wrong answer fails as it says.

The answers go the way that a model's go: the same scorers, the same containers.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from harness.errors import CheckError
from harness.tasks.load import vary
from harness.tasks.replies import split_reply
from harness.types import Check, Counts, Outcome, Reading, Score, Task, Timings, Variant, Wrong

Scorer = Callable[[Variant, Sequence[Reading]], Score]
"""Scores one trial, one reading a turn: `harness.score.score` with its sandbox, passed in since score imports tasks."""

EVERY = ("*",)
_SHOWN = 2


@dataclass(frozen=True, slots=True)
class Trial:
    """An answer that stands in a task's folder; `wrong` is None for the solution."""

    variant: Variant
    wrong: Wrong | None

    @property
    def name(self) -> str:
        """The answer as a fault names it."""
        answer = "solution" if self.wrong is None else f"wrong/{self.wrong.name}"
        return f"{self.variant.task.name}, variant {self.variant.index}, {answer}"


def readings_of(replies: Sequence[str], finish_reason: str = "stop") -> list[Reading]:
    """What would have been read had a server said these replies; the last one ends for `finish_reason`.

    Raises ValueError for a reply whose tool calls are not readable.
    """
    last = len(replies) - 1
    return [_reading(reply, finish_reason if turn == last else None) for turn, reply in enumerate(replies)]


def _reading(reply: str, finish_reason: str | None) -> Reading:
    content, calls = split_reply(reply)
    usual = "tool_calls" if calls else "stop"
    return Reading(
        content=content,
        reasoning="",
        tool_calls=calls,
        finish_reason=usual if finish_reason in (None, "stop") else finish_reason,
        done=True,
        usage=None,
        error=None,
        counts=Counts(),
        timings=Timings(),
    )


def trials_of(task: Task, *, first_only: bool = False) -> Iterator[Trial]:
    """Every answer of every variant, or of the first one only."""
    for index in range(1 if first_only else max(1, len(task.variants))):
        variant = vary(task, index)
        yield Trial(variant, None)
        yield from (Trial(variant, wrong) for wrong in variant.wrong)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _shown(check: Check) -> str:
    note = f", {check.note}" if check.note else ""
    return f"{check.name} (expected {_short(check.expected)}, observed {_short(check.observed)}{note})"


def _told(checks: Sequence[Check]) -> str:
    more = f" and {len(checks) - _SHOWN} more" if len(checks) > _SHOWN else ""
    return ", ".join(_shown(check) for check in checks[:_SHOWN]) + more


def fault_of_solution(verdict: Score) -> str | None:
    """Why a verdict on a solution is not full marks."""
    failed = [check for check in verdict.checks if not check.passed]
    if verdict.outcome is Outcome.PASSED and verdict.fraction == 1 and not failed:
        return None
    seen = f"ends as {verdict.outcome.value} and fails {_told(failed) or 'no check'}"
    return f"must score full marks, but {seen}; mend the answer or the cases"


def fault_of_wrong(wrong: Wrong, verdict: Score) -> str | None:
    """Why a verdict on a wrong answer is not the one that its row in task.toml names."""
    if verdict.outcome is Outcome.PASSED:
        return "passes; a check is missing that this answer fails"
    names = {check.name for check in verdict.checks}
    wanted = names if wrong.fails == EVERY else set(wrong.fails)
    unnamed = [check for check in verdict.checks if not check.passed and check.name not in wanted]
    unfailed = [check for check in verdict.checks if check.passed and check.name in wanted]
    parts = []
    if verdict.outcome is not wrong.outcome:
        parts.append(f"ends as {verdict.outcome.value}, not as {wrong.outcome.value}")
    if unnamed:
        parts.append(f"fails also {_told(unnamed)}")
    if unfailed:
        parts.append(f"does not fail {', '.join(check.name for check in unfailed)}")
    if wanted - names:
        parts.append(f"no check is called {', '.join(sorted(wanted - names))}")
    return "; ".join(parts) or None


def check_trial(trial: Trial, score: Scorer) -> str | None:
    """The fault of one answer, None where it does what its task says of it. Raises EngineError."""
    wrong = trial.wrong
    try:
        replies = trial.variant.solution if wrong is None else wrong.replies
        readings = readings_of(replies, "stop" if wrong is None else wrong.finish_reason)
    except ValueError as error:
        return f"{trial.name}: its tool calls are not readable: {error}"
    verdict = score(trial.variant, readings)
    fault = fault_of_solution(verdict) if wrong is None else fault_of_wrong(wrong, verdict)
    return None if fault is None else f"{trial.name}: {fault}"


def check_tasks(tasks: Sequence[Task], score: Scorer, say: Callable[[str], None], *, first_only: bool = False) -> int:
    """Try every answer of these tasks; returns how many there were.

    Raises CheckError with one line a fault, EngineError where an answer could not be run.
    """
    trials = [trial for task in tasks for trial in trials_of(task, first_only=first_only)]
    left = Counter(trial.variant.task.name for trial in trials)
    faults = []
    with ThreadPoolExecutor(max_workers=2 * (os.cpu_count() or 1)) as pool:
        try:
            for trial, fault in zip(trials, pool.map(lambda one: check_trial(one, score), trials), strict=True):
                name = trial.variant.task.name
                left[name] -= 1
                faults += [] if fault is None else [fault]
                if not left[name]:
                    say(f"{name}: {sum(one.variant.task.name == name for one in trials)} answers tried")
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    if faults:
        raise CheckError(*faults)
    return len(trials)
