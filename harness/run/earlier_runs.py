"""What an earlier run tells of a new one: `find_earlier_run` finds the newest one beside its folder that knows.

It tells a user, before the first request, about how long the new run will take and what it will skip. A result that
cannot be read says nothing, since the run does not depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.errors import RunError
from harness.files import build, read_json
from harness.run.folder import RunFolder
from harness.types import Model, ModelInfo, Result

MAX_RUNS = 5
"""So many of the newest runs are looked at: results are large, and an old one says little about today's server."""


class EarlierRun(NamedTuple):
    """The mean seconds of a trial by model label and task, the served context by label, and what tells them."""

    source: str
    seconds: Mapping[tuple[str, str], float]
    contexts: Mapping[str, int]


def find_earlier_run(folder: RunFolder) -> EarlierRun | None:
    """The newest earlier run beside this one that measured one of its models; None if there is none.

    None also for a run that has begun: its own trials tell more, and no result is read for each of its sessions.
    """
    if folder.recorded:
        return None
    others = [path for path in folder.path.parent.glob("*/result.json") if path.parent != folder.path]
    newest_first = sorted(others, key=lambda path: path.parent.name, reverse=True)
    for path in newest_first[:MAX_RUNS]:
        earlier = _look_up(path, folder.plan.models)
        if earlier is not None and earlier.seconds:
            return earlier
    return None


def _look_up(path: Path, models: Sequence[Model]) -> EarlierRun | None:
    try:
        return _read(path, models)
    # No schema was applied: a number may be one that no float holds.
    except (RunError, ArithmeticError):
        return None


def _read(path: Path, models: Sequence[Model]) -> EarlierRun:
    """What a result tells of these models. Raises RunError, ArithmeticError."""
    result = build(Result, read_json(path))
    known = {info.label: info for info in result.models if any(_is_same(model, info) for model in models)}
    contexts = {label: info.served_context_tokens for label, info in known.items()}
    durations: dict[tuple[str, str], list[float]] = {}
    for trial in result.trials:
        if trial.model in known and not trial.warmup and (seconds := trial.duration_s) is not None:
            durations.setdefault((trial.model, trial.task), []).append(seconds)
    return EarlierRun(
        f"what run {path.parent.name} took",
        {pair: sum(values) / len(values) for pair, values in durations.items()},
        {label: tokens for label, tokens in contexts.items() if tokens is not None},
    )


def _is_same(model: Model, info: ModelInfo) -> bool:
    return (model.label, model.server, model.model, model.thinking) == (
        info.label,
        info.server,
        info.model,
        info.thinking,
    )
