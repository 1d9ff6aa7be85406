"""The level rescored: every stored answer run again in the sandbox. The only level that runs foreign code."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby

from harness.bundle import RECORDINGS
from harness.files import build
from harness.read import read
from harness.score import score, scoring_threads
from harness.tasks import vary
from harness.types import Finding, Outcome, Recording, Sandbox, Score, Task, TrialKey, TrialResult
from harness.verify.documents import parse, read_rows
from harness.verify.evidence import Evidence, key_of, known_task, told

OF_THE_MACHINE = (Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY)
"""Outcomes that a slower or smaller machine may change: a difference here decides nothing."""


def _turns(evidence: Evidence) -> Iterator[tuple[TrialKey, tuple[Recording, ...]]]:
    place = evidence.shelf.place(RECORDINGS)
    recordings = (
        build(Recording, parse(line, f"{place}, line {number}"))
        for number, line in read_rows(evidence.shelf, RECORDINGS)
    )
    for key, turns in groupby(recordings, key=lambda turn: turn.key):
        yield key, tuple(turns)


def _verdict(found: Score) -> tuple[Outcome, tuple[tuple[str, bool], ...]]:
    return found.outcome, tuple((check.name, check.passed) for check in found.checks)


def _difference(trial: TrialResult, found: Score) -> str | None:
    stated = (trial.outcome, tuple((check.name, check.passed) for check in trial.checks))
    if stated == _verdict(found):
        return None
    if trial.outcome != found.outcome:
        return f"{told(key_of(trial))} is {trial.outcome}, run again it is {found.outcome}"
    was = {check.name for check in trial.checks if check.passed}
    now = {check.name for check in found.checks if check.passed}
    return f"{told(key_of(trial))} is {trial.outcome} both times, but with other checks: {sorted(was ^ now)}"


def _finding(evidence: Evidence, at: int, found: Score) -> Iterator[Finding]:
    trial = evidence.result.trials[at]
    text = _difference(trial, found)
    if text is None:
        return
    place = evidence.place(f"$.trials[{at}].outcome")
    if {trial.outcome, found.outcome} & set(OF_THE_MACHINE):
        yield Finding("rescored", place, f"{text}: this machine may be slower or smaller", "unknown")
    else:
        yield Finding("rescored", place, text)


def unknown_tasks(evidence: Evidence) -> Sequence[str]:
    """The tasks that cannot be run again because they are not the ones known here."""
    return [task.name for task in evidence.result.tasks if known_task(evidence, task.name) is None]


def _again(task: Task, turns: Sequence[Recording], sandbox: Sandbox) -> Score:
    return score(vary(task, turns[0].key.trial), [read(turn) for turn in turns], sandbox)


def check_rescored(evidence: Evidence, sandbox: Sandbox) -> Iterator[Finding]:
    """Score every trial again and compare verdict and checks. Raises EngineError for faults of the kit's own side."""
    at_of = {key_of(trial): at for at, trial in enumerate(evidence.result.trials)}
    threads = scoring_threads()
    waiting: deque[tuple[int, Future[Score]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for key, turns in _turns(evidence):
                task, at = known_task(evidence, key.task), at_of.get(key)
                if task is None or at is None:
                    continue
                waiting.append((at, pool.submit(_again, task, turns, sandbox)))
                if len(waiting) > 2 * threads:
                    yield from _next_finding(evidence, waiting)
            while waiting:
                yield from _next_finding(evidence, waiting)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _next_finding(evidence: Evidence, waiting: deque[tuple[int, Future[Score]]]) -> Iterator[Finding]:
    at, future = waiting.popleft()
    yield from _finding(evidence, at, future.result())
