"""Simulation of the sequential design: how often a run calls an equal model better, and how many trials it saves.

`python -m tests.simulation` prints these rows behind its own. The rule is that of harness/summarize/looks.py on drawn
passes: the same differences, level and corrections, without the models' other requirements.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import exp, log

from harness.stats import ContingencyTable, difference_on_these_tasks, holm
from harness.summarize import design_of, schedule_looks
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
    counts, inside, better = [0 for _ in models], set(models), set[tuple[int, int]]()
    for look in plan.looks:
        for model in inside:
            counts[model] = look
        found = {}
        for first, second in combinations(models, 2):
            n = min(counts[first], counts[second])
            tables = [table_of(a[:n], b[:n]) for a, b in zip(passes[first], passes[second], strict=True)]
            found[first, second] = difference_on_these_tasks(tables, 1 - plan.nominal_level)
        adjusted = holm([min(1.0, (each.p or 1.0) * ERROR / plan.nominal_level) for each in found.values()])
        for (pair, each), p in zip(found.items(), adjusted, strict=True):
            if p <= ERROR and each.verdict != "can't tell":
                better.add(pair if each.verdict == "better" else pair[::-1])
        inside -= {worse for best, worse in better if best in inside}
        if len(inside) < 2:
            break
    return counts, better


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


def false_better_row(tasks: int, cap: int, models: int, repeats: int) -> Row:
    """The share of runs of equal models in which any is called better at any look."""
    rng, plan = random.Random(f"{SEED}/looks/{tasks}/{cap}/{models}"), design(tasks, cap, models)
    false = 0
    for _ in range(repeats):
        rates = task_rates(tasks, rng)
        false += bool(run_design(plan, draw_passes([rates] * models, cap, rng))[1])
    return Row("false better, any look", f"{models} models", f"{tasks}x{cap}", false / repeats, FALSE_BETTER)


def saved_rows(tasks: int, cap: int, points: float, repeats: int) -> Iterator[Row]:
    """The share of trials saved against the fixed design that finds the better of two models as often."""
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
    yield Row("trials saved, equal power", world, size, 1 - used / repeats / (2 * equal), SAVED)


def sequential_rows(repeats: int) -> Iterator[Row]:
    """Every row."""
    for models in (2, 4):
        for tasks, cap in ((4, 10), (8, 10), (8, 20)):
            yield false_better_row(tasks, cap, models, repeats)
    for tasks, cap in ((8, 20), (20, 10)):
        for points in (0.25, 0.4):
            yield from saved_rows(tasks, cap, points, repeats)
