"""The order of the trials and their nonces: the same for every model, fresh for every trial."""

from collections import Counter
from dataclasses import replace
from itertools import groupby, pairwise
from statistics import fmean

import pytest

from harness.run.plan import (
    cache_index,
    count_trials,
    in_turn,
    pass_of,
    plan_so_far,
    plan_trials,
    planned_passes,
    trial_nonce,
)
from harness.summarize import Schedule
from harness.summarize.looks import design_of
from harness.types import Lane, LaneLook, Look, RunSettings, TrialKey
from tests.samples import MODEL, task_of

TASKS = [task_of("small"), task_of("code", "x" * 3000), task_of("large", "x" * 30_000), task_of("more", "x" * 40_000)]
CANARY = task_of("speed-canary", "count", tags=("canary",))


def names(keys: tuple[TrialKey, ...]) -> list[str]:
    return [key.task for key in keys]


def test_every_task_has_the_planned_number_of_trials_and_no_duplicates() -> None:
    keys = plan_trials("m", TASKS, RunSettings(trials=10, warmups=0, seed=1, passes=1))
    assert Counter(names(keys)) == {task.name: 10 for task in TASKS}
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("agent", [None, "pi"])
def test_the_trials_of_a_plan_are_counted_without_making_it(agent: str | None) -> None:
    settings, models = RunSettings(trials=10, warmups=2, seed=1, passes=3), [MODEL, replace(MODEL, agent=agent)]
    planned = [key for model in models for key in plan_trials(model.label, TASKS, settings)]
    assert count_trials([MODEL, MODEL], TASKS, settings) == len(planned)
    # With an agent a model has neither these tasks nor warm-ups.
    assert count_trials(models, TASKS, settings) == (len(planned) if agent is None else len(planned) // 2)


def test_every_block_holds_one_trial_of_each_task() -> None:
    keys = plan_trials("m", TASKS, RunSettings(trials=10, warmups=0, seed=1, passes=1))
    blocks = [keys[at : at + 4] for at in range(0, len(keys), 4)]
    assert all(set(names(block)) == {task.name for task in TASKS} for block in blocks)
    assert [{key.trial for key in block} for block in blocks] == [{number} for number in range(10)]


def test_each_block_is_shuffled_differently() -> None:
    keys = plan_trials("m", TASKS, RunSettings(trials=20, warmups=0, seed=1, passes=1))
    orders = {tuple(names(keys[at : at + 4])) for at in range(0, len(keys), 4)}
    assert len(orders) > 5


def test_the_order_depends_on_the_seed_and_not_on_the_model() -> None:
    first, second = (
        names(plan_trials(model, TASKS, RunSettings(trials=9, warmups=1, seed=1, passes=1))) for model in ("a", "b")
    )
    assert first == second
    assert first != names(plan_trials("a", TASKS, RunSettings(trials=9, warmups=1, seed=2, passes=1)))


def test_warm_ups_come_first_one_for_each_class_of_prompt_size() -> None:
    keys = plan_trials("m", TASKS, RunSettings(trials=1, warmups=2, seed=1, passes=1))
    assert names(keys)[:6] == ["small", "code", "large"] * 2
    assert [key.warmup for key in keys] == [True] * 6 + [False] * 4
    assert [key.trial for key in keys[:6]] == [0, 0, 0, 1, 1, 1]


def test_separate_turns_belong_to_the_size_class_of_the_longest() -> None:
    apart = task_of("apart", *["x" * 1500] * 20, separate=True)
    assert names(plan_trials("m", [apart, *TASKS], RunSettings(trials=1, warmups=1, seed=1, passes=1)))[:3] == [
        "apart",
        "code",
        "large",
    ]


def test_a_canary_starts_every_block_and_is_a_warm_up_only_where_no_other_task_is() -> None:
    keys = plan_trials("m", [CANARY, *TASKS], RunSettings(trials=5, warmups=1, seed=1, passes=1))
    measured = [key for key in keys if not key.warmup]
    assert names(tuple(measured))[::5] == ["speed-canary"] * 5
    assert Counter(names(tuple(measured)))["speed-canary"] == 5
    assert "speed-canary" not in names(keys[:3])


def test_each_pass_has_its_part_of_the_blocks_after_warm_ups_of_its_own() -> None:
    settings = RunSettings(trials=5, warmups=2, seed=1, passes=2)
    keys = plan_trials("m", TASKS, settings)
    passes = [list(part) for _, part in groupby(keys, lambda key: pass_of(settings, None, key))]
    assert [{key.trial for key in part if not key.warmup} for part in passes] == [{0, 1, 2}, {3, 4}]
    assert [[key.trial for key in part[:6]] for part in passes] == [[0, 0, 0, 1, 1, 1], [2, 2, 2, 3, 3, 3]]
    assert all(key.warmup == (at < 6) for part in passes for at, key in enumerate(part))
    assert len(set(keys)) == len(keys) == 2 * 6 + 5 * len(TASKS)


@pytest.mark.parametrize("passes", [2, 4])
def test_a_steady_drift_affects_all_models_alike(passes: int) -> None:
    settings = RunSettings(trials=8, warmups=0, seed=1, passes=passes)
    plans = {label: plan_trials(label, TASKS, settings) for label in ("a", "b", "c")}
    order = [
        label
        for number in range(passes)
        for label in in_turn(tuple(plans), number)
        for key in plans[label]
        if pass_of(settings, None, key) == number
    ]
    assert len({fmean(at for at, label in enumerate(order) if label == name) for name in plans}) == 1
    assert len(order) == sum(map(len, plans.values()))


def test_a_sequential_run_has_a_pass_for_each_look_or_for_each_block_of_its_time() -> None:
    looks, timed = design_of((2, 4, 6), None, (), 2), design_of((6,), 60.0, (), 2)
    settings = RunSettings(trials=6, seed=1, passes=1)
    keys = [TrialKey("m", "small", trial) for trial in range(6)]
    assert [pass_of(settings, looks, key) for key in keys] == [0, 0, 1, 1, 2, 2]
    assert [pass_of(settings, timed, key) for key in keys] == [0, 1, 2, 3, 4, 5]
    assert [pass_of(settings, design, replace(keys[0], warmup=True)) for design in (looks, timed)] == [0, 0]


@pytest.mark.parametrize(("looks", "budget_s"), [((2, 4, 6), None), ((6,), 60.0)])
def test_each_look_and_each_block_of_a_sequential_run_has_warm_ups_of_its_own(
    looks: tuple[int, ...], budget_s: float | None
) -> None:
    design, passes = design_of(looks, budget_s, (), 2), 6 if budget_s else 3
    settings = RunSettings(trials=6, warmups=2, seed=1, passes=passes)
    keys = plan_trials("m", TASKS, settings, design)
    parts = [list(part) for _, part in groupby(keys, lambda key: pass_of(settings, design, key))]
    assert [[key.warmup for key in part] for part in parts] == [[True] * 6 + [False] * 4 * (6 // passes)] * passes
    assert len(set(keys)) == len(keys) == count_trials([MODEL], TASKS, settings)


def test_a_plan_of_a_sequential_run_that_states_one_pass_has_warm_ups_before_its_first_look() -> None:
    settings = RunSettings(trials=6, warmups=2, seed=1, passes=1)
    keys = plan_trials("m", TASKS, settings, design_of((2, 4, 6), None, (), 2))
    assert [key.warmup for key in keys] == [True] * 6 + [False] * 24


def test_a_run_has_warm_ups_of_the_looks_that_it_has_come_to() -> None:
    design = design_of((2, 4, 6), None, (Lane("lane", {"small": 1.0}),), 2)
    settings = RunSettings(trials=6, warmups=1, seed=1, passes=3)
    looks = [Look(2, (LaneLook("lane", labels, decided=False),), None, 1.0) for labels in (("m", "n"), ("n",))]
    for taken, warm_ups in (((), 1), (looks[:1], 2), (looks[1:], 1)):
        keys = plan_so_far(replace(MODEL, label="m"), TASKS, settings, Schedule(6, design, taken))
        assert names(tuple(key for key in keys if key.warmup)) == ["small", "code", "large"] * warm_ups


def test_a_run_has_no_more_passes_than_can_matter() -> None:
    two = (MODEL, replace(MODEL, label="other"))
    assert planned_passes(RunSettings(), two) == 2
    assert planned_passes(RunSettings(trials=3, passes=9), two) == 3
    for models in (two, two[:1]):
        assert planned_passes(RunSettings(trials=20, until_decided=True), models) == 10
        assert planned_passes(RunSettings(trials=20, budget="9m"), models) == 20
    assert planned_passes(RunSettings(), two[:1]) == 1


def test_nonces_differ_in_every_trial_and_do_not_depend_on_the_model() -> None:
    keys = plan_trials("a", TASKS, RunSettings(trials=10, warmups=3, seed=1, passes=1))
    nonces = [trial_nonce(7, key) for key in keys]
    assert len(set(nonces)) == len(keys)
    assert nonces == [
        trial_nonce(7, key) for key in plan_trials("b", TASKS, RunSettings(trials=10, warmups=3, seed=1, passes=1))
    ]
    assert not set(nonces) & {trial_nonce(8, key) for key in keys}


def test_two_nonces_share_no_prefix_that_a_cache_could_hold() -> None:
    nonces = sorted(
        trial_nonce(7, key) for key in plan_trials("a", TASKS, RunSettings(trials=10, warmups=0, seed=1, passes=1))
    )
    assert all(first[:4] != second[:4] for first, second in pairwise(nonces))


def test_only_models_that_may_share_a_cache_have_different_nonces() -> None:
    models = [replace(MODEL, label="off"), replace(MODEL, label="other", model="b"), replace(MODEL, label="on")]
    assert [cache_index(models, model.label) for model in models] == [0, 0, 1]
    key = plan_trials("off", TASKS, RunSettings(trials=1, warmups=0, seed=1, passes=1))[0]
    assert trial_nonce(7, key, 0) == trial_nonce(7, key)
    assert trial_nonce(7, key, 1) != trial_nonce(7, key)
