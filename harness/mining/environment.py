"""What every task of a repository shares: its ecosystem, the packages of its image, and how its tests are started.

`read_environment` is the entry point. It reads the newest commit: its lock file gives the versions, where it has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import DownloadError, TaskError
from harness.mining.candidates import CommitStates
from harness.mining.npm_requirements import read_npm_requirements
from harness.mining.requirements import Requirements, read_requirements
from harness.repository_tasks import JAVASCRIPT, LIMITS, Ecosystem, RejectionError
from harness.sandbox import resolve_npm, resolve_packages
from harness.score import PYTEST, TestBed
from harness.types import Log


@dataclass(frozen=True, slots=True)
class TestEnvironment:
    """The packages of the image, and the settings of the scorer kind `repository`."""

    __test__ = False

    ecosystem: Ecosystem
    packages: tuple[str, ...]
    paths: tuple[str, ...] = (".",)
    distribution: str = ""
    runner: str = PYTEST
    preload: tuple[str, ...] = ()

    def bed(self, states: CommitStates) -> TestBed:
        """The repository before a commit's change, as its tests run. Raises RejectionError for another runner."""
        if self.ecosystem is JAVASCRIPT and _runner_of(states.before) != self.runner:
            raise RejectionError("its tests are for another runner than those of the newest commit")
        return TestBed(
            files=states.before,
            test_files=states.test_files,
            packages=self.packages,
            paths=self.paths,
            distribution=self.distribution,
            runner=self.runner,
            preload=self.preload,
            limits=LIMITS,
        )


def read_environment(
    files: Mapping[str, str | None], ecosystem: Ecosystem, architecture: str, log: Log
) -> TestEnvironment:
    """The environment of a repository with these files.

    Raises DownloadError where its packages cannot be had, TaskError where its tests have a runner that is not known.
    """
    if ecosystem is JAVASCRIPT:
        npm = read_npm_requirements(files)
        packages = resolve_npm(npm.dependencies, npm.lock)
        return TestEnvironment(ecosystem, packages, runner=npm.runner, preload=npm.preload)
    needs = read_requirements(files)
    paths = [folder for folder in ("src", "lib") if any(path.startswith(f"{folder}/") for path in files)]
    return TestEnvironment(ecosystem, _resolve(needs, architecture, log), (*paths, "."), needs.distribution)


def _runner_of(files: Mapping[str, str]) -> str | None:
    try:
        return read_npm_requirements(files).runner
    except TaskError:
        return None


def _resolve(needs: Requirements, architecture: str, log: Log) -> tuple[str, ...]:
    """The packages of the environment: with the lock file's versions, else without, else those that can be had."""
    for pins in dict.fromkeys((needs.pins, ())):
        try:
            return resolve_packages(needs.packages, pins, architecture)
        except DownloadError as error:
            failure = error
    kept = [package for package in needs.packages if _can_be_had(package, architecture, log)]
    if not kept:
        raise failure
    return resolve_packages(kept, (), architecture)


def _can_be_had(package: str, architecture: str, log: Log) -> bool:
    try:
        resolve_packages([package], (), architecture)
    except DownloadError as error:
        log(f"left out of the environment: {package}: {error.message}")
        return False
    return True
