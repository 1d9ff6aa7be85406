"""No container is left: not by a run that ends, not by a kit that is killed; and nobody else's is touched.

Other processes may use the same engine meanwhile, so each test looks only at containers with a run id of its own.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import EngineError
from harness.sandbox import Engine, ensure_engine, open_sandbox
from harness.sandbox.cleanup import HOST_LABEL, OWNER_LABEL, RUN_LABEL, owner_labels, remove_orphans
from harness.sandbox.container import Container
from harness.sandbox.container_config import ContainerKind
from harness.sandbox.endpoints import EngineEndpoint
from harness.sandbox.engine import connect
from harness.sandbox.image import ensure_image
from harness.sandbox.pool import ContainerPool
from harness.sandbox.runner import run_job
from harness.types import Job, Json, Limits
from tests.relay import Relay

pytestmark = pytest.mark.engine


QUICK_JOB = Job("python", "calls", "a.py", {"a.py": "def f(): return 1\n"}, (("a", {"call": "f"}),), Limits())
KIT_TO_KILL = """
import sys
from harness.sandbox import open_sandbox
from harness.types import Job, Limits
run_id, language, entry, code = sys.argv[1:]
with open_sandbox(run_id, lambda line: None, [language]) as sandbox:
    print("open", flush=True)
    limits = Limits(load_timeout_s=60.0, case_timeout_s=3600.0)
    sandbox.run(Job(language, "calls", entry, {entry: code}, (("a", {"call": "f", "args": []}),), limits))
