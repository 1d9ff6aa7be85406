"""Which runs can be compared at all, on which tasks, and which model goes with which."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import RunError
from harness.types import ModelInfo, Result, TaskInfo


def _major(version: str) -> str:
    return version.split(".")[0]


def _is_simulated(result: Result) -> bool:
    return result.run.simulated or any(model.simulated for model in result.models)


def common_tasks(baseline: Result, other: Result) -> tuple[tuple[TaskInfo, ...], tuple[str, ...]]:
    """The tasks that are the same in both by their digests, and a sentence for what is left out."""
    theirs = {task.name: task for task in other.tasks}
    same = tuple(task for task in baseline.tasks if task.name in theirs and theirs[task.name].sha256 == task.sha256)
    kept = {task.name for task in same}
    changed = sorted(task.name for task in baseline.tasks if task.name in theirs and task.name not in kept)
    alone = sorted({task.name for task in baseline.tasks} ^ set(theirs))
    notes = [f"left out, since their text or cases differ between the runs: {', '.join(changed)}"] if changed else []
    notes += [f"left out, since only one run has them: {', '.join(alone)}"] if alone else []
    return same, tuple(notes)


def refuse_unfit(names: tuple[str, str], baseline: Result, other: Result) -> None:
    """Raises RunError with every reason why the two cannot be compared."""
    faults = []
    here = f"{names[0]} and {names[1]} cannot be compared"
    if _major(baseline.kit.version) != _major(other.kit.version):
        versions = f"{baseline.kit.version} and {other.kit.version}"
        faults.append(f"{here}: made by kits of other major versions ({versions}): run one of them again")
    if _is_simulated(baseline) != _is_simulated(other):
        faults.append(f"{here}: one of them is simulated by the demo server")
    if not common_tasks(baseline, other)[0]:
        faults.append(f"{here}: no task is the same in both (name and digest): run the same suite of the same kit")
    if faults:
        raise RunError(*faults)


def pair_models(
    baseline: Result, other: Result, wanted: Sequence[tuple[str, str]] = ()
) -> tuple[tuple[ModelInfo, ModelInfo], ...]:
    """Models that go together: those named, else those with the same label, else the only two there are.

    Raises RunError when a named label is not there, or nothing goes together.
    """
    left, right = ({model.label: model for model in result.models} for result in (baseline, other))
    if wanted:
        missing = [one for one, two in wanted if one not in left] + [two for one, two in wanted if two not in right]
        if missing:
            raise RunError(f"no model has the label {', '.join(missing)}: there are {', '.join([*left, *right])}")
        return tuple((left[one], right[two]) for one, two in wanted)
    same = [(left[label], right[label]) for label in left if label in right]
    if not same and len(left) == len(right) == 1:
        same = [(baseline.models[0], other.models[0])]
    if not same:
        raise RunError(
            f"no label is in both runs ({', '.join(left)}; {', '.join(right)}): say which go together with "
            "--pair BASELINE=OTHER"
        )
    return tuple(same)
