"""A container that is done with: one whose driver has left is let end, one that hangs is not waited for."""

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


@pytest.fixture(scope="module")
def box() -> Iterator[DockerSandbox]:
    with open_sandbox("pool-test", print, ["python"]) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def engine() -> Engine:
    return ensure_engine(print)


def job_of(code: str) -> Job:
    return Job("python", "calls", "answer.py", {"answer.py": code}, (("one", {"call": "f", "args": [1]}),), Limits())


def container_of(box: DockerSandbox, engine: Engine) -> Container:
    return Container(engine, box.container_kind(job_of("")), box.pool.labels)


def test_a_driver_that_has_left_ends_its_container_before_it_is_removed(box: DockerSandbox, engine: Engine) -> None:
    container = container_of(box, engine)
    answer = {"answer.py": "def f(x):\n    return x\n"}
    job = {"nonce": "n", "language": "python", "entry": "answer.py", "files": answer, "cases": [[0, {"call": "f"}]]}
    container.give(to_json(job).encode())
    container.wait_for_exit()
    assert not container.exit().running
    container.remove()


def test_a_container_that_stays_is_waited_for_only_a_moment_and_then_removed_by_force(
    box: DockerSandbox, engine: Engine
) -> None:
    container = container_of(box, engine)
    began = time.monotonic()
    container.wait_for_exit()
    assert time.monotonic() - began < 5
    assert engine.api.inspect_container(container.id)["State"]["Running"]
    container.remove()
    assert all(one["Id"] != container.id for one in engine.api.containers(all=True))


def test_the_verdict_does_not_wait_for_an_answers_children(box: DockerSandbox) -> None:
    code = "import os, time\ndef f(x):\n    if os.fork() == 0:\n        time.sleep(30)\n    return x\n"
    job = job_of(code)
    began = time.monotonic()
    seen = run_job(box.pool, box.container_kind(job), job)
    assert [one.value for one in seen] == [1]
    box.pool.wait_idle()
    assert time.monotonic() - began < 20


TIDY = """
import gc
from harness.sandbox import open_sandbox
from harness.types import Job, Limits
with open_sandbox("tidy", lambda line: None, ["python"]) as box:
    job = Job("python", "calls", "a.py", {"a.py": "def f(): return 1"}, (("a", {"call": "f"}),), Limits())
    print(box.run(job)[0].value)
del box
gc.collect()
"""


def test_nothing_is_said_at_the_end_of_a_line_to_a_container() -> None:
    # Newer Pythons always tell what goes wrong when a stream is let go of; the others do in development mode.
    words = [sys.executable, "-X", "dev", "-c", TIDY]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("1\n", "")
