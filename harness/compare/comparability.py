"""Preconditions of a comparison: whether two runs are comparable, on which tasks, and which models are paired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.errors import Problem, RunError
from harness.files import sha256_of, to_json
from harness.types import Json, ModelInfo, Result, TaskInfo

SERVER_STARTS_NOTE = (
    "speeds come from few starts of each server: their intervals cover repeated requests, not restarts, rebuilds or "
    "another state of the machine"
)


def _major(version: str) -> str:
    return version.split(".")[0]


def _is_simulated(result: Result) -> bool:
    return result.run.simulated or any(model.simulated for model in result.models)


def comparison_key(result: Result, model: ModelInfo) -> str:
    """A digest that is equal for models whose numbers may stand side by side where many results meet.

    It covers what `require_comparable` demands of two runs beside their tasks, the agent that asks the model with its
    limits, and the settings of a model that change what it answers. The seed of the sampling is left out: it only draws
    another sample.
    """
    settings = [_major(result.kit.version), _is_simulated(result), model.agent, model.thinking, model.extra]
    limits = [_thinking_tokens(result, model), agent_limits(result, model.label)]
    return sha256_of(to_json([*settings, *limits, replace(model.sampling, seed=None)]))[:16]


def _thinking_tokens(result: Result, model: ModelInfo) -> int:
    """By how much the budget of a model that may think grows."""
    may_think = (
        model.agent is None and model.thinking != "off" and (model.thinking == "on" or model.thinks is not False)
    )
    return result.run.thinking_tokens if may_think else 0


def agent_limits(result: Result, label: str | None = None) -> Mapping[str, Json]:
    """The limits of a model's agent, or of all agents of a run; empty without one.

    The clock is that of the trial which had most: a run whose time ends gives the last ones less.
    """
    found = [trial.work.limits for trial in result.trials if trial.work is not None and label in (None, trial.model)]
    if not found:
        return {}
    clock_s = max(limits.clock_s for limits in found)
    return {"agent clock, s": clock_s, "agent turns": found[0].turns, "agent tokens": found[0].tokens}


def common_tasks(baseline: Result, other: Result) -> tuple[tuple[TaskInfo, ...], tuple[str, ...]]:
    """The tasks with the same name and digest in both runs, and a sentence for each group of excluded tasks."""
    others = {task.name: task for task in other.tasks}
    common = tuple(task for task in baseline.tasks if task.name in others and others[task.name].sha256 == task.sha256)
    kept = {task.name for task in common}
    changed = sorted(task.name for task in baseline.tasks if task.name in others and task.name not in kept)
    unshared = sorted({task.name for task in baseline.tasks} ^ set(others))
    notes = [f"excluded {_counted(changed)} that changed between the runs: {', '.join(changed)}"] if changed else []
    notes += [f"excluded {_counted(unshared)} of one run only: {', '.join(unshared)}"] if unshared else []
    return common, tuple(notes)


def _counted(tasks: Sequence[str]) -> str:
    return f"{len(tasks)} task{'' if len(tasks) == 1 else 's'}"


def require_comparable(names: tuple[str, str], baseline: Result, other: Result) -> None:
    """Raise RunError with every reason why the two runs cannot be compared."""
    problems = []
    start = f"{names[0]} and {names[1]} cannot be compared"
    if _major(baseline.kit.version) != _major(other.kit.version):
        versions = f"{baseline.kit.version} and {other.kit.version}"
        message = f"{start}: different major versions of Lanebench made them ({versions})"
        problems.append(Problem(message, "repeat one of the runs with the version of the other"))
    if _is_simulated(baseline) != _is_simulated(other):
        problems.append(Problem(f"{start}: one of them is simulated by the demo server", "compare two measured runs"))
    if not common_tasks(baseline, other)[0]:
        message = f"{start}: no task has the same name and digest in both"
        problems.append(Problem(message, "run the same suite with the same version of Lanebench"))
    if problems:
        raise RunError(*problems)


def pair_models(
    baseline: Result, other: Result, named_pairs: Sequence[tuple[str, str]] = ()
) -> tuple[tuple[ModelInfo, ModelInfo], ...]:
    """Pair models by the named labels, else by equal labels, else the only model of each run.

    Raises RunError for an unknown label, or when no models can be paired.
    """
    left, right = ({model.label: model for model in result.models} for result in (baseline, other))
    if named_pairs:
        unknown = [name for name, _ in named_pairs if name not in left]
        unknown += [name for _, name in named_pairs if name not in right]
        if unknown:
            raise RunError(
                f"no model has the label {', '.join(unknown)}",
                fix=f"the labels are {', '.join(left)} in the baseline and {', '.join(right)} in the other run",
            )
        return tuple((left[name], right[other_name]) for name, other_name in named_pairs)
    pairs = [(left[label], right[label]) for label in left if label in right]
    if not pairs and len(left) == len(right) == 1:
        pairs = [(baseline.models[0], other.models[0])]
    if not pairs:
        names = f"baseline: {', '.join(left)}; other: {', '.join(right)}"
        raise RunError(f"no model has the same label in both runs ({names})")
    return tuple(pairs)
