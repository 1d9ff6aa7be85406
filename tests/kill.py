"""Kill a run at random moments, resume it, and count its trials: `python -m tests.kill 200`.

The run is recorded and scored in a forked process, which saves starting Python for each kill. Every killed run is
resumed until it ends, and half of the time killed again on the way.
"""

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.cluster import ThreadScorer
from harness.config import Config
from harness.errors import RunError
from harness.files import read_lines
from harness.reference import ReferenceServer, serving
from harness.run.folder import open_run
from harness.run.pipeline import build_result, score_run, start_run
from harness.run.recorder import record_run
from harness.run.remaining import planned_trials
from harness.types import Model, RunSettings
from tests.samples import model_at, task_of
from tests.test_faults import NoSandbox, silent

TASKS = (task_of("one"), task_of("talk", "first", "second", "third"), task_of("apart", "a", "b", separate=True))
SETTINGS = RunSettings(
    tasks=tuple(task.name for task in TASKS),
    trials=3,
    warmups=1,
    seed=7,
    idle_s=0.0,
    connect_timeout_s=10.0,
    read_timeout_s=10.0,
    turn_timeout_s=10.0,
)


def _continue_run(path: Path, models: Sequence[Model]) -> None:
    folder = open_run(path)
    record_run(folder, TASKS, models, silent)
    score_run(folder, TASKS, ThreadScorer(NoSandbox()), silent)


def run_in_a_process(path: Path, models: Sequence[Model], kill_after_s: float | None) -> float | None:
    """Continue a run in its own process; return the seconds it took, None if it was killed before its end."""
    start_s = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            _continue_run(path, models)
        except BaseException as error:  # noqa: BLE001 - the forked process must end here, whatever happened
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return None
    assert os.WEXITSTATUS(status) == 0, "the run failed without being killed"
    return time.monotonic() - start_s


def find_lost_trials(path: Path, models: Sequence[Model]) -> list[str]:
    """Describe what is lost or duplicated in a run that has ended."""
    try:
        folder = open_run(path)
    except RunError as error:
        return [error.message]
    planned_keys = Counter(key for model in models for key in planned_trials(folder, TASKS, model))
    turns = {task.name: len(task.turns) for task in TASKS}
    lines = Counter(
        (d["key"]["task"], d["key"]["trial"], d["key"]["warmup"]) for _, d in read_lines(folder.recordings_path)
    )
    scores = Counter(str(document["key"]) for _, document in read_lines(folder.scores_path))
    recorded = Counter(trial[0].key for trial in folder.read_trials())
    keys = planned_keys.keys() | recorded.keys()
    problems = [f"{key} is recorded {recorded[key]} times" for key in keys if recorded[key] != planned_keys[key]]
    extra = {key: n - turns[key[0]] * len(models) for key, n in lines.items()}
    # The turns of an interrupted trial stay in the file beside those of the trial that was recorded again.
    if min(extra.values(), default=0) < 0 or (sum(extra.values()) > 0) != (folder.chain.interrupted > 0):
        problems.append(f"{extra} lines too many, and {folder.chain.interrupted} trials were interrupted")
    problems += [f"{key} is scored {n} times" for key, n in scores.items() if n != 1]
    counts = (len(scores), len(build_result(folder).trials))
    if counts != (len(planned_keys), len(planned_keys)):
        problems.append(f"{counts[0]} scores and {counts[1]} trials in the result, {len(planned_keys)} are planned")
    return problems


def kill_at(moments: int, seed: int, server: ReferenceServer, results: Path) -> tuple[int, list[str]]:
    """Kill unfinished runs so many times; return how many runs that took, and what was lost or duplicated."""
    rng, problems, kills, number = random.Random(seed), [], 0, 0
    models = (model_at(server.base_url, "plain?ttft_ms=2&tps=5000&tokens=20"),)
    config = Config(SETTINGS, models)
    whole_s = run_in_a_process(start_run(results / "whole", config, TASKS).path, models, None) or 0.5
    while kills < moments:
        path = start_run(results / str(number), config, TASKS).path
        before_s: float | None = rng.uniform(0, whole_s)
        while run_in_a_process(path, models, before_s) is None:
            kills += 1
            before_s = rng.uniform(0, whole_s) if rng.random() < 0.5 else None
        problems += [f"run {number}: {problem}" for problem in find_lost_trials(path, models)]
        shutil.rmtree(results / str(number))
        number += 1
    return number, problems


def main(moments: int) -> int:
    """Kill so many times and print the result; return 1 if a trial was lost or duplicated."""
    seed = time.time_ns()
    with serving() as server, tempfile.TemporaryDirectory() as results:
        runs, problems = kill_at(moments, seed, server, Path(results))
    print("\n".join(problems))
    print(f"{runs} runs, killed at least {moments} times (seed {seed}): {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
