"""Which trials a model runs, in which order: seeded, interleaved, the same for every model.

Every block holds one trial of each task in an order of its own, so that heat and drift fall on all tasks alike, and
begins with the canaries: short tasks whose speed, block by block, shows how the machine's changed. Warm-ups come
first: the first task of each class of prompt size, since a server pays for a size when it meets it.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Sequence

from harness.types import Model, ModelInfo, Task, TaskInfo, TrialKey

CLASS_BYTES = (2_000, 24_000)
"""Where one class of prompt size ends and the next begins."""


def _prompt_bytes(task: Task) -> int:
    """The longest prompt of a trial: of a conversation its end, of turns that begin anew the longest."""
    turns = [len(turn) for turn in task.turns]
    return len(task.system) + (max(turns) if task.separate else sum(turns))


def _class_of(task: Task) -> int:
    return sum(_prompt_bytes(task) >= limit for limit in CLASS_BYTES)


def _warm_up_tasks(tasks: Sequence[Task]) -> list[Task]:
    """The first task of each class, small prompts before large ones; a canary stands for no class but an empty one."""
    classes: dict[int, Task] = {}
    for task in sorted(tasks, key=lambda task: task.canary):
        classes.setdefault(_class_of(task), task)
    return [classes[number] for number in sorted(classes)]


def plan(model: str, tasks: Sequence[Task], *, trials: int, warmups: int, seed: int) -> tuple[TrialKey, ...]:
    """The trials of one model in the order in which they run."""
    keys = [
        TrialKey(model, task.name, index, warmup=True) for index in range(warmups) for task in _warm_up_tasks(tasks)
    ]
    canaries = [task for task in tasks if task.canary]
    others = [task for task in tasks if not task.canary]
    for index in range(trials):
        block = list(others)
        random.Random(f"{seed}/{index}").shuffle(block)
        keys += [TrialKey(model, task.name, index) for task in (*canaries, *block)]
    return tuple(keys)


def share_of(models: Sequence[Model | ModelInfo], label: str) -> int:
    """How many contenders before this one are the same model of the same server kind, as with thinking off and on.

    They may share a process and its prefix cache, so each needs nonces of its own to start cold.
    """
    ahead = list(itertools.takewhile(lambda one: one.label != label, models))
    this = models[len(ahead)]
    return sum((one.server, one.model) == (this.server, this.model) for one in ahead)


def nonce_of(seed: int, key: TrialKey, share: int = 0) -> str:
    """16 hex digits that no prefix cache has seen, the same for every model: the model's label is not in them.

    `share` tells contenders apart that may share a cache (share_of).
    """
    text = f"{seed}/{key.task}/{key.trial}/{'warmup' if key.warmup else 'trial'}{f'/{share}' if share else ''}"
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def task_info(task: Task) -> TaskInfo:
    """A task as run.json and the result name it."""
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
    )
