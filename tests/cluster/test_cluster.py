"""Scoring on workers gives the bytes of one machine, whatever is killed, stopped or broken on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.cli.scoring import languages_of
from harness.cluster import ThreadScorer, open_cluster
from harness.config import Config
from harness.demo import serve
from harness.errors import EngineError
from harness.files import to_json
from harness.run import build_result, open_run, record_run, score_run, start_run
from harness.sandbox import ensure_engine, ensure_image, open_sandbox
from harness.tasks import find_fixtures, load_tasks
from harness.types import RunSettings
from tests.cluster.killing_preload import KILLER
from tests.cluster.processes import REPOSITORY, ClusterProcesses, end
from tests.private_engine import PrivateEngine

TASKS = load_tasks([find_fixtures()], names=["code-bugfix"])
TRIALS = 12
ISSUER = "/CN=lanebench-test"


def ignore(*_: object) -> None:
    return


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the demo's four models with three trials each, which is not scored yet."""
    settings = RunSettings(tasks=("code-bugfix",), trials=3, warmups=0, idle_s=0.0, seed=7)
    with serve(TASKS) as demo:
        folder = start_run(tmp_path_factory.mktemp("runs"), Config(settings, demo.models), TASKS, simulated=True)
        record_run(folder, TASKS, demo.models, ignore)
    return folder.path


