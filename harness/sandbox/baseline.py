"""What a container costs without the kit's own code, for `bench-scorer` to compare the kit's rates with.

`run_bare_container` makes the engine's calls with the kit's create body; `run_docker_cli` runs a job by plain
`docker run`.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from harness.errors import EngineError
from harness.sandbox.container import length_prefixed, remove_container
from harness.sandbox.container_config import ContainerKind, create_body
from harness.sandbox.engine import Engine, engine_errors
from harness.sandbox.protocol import Transcript
from harness.sandbox.runner import job_payload
from harness.sandbox.runtimes import driver_command
from harness.types import Job, Observation


@dataclass(frozen=True, slots=True)
class ContainerTimings:
    """Seconds that one container took in each of the engine's calls."""

    create_s: float
    start_s: float
    run_s: float
    remove_s: float


def run_bare_container(
    engine: Engine, kind: ContainerKind, command: Sequence[str], labels: Mapping[str, str]
) -> ContainerTimings:
    """Create, attach, start, read to the end and remove one container that runs `command`. Raises EngineError."""
    body = {**create_body(kind, engine.capabilities, labels), "Cmd": list(command)}
    times = [time.monotonic()]
    with engine_errors("running a bare container"):
        name = engine.http.create(body)
        times.append(time.monotonic())
        with engine.http.attach(name, stdin=False) as stream:
            engine.http.start(name)
            times.append(time.monotonic())
            while stream.recv(65536):
                pass
        times.append(time.monotonic())
    remove_container(engine.http, name)
    times.append(time.monotonic())
    return ContainerTimings(*(after - before for before, after in pairwise(times)))


def has_docker_cli() -> bool:
    """Whether `docker run` can be measured here."""
    return shutil.which("docker") is not None


def run_docker_cli(url: str, kind: ContainerKind, job: Job) -> list[Observation]:
    """What a job's driver reports in `docker run --rm --network none`, as a user would type it, on the same engine.

    Cases that the driver did not come to are left out. Raises EngineError.
    """
    host = ["--host", url] if url.startswith("unix://") else []
    runtime = ["--runtime", kind.runtime] if kind.runtime else []
    command = driver_command(kind.language, kind.driver, kind.limits)
    words = ["docker", *host, "run", "--rm", "--interactive", "--network", "none", *runtime, kind.image, *command]
    transcript = Transcript(secrets.token_hex(8), tuple(name for name, _ in job.cases), job.limits.output_bytes)
    payload = length_prefixed(job_payload(job, 0, transcript.nonce))
    transcript.feed(_output_of(words, payload))
    return [transcript.observations[index] for index in range(transcript.current)]


def _output_of(words: Sequence[str], payload: bytes) -> bytes:
    """What a command writes, given this input; its input stays open, for a driver ends when it does."""
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(BrokenPipeError):
                process.stdin.write(payload)
                process.stdin.flush()
            output = process.stdout.read()
        if process.returncode != 0:
            errors.seek(0)
            message = errors.read().decode(errors="replace").strip()[-200:]
            raise EngineError(f"`{' '.join(words)}` failed: {message}")
    return output
