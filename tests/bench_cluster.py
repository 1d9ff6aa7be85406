"""How scoring grows with workers: `python -m tests.bench_cluster [WAIT_S]`, with the container engine of this machine.

Prints trials a second for 1, 2 and 4 workers. The work is a stand-in: each answer waits in its container for WAIT_S
seconds (default 4) and uses no CPU, so that two cores show what four machines would; the kit's own work for each trial
(container, pickling, Dask, comparison) is real and shares those cores. Workers are processes with one thread each. The
clock runs from the end of each worker's first trial to the last of 12 a worker. Exit code 1: below 0.9 of linear.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness.cluster import open_cluster
from harness.types import Limits, Outcome, RecordedTrial, Recording, Task, TrialKey
from tests.cluster.processes import ClusterProcesses
from tests.samples import task_of
from tests.wire import DONE, END, MS, make_recording, text_chunk

WORKERS = (1, 2, 4)
TRIALS_PER_WORKER = 12
MIN_OF_LINEAR = 0.9
WAIT_S = 4.0


def _task() -> Task:
    cases = '[{"id": "waits", "give": {"call": "wait", "args": []}, "expect": {"value": 1}}]'
    task = task_of("stand-in", scorer="calls", entry="answer.py")
    return replace(task, language="python", cases_json=cases, limits=Limits(case_timeout_s=60.0))


def _trials(count: int, wait_s: float) -> Iterator[RecordedTrial]:
    task = _task()
    answer = f"```python\nimport time\n\n\ndef wait():\n    time.sleep({wait_s})\n    return 1\n```\n"
    whole: Recording = make_recording([(MS, text_chunk(answer) + END + DONE)])
    for trial in range(count):
        yield task, (replace(whole, key=TrialKey("m", task.name, trial + 1)),)


def _trials_per_s(workers: int, wait_s: float) -> float:
    count, lines = TRIALS_PER_WORKER * workers, list[str]()
    with tempfile.TemporaryDirectory(prefix="lanebench-") as folder, ClusterProcesses(Path(folder)) as processes:
        for _ in range(workers):
            processes.start_worker()
        with open_cluster(processes.address, f"bench-{workers}", lines.append, ["python"]) as scorer:
            while sum("scores with" in line for line in lines) < workers:
                time.sleep(0.1)
            ended = [(time.monotonic(), scored) for scored in scorer.score_all(_trials(count, wait_s), "0" * 64)]
    assert {scored.score.outcome for _, scored in ended} == {Outcome.PASSED}
    # The first trial of each worker began when none of the others ended.
    times = [at for at, _ in ended]
    return (count - workers) / (times[-1] - times[workers - 1])


def main(wait_s: float) -> int:
    """The exit code: 1 where four workers are slower than 0.9 of linear."""
    print(f"stand-in work: each answer waits {wait_s:g} s in its container; {TRIALS_PER_WORKER} trials a worker")
    alone, worst = 0.0, 1.0
    for workers in WORKERS:
        rate = _trials_per_s(workers, wait_s)
        alone = alone or rate
        worst = min(worst, rate / (alone * workers))
        print(f"{workers} workers: {rate:.3f} trials/s, {rate / (alone * workers):.2f} of linear", flush=True)
    return 0 if worst >= MIN_OF_LINEAR else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else WAIT_S))
