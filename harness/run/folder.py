"""A run's folder: the files of a run, appended so that a kill at any moment loses at most the trial in flight.

    run.json                the plan, written once
    models.jsonl            one line per model: version, context, memory, skipped tasks
    recordings.jsonl        one line per turn
    scores.jsonl            one line per trial
    stopped_services.jsonl  one line for each service that the run stopped and started again
    result.json             the publishable result

`create_run` makes a folder, `open_run` opens one and repairs what a kill left, `RunFolder` appends to it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from harness.errors import DiskError, RunError
from harness.files import append_line, build, drop_torn_line, read_json, read_lines, to_json, write_atomic
from harness.schema import Location, as_document, validate
from harness.types import Json, ModelRun, Recording, RunPlan, ScoredTrial, StoppedService, TrialKey

T = TypeVar("T")
_MAX_PROBLEMS = 20


@dataclass(slots=True)
class RunFolder:
    """An open run. `recorded` and `scored` are the trials that are complete on the disk."""

    path: Path
    plan: RunPlan
    recorded: set[TrialKey] = field(default_factory=set)
    scored: set[TrialKey] = field(default_factory=set)

    @property
    def recordings_path(self) -> Path:
        """One line per turn."""
        return self.path / "recordings.jsonl"

    @property
    def scores_path(self) -> Path:
        """One line per trial."""
        return self.path / "scores.jsonl"

    @property
    def models_path(self) -> Path:
        """One line each time a model was unloaded."""
        return self.path / "models.jsonl"

    @property
    def result_path(self) -> Path:
        """The publishable result."""
        return self.path / "result.json"

    def append_recording(self, recording: Recording) -> None:
        """Append one turn and wait until it is on the disk. Raises DiskError."""
        append_line(self.recordings_path, as_document("recording", recording))
        if recording.last_turn:
            self.recorded.add(recording.key)

    def append_score(self, scored: ScoredTrial) -> None:
        """Append one trial's score and wait until it is on the disk. Raises DiskError."""
        append_line(self.scores_path, as_document("scores", scored))
        self.scored.add(scored.key)

    def drop_scores(self, keys: Set[TrialKey]) -> None:
        """Remove the scores of these trials, all or none. Raises DiskError."""
        if not keys:
            return
        kept = [scored for key, scored in self.read_scores().items() if key not in keys]
        lines = [to_json(as_document("scores", scored)) + "\n" for scored in kept]
        write_atomic(self.scores_path, "".join(lines))
        self.scored -= keys

    def append_model_run(self, model_run: ModelRun) -> None:
        """Append what was observed of a model. Raises DiskError."""
        append_line(self.models_path, as_document("models", model_run))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from recording into the folder. Raises RunError when another one does."""
        # The kernel drops this lock however the process ends, so no stale lock can keep a run from being resumed.
        handle = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError(
                    f"{self.path}: another process records into it", fix="wait until it ends, or stop it"
                ) from error
            yield
        finally:
            os.close(handle)

    def read_trials(self) -> Iterator[tuple[Recording, ...]]:
        """The turns of each complete trial, in the order in which they were recorded. Raises RunError."""
        return read_trials(self.recordings_path)

    def read_scores(self) -> dict[TrialKey, ScoredTrial]:
        """Every trial's score. Raises RunError."""
        return read_scores(self.scores_path)

    def read_stopped_services(self) -> tuple[StoppedService, ...]:
        """The services that the run stopped on this machine, and whether they run again. Raises RunError."""
        return tuple(_read_records(self.path / "stopped_services.jsonl", StoppedService))

    def read_model_runs(self) -> dict[str, ModelRun]:
        """What was observed of each model when it was last unloaded. Raises RunError."""
        return {run.label: run for run in _read_records(self.models_path, ModelRun)}


def create_run(results: Path, plan: RunPlan) -> RunFolder:
    """Make the folder of a new run. Raises DiskError."""
    path = results / plan.id
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise DiskError(f"{path}: cannot be created: {error.strerror}") from error
    write_plan(path, plan)
    return RunFolder(path, plan)


