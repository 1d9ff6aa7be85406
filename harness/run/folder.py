"""A run's folder: run.json, models.jsonl, recordings.jsonl, scores.jsonl, result.json; written so that a kill at any
moment loses at most the trial in flight.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from harness.errors import DiskError, RunError
from harness.files import append_line, build, drop_torn_line, read_json, read_lines, to_json, write_atomic
from harness.schema import as_document, current
from harness.types import Json, ModelRun, Recording, RunPlan, ScoredTrial, ServiceChange, TrialKey

T = TypeVar("T")


@dataclass(slots=True)
class RunFolder:
    """An open run. `recorded` and `scored` hold the trials that are whole on the disk."""

    path: Path
    plan: RunPlan
    recorded: set[TrialKey] = field(default_factory=set)
    scored: set[TrialKey] = field(default_factory=set)

    @property
    def recordings_path(self) -> Path:
        """One line a turn."""
        return self.path / "recordings.jsonl"

    @property
    def scores_path(self) -> Path:
        """One line a trial."""
        return self.path / "scores.jsonl"

    @property
    def models_path(self) -> Path:
        """One line each time a model was let go."""
        return self.path / "models.jsonl"

    @property
    def result_path(self) -> Path:
        """The publishable file."""
        return self.path / "result.json"

    def keep(self, recording: Recording) -> None:
        """Append one turn and wait until it is on the disk."""
        append_line(self.recordings_path, as_document("recording", recording))
        if recording.last_turn:
            self.recorded.add(recording.key)

    def keep_score(self, scored: ScoredTrial) -> None:
        """Append one verdict and wait until it is on the disk."""
        append_line(self.scores_path, as_document("scores", scored))
        self.scored.add(scored.key)

    def keep_model(self, model_run: ModelRun) -> None:
        """Append what was seen of a model."""
        append_line(self.models_path, as_document("models", model_run))

    def alone(self) -> AbstractContextManager[None]:
        """Hold the folder against a second kit that would record into it. Raises RunError when there is one."""
        return _alone(self.path)

    def trials(self) -> Iterator[tuple[Recording, ...]]:
        """The turns of each whole trial, in the order in which they were recorded."""
        return trials_in(self.recordings_path)

    def scores(self) -> dict[TrialKey, ScoredTrial]:
        """Every verdict. Raises RunError for a trial scored twice."""
        return scores_in(self.scores_path)

    def changes(self) -> tuple[ServiceChange, ...]:
        """What the run stopped on this machine, and whether it runs again."""
        path = self.path / "changes.jsonl"
        if not path.exists():
            return ()
        return tuple(_built(ServiceChange, document, path, number) for number, document in read_lines(path))

    def model_runs(self) -> dict[str, ModelRun]:
        """The last that was seen of each model."""
        if not self.models_path.exists():
            return {}
        path = self.models_path
        runs = (_built(ModelRun, document, path, number) for number, document in read_lines(path))
        return {run.label: run for run in runs}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    # The system lets go of this lock however the process ends, so no stale lock can stop a --resume.
    handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(f"{path}: another process records into it: wait for its end, or stop it") from error
        yield
    finally:
        os.close(handle)


def trials_in(path: Path) -> Iterator[tuple[Recording, ...]]:
    """The whole trials of a recordings.jsonl, the turns of each; one that was broken off at the file's end is left out.

    Raises RunError for a trial that stands there twice, in disorder, or broken off before others.
    """
    turns: list[Recording] = []
    seen: set[TrialKey] = set()
    if not path.exists():
        return
    for number, document in read_lines(path):
        recording = _built(Recording, document, path, number)
        begun = turns[0].key if turns else recording.key
        if recording.key in seen or recording.key != begun or recording.turn != len(turns):
            raise RunError(
                f"{path}, line {number}: turn {recording.turn} of {_told(recording.key)} is doubled or out of order: "
                "the file was changed after the run; only its untouched copy can be used"
            )
        turns.append(recording)
        if recording.last_turn:
            seen.add(recording.key)
            yield tuple(turns)
            turns = []


def _told(key: TrialKey) -> str:
    return f"{key.model} on {key.task}, {'warm-up' if key.warmup else 'trial'} {key.trial + 1}"


def _built(kind: type[T], document: Json, path: Path, number: int) -> T:
    try:
        return build(kind, document)
    except RunError as error:
        raise RunError(f"{path}, line {number}: {error}") from error


def scores_in(path: Path) -> dict[TrialKey, ScoredTrial]:
    """The verdicts of a scores.jsonl. Raises RunError for a trial scored twice."""
    scores: dict[TrialKey, ScoredTrial] = {}
    if not path.exists():
        return scores
    for number, document in read_lines(path):
        scored = _built(ScoredTrial, document, path, number)
        if scored.key in scores:
            raise RunError(f"{path}, line {number}: {_told(scored.key)} is scored twice: take one of the lines out")
        scores[scored.key] = scored
    return scores


def create_run(results: Path, plan: RunPlan) -> RunFolder:
    """Make the folder of a new run. Raises DiskError."""
    path = results / plan.id
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise DiskError(f"{path}: cannot be made: {error.strerror}; choose another place with --results") from error
    write_plan(path, plan)
    return RunFolder(path, plan)


def write_plan(path: Path, plan: RunPlan) -> None:
    """Write a run folder's run.json whole or not at all. Raises DiskError."""
    write_atomic(path / "run.json", to_json(as_document("run", plan), indent=1) + "\n")


def _keep_lines(path: Path, count: int) -> None:
    """Cut a file behind its first `count` lines."""
    if not path.exists():
        return
    with path.open("rb") as file:
        kept = sum(len(line) for line in islice(file, count))
    if kept < path.stat().st_size:
        os.truncate(path, kept)


def _mend(folder: RunFolder) -> None:
    """Drop what a crash left: torn last lines, and the first turns of a trial that was broken off.

    Those turns are asked again with the rest: a conversation that stood still is no longer warm.
    """
    try:
        for file in (folder.recordings_path, folder.scores_path, folder.models_path):
            drop_torn_line(file)
        lines = 0
        for turns in folder.trials():
            folder.recorded.add(turns[0].key)
            lines += len(turns)
        _keep_lines(folder.recordings_path, lines)
    except OSError as error:
        raise DiskError(f"{folder.path}: cannot be written: {error.strerror}; make the folder writable") from error


def open_run(path: Path) -> RunFolder:
    """Open a run folder to continue it. Raises RunError when it is none, or has another version of the format."""
    if not (path / "run.json").is_file():
        raise RunError(f"{path}: no run.json here: not a run folder (they stand under results/)")
    document = read_json(path / "run.json")
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != current("run"):
        raise RunError(
            f"{path}/run.json: has format version {version!r}, this kit reads {current('run')}",
            fix="use the kit that wrote it",
        )
    folder = RunFolder(path, _plan_of(path, document))
    with folder.alone():
        _mend(folder)
    folder.scored = set(folder.scores())
    return folder


def _plan_of(path: Path, document: Json) -> RunPlan:
    try:
        return build(RunPlan, document)
    except RunError as error:
        raise RunError(f"{path}/run.json: {error}: it was changed, or another kit made it") from error
