"""The table of the tasks' strength is what the tasks hold, and a table of all published cases passes no task."""

import re

import pytest

from harness.files import to_json
from harness.tasks import vary
from harness.tasks.mutants import mutants_of
from harness.tasks.strength import MIN_KILLED_SHARE
from tests.deep import sampled
from tests.samples import kit_tasks
from tests.strength_table import NO_MUTANTS, counted_rows, draw, table_rows

DRAWN = sorted(name for name, task in kit_tasks().items() if task.generator)
SEEDS = ("0" * 64, "1" * 64, "f" * 64)
MIN_UNPUBLISHED_SHARE = 0.8


def test_the_table_has_the_counts_of_every_task() -> None:
    assert [row[:-1] for row in table_rows()] == counted_rows()


@pytest.mark.parametrize("row", table_rows(), ids=lambda row: row[0])
def test_enough_mutants_of_each_solution_fail(row: list[str]) -> None:
    task = kit_tasks()[row[0]]
    mutants = mutants_of(vary(task, 0).solution, task.name) if task.language else []
    if row[-1] == NO_MUTANTS:
        assert mutants == []
        return
    found = re.fullmatch(r"(\d+) of (\d+)(?:, (\d+) equivalent)?", row[-1])
    assert found is not None
    failing, total, listed = (int(number or 0) for number in found.groups())
    explained = sum(mutant.name in task.survivors for mutant in mutants)
    assert (total, listed <= explained) == (len(mutants), True)
    assert failing >= MIN_KILLED_SHARE * (total - listed)


@pytest.mark.parametrize("name", sampled(DRAWN, 10))
def test_a_table_of_the_published_cases_meets_cases_that_it_does_not_hold(name: str) -> None:
    task = kit_tasks()[name]
    for index in range(max(1, len(task.variants))):
        variant = vary(task, index)
        published = {to_json(case.give) for case in variant.cases}
        for seed in SEEDS:
            hidden = [to_json(case["give"]) for case in draw(variant, seed)]
            unpublished = [give for give in hidden if give not in published]
            assert len(unpublished) >= MIN_UNPUBLISHED_SHARE * len(hidden)


@pytest.mark.parametrize("name", DRAWN)
def test_other_seeds_draw_other_cases(name: str) -> None:
    variant = vary(kit_tasks()[name], 0)
    first, second, again = (to_json(draw(variant, seed)) for seed in (SEEDS[0], SEEDS[1], SEEDS[0]))
    assert first == again
    assert first != second
