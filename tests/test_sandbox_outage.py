"""An engine that fails in the middle of a job: the job is run again, and the failure is never the answer's."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import EngineError
from harness.sandbox import DockerSandbox, Engine, ensure_engine
from harness.sandbox.cleanup import RUN_LABEL, owner_labels, remove_owned
from harness.sandbox.engine import EngineEndpoint, connect
from harness.sandbox.image import ensure_image
from harness.sandbox.outage import OutageRetry
from harness.sandbox.pool import ContainerPool
from harness.types import Job, Limits, SandboxFacts
from tests.relay import Relay

FACTS = SandboxFacts("docker", "1", "runc", "image", "digest", rootless=False, cgroup_version="1")
SLOW = "import time\ndef f():\n    time.sleep(1.5)\n    return 1\n"


def job_of(code: str, case_s: float) -> Job:
    return Job("python", "calls", "a.py", {"a.py": code}, (("a", {"call": "f"}),), Limits(case_timeout_s=case_s))


@contextmanager
def sandbox_on(engine: Engine, run: str, said: list[str], away_s: float = 60.0) -> Iterator[DockerSandbox]:
    image = ensure_image(engine, "python", print)
    with owner_labels(run) as labels:
        pool = ContainerPool(engine, labels, ahead=1)
        yield DockerSandbox(pool, {"python": image}, FACTS, OutageRetry(engine, said.append, away_s))
        pool.close()
        near = ensure_engine(print)
        remove_owned(near, labels)
        near.close()


def wait_for_two(engine: Engine, run: str) -> None:
    """Until the job's container runs, and the one that is made ahead."""
    for _ in range(600):
        if len(engine.api.containers(filters={"label": f"{RUN_LABEL}={run}"})) == 2:
            return
        time.sleep(0.02)
    raise AssertionError("the containers do not come")


def test_a_job_that_the_engine_breaks_off_is_run_again_when_the_engine_is_back(tmp_path: Path) -> None:
    near, said = ensure_engine(print), list[str]()
    with Relay(near.url, tmp_path) as relay, sandbox_on(connect(EngineEndpoint(relay.url), {}), "back", said) as box:
        seen: list[object] = []
        running = threading.Thread(target=lambda: seen.extend(box.run(job_of(SLOW, 60.0))))
        running.start()
        wait_for_two(near, "back")
        relay.cut()
        time.sleep(1.0)
        relay.mend()
        running.join(timeout=60)
    assert [getattr(one, "value", None) for one in seen] == [1]
    assert any("waiting" in line for line in said)
    assert any("no fault of its own" in line for line in said)


def test_an_engine_that_stays_away_is_told_and_waited_for_once(tmp_path: Path) -> None:
    near, said = ensure_engine(print), list[str]()
    with (
        Relay(near.url, tmp_path) as relay,
        sandbox_on(connect(EngineEndpoint(relay.url), {}), "away", said, 0.6) as box,
    ):
        relay.cut()
        for _ in range(2):
            with pytest.raises(EngineError):
                box.run(job_of(SLOW, 60.0))
    assert len(said) == 1


def test_a_container_that_is_held_up_from_outside_has_its_case_run_again() -> None:
    near, said = ensure_engine(print), list[str]()
    job = job_of(SLOW, 3.0)
    with sandbox_on(near, "paused", said) as box:
        box.pool.warm(box.container_kind(job))
        box.pool.wait_idle()
        (made_ahead,) = near.api.containers(filters={"label": f"{RUN_LABEL}=paused"})
        seen: list[object] = []
        running = threading.Thread(target=lambda: seen.extend(box.run(job)))
        running.start()
        time.sleep(0.5)
        near.api.pause(made_ahead["Id"])
        running.join(timeout=60)
    near.close()
    assert [getattr(one, "value", None) for one in seen] == [1]
