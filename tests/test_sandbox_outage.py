"""An engine that fails in the middle of a job: the job is run again, and the failure is never the answer's."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import EngineError
from harness.sandbox import DockerSandbox, Engine, ensure_engine
from harness.sandbox.cleanup import OWNER_LABEL, owner_labels, remove_owned
from harness.sandbox.endpoints import EngineEndpoint
from harness.sandbox.engine import connect
from harness.sandbox.image import ensure_image
from harness.sandbox.outage import OutageRetry
from harness.sandbox.pool import ContainerPool
from harness.types import Job, Json, Limits, SandboxFacts
from tests.relay import Relay

pytestmark = pytest.mark.engine


FACTS = SandboxFacts("docker", "1", "runc", "image", "digest", rootless=False, cgroup_version="1")
SLOW = "import time\ndef f():\n    time.sleep(1.5)\n    return 1\n"


def job_of(code: str, case_s: float) -> Job:
    return Job("python", "calls", "a.py", {"a.py": code}, (("a", {"call": "f"}),), Limits(case_timeout_s=case_s))


@contextmanager
def sandbox_on(engine: Engine, lines: list[str], max_outage_s: float = 60.0) -> Iterator[DockerSandbox]:
    """A sandbox on an engine that fails; its containers are removed over another connection."""
    image = ensure_image(engine, "python", print)
    with owner_labels("outage-test") as labels:
        pool = ContainerPool(engine, labels, prestarted_per_kind=1)
        yield DockerSandbox(pool, {"python": image}, FACTS, OutageRetry(engine, lines.append, max_outage_s))
        pool.close()
        direct = ensure_engine(print)
        remove_owned(direct, labels)
        direct.close()


def running(engine: Engine, sandbox: DockerSandbox) -> list[Json]:
    """The containers of one sandbox, whatever else runs on the engine."""
    label = f"{OWNER_LABEL}={sandbox.pool.labels[OWNER_LABEL]}"
    return list(engine.api.containers(filters={"label": label}))


def wait_for_two(engine: Engine, sandbox: DockerSandbox) -> None:
    """Wait until the job's container runs, and the one that is made ahead."""
    for _ in range(600):
        if len(running(engine, sandbox)) == 2:
            return
        time.sleep(0.02)
    raise AssertionError("the containers do not come")


def test_a_job_that_the_engine_breaks_off_is_run_again_when_the_engine_is_back(tmp_path: Path) -> None:
    direct, lines = ensure_engine(print), list[str]()
    with Relay(direct.url, tmp_path) as relay, sandbox_on(connect(EngineEndpoint(relay.url), {}), lines) as sandbox:
        observations: list[object] = []
        thread = threading.Thread(target=lambda: observations.extend(sandbox.run(job_of(SLOW, 60.0))))
        thread.start()
        wait_for_two(direct, sandbox)
        relay.cut()
        time.sleep(1.0)
        relay.mend()
        thread.join(timeout=60)
    assert [getattr(observation, "value", None) for observation in observations] == [1]
    assert any("waiting" in line for line in lines)
    assert any("Retrying an answer after an engine failure" in line for line in lines)


def test_an_engine_that_stays_away_is_announced_and_waited_for_once(tmp_path: Path) -> None:
    direct, lines = ensure_engine(print), list[str]()
    with (
        Relay(direct.url, tmp_path) as relay,
        sandbox_on(connect(EngineEndpoint(relay.url), {}), lines, 0.6) as sandbox,
    ):
        relay.cut()
        for _ in range(2):
            with pytest.raises(EngineError):
                sandbox.run(job_of(SLOW, 60.0))
    assert len(lines) == 1


def test_a_container_that_is_held_up_from_outside_has_its_case_run_again() -> None:
    engine, lines = ensure_engine(print), list[str]()
    job = job_of(SLOW, 3.0)
    with sandbox_on(engine, lines) as sandbox:
        sandbox.pool.warm(sandbox.container_kind(job))
        sandbox.pool.wait_idle()
        (made_ahead,) = running(engine, sandbox)
        observations: list[object] = []
        thread = threading.Thread(target=lambda: observations.extend(sandbox.run(job)))
        thread.start()
        time.sleep(0.5)
        engine.api.pause(made_ahead["Id"])
        thread.join(timeout=60)
    engine.close()
    assert [getattr(observation, "value", None) for observation in observations] == [1]
