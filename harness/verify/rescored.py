"""The level `rescored`: every recorded answer is scored again in the sandbox, and must get the same verdict."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from harness.bundle import RECORDINGS, parse_document
from harness.files import build
from harness.read import read
from harness.score import score, scoring_threads
from harness.tasks import HiddenCases, vary
from harness.types import HIDDEN_INPUTS, Finding, Outcome, Recording, Sandbox, Score, Task, TrialKey, TrialResult
from harness.verify.evidence import Evidence, describe, key_of, max_lines, same_task

MACHINE_DEPENDENT = (Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY)
"""Outcomes that a slower or smaller machine may change: a difference in them is unknown, not a problem."""


def unknown_tasks(evidence: Evidence) -> Sequence[str]:
    """The tasks that cannot be scored again, because no task with their digest is known locally."""
    return [task.name for task in evidence.result.tasks if same_task(evidence, task.name) is None]


def check_rescored(evidence: Evidence, sandbox: Sandbox) -> Iterator[Finding]:
    """Score every trial again and compare outcome and checks. Raises EngineError when the engine fails."""
    index_of = {key_of(trial): at for at, trial in enumerate(evidence.result.trials)}
    threads = scoring_threads()
    hidden_cases = HiddenCases(evidence.reader.digest(RECORDINGS), sandbox)
    pending: deque[tuple[int, Future[Score]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for key, turns in recorded_trials(evidence):
                task, at = same_task(evidence, key.task), index_of.get(key)
                if task is None or at is None:
                    continue
                pending.append((at, pool.submit(_score_again, task, turns, sandbox, hidden_cases)))
                # Bounds the memory: only a few trials are read ahead of the ones that are being scored.
                if len(pending) > 2 * threads:
                    yield from _next_finding(evidence, pending)
            while pending:
                yield from _next_finding(evidence, pending)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def recorded_trials(evidence: Evidence) -> Iterator[tuple[TrialKey, tuple[Recording, ...]]]:
    """The turns of each complete trial of the recordings."""
    location = evidence.reader.location(RECORDINGS)
    recordings = (
        build(Recording, parse_document(line, f"{location}, line {number}"))
        for number, line in evidence.reader.read_lines(RECORDINGS, max_lines(evidence))
    )
    turns: list[Recording] = []
    for recording in recordings:
        # An interrupted trial stays in the file and begins again from its first turn.
        turns = [*([] if recording.turn == 0 else turns), recording]
        if recording.last_turn:
            yield recording.key, tuple(turns)


def _score_again(task: Task, turns: Sequence[Recording], sandbox: Sandbox, hidden_cases: HiddenCases) -> Score:
    return score(hidden_cases.extend(vary(task, turns[0].key.trial)), [read(turn) for turn in turns], sandbox)


def _next_finding(evidence: Evidence, pending: deque[tuple[int, Future[Score]]]) -> Iterator[Finding]:
    at, future = pending.popleft()
    trial, rescored = evidence.result.trials[at], future.result()
    message = _difference(trial, rescored)
    if message is None:
        return
    location = evidence.location(f"$.trials[{at}].outcome")
    if {trial.outcome, rescored.outcome} & set(MACHINE_DEPENDENT):
        yield Finding("rescored", location, f"{message}: this machine may be slower or smaller", "inconclusive")
    else:
        yield Finding("rescored", location, message)


def _difference(trial: TrialResult, rescored: Score) -> str | None:
    name = describe(key_of(trial))
    if trial.outcome != rescored.outcome:
        return f"{name} is {trial.outcome}, scored again it is {rescored.outcome}"
    stated = [(check.name, check.passed) for check in trial.checks]
    expected = [(check.name, check.passed) for check in rescored.checks]
    if stated == expected:
        inputs = trial.metrics.get(HIDDEN_INPUTS)
        if inputs is None or inputs == rescored.metrics.get(HIDDEN_INPUTS):
            return None
        return f"{name} states other inputs of its hidden cases than its recordings give"
    changed = sorted({check for check, _ in set(stated) ^ set(expected)})
    return f"{name} is {trial.outcome} both times, but with other results of its checks: {changed}"
