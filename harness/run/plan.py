"""Decides which trials a model runs, in which order and with which nonces: the same for every model of a run.

`plan_trials` gives the order, `plan_blocks` that without warm-ups. Each block has one trial of every task in a seeded
order of its own, so that heat and drift affect all tasks alike, and starts with the canaries: short tasks whose speed
shows, block by block, how the machine's speed changed. Warm-up trials, one per prompt-size class, come before the first
block of each pass, since the first prompt of a new size incurs one-time costs and a pass loads the model anew.
`planned_passes` is the number of passes, `pass_of` says in which one a trial runs, and `in_turn` in which order a pass
goes through the models. `trial_nonce` and `turn_nonce` make prompts that no prefix cache has seen. `match_contenders`
leaves out the models and the tasks that have no trial in a run.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from harness.errors import ConfigError
from harness.summarize import Schedule, is_asked, schedule_looks, trials_planned
from harness.types import (
    MAX_RESULT_TRIALS,
    Model,
    ModelInfo,
    RunInfo,
    RunSettings,
    SequentialDesign,
    Task,
    TaskInfo,
    TrialKey,
)

T = TypeVar("T")

CLASS_LIMITS_BYTES = (2_000, 24_000)
"""The prompt sizes at which the second and the third class begin."""
_NONCE_DIGITS = 16


def match_contenders(
    models: Sequence[Model], tasks: Sequence[Task]
) -> tuple[tuple[Model, ...], tuple[Task, ...], tuple[str, ...]]:
    """The models that are asked any of these tasks, the tasks that any of them is asked, and what that leaves out.

    Raises ConfigError where no task is left.
    """
    asked = tuple(model for model in models if any(is_asked(model, task) for task in tasks))
    open_tasks = tuple(task for task in tasks if any(is_asked(model, task) for model in asked))
    if tasks and not open_tasks:
        raise ConfigError(
            "all of these tasks are for agents, and no model drives one", fix='add agent = "NAME" to a model'
        )
    left_out = len(tasks) - len(open_tasks)
    plural = "" if left_out == 1 else "s"
    notes = [f"left out: {left_out} task{plural} for agents, since no model drives one"] if left_out else []
    idle = ", ".join(model.label for model in models if model not in asked)
    notes += (
        [f"left out: {idle}, since none of these tasks is for {'it' if ',' not in idle else 'them'}"] if idle else []
    )
    return asked, open_tasks, tuple(notes)


def pass_of(settings: RunSettings | RunInfo, design: SequentialDesign | None, key: TrialKey) -> int:
    """The number of the pass in which a trial runs, from 0.

    A fixed number of trials is divided into `passes` parts as equal as can be. In a sequential run the trials up to
    each look are a pass, and with a limit of time each block is one, whether its plan states so many `passes` or, as
    older plans do, one: then only the first one has warm-ups.
    """
    if key.warmup:
        return key.trial // max(1, settings.warmups)
    if design is None:
        return key.trial * settings.passes // settings.trials
    return key.trial if design.budget_s is not None else sum(look <= key.trial for look in design.looks)


def planned_passes(settings: RunSettings, models: Sequence[Model]) -> int:
    """How often a new run goes through its models at most: once if there is one, unless looks or blocks are passes."""
    if settings.budget:
        return settings.trials
    if settings.until_decided:
        return len(schedule_looks(settings.trials, until_decided=True))
    return 1 if len(models) == 1 else min(settings.passes, settings.trials)


def in_turn(models: Sequence[T], number: int) -> Sequence[T]:
    """The models in the order in which a pass goes through them: A B C, then C B A.

    Where every model has its trials in one piece, the later ones get the machine that the earlier ones heated, and the
    difference is taken for theirs. Forth and back, each model's trials have the same mean time, so that a steady drift
    affects all alike.
    """
    return models[::-1] if number % 2 else models


def plan_trials(
    model: str, tasks: Sequence[Task], settings: RunSettings | RunInfo, design: SequentialDesign | None = None
) -> tuple[TrialKey, ...]:
    """The trials of one model in the order in which they run."""
    keys = [key for number in range(settings.passes) for key in plan_warm_ups(model, tasks, settings.warmups, number)]
    keys += plan_blocks(model, tasks, trials=settings.trials, seed=settings.seed)
    # Sorting is stable: within a pass the warm-ups stay before the blocks.
    return tuple(sorted(keys, key=lambda key: pass_of(settings, design, key)))


def plan_warm_ups(model: str, tasks: Sequence[Task], warmups: int, number: int) -> Iterator[TrialKey]:
    """The warm-ups of one model before the blocks of a pass; they are numbered through all passes."""
    for index in range(number * warmups, (number + 1) * warmups):
        yield from (TrialKey(model, task.name, index, warmup=True) for task in _select_warm_up_tasks(tasks))


def count_trials(models: Sequence[Model], tasks: Sequence[Task], settings: RunSettings) -> int:
    """How many trials a run has at most, with its warm-ups and with the tasks that will turn out not to fit."""
    warmups = len(_select_warm_up_tasks(tasks)) * settings.warmups * settings.passes
    asked = sum(is_asked(model, task) for model in models for task in tasks)
    return asked * settings.trials + warmups * sum(model.agent is None for model in models)


def require_verifiable(models: Sequence[Model], tasks: Sequence[Task], settings: RunSettings) -> None:
    """Raises ConfigError for a fixed plan whose result `verify` could never take; one that looks end may be short."""
    count = count_trials(models, tasks, settings)
    if count > MAX_RESULT_TRIALS and not settings.is_sequential:
        raise ConfigError(
            f"{count:,} trials are planned, more than the {MAX_RESULT_TRIALS:,} of a result that can be verified",
            fix="plan fewer trials, tasks or models, or let the run end when it is decided or its time is used",
        )


def plan_so_far(model: Model, tasks: Sequence[Task], settings: RunSettings, schedule: Schedule) -> tuple[TrialKey, ...]:
    """The trials of one model in their order, as far as the looks of the run have come; all of them without looks.

    A pass that has none of its trials has no warm-ups either. With an agent a model has no warm-ups: a trial is minutes
    of work, in which one-time costs do not show.
    """
    counts, design = {task.name: trials_planned(schedule, model, task) for task in tasks}, schedule.design
    if model.agent is not None:
        settings = replace(settings, warmups=0)
    keys = plan_trials(model.label, tasks, settings, design)
    open_passes = {pass_of(settings, design, key) for key in keys if not key.warmup and key.trial < counts[key.task]}
    return tuple(
        key
        for key in keys
        if (pass_of(settings, design, key) in open_passes if key.warmup else key.trial < counts[key.task])
    )


def plan_blocks(model: str, tasks: Sequence[Task | TaskInfo], *, trials: int, seed: int) -> Iterator[TrialKey]:
    """The trials of one model without its warm-ups, in their order: it follows from what a result states."""
    for index in range(trials):
        yield from (TrialKey(model, name, index) for name in block_order(tasks, seed, index))


def block_order(tasks: Sequence[Task | TaskInfo], seed: int, index: int) -> list[str]:
    """The names of the tasks in the order of one block, the same for every model."""
    canaries = [task.name for task in tasks if task.canary]
    others = [task.name for task in tasks if not task.canary]
    random.Random(f"{seed}/{index}").shuffle(others)
    return [*canaries, *others]


def cache_index(models: Sequence[Model | ModelInfo], label: str) -> int:
    """How many models before this one are the same model of the same server kind, as with thinking off and on.

    They may share a process and its prefix cache, so each needs its own nonces to start cold.
    """
    earlier = list(itertools.takewhile(lambda model: model.label != label, models))
    current = models[len(earlier)]
    return sum((model.server, model.model) == (current.server, current.model) for model in earlier)


def trial_nonce(seed: int, key: TrialKey, cache_index: int = 0, beacon: str = "") -> str:
    """16 hex digits for a trial. They do not depend on the model's label, so every model gets the same prompt.

    `cache_index` separates models that may share a prefix cache, `beacon` is public randomness of the run.
    """
    text = f"{seed}{f'/{beacon}' if beacon else ''}/{key.task}/{key.trial}/{'warmup' if key.warmup else 'trial'}"
    return _digits(f"{text}/{cache_index}" if cache_index else text)


def turn_nonce(nonce: str, turn: int) -> str:
    """The nonce of a turn that starts a new conversation; the first turn has the trial's nonce."""
    return _digits(f"{nonce}/{turn}") if turn else nonce