@pytest.fixture(scope="module")
def expected(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What one machine makes of it."""
    path = shutil.copytree(recorded, tmp_path_factory.mktemp("local") / recorded.name)
    with open_sandbox("local", ignore, languages_of(TASKS)) as sandbox:
        score_run(open_run(path), TASKS, ThreadScorer(sandbox), ignore)
    return contents(path)


@pytest.fixture
def run(recorded: Path, tmp_path: Path) -> Path:
    return shutil.copytree(recorded, tmp_path / recorded.name)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ClusterProcesses]:
    with ClusterProcesses(tmp_path / "cluster") as processes:
        yield processes


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateEngine]:
    """A second engine in a network namespace of its own, without any image."""
    with PrivateEngine(tmp_path_factory.mktemp("engine")) as engine:
        yield engine


def contents(path: Path) -> list[str]:
    """Every score as it is stored, in the order of the trials, and the result; without the chain, which has times."""
    scores = [json.loads(line) for line in open_run(path).scores_path.read_text(encoding="utf-8").splitlines()]
    texts = sorted(to_json({name: value for name, value in score.items() if name != "previous"}) for score in scores)
    result = json.loads(to_json(build_result(open_run(path))))
    return [*texts, to_json({name: value for name, value in result.items() if name != "digests"})]


def score(path: Path, address: str, trouble: Callable[[], None] = lambda: None) -> None:
    """Score on the cluster, with trouble once two trials are stored."""

    def progress(_stage: str, done: int, _total: int, _text: str) -> None:
        if done == 2:
            trouble()

    folder = open_run(path)
    with open_cluster(address, folder.plan.id, ignore, languages_of(TASKS)) as scorer:
        score_run(folder, TASKS, scorer, progress)


def test_processes_on_this_machine_give_the_same_bytes(run: Path, expected: list[str]) -> None:
    score(run, "local:2")
    assert contents(run) == expected


def test_a_worker_that_is_killed_loses_nothing(run: Path, cluster: ClusterProcesses, expected: list[str]) -> None:
    first, _ = cluster.start_worker(), cluster.start_worker()
    lines: list[str] = []
    folder = open_run(run)
    with open_cluster(cluster.address, folder.plan.id, lines.append, languages_of(TASKS)) as scorer:
        await_lines(lines, ["scores with", "scores with"])

        def kill(_stage: str, done: int, _total: int, _text: str) -> None:
            if done == 2:
                end(first, signal.SIGKILL)
                await_lines(lines, ["is gone"])

        score_run(folder, TASKS, scorer, kill)
    assert contents(run) == expected
    assert sum("is gone" in line for line in lines) == 1


def test_a_worker_that_stands_still_delays_and_loses_nothing(
    run: Path, cluster: ClusterProcesses, expected: list[str]
) -> None:
    slow = cluster.start_worker()
    cluster.start_worker()

    def stand_still() -> None:
        os.killpg(slow.pid, signal.SIGSTOP)
        threading.Timer(8.0, os.killpg, [slow.pid, signal.SIGCONT]).start()

    score(run, cluster.address, stand_still)
    assert contents(run) == expected


def test_a_scheduler_that_is_killed_and_started_again_loses_nothing(
    run: Path, cluster: ClusterProcesses, expected: list[str]
) -> None:
    cluster.start_worker()

    def restart() -> None:
        assert cluster.scheduler is not None
        end(cluster.scheduler, signal.SIGKILL)
        # A worker ends with its scheduler: a service manager would start it again.
        end(cluster.workers[0], signal.SIGKILL)
        cluster.start_scheduler()
        cluster.start_worker()

    score(run, cluster.address, restart)
    assert contents(run) == expected


def test_a_client_that_is_killed_goes_on_when_it_is_started_again(
    run: Path, cluster: ClusterProcesses, expected: list[str]
) -> None:
    cluster.start_worker()
    words = [sys.executable, "-m", "harness", "score", str(run), "--cluster", cluster.address]
    client = subprocess.Popen(words, cwd=REPOSITORY, start_new_session=True, stderr=subprocess.DEVNULL)
    scores = open_run(run).scores_path
    while not scores.exists() or scores.read_bytes().count(b"\n") < 2:
        assert client.poll() is None
        time.sleep(0.05)
    end(client, signal.SIGKILL)
    assert scores.read_bytes().count(b"\n") < TRIALS
    score(run, cluster.address)
    assert contents(run) == expected


def test_a_trial_that_ends_its_workers_is_named_and_all_others_are_scored(
    run: Path, cluster: ClusterProcesses, expected: list[str]
) -> None:
    preload = str(REPOSITORY / "tests" / "cluster" / "killing_preload.py")
    for _ in range(2):
        cluster.start_worker(["--preload", preload], {KILLER: "code-bugfix/demo-flaky/2"})
    with pytest.raises(EngineError, match=r"the kit's fault.*demo-flaky on code-bugfix, trial 2$"):
        score(run, cluster.address)
    stored = open_run(run)
    assert len(stored.scored) == TRIALS - 1
    score(run, "local:1")
    assert contents(run) == expected


def test_an_engine_of_its_own_gets_the_image_and_may_break_on_the_way(
    run: Path, cluster: ClusterProcesses, engine: PrivateEngine, expected: list[str]
) -> None:
    cluster.start_worker()
    lines: list[str] = []
    folder = open_run(run)
    with open_cluster(cluster.address, folder.plan.id, lines.append, languages_of(TASKS)) as scorer:
        await_lines(lines, ["scores with"])
        cluster.start_worker(environment={"DOCKER_HOST": engine.url})
        await_lines(lines, ["gets lanebench-scorer:", "scores with"])

        def break_engine(_stage: str, done: int, _total: int, _text: str) -> None:
            if done == 2:
                engine.stop(signal.SIGKILL)

        score_run(folder, TASKS, scorer, break_engine)
    assert contents(run) == expected
    assert sum("is left out" in line for line in lines) <= 1
    engine.start().close()


def test_an_image_of_another_digest_is_refused_with_one_line(
    run: Path, cluster: ClusterProcesses, engine: PrivateEngine, expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n", encoding="utf-8")
    tag = ensure_image(ensure_engine(ignore), "python", ignore)
    docker = ["docker", "--host", engine.url, "build", "-q", "-t", tag, str(tmp_path)]
    subprocess.run(docker, check=True, env={**os.environ, "DOCKER_BUILDKIT": "0"}, stdout=subprocess.DEVNULL)
    cluster.start_worker()
    lines: list[str] = []
    folder = open_run(run)
    with open_cluster(cluster.address, folder.plan.id, lines.append, languages_of(TASKS)) as scorer:
        await_lines(lines, ["scores with"])
        cluster.start_worker(environment={"DOCKER_HOST": engine.url})
        await_lines(lines, ["is left out"])
        score_run(folder, TASKS, scorer, ignore)
    assert contents(run) == expected
    (line,) = [line for line in lines if "is left out" in line]
    assert "image digest is sha256:" in line


def test_another_kit_is_refused_with_one_line(run: Path, cluster: ClusterProcesses, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for name in ("harness", "schemas", "fixtures"):
        shutil.copytree(REPOSITORY / name, other / name, ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "harness" / "score" / "verdict.py").open("a", encoding="utf-8") as file:
        file.write("# another rule\n")
    cluster.start_worker(environment={"PYTHONPATH": str(other)})
    lines: list[str] = []
    with open_cluster(cluster.address, "other-kit", lines.append, languages_of(TASKS)):
        await_lines(lines, ["is left out: it has lanebench"])
    assert not open_run(run).scored
    assert sum("this is lanebench" in line for line in lines) == 1


def test_certificates_are_those_of_dasks_configuration(run: Path, tmp_path: Path, expected: list[str]) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", ISSUER]
    subprocess.run([*make, "-keyout", str(key), "-out", str(certificate)], check=True, stderr=subprocess.DEVNULL)
    tls = {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(certificate)}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        tls[f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT"] = str(certificate)
        tls[f"DASK_DISTRIBUTED__COMM__TLS__{role}__KEY"] = str(key)
    with ClusterProcesses(tmp_path / "cluster", "tls", tls) as cluster:
        cluster.start_worker()
        words = [sys.executable, "-m", "harness", "score", str(run), "--cluster", cluster.address]
        bare = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert bare.returncode == EngineError.exit_code
        assert "does not answer" in bare.stderr
        subprocess.run(words, cwd=REPOSITORY, capture_output=True, check=True, env={**os.environ, **tls})
    assert contents(run) == expected


def await_lines(lines: list[str], texts: list[str]) -> None:
    """Wait until each of these texts has been logged, in this order."""
    at, deadline = 0, time.monotonic() + 300.0
    for text in texts:
        while not any(text in line for line in lines[at:]):
            assert time.monotonic() < deadline, lines
            time.sleep(0.1)
        at = next(number for number, line in enumerate(lines) if number >= at and text in line) + 1
