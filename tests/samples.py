"""Sample tasks, variants and models, for tests that need no task folder; and the tasks of the kit."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from harness.score import KINDS
from harness.tasks import find_fixtures, load_tasks
from harness.types import Json, Limits, Model, Sampling, Task, Variant

MODEL = Model("m", "openai", "http://127.0.0.1:1/v1", "model-id", sampling=Sampling(0.0, 1.0))


@cache
def kit_tasks() -> Mapping[str, Task]:
    """The tasks that ship with the kit by name, loaded once for all tests of a process."""
    return {task.name: task for task in load_tasks([find_fixtures()])}


def task_of(name: str = "t", *turns: str, scorer: str = "speed", tags: tuple[str, ...] = (), **settings: Json) -> Task:
    """A task with these turns."""
    return Task(
        name=name,
        title=name,
        suites=("v1",),
        tags=tags,
        language=None,
        budget_tokens=300,
        limits=Limits(),
        scorer=scorer,
        scored=KINDS[scorer].scored,
        tool_loop=KINDS[scorer].tool_loop,
        settings=settings,
        system="You help. {{nonce}}",
        turns=turns or ("ask {{nonce}}",),
        files={},
        cases_json="[]",
        solution=("yes",),
        wrong_answers=(),
        variants=(),
        sha256="0" * 64,
    )


def variant_of(task: Task) -> Variant:
    """A task's only variant."""
    return Variant(task, 0, task.system, task.turns, {}, (), task.solution, ())


def model_at(base_url: str, model_id: str = "model-id", server: str = "openai") -> Model:
    """A model at an address."""
    return replace(MODEL, base_url=base_url, model=model_id, server=server)