"""
SLEEPERS = {
    "python": ("a.py", "import time\ndef f(): time.sleep(3600)\n"),
    "bash": ("a.sh", "f() { sleep 3600; }\n"),
    "javascript": ("a.js", "async function f() { await new Promise((done) => setTimeout(done, 3.6e6)); }\n"),
    "go": ("a.go", 'package main\n\nimport "time"\n\nfunc f() { time.Sleep(time.Hour) }\n'),
    "python, with the interpreter's lock": (
        "a.py",
        "import ctypes\ndef f(): ctypes.PyDLL(None).sleep(3600)\n",
    ),
    "rust": ("a.rs", "pub fn f() { std::thread::sleep(std::time::Duration::from_secs(3600)) }\n"),
}
"""An answer of each driver that waits for an hour."""
CALL_S, COMPILATION_S = 0.5, 3.0
KILLS = 5
"""A run of another process may remove what a killed kit left before this one can: then another kit is killed."""


@pytest.fixture
def engine() -> Engine:
    return ensure_engine(print)


@pytest.fixture
def run_id() -> str:
    return f"cleanup-{uuid.uuid4().hex}"


def containers_of(engine: Engine, run_id: str) -> list[Json]:
    found: list[Json] = engine.api.containers(all=True, filters={"label": f"{RUN_LABEL}={run_id}"})
    return found


def wait_for_container(engine: Engine, run_id: str) -> None:
    for _ in range(600):
        if containers_of(engine, run_id):
            return
        time.sleep(0.05)
    raise AssertionError(f"no container of {run_id}")


def test_a_run_that_ends_leaves_no_container(engine: Engine, run_id: str) -> None:
    with open_sandbox(run_id, print, ["python"]) as sandbox:
        sandbox.run(QUICK_JOB)
        assert containers_of(engine, run_id)
    assert containers_of(engine, run_id) == []


def test_a_run_that_is_interrupted_leaves_no_container(engine: Engine, run_id: str) -> None:
    def interrupted() -> None:
        with open_sandbox(run_id, print, ["python"]) as sandbox:
            sandbox.run(QUICK_JOB)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert containers_of(engine, run_id) == []


def kill_a_kit(engine: Engine, run_id: str, sleeper: str = "python") -> None:
    """Start a kit, see that its containers are left alone while it runs, and kill it."""
    language = sleeper.partition(",")[0]
    command = [sys.executable, "-c", KIT_TO_KILL, run_id, language, *SLEEPERS[sleeper]]
    # With a folder for temporary files of its own: the lock that says it lives is where this process looks, too.
    environment = {**os.environ, "TMPDIR": "/var/tmp"}
    kit = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert kit.stdout is not None
    try:
        assert kit.stdout.readline() == "open\n"
        wait_for_container(engine, run_id)
        remove_orphans(engine)
        # The answer should be at it: compiled, loaded and called.
        time.sleep(COMPILATION_S if language in ("go", "rust") else CALL_S)
        assert containers_of(engine, run_id) != []
    finally:
        os.kill(kit.pid, signal.SIGKILL)
        kit.wait()
        kit.stdout.close()


def test_what_a_killed_kit_left_goes_with_the_next_start_and_not_before_it_is_dead(engine: Engine, run_id: str) -> None:
    for _ in range(KILLS):
        kill_a_kit(engine, run_id)
        lines: list[str] = []
        with open_sandbox("next", lines.append, ["python"]):
            assert containers_of(engine, run_id) == []
        if any("left behind" in line for line in lines):
            return
    raise AssertionError("the removal was never announced")


@pytest.mark.parametrize("sleeper", SLEEPERS)
def test_a_container_ends_by_itself_when_its_kit_is_killed(engine: Engine, run_id: str, sleeper: str) -> None:
    kill_a_kit(engine, run_id, sleeper)
    for _ in range(100):
        if all(container["State"] != "running" for container in containers_of(engine, run_id)):
            return
        time.sleep(0.1)
    raise AssertionError(f"the container of a killed kit still runs: {containers_of(engine, run_id)}")


def test_containers_of_another_machine_on_a_shared_engine_are_left_alone(engine: Engine, run_id: str) -> None:
    image = ensure_image(engine, "python", print)
    labels = {RUN_LABEL: run_id, OWNER_LABEL: "nobody", HOST_LABEL: "another"}
    container = Container(engine, ContainerKind(image, "python", "calls", Limits()), labels)
    try:
        remove_orphans(engine)
        assert len(containers_of(engine, run_id)) == 1
    finally:
        container.remove()


def test_containers_of_no_living_owner_on_this_machine_are_removed(engine: Engine, run_id: str) -> None:
    image = ensure_image(engine, "python", print)
    with owner_labels(run_id) as labels:
        container = Container(engine, ContainerKind(image, "python", "calls", Limits()), labels)
        remove_orphans(engine)
        listing = containers_of(engine, run_id)
        assert len(listing) == 1
    # The list of a moment ago: the next kit that another process starts could be faster from now on.
    as_listed = replace(engine, api=SimpleNamespace(containers=lambda **_: listing))
    assert remove_orphans(as_listed) == 1
    assert containers_of(engine, run_id) == []
    container.remove()


def test_an_engine_that_breaks_off_in_the_middle_is_an_engine_error_and_the_job_can_run_again(
    engine: Engine, tmp_path: Path, run_id: str
) -> None:
    code = "import time\ndef f(wait):\n    time.sleep(wait)\n    return 1\n"

    def job(wait: int) -> Job:
        return Job(
            "python",
            "calls",
            "a.py",
            {"a.py": code},
            (("a", {"call": "f", "args": [wait]}),),
            Limits(case_timeout_s=60),
        )

    kind = ContainerKind(ensure_image(engine, "python", print), "python", "calls", Limits(case_timeout_s=60))
    with Relay(engine.url, tmp_path) as relay, owner_labels(run_id) as labels, ThreadPoolExecutor(1) as threads:
        relayed = connect(EngineEndpoint(relay.url), {})
        pool = ContainerPool(relayed, labels, prestarted_per_kind=1)
        running = threads.submit(run_job, pool, kind, job(3600))
        wait_for_container(engine, run_id)
        pool.wait_idle()
        relay.cut()
        with pytest.raises(EngineError):
            running.result(timeout=60)
        relay.mend()
        observations = run_job(pool, kind, job(0))
        pool.close()
        relayed.close()
    assert [observation.value for observation in observations] == [1]
    remove_orphans(engine)
    assert containers_of(engine, run_id) == []
