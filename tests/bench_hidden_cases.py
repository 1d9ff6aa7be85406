"""What hidden cases cost: `python -m tests.bench_hidden_cases [TASK...] [--rounds N] [--trials N] [--cgroup PATH]`.

Scores trials of each task's solution with its fixed cases alone and with hidden ones, in turns, and prints the CPU time
of a trial of either: medians of the rounds, the ratio for each task and that of the sums. Several trials are scored at
a time, as in a run. Drawing the cases is not counted: a run does it once for each variant.

What is counted is the CPU time of this process, the engine and the containers: that of the whole machine, which must be
quiet. On a busy one, give an engine of its own a cgroup (`--cgroup-parent` of dockerd for its containers, a process of
it for the daemon), and name that: only it and this process count then. `--cgroup /docker` counts the containers alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import psutil
from tabulate import tabulate

from harness.sandbox import DockerSandbox, open_sandbox
from harness.score import score
from harness.tasks import SELF_CHECK_SEED, HiddenCases, readings_of, vary
from harness.types import Outcome, Task, Variant
from tests.samples import kit_tasks

MAX_RATIO = 1.5
"""What a trial with hidden cases may cost, as a multiple of one without."""
Clock = Callable[[], float]
"""CPU seconds used so far."""


def machine_seconds() -> float:
    """CPU seconds of everything on this machine."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def cgroup_clock(path: str) -> Clock:
    """CPU seconds of a cgroup and this process."""
    name = path.strip("/")
    v1, v2 = Path("/sys/fs/cgroup/cpuacct", name, "cpuacct.usage"), Path("/sys/fs/cgroup", name, "cpu.stat")

    def seconds() -> float:
        if v1.exists():
            return int(v1.read_text()) / 1e9 + time.process_time()
        return int(v2.read_text().split()[1]) / 1e6 + time.process_time()

    return seconds


def score_solution(variant: Variant, sandbox: DockerSandbox) -> None:
    """Score the solution, which must pass."""
    verdict = score(variant, readings_of(variant.solution), sandbox)
    assert verdict.outcome is Outcome.PASSED, (variant.task.name, verdict)


def seconds_of(variant: Variant, sandbox: DockerSandbox, trials: int, clock: Clock) -> float:
    """The CPU time of a trial, with the containers that the pool starts in place of those that it takes."""
    sandbox.pool.wait_idle()
    began = clock()
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        list(pool.map(lambda _: score_solution(variant, sandbox), range(trials)))
    sandbox.pool.wait_idle()
    return (clock() - began) / trials


Row = tuple[str, int, int, float, float, float]


def row_of(task: Task, sandbox: DockerSandbox, rounds: int, measure: Callable[[Variant], float]) -> Row:
    """A task, its numbers of cases, the seconds of a trial without and with hidden cases, and their ratio."""
    fixed = vary(task, 0)
    extended = HiddenCases(SELF_CHECK_SEED, sandbox).extend(fixed)
    # The first trials start containers of a kind that the pool does not have yet.
    score_solution(fixed, sandbox)
    pairs = [(measure(fixed), measure(extended)) for _ in range(rounds)]
    before, after = (median(times) for times in zip(*pairs, strict=True))
    return task.name, len(fixed.cases), len(extended.cases), before, after, after / before


def summary(rows: Sequence[Row]) -> str:
    """The ratio of the sums, and the tasks above what is allowed."""
    before, after = sum(row[3] for row in rows), sum(row[4] for row in rows)
    above = ", ".join(f"{row[0]} {row[5]:.2f}" for row in rows if row[5] > MAX_RATIO)
    ratio = f"one trial of each: {before:.1f} s, with hidden cases {after:.1f} s: {after / before:.2f}"
    return f"{ratio}\nof {len(rows)} tasks above {MAX_RATIO}: {above or 'none'}"


def main(arguments: Sequence[str]) -> int:
    """Print a row for each task and the summary; 1 where the sum is above what is allowed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="TASK")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--cgroup", metavar="PATH")
    options = parser.parse_args(arguments)
    clock = cgroup_clock(options.cgroup) if options.cgroup else machine_seconds
    chosen = [task for name, task in sorted(kit_tasks().items()) if not options.tasks or name in options.tasks]
    tasks = [task for task in chosen if task.generator]
    languages = sorted({task.language for task in tasks if task.language} | {"python"})
    rows: list[Row] = []
    with open_sandbox("bench", lambda message: None, languages) as sandbox:
        for task in tasks:
            print(task.name, file=sys.stderr, flush=True)
            rows.append(row_of(task, sandbox, options.rounds, lambda v: seconds_of(v, sandbox, options.trials, clock)))
    print(tabulate(rows, ("task", "fixed", "with hidden", "fixed CPU s", "with hidden CPU s", "ratio"), floatfmt=".2f"))
    print(summary(rows))
    return int(sum(row[4] for row in rows) > MAX_RATIO * sum(row[3] for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
