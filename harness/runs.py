"""A run's folder: run.json, models.jsonl, recordings.jsonl, scores.jsonl, result.json; written so that a kill at any
moment loses at most the trial in flight.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import DiskError, RunError
from harness.files import append_line, build, drop_torn_line, read_json, read_lines, to_json, write_atomic
from harness.types import ModelRun, Recording, RunPlan, ScoredTrial, TrialKey

PLAN_VERSION = "1.0"


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
        append_line(self.recordings_path, recording)
        if recording.last:
            self.recorded.add(recording.key)

    def keep_score(self, scored: ScoredTrial) -> None:
        """Append one verdict and wait until it is on the disk."""
        append_line(self.scores_path, scored)
        self.scored.add(scored.key)

    def keep_model(self, model_run: ModelRun) -> None:
        """Append what was seen of a model."""
        append_line(self.models_path, model_run)

    def trials(self) -> Iterator[tuple[Recording, ...]]:
        """The turns of each whole trial, in the order in which they were recorded."""
        return trials_in(self.recordings_path)

    def scores(self) -> dict[TrialKey, ScoredTrial]:
        """Every verdict. Raises RunError for a trial scored twice."""
        return scores_in(self.scores_path)

    def model_runs(self) -> dict[str, ModelRun]:
        """The last that was seen of each model."""
        if not self.models_path.exists():
            return {}
        runs = (build(ModelRun, document) for _, document in read_lines(self.models_path))
        return {run.label: run for run in runs}


def trials_in(path: Path) -> Iterator[tuple[Recording, ...]]:
    """Group the lines of a recordings.jsonl into whole trials. Raises RunError for a trial out of order or twice."""
    turns: list[Recording] = []
    seen: set[TrialKey] = set()
    if not path.exists():
        return
    for number, document in read_lines(path):
        recording = build(Recording, document)
        if turns and turns[0].key != recording.key:
            turns = []
        if recording.key in seen or recording.turn != len(turns):
            raise RunError(
                f"{path}, line {number}: turn {recording.turn} of {recording.key} is doubled or out of order"
            )
        turns.append(recording)
        if recording.last:
            seen.add(recording.key)
            yield tuple(turns)
            turns = []


def scores_in(path: Path) -> dict[TrialKey, ScoredTrial]:
    """The verdicts of a scores.jsonl. Raises RunError for a trial scored twice."""
    scores: dict[TrialKey, ScoredTrial] = {}
    if not path.exists():
        return scores
    for number, document in read_lines(path):
        scored = build(ScoredTrial, document)
        if scored.key in scores:
            raise RunError(f"{path}, line {number}: {scored.key} is scored twice")
        scores[scored.key] = scored
    return scores


def create_run(results: Path, plan: RunPlan) -> RunFolder:
    """Make the folder of a new run. Raises DiskError."""
    path = results / plan.id
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise DiskError(f"{path}: cannot be made: {error.strerror}; choose another place with --results") from error
    write_atomic(path / "run.json", to_json(plan, indent=1) + "\n")
    return RunFolder(path, plan)


def _drop_broken_trials(path: Path) -> None:
    """Take out the turns of a trial that was broken off: its conversation is no longer warm and starts again.

    They can only be the file's last lines, since the next trial begins after the last turn of the one before.
    """
    if not path.exists():
        return
    end = at = 0
    with path.open("rb") as file:
        for line, (_, document) in zip(file, read_lines(path), strict=False):
            at += len(line)
            if document.get("last", True):
                end = at
    if end < at:
        os.truncate(path, end)


def open_run(path: Path) -> RunFolder:
    """Open a run to go on with it or to read it. Raises RunError when it is none, or of another major version."""
    if not (path / "run.json").is_file():
        raise RunError(f"{path}: no run.json here: not a run folder (they stand under results/)")
    document = read_json(path / "run.json")
    version = str(document.get("schema_version")) if isinstance(document, dict) else ""
    if version.split(".")[0] != PLAN_VERSION.split(".")[0]:
        raise RunError(f"{path}/run.json: version {version!r} is not {PLAN_VERSION}: use the kit that made it")
    folder = RunFolder(path, build(RunPlan, document))
    for file in (folder.recordings_path, folder.scores_path, folder.models_path):
        drop_torn_line(file)
    _drop_broken_trials(folder.recordings_path)
    folder.recorded = {turns[0].key for turns in folder.trials()}
    folder.scored = set(folder.scores())
    return folder
