"""Kill a run at random moments, go on with it, and count its trials: `python -m tests.kill 200`.

The run is recorded and scored in a forked process, so that a moment costs no start of Python. Every killed run is
gone on with until it ends, and killed again on the way half of the time.
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

from harness.calibration.reference import ReferenceServer, serving
from harness.config import Config
from harness.files import read_lines
from harness.run.folder import open_run
from harness.run.pipeline import build_result, score_run, start_run
from harness.run.recorder import planned_trials, record_run
from harness.types import Model, RunSettings
from tests.made import model_at, task_of
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


def _work(path: Path, models: Sequence[Model]) -> None:
    folder = open_run(path)
    record_run(folder, TASKS, models, silent)
    score_run(folder, TASKS, NoSandbox(), silent)


def work_in_a_process(path: Path, models: Sequence[Model], kill_after_s: float | None) -> float | None:
    """Go on with a run in a process of its own; the seconds it took, None where it was killed before its end."""
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            _work(path, models)
        except BaseException as error:  # noqa: BLE001 - the forked copy must end here, whatever happened
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return None
    assert os.WEXITSTATUS(status) == 0, "the run went wrong by itself"
    return time.monotonic() - begun


def faults_of(path: Path, models: Sequence[Model]) -> list[str]:
    """What is lost or doubled in a run that has ended."""
    folder = open_run(path)
    due = Counter(key for model in models for key in planned_trials(folder, TASKS, model))
    turns = {task.name: len(task.turns) for task in TASKS}
    lines = Counter(
        (d["key"]["task"], d["key"]["trial"], d["key"]["warmup"]) for _, d in read_lines(folder.recordings_path)
    )
    scores = Counter(str(document["key"]) for _, document in read_lines(folder.scores_path))
    there = Counter(trial[0].key for trial in folder.read_trials())
    faults = [f"{key} is there {there[key]} times" for key in due.keys() | there.keys() if there[key] != due[key]]
    faults += [f"{key} has {n} lines" for key, n in lines.items() if n != turns[key[0]] * len(models)]
    faults += [f"{key} is scored {n} times" for key, n in scores.items() if n != 1]
    if len(scores) != len(due) or len(build_result(folder).trials) != len(due):
        faults.append(f"{len(scores)} scores and {len(build_result(folder).trials)} trials in the result of {len(due)}")
    return faults


def kill_at(moments: int, seed: int, server: ReferenceServer, results: Path) -> tuple[int, list[str]]:
    """Kill runs that are on their way at so many moments; how many runs that took, and what was lost or doubled."""
    chance, faults, met, number = random.Random(seed), [], 0, 0
    models = (model_at(server.base_url, "plain?ttft_ms=2&tps=5000&tokens=20"),)
    config = Config(SETTINGS, models)
    whole_s = work_in_a_process(start_run(results / "whole", config, TASKS).path, models, None) or 0.5
    while met < moments:
        path = start_run(results / str(number), config, TASKS).path
        before_s: float | None = chance.uniform(0, whole_s)
        while work_in_a_process(path, models, before_s) is None:
            met += 1
            before_s = chance.uniform(0, whole_s) if chance.random() < 0.5 else None
        faults += [f"kill {number}: {fault}" for fault in faults_of(path, models)]
        shutil.rmtree(results / str(number))
        number += 1
    return number, faults


def main(moments: int) -> int:
    """Print what came of so many moments; 1 when a trial was lost or doubled."""
    seed = time.time_ns()
    with serving() as server, tempfile.TemporaryDirectory() as results:
        runs, faults = kill_at(moments, seed, server, Path(results))
    print("\n".join(faults))
    print(f"{runs} runs, killed {moments} times or more on their way (seed {seed}): {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
