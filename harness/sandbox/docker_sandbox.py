"""The sandbox on a Docker engine, or on one with Docker's API: opened for some languages, then given jobs.

`open_sandbox` is the entry point. It finds or installs an engine, builds the images that the languages need, removes
what dead runs left behind, and yields a DockerSandbox whose containers are gone when the block ends.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from harness.errors import EngineError
from harness.files import to_json
from harness.sandbox.cleanup import owner_labels, remove_orphans, remove_owned
from harness.sandbox.container_config import ContainerKind
from harness.sandbox.engine import Engine, ensure_engine
from harness.sandbox.environment import ensure_environment
from harness.sandbox.image import ensure_image, image_digest
from harness.sandbox.outage import OutageRetry
from harness.sandbox.outside import run_outside_job
from harness.sandbox.pool import ContainerPool
from harness.sandbox.requirements import applied_seccomp_profile, check_limits, check_runtime
from harness.sandbox.runner import run_job
from harness.types import Job, Json, Log, Observation, SandboxFacts

_MAX_RUNS_PER_JOB = 3
_HIDDEN = "(kernel)"
_MIN_PART_CHARS = 8


@dataclass(frozen=True, slots=True)
class DockerSandbox:
    """Runs jobs in throwaway containers; `images` maps each opened language to its image. Safe for many threads.

    `secrets` are strings that no observation may hold.
    """

    pool: ContainerPool
    images: Mapping[str, str]
    facts: SandboxFacts
    outage_retry: OutageRetry
    runtime: str | None = None
    secrets: tuple[str, ...] = ()

    @property
    def architecture(self) -> str:
        """The processor that its containers run on, as the kernel names it."""
        return self.outage_retry.engine.architecture

    def run(self, job: Job) -> tuple[Observation, ...]:
        """One observation per case, in order.

        Raises EngineError when the engine fails, DownloadError when the job's packages cannot be had; never for what an
        answer does.

        Observations are published, so `secrets` are left out of them. A job that the engine broke off runs again from
        its start once the engine answers; its third failure is raised.
        """
        if job.language not in self.images:
            raise EngineError(f"the sandbox was opened without {job.language!r}", fix="name it in `languages`")
        kind = self.container_kind(job)
        return tuple(without(observation, self.secrets) for observation in self._run_with_retry(kind, job))

    def _run_with_retry(self, kind: ContainerKind, job: Job) -> tuple[Observation, ...]:
        run = run_outside_job if job.driver == "outside" else run_job
        for _ in range(_MAX_RUNS_PER_JOB - 1):
            try:
                return run(self.pool, kind, job)
            except EngineError as error:
                if not self.outage_retry.wait_until_available(error):
                    raise
                self.pool.evict(kind)
        return run(self.pool, kind, job)

    def container_kind(self, job: Job) -> ContainerKind:
        """The kind of container that serves a job; its image is built here if it needs packages.

        Raises EngineError, DownloadError.
        """
        image = self.images[job.language]
        if job.packages:
            retry, npm = self.outage_retry, job.language != "python"
            image = ensure_environment(retry.engine, image, job.packages, retry.log, npm=npm)
        return ContainerKind(image, job.language, job.driver, job.limits, self.runtime)


def without(observation: Observation, secrets: Iterable[str]) -> Observation:
    """An observation in whose strings these are replaced, the first ones first; as it is where none of them occurs."""
    found = [observation.value, observation.note, observation.args_after, observation.output]
    text, secrets = to_json(found), tuple(secrets)
    if not any(to_json(secret)[1:-1] in text for secret in secrets):
        return observation
    value, note, args_after, output = _redacted(found, secrets)
    return replace(observation, value=value, note=note, args_after=args_after, output=output)


def _redacted(value: Json, secrets: Iterable[str]) -> Json:
    """A value in whose strings these are replaced. Numbers stay: one can look like a part of a version."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, _HIDDEN)
        return value
    if isinstance(value, list):
        return [_redacted(item, secrets) for item in value]
    if isinstance(value, dict):
        return {_redacted(key, secrets): _redacted(item, secrets) for key, item in value.items()}
    return value


def kernel_secrets(release: str, version: str) -> tuple[str, ...]:
    """What uname(2) tells every answer of the kernel, longest first: its version, and its release with its parts.

    A part is what `split` leaves: words of the release in a row, if they are so long that nothing else is likely to be
    called so and hold both letters and digits. So "30-vm-r412" is one; "generic", "amd64" and "6.18" are none, which
    honest answers return. What an answer spells in another way, such as backwards, is not found.
    """
    words = re.split(r"([^A-Za-z0-9]+)", release)
    runs = {
        "".join(words[begin:end]) for begin in range(0, len(words), 2) for end in range(begin + 1, len(words) + 1, 2)
    }
    parts = {
        run for run in runs if len(run) >= _MIN_PART_CHARS and re.search("[A-Za-z]", run) and re.search("[0-9]", run)
    }
    return tuple(sorted({*parts, release, version} - {""}, key=lambda text: (-len(text), text)))


def _kernel_secrets(engine: Engine) -> tuple[str, ...]:
    """The kernel's names as far as they can be known here: the version is known if the engine is on this machine."""
    return kernel_secrets(engine.kernel, platform.version() if platform.release() == engine.kernel else "")


@contextmanager
def open_sandbox(
    run_id: str, log: Log, languages: Iterable[str], *, runtime: str | None = None
) -> Iterator[DockerSandbox]:
    """A sandbox for these languages, on the engine that is here or that the kit installs. Raises EngineError.

    `log` gets one line for everything that takes long or changes this machine.
    """
    engine = ensure_engine(log)
    try:
        with open_sandbox_on(engine, run_id, log, languages, runtime=runtime) as sandbox:
            yield sandbox
    finally:
        engine.close()


@contextmanager
def open_sandbox_on(
    engine: Engine, run_id: str, log: Log, languages: Iterable[str], *, runtime: str | None = None
) -> Iterator[DockerSandbox]:
    """As `open_sandbox`, on an engine that the caller has and closes."""
    check_runtime(engine, runtime)
    check_limits(engine)
    _remove_orphans(engine, log)
    images = {language: ensure_image(engine, language, log) for language in sorted(set(languages))}
    with owner_labels(run_id) as labels:
        pool = ContainerPool(engine, labels, prestarted_per_kind=max(2, engine.cpus))
        try:
            facts, retry = _facts(engine, images, runtime), OutageRetry(engine, log)
            yield DockerSandbox(pool, images, facts, retry, runtime, _kernel_secrets(engine))
        finally:
            pool.close()
            # Those too that the pool could not remove, or whose creation broke off half way.
            remove_owned(engine, labels)


def _remove_orphans(engine: Engine, log: Log) -> None:
    removed = remove_orphans(engine)
    if removed:
        log(f"Removed {removed} container{'s' if removed > 1 else ''} that an earlier run left behind.")


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
        enforced_limits=engine.enforced_limits,
        seccomp=applied_seccomp_profile(engine, runtime or engine.runtime),
    )
