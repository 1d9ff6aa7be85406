"""Throwaway containers that run what a model wrote: inputs go in, plain values come out, nothing else does.

`open_sandbox` is the way in: it finds or brings an engine, builds the image that a language needs, clears what dead
runs left, and gives a Sandbox that may be used from many threads. How values are written: harness/sandbox/values.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from harness.errors import EngineError
from harness.sandbox.baseline import has_docker_cli, run_bare_container, run_docker_cli
from harness.sandbox.cleanup import owner_labels, remove_orphans, remove_owned
from harness.sandbox.container_config import ContainerKind
from harness.sandbox.engine import Engine, Say, ensure_engine, find_engine
from harness.sandbox.image import ensure_image, has_image, image_digest, image_name
from harness.sandbox.outage import OutageRetry
from harness.sandbox.pool import ContainerPool
from harness.sandbox.runner import run_job
from harness.types import Job, Observation, SandboxFacts

__all__ = [
    "DockerSandbox",
    "Engine",
    "Say",
    "applied_seccomp_profile",
    "check_limits",
    "check_runtime",
    "ensure_engine",
    "ensure_image",
    "find_engine",
    "has_docker_cli",
    "has_image",
    "image_name",
    "open_sandbox",
    "run_bare_container",
    "run_docker_cli",
]


UNLIMITED = "LANEBENCH_UNLIMITED"
"""The variable that accepts an engine which cannot limit what an answer takes."""

_TRIES = 3
_OWN_KERNELS = ("runsc", "kata")


@dataclass(frozen=True, slots=True)
class DockerSandbox:
    """The sandbox on a Docker engine, or on one that speaks its language. `run` may be called from many threads."""

    pool: ContainerPool
    images: Mapping[str, str]
    facts: SandboxFacts
    outage_retry: OutageRetry
    runtime: str | None = None

    def run(self, job: Job) -> tuple[Observation, ...]:
        """One observation a case, in order. Raises EngineError for the kit's own faults, and only then.

        A job that the engine broke off is run again from its start, once the engine answers; the third time it is told.
        """
        if job.language not in self.images:
            raise EngineError(f"the sandbox was opened without {job.language!r}: name it in the languages to open")
        kind = self.container_kind(job)
        for _ in range(_TRIES - 1):
            try:
                return run_job(self.pool, kind, job)
            except EngineError as fault:
                if not self.outage_retry.wait_until_available(fault):
                    raise
                self.pool.evict(kind)
        return run_job(self.pool, kind, job)

    def container_kind(self, job: Job) -> ContainerKind:
        """Which containers serve a job."""
        return ContainerKind(self.images[job.language], job.language, job.driver, job.limits, self.runtime)


def _facts(engine: Engine, images: Mapping[str, str], runtime: str | None) -> SandboxFacts:
    tags = sorted(set(images.values()))
    return SandboxFacts(
        engine=engine.name,
        engine_version=engine.version,
        runtime=runtime or engine.runtime,
        image=", ".join(tags),
        image_digest=", ".join(image_digest(engine, tag) for tag in tags),
        rootless=engine.rootless,
        cgroup_version=engine.cgroup_version,
        enforces=engine.enforces,
        seccomp=applied_seccomp_profile(engine, runtime or engine.runtime),
    )


def applied_seccomp_profile(engine: Engine, runtime: str) -> Literal["lanebench", "engine"] | None:
    """Whose list of system calls holds; unknown where a kernel of the runtime's own answers them, list or not."""
    if any(word in runtime for word in _OWN_KERNELS):
        return None
    return "engine" if engine.capabilities.seccomp is None else "lanebench"


def check_runtime(engine: Engine, runtime: str | None) -> None:
    """Raises EngineError where the engine does not have that runtime."""
    if runtime is not None and engine.runtimes and runtime not in engine.runtimes:
        there = ", ".join(engine.runtimes)
        raise EngineError(f"runtime {runtime!r} is not one of this engine's ({there}): install it, or leave it out")


def check_limits(engine: Engine, env: Mapping[str, str] = os.environ) -> None:
    """Raises EngineError where the engine cannot limit memory or processes, unless the user accepts that.

    So it is with a rootless engine where cgroups are of version 1: an answer could take all that its user may take.
    """
    missing = [word for word in ("memory", "processes") if word not in engine.enforces]
    if missing and not env.get(UNLIMITED):
        raise EngineError(
            f"{engine.name} {engine.version} at {engine.url} cannot limit a container's {' and '.join(missing)} "
            f"({'rootless, ' if engine.rootless else ''}cgroup v{engine.cgroup_version}): let it delegate these "
            f"controllers (cgroup v2), use another engine, or accept that with {UNLIMITED}=1"
        )


@contextmanager
def open_sandbox(
    run_id: str, say: Say, languages: Iterable[str], *, runtime: str | None = None
) -> Iterator[DockerSandbox]:
    """A sandbox for these languages, with what it needs brought; its containers are gone when the block ends.

    `say` is told in one line of everything that takes long or changes this machine. Raises EngineError.
    """
    engine = ensure_engine(say)
    try:
        with _opened(engine, run_id, say, languages, runtime=runtime) as sandbox:
            yield sandbox
    finally:
        engine.close()


@contextmanager
def _opened(
    engine: Engine, run_id: str, say: Say, languages: Iterable[str], *, runtime: str | None
) -> Iterator[DockerSandbox]:
    check_runtime(engine, runtime)
    check_limits(engine)
    left = remove_orphans(engine)
    if left:
        say(f"Removed {left} container{'s' if left > 1 else ''} that an earlier run left behind.")
    images = {language: ensure_image(engine, language, say) for language in sorted(set(languages))}
    with owner_labels(run_id) as labels:
        pool = ContainerPool(engine, labels, ahead=max(2, engine.cpus))
        try:
            yield DockerSandbox(pool, images, _facts(engine, images, runtime), OutageRetry(engine, say), runtime)
        finally:
            pool.close()
            remove_owned(engine, labels)
