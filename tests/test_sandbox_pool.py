"""Removal of used containers: one whose driver has finished is let exit, one that hangs is not waited for."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from harness.files import to_json
from harness.sandbox import DockerSandbox, Engine, ensure_engine, open_sandbox
from harness.sandbox.container import Container
from harness.sandbox.runner import run_job
from harness.types import Job, Limits

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DockerSandbox]:
    with open_sandbox("pool-test", print, ["python"]) as opened:
        yield opened


@pytest.fixture(scope="module")
def engine() -> Engine:
    return ensure_engine(print)


def job_of(code: str) -> Job:
    return Job("python", "calls", "answer.py", {"answer.py": code}, (("one", {"call": "f", "args": [1]}),), Limits())


def container_of(sandbox: DockerSandbox, engine: Engine) -> Container:
    return Container(engine, sandbox.container_kind(job_of("")), sandbox.pool.labels)


def test_a_driver_that_has_finished_ends_its_container_before_it_is_removed(
    sandbox: DockerSandbox, engine: Engine
) -> None:
    container = container_of(sandbox, engine)
    answer = {"answer.py": "def f(x):\n    return x\n"}
    job = {"nonce": "n", "language": "python", "entry": "answer.py", "files": answer, "cases": [[0, {"call": "f"}]]}
    container.send(to_json(job).encode())
    container.wait_for_exit()
    assert not container.exit_status().running
    container.remove()


def test_a_container_that_stays_is_waited_for_only_a_moment_and_then_removed_by_force(
    sandbox: DockerSandbox, engine: Engine
) -> None:
    container = container_of(sandbox, engine)
    began = time.monotonic()
    container.wait_for_exit()
    assert time.monotonic() - began < 5
    assert engine.api.inspect_container(container.id)["State"]["Running"]
    container.remove()
    assert all(other["Id"] != container.id for other in engine.api.containers(all=True))


def test_the_verdict_does_not_wait_for_an_answers_children(sandbox: DockerSandbox) -> None:
    code = "import os, time\ndef f(x):\n    if os.fork() == 0:\n        time.sleep(30)\n    return x\n"
    job = job_of(code)
    began = time.monotonic()
    observations = run_job(sandbox.pool, sandbox.container_kind(job), job)
    assert [observation.value for observation in observations] == [1]
    sandbox.pool.wait_idle()
    assert time.monotonic() - began < 20


SILENT_RUN = """
import gc
from harness.sandbox import open_sandbox
from harness.types import Job, Limits
with open_sandbox("silent", lambda line: None, ["python"]) as sandbox:
    job = Job("python", "calls", "a.py", {"a.py": "def f(): return 1"}, (("a", {"call": "f"}),), Limits())
    print(sandbox.run(job)[0].value)
del sandbox
gc.collect()
"""


def test_no_warning_is_printed_when_the_streams_of_containers_are_dropped() -> None:
    # Python 3.13 always prints what goes wrong when a stream is finalized; older ones do in development mode.
    words = [sys.executable, "-X", "dev", "-c", SILENT_RUN]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("1\n", "")
