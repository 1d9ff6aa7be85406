"""Writes the predictions of a run in SWE-bench's official format: a file for each model and trial.

`predictions_of` reads the run's recordings; `write_predictions` writes the lines, each with instance_id,
model_name_or_path and model_patch. An answer without a patch that applies is an empty patch, which counts as not
resolved.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.files import sha256_of, write_atomic
from harness.read import read
from harness.run import RunFolder
from harness.score import answer_patch
from harness.swebench.task_folder import row_of
from harness.tasks import vary
from harness.types import Task

FOLDER = "swebench"
"""In a run's folder: predictions, and what grading leaves behind."""


@dataclass(frozen=True, slots=True)
class PredictionSet:
    """The patches of one model in one trial, by instance; `file` is where they are written.

    `name` is unique among runs: swebench names containers by it.
    """

    model: str
    trial: int
    name: str
    file: Path
    patches: dict[str, str] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """How many instances have a patch."""
        return sum(map(bool, self.patches.values()))


def predictions_of(folder: RunFolder, tasks: Sequence[Task]) -> tuple[PredictionSet, ...]:
    """The patches of a run's trials, by model and trial; warm-ups are left out. Raises RunError."""
    by_name: Mapping[str, tuple[Task, str]] = {task.name: (task, row_of(task)["instance_id"]) for task in tasks}
    found: dict[tuple[str, int], PredictionSet] = {}
    for turns in folder.read_trials():
        key = turns[0].key
        if key.warmup or key.task not in by_name:
            continue
        stem = f"{_plain_name(key.model)}.trial-{key.trial + 1}"
        predictions = found.setdefault(
            (key.model, key.trial),
            PredictionSet(key.model, key.trial, f"{folder.plan.id}.{stem}", folder.path / FOLDER / f"{stem}.jsonl"),
        )
        task, instance_id = by_name[key.task]
        predictions.patches[instance_id] = answer_patch(vary(task, key.trial), list(map(read, turns)))
    return tuple(found[place] for place in sorted(found))


def _plain_name(label: str) -> str:
    """A model's label as engines take it in names; one with other characters gets a digest, so that none is double."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", label)
    return name if name == label else f"{name}-{sha256_of(label)[:8]}"


def write_predictions(predictions: PredictionSet) -> None:
    """Write one line for each instance. Raises DiskError."""
    rows = [
        # ASCII only: swebench reads the file in the encoding of the locale.
        json.dumps({"instance_id": instance_id, "model_name_or_path": predictions.model, "model_patch": patch})
        for instance_id, patch in sorted(predictions.patches.items())
    ]
    write_atomic(predictions.file, "".join(f"{row}\n" for row in rows))
