"""Simulation of the sequential design: how often a run calls an equal model better, and how many trials it saves.

`python -m tests.simulation` prints these rows behind its own. The rule is that of harness/summarize/looks.py on drawn
passes: the same looks, boundaries and shares of the error, without the models' other requirements.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import permutations
from math import exp, log

from harness.stats import ContingencyTable, PairLook, difference_on_these_tasks, sequential_verdict
from harness.summarize import design_of, pair_looks, schedule_looks
from harness.types import Lane, SequentialDesign
from tests.simulation import SEED, Row

Passes = list[list[list[bool]]]
"""Model -> task -> trial -> whether it passed."""
ERROR = 0.05
SAVED = (0.30, 1.0)
FALSE_BETTER = (0.0, 0.05)


def design(tasks: int, cap: int, models: int) -> SequentialDesign:
    """The design of a run with one lane."""
    return design_of(
        schedule_looks(cap, True), None, (Lane("lane", {str(task): 1.0 for task in range(tasks)}),), models
    )


def draw_passes(rates: Sequence[Sequence[float]], cap: int, rng: random.Random) -> Passes:
    """All trials of a run."""
    return [[[rng.random() < rate for _ in range(cap)] for rate in of_model] for of_model in rates]


def table_of(first: Sequence[bool], second: Sequence[bool]) -> ContingencyTable:
    """The pairs of trials of one task."""
    pairs = list(zip(first, second, strict=True))
    return ContingencyTable(
        *(pairs.count(cell) for cell in ((True, True), (True, False), (False, True), (False, False)))
    )


def run_design(plan: SequentialDesign, passes: Passes) -> tuple[list[int], set[tuple[int, int]]]:
    """The trials per task of each model, and the pairs of which the first was called better at any look."""
    models = range(len(passes))
    first_looks = {pair: _first_look(plan, passes[pair[0]], passes[pair[1]]) for pair in permutations(models, 2)}
    counts, inside, better = [0 for _ in models], set(models), set[tuple[int, int]]()
    for look in plan.looks:
        for model in inside:
            counts[model] = look
        better |= {pair for pair, first in first_looks.items() if first and first <= min(counts[at] for at in pair)}
        inside -= {worse for best, worse in better if best in inside}
        if len(inside) < 2:
            break
    return counts, better


def _first_look(plan: SequentialDesign, model: Sequence[Sequence[bool]], other: Sequence[Sequence[bool]]) -> int | None:
    """The look at which a model is first called better than another one; None if it never is."""
    pairs = [(1.0, dict(enumerate(a)), dict(enumerate(b))) for a, b in zip(model, other, strict=True)]
    looks = pair_looks(pairs, plan.looks)
    # The verdict of all looks is that of the first one that decides.
    ends = (at for at in range(1, len(looks) + 1) if _is_better(looks[:at], plan))
    return plan.looks[next(ends) - 1] if _is_better(looks, plan) else None


def _is_better(looks: Sequence[PairLook], plan: SequentialDesign) -> bool:
    return sequential_verdict(looks, ERROR / plan.hypotheses) == "better"


def task_rates(tasks: int, rng: random.Random) -> list[float]:
    """The rates of a model on tasks of unlike difficulty."""
    return [1 / (1 + exp(-rng.gauss(0.5, 1.5))) for _ in range(tasks)]


def lifted(rates: Sequence[float], points: float) -> list[float]:
    """The rates of a model that is better by this much on average over the tasks."""
    low, high = 0.0, 20.0
    for _ in range(40):
        shift = (low + high) / 2
        better = [1 / (1 + exp(-(log(rate / (1 - rate)) + shift))) for rate in rates]
        low, high = (shift, high) if sum(better) - sum(rates) < points * len(rates) else (low, shift)
    return better


def false_better_row(tasks: int, cap: int, models: int, repeats: int, *, alike: bool = True) -> Row:
    """The share of runs of equal models in which any is called better at any look.

    Models that are not alike have the same rates on other tasks.
    """
    rng, plan = random.Random(f"{SEED}/looks/{tasks}/{cap}/{models}/{alike}"), design(tasks, cap, models)
    false = 0
    for _ in range(repeats):
        rates = task_rates(tasks, rng)
        of_models = [rates if alike else rng.sample(rates, tasks) for _ in range(models)]
        false += bool(run_design(plan, draw_passes(of_models, cap, rng))[1])
    world = f"{models} models" if alike else f"{models} unlike"
    return Row("false better, any look", world, f"{tasks}x{cap}", false / repeats, FALSE_BETTER)


def saved_rows(tasks: int, cap: int, points: float, repeats: int) -> Iterator[Row]:
    """The share of trials saved against the fixed design that finds the better of two models as often.

    At 25 points 40 trials a model are too few for either design: two of three runs find them.
    """
    rng, plan = random.Random(f"{SEED}/saved/{tasks}/{cap}/{points}"), design(tasks, cap, 2)
    used = found = 0
    fixed = [0] * (cap + 1)
    for _ in range(repeats):
        rates = [min(rate, 0.7) for rate in task_rates(tasks, rng)]
        passes = draw_passes([lifted(rates, points), rates], cap, rng)
        counts, better = run_design(plan, passes)
        used, found = used + sum(counts), found + ((0, 1) in better)
        for n in range(1, cap + 1):
            tables = [table_of(a[:n], b[:n]) for a, b in zip(*passes, strict=True)]
            fixed[n] += difference_on_these_tasks(tables).verdict == "better"
    equal = next((n for n in range(1, cap + 1) if fixed[n] >= found), cap)
    world, size = f"{100 * points:.0f} points", f"{tasks}x{cap}"
    yield Row("power with looks", world, size, found / repeats, (0.0, 1.0))
    expected = SAVED if tasks * cap >= 60 or points > 0.25 else (0.15, 1.0)
    yield Row("trials saved, equal power", world, size, 1 - used / repeats / (2 * equal), expected)


def sequential_rows(repeats: int) -> Iterator[Row]:
    """Every row."""
    for models in (2, 4):
        for tasks, cap in ((4, 10), (8, 10), (8, 20)):
            yield false_better_row(tasks, cap, models, repeats)
        yield false_better_row(8, 10, models, repeats, alike=False)
    for tasks, cap in ((4, 10), (6, 10), (8, 10), (10, 10), (8, 20), (20, 10)):
        for points in (0.25, 0.4):
            yield from saved_rows(tasks, cap, points, repeats)
