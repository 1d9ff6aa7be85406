"""What hidden cases cost: `python -m tests.bench_hidden_cases [TASK...] [--rounds N] [--trials N]`.

Scores trials of each task's solution with its fixed cases alone and with hidden ones, in turns, and prints the ratio of
the two times a trial. As in a run, several trials are scored at a time: the engine's work for their containers is part
of what they cost, not hidden behind the trial before. Drawing the cases is not: a run does it once for each variant.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import geometric_mean, median

from tabulate import tabulate

from harness.sandbox import open_sandbox
from harness.score import score
from harness.tasks import SELF_CHECK_SEED, HiddenCases, readings_of, vary
from harness.types import Outcome, Sandbox, Task, Variant
from tests.samples import kit_tasks


def score_solution(variant: Variant, sandbox: Sandbox) -> None:
    """Score the solution, which must pass."""
    verdict = score(variant, readings_of(variant.solution), sandbox)
    assert verdict.outcome is Outcome.PASSED, (variant.task.name, verdict)


def seconds_of(variant: Variant, sandbox: Sandbox, trials: int) -> float:
    """The time that a trial takes where several are scored at a time."""
    began = time.perf_counter()
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        list(pool.map(lambda _: score_solution(variant, sandbox), range(trials)))
    return (time.perf_counter() - began) / trials


def row_of(task: Task, sandbox: Sandbox, rounds: int, trials: int) -> tuple[str, int, int, float, float, float]:
    """A task, its numbers of cases, the seconds of a trial without and with hidden cases, and their ratio."""
    fixed = vary(task, 0)
    extended = HiddenCases(SELF_CHECK_SEED, sandbox).extend(fixed)
    pairs = [(seconds_of(fixed, sandbox, trials), seconds_of(extended, sandbox, trials)) for _ in range(rounds + 1)][1:]
    before, after = (median(times) for times in zip(*pairs, strict=True))
    return task.name, len(fixed.cases), len(extended.cases), before, after, median(b / a for a, b in pairs)


def main(arguments: Sequence[str]) -> int:
    """Print a row for each task and the mean ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="TASK")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=8)
    options = parser.parse_args(arguments)
    tasks = [
        task
        for name, task in sorted(kit_tasks().items())
        if task.generator and (not options.tasks or name in options.tasks)
    ]
    languages = sorted({task.language for task in tasks if task.language} | {"python"})
    with open_sandbox("bench", lambda message: None, languages) as sandbox:
        rows = [row_of(task, sandbox, options.rounds, options.trials) for task in tasks]
    print(tabulate(rows, ("task", "fixed", "with hidden", "fixed s", "with hidden s", "ratio"), floatfmt=".2f"))
    before, after = sum(row[3] for row in rows), sum(row[4] for row in rows)
    print(f"one trial of each: {before:.1f} s, with hidden cases {after:.1f} s: {after / before:.2f}")
    print(f"geometric mean of the ratios: {geometric_mean(row[-1] for row in rows):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
