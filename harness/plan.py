"""Which trials a model runs, in which order: seeded, interleaved, the same for every model.

Every block holds one trial of each task in an order of its own, so that heat and drift fall on all tasks alike.
Warm-ups come first: the first task of each class of prompt size, since a server pays for a size when it meets it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

from harness.types import Task, TrialKey

LARGE_PROMPT_BYTES = 24_000


def _prompt_bytes(task: Task) -> int:
    return len(task.system) + sum(len(turn) for turn in task.turns)


def _warm_up_tasks(tasks: Sequence[Task]) -> list[Task]:
    classes: dict[bool, Task] = {}
    for task in tasks:
        classes.setdefault(_prompt_bytes(task) >= LARGE_PROMPT_BYTES, task)
    return [classes[large] for large in sorted(classes)]


def plan(model: str, tasks: Sequence[Task], *, trials: int, warmups: int, seed: int) -> tuple[TrialKey, ...]:
    """The trials of one model in the order in which they run."""
    keys = [
        TrialKey(model, task.name, index, warmup=True) for index in range(warmups) for task in _warm_up_tasks(tasks)
    ]
    for index in range(trials):
        block = list(tasks)
        random.Random(f"{seed}/{index}").shuffle(block)
        keys += [TrialKey(model, task.name, index) for task in block]
    return tuple(keys)


def nonce_of(seed: int, key: TrialKey) -> str:
    """16 hex digits that no prefix cache has seen, the same for every model: the model's label is not in them."""
    text = f"{seed}/{key.task}/{key.trial}/{'warmup' if key.warmup else 'trial'}"
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
