"""Makes tasks of a repository's own history: one of each commit that changes source and tests together.

`mine` is the entry point. A commit becomes a task if its tests fail on the old source and pass on the new one, five
times in both states, if its own change passes as an answer, and if answers that cheat fail. `MiningReport` counts what
ruled the other commits out.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.mining.candidates import CommitStates, candidates, states_of
from harness.mining.environment import TestEnvironment, read_environment
from harness.mining.folder import MinedTask, write_task
from harness.mining.history import Commit, History, open_history
from harness.repository_tasks import RejectionError, cheating_answers, ecosystem_of, keep_if_proved, prove
from harness.types import Log, Sandbox

__all__ = ["MiningOptions", "MiningReport", "mine"]

_WORK_FOLDER = ".mining"
"""In the folder of the tasks: a task that is not proved yet. Its name hides it from whoever lists tasks."""


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """Since when commits are looked at (2024-01-31 or "6 months ago"; None: all), and how many tasks are enough.

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
    states = task.states
    wrong = cheating_answers(task.environment.ecosystem, states.before, states.given, states.test_files)
    draft, target = place.folder / _WORK_FOLDER / task.name, place.folder / task.name
    keep_if_proved(lambda folder, entries: write_task(task, folder, entries), wrong, draft, target, place.sandbox)
