"""A result without the content of private tasks: `withhold_answers` leaves digests, counts, times and verdicts.

Of an answer stay its digest, length in tokens and timings; of a check its name and whether it passed; of what a scorer
measured the numbers. What is computed from the trials is computed from what is left, as `verify` does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.errors import Problem
from harness.summarize import summarize
from harness.types import Result, TrialResult, TurnResult


def withhold_answers(result: Result) -> Result:
    """The result as it is published without the content of its private tasks."""
    private = result.private_tasks
    trials = tuple(_withhold(trial) if trial.task in private else trial for trial in result.trials)
    return summarize(replace(result, trials=trials))


def find_unwithholdable(result: Result) -> Iterator[Problem]:
    """What of a result holds the content of private tasks in places that are not taken out."""
    private = result.private_tasks.values()
    if not private:
        yield Problem("no task has private files, so there is nothing to withhold", "publish it as it is")
    for task in private:
        if task.for_agents:
            yield Problem(f"{task.name} was done by agents, whose work and session hold its files")
    if private and result.judgings:
        yield Problem("it has blind judgings, which hold the answers that were judged")


def _withhold(trial: TrialResult) -> TrialResult:
    return replace(
        trial,
        checks=tuple(replace(check, expected=None, observed=None, note=None) for check in trial.checks),
        turns=tuple(map(_withhold_turn, trial.turns)),
        metrics={name: value for name, value in trial.metrics.items() if isinstance(value, bool | int | float)},
    )


def _withhold_turn(turn: TurnResult) -> TurnResult:
    # A server's error message may repeat the prompt; its kind and status stay.
    error = None if turn.error is None else replace(turn.error, message="withheld")
    return replace(turn, content="", tool_calls=(), error=error)
