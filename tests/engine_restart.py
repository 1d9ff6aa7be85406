"""Disturb the engine in the middle of `lanebench score`, again and again: `python -m tests.engine_restart 5`.

The demo's answers are recorded once and scored on an engine of this program's own, first undisturbed, then with the
engine killed, restarted, away or frozen from a random moment on. Every trial must be scored once and as it was without
that, and no container may be left when the kit has started once more.
"""

import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.cli.scoring import languages_of
from harness.config import Config
from harness.demo import serve
from harness.errors import EngineError
from harness.files import read_lines
from harness.run.folder import open_run
from harness.run.pipeline import build_result, score_run, start_run
from harness.run.recorder import record_run
from harness.sandbox import ensure_engine, ensure_image, image_name, open_sandbox
from harness.sandbox.cleanup import RUN_LABEL
from harness.tasks import find_fixtures, load_tasks
from harness.types import RunSettings, Task
from tests.private_engine import PrivateEngine
from tests.test_faults import silent

NAMES = ("code-bugfix", "code-bugfix-js", "code-refactor")
TRIALS = 4
FROZEN_S = 15.0
"""Longer than any case of these tasks may take."""


def _restart(number: int, away_s: float) -> Callable[[PrivateEngine], None]:
    def disturb(engine: PrivateEngine) -> None:
        engine.stop(number)
        time.sleep(away_s)
        engine.start().close()

    return disturb


def _freeze(engine: PrivateEngine) -> None:
    engine.signal(signal.SIGSTOP)
    time.sleep(FROZEN_S)
    engine.signal(signal.SIGCONT)


DISTURBANCES = {
    "killed": _restart(signal.SIGKILL, 0.0),
    "killed and away for 8 s": _restart(signal.SIGKILL, 8.0),
    "stopped and started": _restart(signal.SIGTERM, 0.0),
    f"frozen for {FROZEN_S:.0f} s": _freeze,
}


def unheard(_: str) -> None:
    """Say nothing."""


def _record(results: Path, tasks: Sequence[Task]) -> Path:
    settings = RunSettings(tasks=NAMES, trials=TRIALS, idle_s=0.0, seed=7)
    with serve(tasks) as demo:
        folder = start_run(results, Config(settings, demo.models), tasks, simulated=True)
        record_run(folder, tasks, demo.models, silent)
    return folder.path


def _verdicts(path: Path) -> Counter[str]:
    """How often a trial was scored so: its outcome, and which checks it passed."""
    lines = (document for _, document in read_lines(open_run(path).scores_path))
    return Counter(
        f"{line['key']}: {line['score']['outcome']}, {[check['passed'] for check in line['score']['checks']]}"
        for line in lines
    )


def _score(path: Path, tasks: Sequence[Task]) -> tuple[int, int]:
    """Score to the end, as a user would who starts again; how often answers were run again, and the kit stopped."""
    said: list[str] = []
    for stops in range(10):
        try:
            with open_sandbox(path.name, said.append, languages_of(tasks)) as sandbox:
                score_run(open_run(path), tasks, sandbox, silent)
        except EngineError as error:
            print(f"  stopped: {error.message}")
            time.sleep(1.0)
        else:
            return sum("again" in line for line in said), stops
    raise AssertionError("the kit stops, and stops")


def _left(tasks: Sequence[Task]) -> list[str]:
    """Containers with the kit's label once it has started again and ended."""
    with open_sandbox("after", unheard, languages_of(tasks)):
        pass
    return [one["Id"] for one in ensure_engine(unheard).api.containers(all=True, filters={"label": RUN_LABEL})]


def faults_of(path: Path, tasks: Sequence[Task], expected: Counter[str], left: Sequence[str]) -> list[str]:
    """What was lost, doubled, judged otherwise, or is left."""
    seen = _verdicts(path)
    faults = [f"{one} is missing" for one in (expected - seen).elements()]
    faults += [f"{one} is too many" for one in (seen - expected).elements()]
    faults += [f"container {name} is left" for name in left]
    if len(build_result(open_run(path)).trials) != expected.total():
        faults.append("the result holds another number of trials")
    return faults


def disturb_at_random(engine: PrivateEngine, recorded: Path, tasks: Sequence[Task], times: int, seed: int) -> int:
    """The number of faults over so many disturbances of each kind; prints what came of each."""
    chance, found = random.Random(seed), 0
    quiet = shutil.copytree(recorded, recorded.with_name("quiet"))
    began = time.monotonic()
    _score(quiet, tasks)
    whole_s, expected = time.monotonic() - began, _verdicts(quiet)
    print(f"undisturbed: {expected.total()} trials in {whole_s:.1f} s")
    for number in range(times * len(DISTURBANCES)):
        name = list(DISTURBANCES)[number % len(DISTURBANCES)]
        path = shutil.copytree(recorded, recorded.with_name(f"disturbed-{number}"))
        after_s = chance.uniform(0, whole_s)
        trouble = threading.Timer(after_s, DISTURBANCES[name], [engine])
        trouble.start()
        again, stops = _score(path, tasks)
        trouble.join()
        faults = faults_of(path, tasks, expected, _left(tasks))
        print(f"{name} after {after_s:.1f} s: {again} lines of running again, {stops} stops, {len(faults)} faults")
        print("".join(f"  {fault}\n" for fault in faults), end="", flush=True)
        found += len(faults)
    return found


def main(times: int) -> int:
    """Print what came of so many disturbances of each kind; 1 when a trial was lost, doubled or misjudged."""
    tasks = load_tasks([find_fixtures()], names=NAMES)
    seed, theirs = time.time_ns(), ensure_engine(print)
    for language in languages_of(tasks):
        ensure_image(theirs, language, print)
    with tempfile.TemporaryDirectory(prefix="lanebench-") as folder:
        recorded = _record(Path(folder), tasks)
        with PrivateEngine(Path(folder) / "engine") as engine:
            engine.adopt(theirs, sorted({image_name(language) for language in languages_of(tasks)}))
            os.environ["DOCKER_HOST"] = engine.url
            faults = disturb_at_random(engine, recorded, tasks, times, seed)
    print(f"{times} disturbances of each of {len(DISTURBANCES)} kinds (seed {seed}): {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