def task_info(task: Task) -> TaskInfo:
    """A task as run.json and the result describe it."""
    return TaskInfo(
        name=task.name,
        title=task.title,
        scorer=task.scorer,
        language=task.language,
        sha256=task.sha256,
        variants=len(task.variants),
        private_includes=task.private_includes,
        separate=task.separate,
        clients=task.clients,
        canary=task.canary,
        scored=task.scored,
        limits=task.limits if task.language is not None else None,
        for_agents=task.for_agents,
        origin=task.source.get("set", ""),
    )


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_NONCE_DIGITS]


def _select_warm_up_tasks(tasks: Sequence[Task]) -> list[Task]:
    """The first task of each size class, small prompts first; a canary only if its class has no other task."""
    classes: dict[int, Task] = {}
    for task in sorted((task for task in tasks if not task.for_agents), key=lambda task: task.canary):
        classes.setdefault(_size_class(task), task)
    return [classes[number] for number in sorted(classes)]


def _size_class(task: Task) -> int:
    return sum(_prompt_bytes(task) >= limit for limit in CLASS_LIMITS_BYTES)


def _prompt_bytes(task: Task) -> int:
    """The longest prompt of a trial: a conversation's last one, or the longest of separate turns."""
    turns = [len(turn) for turn in task.turns]
    return len(task.system) + (max(turns) if task.separate else sum(turns))
