"""A readable, well-formed result with what is known here to check it against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.bundle import RESULT
from harness.types import Json, Result, Task, TrialKey, TrialResult
from harness.verify.documents import Shelf


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the checks look at. `tasks` are the tasks known here by name, whatever their digests; `signers` an
    allowed-signers file of the user's."""

    shelf: Shelf
    document: Json
    result: Result
    tasks: Mapping[str, Task] = field(default_factory=dict)
    manifest: Json = None
    signers: Path | None = None

    def place(self, path: str) -> str:
        """A path in result.json as findings name it."""
        return f"{self.shelf.place(RESULT)} {path}"


def key_of(trial: TrialResult) -> TrialKey:
    """Which trial a row of the result is."""
    return TrialKey(trial.model, trial.task, trial.trial, trial.warmup)


def told(key: TrialKey) -> str:
    """A trial in words."""
    return f"{key.model} / {key.task} / {'warm-up' if key.warmup else 'trial'} {key.trial}"


def known_task(evidence: Evidence, name: str) -> Task | None:
    """The task known here under that name, only if it is the very one that the result names."""
    task = evidence.tasks.get(name)
    named = next((info for info in evidence.result.tasks if info.name == name), None)
    return task if task is not None and named is not None and task.sha256 == named.sha256 else None
