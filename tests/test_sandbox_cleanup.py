"""Nothing is left: not by a run that ends, not by a kit that is killed, and nobody else's containers are touched."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.errors import EngineError
from harness.sandbox import Engine, ensure_engine, open_sandbox
from harness.sandbox.cleanup import HOST_LABEL, OWNER_LABEL, RUN_LABEL, owner_labels, remove_orphans
from harness.sandbox.container import Container
from harness.sandbox.container_config import ContainerKind
from harness.sandbox.engine import EngineEndpoint, connect
from harness.sandbox.image import ensure_image
from harness.sandbox.pool import ContainerPool
from harness.sandbox.runner import run_job
from harness.types import Job, Json, Limits
from tests.relay import Relay

KILLED_KIT = """
import sys
from harness.sandbox import open_sandbox
from harness.types import Job, Limits
with open_sandbox("killed", lambda line: None, ["python"]) as box:
    code = "import os, time\\ndef f(): time.sleep(3600)\\n"
    print("open", flush=True)
    box.run(Job("python", "calls", "a.py", {"a.py": code}, (("a", {"call": "f"}),), Limits(case_timeout_s=3600.0)))
"""


@pytest.fixture
def engine() -> Engine:
    return ensure_engine(print)


def listed(engine: Engine, label: str) -> list[Json]:
    found: list[Json] = engine.api.containers(all=True, filters={"label": label})
    return found


def wait_for(engine: Engine, label: str) -> None:
    for _ in range(600):
        if listed(engine, label):
            return
        time.sleep(0.05)
    raise AssertionError(f"no container with {label}")


def test_a_run_that_ends_leaves_no_container(engine: Engine) -> None:
    job = Job("python", "calls", "a.py", {"a.py": "def f(): return 1\n"}, (("a", {"call": "f"}),), Limits())
    with open_sandbox("ends", print, ["python"]) as box:
        box.run(job)
        assert listed(engine, f"{RUN_LABEL}=ends")
    assert listed(engine, f"{RUN_LABEL}=ends") == []


def test_a_run_that_is_interrupted_leaves_no_container(engine: Engine) -> None:
    job = Job("python", "calls", "a.py", {"a.py": "def f(): return 1\n"}, (("a", {"call": "f"}),), Limits())

    def stopped() -> None:
        with open_sandbox("stopped", print, ["python"]) as box:
            box.run(job)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert listed(engine, f"{RUN_LABEL}=stopped") == []


def test_what_a_killed_kit_left_goes_with_the_next_start_and_not_before_it_is_dead(engine: Engine) -> None:
    kit = subprocess.Popen([sys.executable, "-c", KILLED_KIT], stdout=subprocess.PIPE, text=True)
    assert kit.stdout is not None
    try:
        assert kit.stdout.readline() == "open\n"
        wait_for(engine, f"{RUN_LABEL}=killed")
        remove_orphans(engine)
        assert listed(engine, f"{RUN_LABEL}=killed") != []
    finally:
        os.kill(kit.pid, signal.SIGKILL)
        kit.wait()
        kit.stdout.close()
    said: list[str] = []
    with open_sandbox("next", said.append, ["python"]):
        assert listed(engine, f"{RUN_LABEL}=killed") == []
    assert any("left behind" in line for line in said)


def test_containers_of_another_machine_on_a_shared_engine_are_left_alone(engine: Engine) -> None:
    image = ensure_image(engine, "python", print)
    labels = {RUN_LABEL: "foreign", OWNER_LABEL: "nobody", HOST_LABEL: "another"}
    container = Container(engine, ContainerKind(image, "python", "calls", Limits()), labels)
    try:
        remove_orphans(engine)
        assert len(listed(engine, f"{RUN_LABEL}=foreign")) == 1
    finally:
        container.remove()


def test_containers_of_no_living_owner_on_this_machine_are_removed(engine: Engine) -> None:
    image = ensure_image(engine, "python", print)
    with owner_labels("gone") as labels:
        container = Container(engine, ContainerKind(image, "python", "calls", Limits()), labels)
        remove_orphans(engine)
        assert len(listed(engine, f"{RUN_LABEL}=gone")) == 1
    assert remove_orphans(engine) >= 1
    assert listed(engine, f"{RUN_LABEL}=gone") == []
    container.remove()


def test_an_engine_that_breaks_off_in_the_middle_is_the_kits_fault_and_the_job_can_run_again(
    engine: Engine, tmp_path: Path
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
    with Relay(engine.url, tmp_path) as relay, owner_labels("cut") as labels, ThreadPoolExecutor(1) as threads:
        far = connect(EngineEndpoint(relay.url), {})
        pool = ContainerPool(far, labels, ahead=1)
        running = threads.submit(run_job, pool, kind, job(3600))
        wait_for(engine, f"{RUN_LABEL}=cut")
        pool.wait_idle()
        relay.cut()
        with pytest.raises(EngineError):
            running.result(timeout=60)
        relay.mend()
        seen = run_job(pool, kind, job(0))
        pool.close()
        far.close()
    assert [one.value for one in seen] == [1]
    remove_orphans(engine)
    assert listed(engine, f"{RUN_LABEL}=cut") == []
