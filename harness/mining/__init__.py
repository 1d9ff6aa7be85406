"""Makes tasks of a repository's own history: one of each commit that changes source and tests together.

`mine` is the entry point. A commit becomes a task if its tests fail on the old source and pass on the new one, five
times in both states, if its own change passes as an answer, and if answers that cheat fail. `MiningReport` counts what
ruled the other commits out.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import DiskError, TaskError
from harness.mining.candidates import CommitStates, RejectionError, candidates, states_of
from harness.mining.ecosystems import ecosystem_of
from harness.mining.environment import TestEnvironment, read_environment
from harness.mining.folder import SUITE, MinedTask, WrongEntry, write_task, wrong_answers
from harness.mining.history import Commit, History, open_history
from harness.mining.proof import prove
from harness.score import score
from harness.tasks import load_tasks, readings_of, require_scorable, vary
from harness.types import Log, Outcome, Sandbox, Score

__all__ = ["SUITE", "MiningOptions", "MiningReport", "mine"]

_WORK_FOLDER = ".mining"
"""In the folder of the tasks: a task that is not proved yet. Its name hides it from whoever lists tasks."""


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """Since when commits are looked at (a date as git reads it; None: all), and how many tasks are enough.

    `architecture` is that of the containers, for which packages are fetched.
    """

    since: str | None
    max_tasks: int
    architecture: str


@dataclass
class MiningReport:
    """How many commits were looked at, the names of the tasks, and how many commits each reason ruled out."""

    commits: int = 0
    tasks: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)


def mine(repository: Path, folder: Path, options: MiningOptions, sandbox: Sandbox, log: Log) -> MiningReport:
    """Make the tasks of a repository in a folder, newest commit first.

    Raises TaskError for a repository without a history that can be read, DownloadError where its packages cannot be
    had, EngineError, DiskError.
    """
    history = open_history(repository)
    files = history.files("HEAD")
    ecosystem = ecosystem_of(files)
    found = list(candidates(history, ecosystem, options.since))
    report = MiningReport()
    if not found:
        return report
    environment = read_environment(files, ecosystem, options.architecture, log)
    try:
        for commit in found:
            if len(report.tasks) >= options.max_tasks:
                break
            report.commits += 1
            _mine_commit(commit, history, environment, _Place(folder, sandbox, log), report)
    finally:
        shutil.rmtree(folder / _WORK_FOLDER, ignore_errors=True)
    return report


@dataclass(frozen=True, slots=True)
class _Place:
    """Where tasks are written, proved and announced."""

    folder: Path
    sandbox: Sandbox
    log: Log


def _mine_commit(
    commit: Commit, history: History, environment: TestEnvironment, place: _Place, report: MiningReport
) -> None:
    try:
        task = _proved(states_of(commit, history, environment.ecosystem), environment, place.sandbox)
        _write_proved(task, place)
    except RejectionError as reason:
        report.reasons[str(reason)] += 1
        place.log(f"{commit.sha[:10]}  no task: {reason}")
        return
    report.tasks.append(task.name)
    place.log(f"{commit.sha[:10]}  {task.name}: {len(task.proof.fixed)} tests to fix, {len(task.proof.still)} to keep")


def _proved(states: CommitStates, environment: TestEnvironment, sandbox: Sandbox) -> MinedTask:
    """The task of a commit whose tests tell its states apart. Raises RejectionError, EngineError."""
    bed = environment.bed(states)
    proof = prove(bed, replace(bed, files=states.after), sandbox)
    return MinedTask(states, proof, environment)


def _write_proved(task: MinedTask, place: _Place) -> None:
    """Write a task whose own answers score as it states. Raises RejectionError, EngineError, DiskError."""
    draft, target = place.folder / _WORK_FOLDER / task.name, place.folder / task.name
    shutil.rmtree(draft, ignore_errors=True)
    wrong = wrong_answers(task)
    scores = dict(_scores(task, draft, wrong, place.sandbox))
    if scores[None].outcome is not Outcome.PASSED:
        raise RejectionError("its own change does not pass as an answer")
    for entry in wrong:
        if scores[entry.name].outcome is Outcome.PASSED:
            raise RejectionError(f"the answer {entry.name!r} passes, too")
    write_task(task, draft, [_as_scored(entry, scores[entry.name]) for entry in wrong])
    require_scorable(load_tasks([draft.parent], names=[task.name]))
    try:
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    except OSError as error:
        raise DiskError(f"{target}: cannot be written: {error.strerror or error}") from error


def _scores(
    task: MinedTask, draft: Path, wrong: list[WrongEntry], sandbox: Sandbox
) -> Iterator[tuple[str | None, Score]]:
    """The score of each wrong answer by its name, and that of the commit's own change under None."""
    write_task(task, draft, wrong)
    try:
        (loaded,) = load_tasks([draft.parent], names=[task.name])
        require_scorable([loaded])
    except TaskError as error:
        raise RejectionError(f"cannot be written as a task: {error.message.partition(': ')[2]}") from error
    variant = vary(loaded, 0)
    yield None, score(variant, readings_of(variant.solution), sandbox)
    for answer in variant.wrong_answers:
        yield answer.name, score(variant, readings_of(answer.replies), sandbox)


def _as_scored(entry: WrongEntry, scored: Score) -> WrongEntry:
    """The entry with what its answer was seen to fail: which tests need a changed module is not known before."""
    failed = tuple(check.name for check in scored.checks if not check.passed)
    all_failed = len(failed) == len(scored.checks)
    return replace(entry, fails="*" if all_failed else failed, outcome=scored.outcome)
