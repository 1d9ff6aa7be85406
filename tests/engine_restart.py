"""Disturb the engine in the middle of scoring, many times: `python -m tests.engine_restart 5`, as root on Linux.

The demo's answers are recorded once and scored on a separate engine: first undisturbed, then with the engine killed,
restarted, away or frozen from a random moment on. Every trial must be scored exactly once, with the same verdict as
undisturbed, and no container may be left when the kit has started once more.
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
from harness.cluster import ThreadScorer
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


def ignore(_: str) -> None:
    """Drop a log line."""


def _record(results: Path, tasks: Sequence[Task]) -> Path:
    settings = RunSettings(tasks=NAMES, trials=TRIALS, idle_s=0.0, seed=7)
    with serve(tasks) as demo:
        folder = start_run(results, Config(settings, demo.models), tasks, simulated=True)
        record_run(folder, tasks, demo.models, silent)
    return folder.path


def _verdicts(path: Path) -> Counter[str]:
    """Each trial's verdict, its outcome and which checks passed, with how many times it was scored so."""
    lines = (document for _, document in read_lines(open_run(path).scores_path))
    return Counter(
        f"{line['key']}: {line['score']['outcome']}, {[check['passed'] for check in line['score']['checks']]}"
        for line in lines
    )


def _score(path: Path, tasks: Sequence[Task]) -> tuple[int, int]:
    """Score to the end, started again after each stop; how many answers were retried, and how many stops there were."""
    lines: list[str] = []
    for stops in range(10):
        try:
            with open_sandbox(path.name, lines.append, languages_of(tasks)) as sandbox:
                score_run(open_run(path), tasks, ThreadScorer(sandbox), silent)
        except EngineError as error:
            print(f"  stopped: {error.message}")
            time.sleep(1.0)
        else:
            return sum("Retrying" in line for line in lines), stops
    raise AssertionError("the kit stopped ten times")


def _leftovers(tasks: Sequence[Task]) -> list[str]:
    """Containers with the kit's label after the kit has started and ended once more."""
    with open_sandbox("after", ignore, languages_of(tasks)):
        pass
    return [
        container["Id"] for container in ensure_engine(ignore).api.containers(all=True, filters={"label": RUN_LABEL})
    ]


def problems_of(path: Path, expected: Counter[str], leftovers: Sequence[str]) -> list[str]:
    """Trials that are missing, scored twice or otherwise, and containers that are left."""
    verdicts = _verdicts(path)
    problems = [f"{verdict} is missing" for verdict in (expected - verdicts).elements()]
    problems += [f"{verdict} is unexpected" for verdict in (verdicts - expected).elements()]
    problems += [f"container {name} is left" for name in leftovers]
    if len(build_result(open_run(path)).trials) != expected.total():
        problems.append("the result has another number of trials")
    return problems


def disturb_at_random(engine: PrivateEngine, recorded: Path, tasks: Sequence[Task], times: int, seed: int) -> int:
    """Disturb so many times in each way and print the effects; the number of problems."""
    chance, found = random.Random(seed), 0
    undisturbed = shutil.copytree(recorded, recorded.with_name("undisturbed"))
    began = time.monotonic()
    _score(undisturbed, tasks)
    whole_s, expected = time.monotonic() - began, _verdicts(undisturbed)
    print(f"undisturbed: {expected.total()} trials in {whole_s:.1f} s")
    for number in range(times * len(DISTURBANCES)):
        name = list(DISTURBANCES)[number % len(DISTURBANCES)]
        path = shutil.copytree(recorded, recorded.with_name(f"disturbed-{number}"))
        after_s = chance.uniform(0, whole_s)
        trouble = threading.Timer(after_s, DISTURBANCES[name], [engine])
        trouble.start()
        retries, stops = _score(path, tasks)
        trouble.join()
        problems = problems_of(path, expected, _leftovers(tasks))
        print(f"{name} after {after_s:.1f} s: {retries} retries, {stops} stops, {len(problems)} problems")
        print("".join(f"  {problem}\n" for problem in problems), end="", flush=True)
        found += len(problems)
    return found


def main(times: int) -> int:
    """The exit code: 1 where a trial was lost, scored twice or otherwise, or a container is left."""
    tasks = load_tasks([find_fixtures()], names=NAMES)
    seed, machine_engine = time.time_ns(), ensure_engine(print)
    for language in languages_of(tasks):
        ensure_image(machine_engine, language, print)
    with tempfile.TemporaryDirectory(prefix="lanebench-") as folder:
        recorded = _record(Path(folder), tasks)
        with PrivateEngine(Path(folder) / "engine") as engine:
            engine.copy_images(machine_engine, sorted({image_name(language) for language in languages_of(tasks)}))
            os.environ["DOCKER_HOST"] = engine.url
            problems = disturb_at_random(engine, recorded, tasks, times, seed)
    print(f"{times} disturbances of each of {len(DISTURBANCES)} kinds (seed {seed}): {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
