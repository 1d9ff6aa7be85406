"""What is left to record of a run: `missing_trials` of a model, `passes_left` pass by pass over the models.

`planned_trials` are those that the plan has so far, `warm_ups_again` the warm-ups that a session sends beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.run.folder import RunFolder
from harness.run.plan import in_turn, pass_of, plan_so_far, plan_warm_ups
from harness.run.time_budget import has_open_lane
from harness.types import Model, ModelRun, Task, TrialKey


def planned_trials(folder: RunFolder, tasks: Sequence[Task], model: Model) -> tuple[TrialKey, ...]:
    """The trials of one model in this run, so far."""
    return plan_so_far(model, tasks, folder.plan.settings, folder.schedule)


def missing_trials(folder: RunFolder, tasks: Sequence[Task], model: Model) -> list[TrialKey]:
    """The trials of a model to record, without the tasks that were skipped when its first trial was recorded."""
    if not has_open_lane(folder, model.label):
        return []
    begun = any(key.model == model.label for key in folder.recorded)
    skipped = {skip.task for skip in earlier_model_run(folder, model.label).skipped} if begun else set()
    planned = planned_trials(folder, tasks, model)
    return [key for key in planned if key not in folder.recorded and key.task not in skipped]


def passes_left(folder: RunFolder, tasks: Sequence[Task], models: Sequence[Model]) -> tuple[tuple[Model, ...], ...]:
    """What is left of a run, pass by pass: the models with missing trials, in their order. () if nothing is.

    The passes of a sequential run depend on its looks and its time, so that it has one here.
    """
    plan = folder.plan
    labels: dict[int, set[str]] = {}
    for model in models:
        for key in missing_trials(folder, tasks, model):
            number = pass_of(plan.settings, None, key) if plan.design is None else 0
            labels.setdefault(number, set()).add(model.label)
    return tuple(
        tuple(model for model in in_turn(models, number) if model.label in labels[number]) for number in sorted(labels)
    )


def warm_ups_again(folder: RunFolder, tasks: Sequence[Task], run: ModelRun, keys: Sequence[TrialKey]) -> list[TrialKey]:
    """The warm-ups to send before these trials of one pass, beyond those among them: none at the start of a pass.

    A session that resumes within a pass may load the model anew, and an older plan has warm-ups before its first look
    alone. Warm-ups are recorded once or not at all, so these have numbers, and thereby nonces, that no plan has.
    """
    plan = folder.plan
    has_agent = any(model.agent is not None for model in plan.models if model.label == run.label)
    if not keys or has_agent:
        return []
    number, skipped = pass_of(plan.settings, plan.design, keys[0]), {skip.task for skip in run.skipped}
    warm_ups = plan_warm_ups(run.label, tasks, plan.settings.warmups, number)
    beyond = plan.settings.warmups * plan.settings.trials * (folder.chain.resumes + 1)
    again = (key for key in warm_ups if key not in keys and key.task not in skipped)
    return [replace(key, trial=key.trial + beyond) for key in again]


def earlier_model_run(folder: RunFolder, label: str) -> ModelRun:
    """What an earlier session observed of a model, which holds until it is observed again."""
    return replace(folder.read_model_runs().get(label, ModelRun(label)), stop_reason=None, is_left_out=False)
