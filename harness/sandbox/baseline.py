"""What a container costs without the kit: the engine's own calls with the same create body, and plain `docker run`.

For `bench-scorer` alone: the kit's rates are held against these.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.errors import EngineError
from harness.sandbox.container import framed, remove_container
from harness.sandbox.container_config import Kind, create_body
from harness.sandbox.engine import Engine, engine_faults
from harness.sandbox.languages import command_of
from harness.sandbox.protocol import Transcript
from harness.sandbox.runner import payload_of
from harness.types import Job, Observation


@dataclass(frozen=True, slots=True)
class Stages:
    """Seconds that one container took in each of the engine's calls."""

    create_s: float
    start_s: float
    run_s: float
    remove_s: float


def bare_container(engine: Engine, kind: Kind, command: Sequence[str], labels: Mapping[str, str]) -> Stages:
    """Create, attach, start, read to the end and remove one container that runs `command`. Raises EngineError."""
    body = {**create_body(kind, engine.manners, labels), "Cmd": list(command)}
    times = [time.monotonic()]
    with engine_faults("running a bare container"):
        name = engine.wire.create(body)
        times.append(time.monotonic())
        with engine.wire.attach(name, stdin=False) as line:
            engine.wire.start(name)
            times.append(time.monotonic())
            while line.recv(65536):
                pass
        times.append(time.monotonic())
    remove_container(engine.wire, name)
    times.append(time.monotonic())
    return Stages(*(after - before for before, after in pairwise(times)))


def has_docker_command() -> bool:
    """Whether `docker run` can be measured here."""
    return shutil.which("docker") is not None


def docker_run(url: str, kind: Kind, job: Job) -> list[Observation]:
    """What a job's driver reports in plain `docker run --rm --network none`, as one would type it, on the same engine.

    Cases that it did not come to are left out. Raises EngineError.
    """
    there = ["--host", url] if url.startswith("unix://") else []
    chosen = ["--runtime", kind.runtime] if kind.runtime else []
    command = command_of(kind.language, kind.driver, kind.limits)
    words = ["docker", *there, "run", "--rm", "--interactive", "--network", "none", *chosen, kind.image, *command]
    transcript = Transcript(secrets.token_hex(8), tuple(name for name, _ in job.cases), job.limits.output_bytes)
    given = framed(payload_of(job, 0, transcript.nonce))
    done = subprocess.run(words, input=given, capture_output=True, check=False)
    if done.returncode != 0:
        raise EngineError(f"`{' '.join(words)}` failed: {done.stderr.decode(errors='replace').strip()[-200:]}")
    transcript.feed(done.stdout)
    return [transcript.ends[at] for at in range(transcript.due)]
