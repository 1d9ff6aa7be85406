"""How long trials took in an earlier run: `earlier_durations` finds the newest one beside a run's folder that knows.

It tells a user, before the first request, about how long the new run will take. A result that cannot be read says
nothing, since the run does not depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.errors import RunError
from harness.files import build, read_json
from harness.run.folder import RunFolder
from harness.types import Model, ModelInfo, Result, TrialResult

MAX_RUNS = 5
"""So many of the newest runs are looked at: results are large, and an old one says little about today's server."""


class EarlierRun(NamedTuple):
    """The name of a run, and the mean seconds of a trial in it by model label and task."""

    name: str
    seconds: Mapping[tuple[str, str], float]


def earlier_durations(folder: RunFolder) -> EarlierRun | None:
    """The newest earlier run beside this one that measured one of its models; None if there is none.

    None also for a run that has begun: its own trials tell more, and no result is read for each of its sessions.
    """
    if folder.recorded:
        return None
    others = [path for path in folder.path.parent.glob("*/result.json") if path.parent != folder.path]
    newest_first = sorted(others, key=lambda path: path.parent.name, reverse=True)
    for path in newest_first[:MAX_RUNS]:
        seconds = _mean_seconds(path, folder.plan.models)
        if seconds:
            return EarlierRun(path.parent.name, seconds)
    return None


def _mean_seconds(path: Path, models: Sequence[Model]) -> dict[tuple[str, str], float]:
    try:
        result = build(Result, read_json(path))
    except RunError:
        return {}
    known = {model.label for model in models if any(_is_same(model, info) for info in result.models)}
    durations: dict[tuple[str, str], list[float]] = {}
    for trial in result.trials:
        if trial.model in known and not trial.warmup and (seconds := _seconds(trial)) is not None:
            durations.setdefault((trial.model, trial.task), []).append(seconds)
    return {pair: sum(values) / len(values) for pair, values in durations.items()}


def _is_same(model: Model, info: ModelInfo) -> bool:
    return (model.label, model.server, model.model, model.thinking) == (
        info.label,
        info.server,
        info.model,
        info.thinking,
    )


def _seconds(trial: TrialResult) -> float | None:
    if trial.started_ns is None or trial.ended_ns is None or trial.ended_ns < trial.started_ns:
        return None
    return (trial.ended_ns - trial.started_ns) / 1e9
