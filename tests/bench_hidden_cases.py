"""What hidden cases cost: `python -m tests.bench_hidden_cases [TASK...] [--rounds N]`.

Scores each task's solution with its fixed cases alone and with hidden ones, in turns, and prints the ratio of the two
times. Drawing the cases is not part of a trial: a run draws them once for each variant.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from statistics import geometric_mean, median

from tabulate import tabulate

from harness.sandbox import open_sandbox
from harness.score import score
from harness.tasks import SELF_CHECK_SEED, HiddenCases, readings_of, vary
from harness.types import Outcome, Sandbox, Variant
from tests.samples import kit_tasks


def seconds_of(variant: Variant, sandbox: Sandbox) -> float:
    """The time of scoring the solution, which must pass."""
    began = time.perf_counter()
    verdict = score(variant, readings_of(variant.solution), sandbox)
    assert verdict.outcome is Outcome.PASSED, (variant.task.name, verdict)
    return time.perf_counter() - began


def main(arguments: Sequence[str]) -> int:
    """Print a row for each task and the mean ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="TASK")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    tasks = [
        task
        for name, task in sorted(kit_tasks().items())
        if task.generator and (not options.tasks or name in options.tasks)
    ]
    rows, ratios = [], []
    languages = sorted({task.language for task in tasks if task.language} | {"python"})
    with open_sandbox("bench", lambda message: None, languages) as sandbox:
        for task in tasks:
            fixed = vary(task, 0)
            extended = HiddenCases(SELF_CHECK_SEED, sandbox).extend(fixed)
            pairs = [(seconds_of(fixed, sandbox), seconds_of(extended, sandbox)) for _ in range(options.rounds + 1)][1:]
            ratios.append(median(after / before for before, after in pairs))
            counts = (len(fixed.cases), len(extended.cases))
            rows.append((task.name, *counts, *(median(times) for times in zip(*pairs, strict=True)), ratios[-1]))
    print(tabulate(rows, ("task", "fixed", "with hidden", "fixed s", "with hidden s", "ratio"), floatfmt=".2f"))
    print(f"geometric mean of the ratios: {geometric_mean(ratios):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