def write_plan(path: Path, plan: RunPlan) -> None:
    """Write a run folder's run.json whole or not at all. Raises DiskError."""
    write_atomic(path / "run.json", to_json(as_document("run", plan), indent=1) + "\n")


def open_run(path: Path) -> RunFolder:
    """Open a run folder to continue it, and repair it. Raises RunError if it is no run folder or is damaged."""
    file = path / "run.json"
    if not file.is_file():
        raise RunError(f"{path}: not a run folder, it has no run.json", fix="name a folder under results/")
    document = read_json(file)
    problems = validate("run", document, Location(str(file)))
    if problems:
        raise RunError(*problems[:_MAX_PROBLEMS])
    folder = RunFolder(path, build(RunPlan, document))
    with folder.lock():
        _repair(folder)
    folder.scored = set(folder.read_scores())
    return folder


def read_trials(path: Path) -> Iterator[tuple[Recording, ...]]:
    """The turns of each complete trial of a recordings.jsonl. A trial interrupted at the file's end is left out.

    Raises RunError if a trial is recorded twice, its turns are out of order, or another trial interrupts it.
    """
    turns: list[Recording] = []
    complete: set[TrialKey] = set()
    for number, recording in enumerate(_read_records(path, Recording), 1):
        expected = turns[0].key if turns else recording.key
        if recording.key in complete or recording.key != expected or recording.turn != len(turns):
            raise RunError(
                f"{path}, line {number}: duplicate or out-of-order turn {recording.turn} of "
                f"{describe(recording.key)}: the file was modified after the run",
                fix="use an unmodified copy",
            )
        turns.append(recording)
        if recording.last_turn:
            complete.add(recording.key)
            yield tuple(turns)
            turns = []


def read_scores(path: Path) -> dict[TrialKey, ScoredTrial]:
    """The scores of a scores.jsonl. Raises RunError if a trial is scored twice."""
    scores: dict[TrialKey, ScoredTrial] = {}
    for number, scored in enumerate(_read_records(path, ScoredTrial), 1):
        if scored.key in scores:
            raise RunError(
                f"{path}, line {number}: {describe(scored.key)} is scored twice", fix="remove one of the lines"
            )
        scores[scored.key] = scored
    return scores


def _read_records(path: Path, kind: type[T]) -> Iterator[T]:
    """The lines of a file as dataclasses; none if the file does not exist. Raises RunError with the line."""
    if not path.exists():
        return
    for number, document in read_lines(path):
        yield _parse(kind, document, f"{path}, line {number}")


def _parse(kind: type[T], document: Json, place: str) -> T:
    try:
        return build(kind, document)
    except RunError as error:
        raise RunError(f"{place}: {error}") from error


def describe(key: TrialKey) -> str:
    """A trial's name in messages."""
    return f"{key.model} on {key.task}, {'warm-up' if key.warmup else 'trial'} {key.trial + 1}"


def _repair(folder: RunFolder) -> None:
    """Drop what a kill left: incomplete last lines, and the turns of a trial that did not end.

    That trial is recorded again from its first turn: after a pause its conversation is no longer in the server's cache.
    """
    try:
        for file in (folder.recordings_path, folder.scores_path, folder.models_path):
            drop_torn_line(file)
        lines = 0
        for turns in folder.read_trials():
            folder.recorded.add(turns[0].key)
            lines += len(turns)
        _truncate_after(folder.recordings_path, lines)
    except OSError as error:
        raise DiskError(
            f"{folder.path}: cannot be written: {error.strerror}", fix="make the folder writable"
        ) from error


def _truncate_after(path: Path, lines: int) -> None:
    """Cut a file after its first `lines` lines."""
    if not path.exists():
        return
    with path.open("rb") as file:
        kept_bytes = sum(len(line) for line in islice(file, lines))
    if kept_bytes < path.stat().st_size:
        os.truncate(path, kept_bytes)
