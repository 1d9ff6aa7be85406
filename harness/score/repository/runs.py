"""Starts a repository's tests in a container and reads how each ended.

`run_tests` is the entry point: one job, in which each setting (order, hash seed, time zone, locale) is a run in a fresh
folder and a process of its own. Tests of the kit's own that must fail, the canary, run with them.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.files import sha256_of, to_json
from harness.score.repository.runners import PYTEST, RUNNERS
from harness.types import Job, Json, Limits, Observation, Sandbox

FOLDER = ".lanebench"
"""Where the kit's own files are in the repository's folder; the tree of a task has no hidden files."""
LIBRARIES = "/opt/lanebench-packages"
"""Where an image has the packages that a repository needs (harness/sandbox/environment.py)."""
TEST_PASSED, TEST_FAILED = "passed", "failed"
"""How most tests end, in the words of the scripts that run them."""
NOT_RUN, REPEATED = "not run", "reported more than once"
_NODE_OPTIONS = ("--no-warnings",)


@dataclass(frozen=True, slots=True)
class TestBed:
    """A repository as its tests run: its files, the files of tests, and what its environment has.

    `paths` are the folders to import from; `distribution` is "NAME==VERSION", for code that asks for its own version.
    `preload` are modules that a runner of JavaScript loads before a file of tests.
    """

    __test__ = False

    files: Mapping[str, str]
    test_files: tuple[str, ...]
    packages: tuple[str, ...] = ()
    paths: tuple[str, ...] = (".",)
    distribution: str = ""
    runner: str = PYTEST
    preload: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class TestRun:
    """How one run of the tests differs from others: the ids in their order (() for all tests), and variables."""

    __test__ = False

    tests: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class TestOutcomes:
    """How each test ended, by its id, and the message of those that did not pass; `canary` how its tests did.

    `seconds` of CPU time are None where the run did not end by itself; `observation` is that of the container.
    """

    __test__ = False

    tests: Mapping[str, str]
    messages: Mapping[str, str]
    canary: str
    seconds: float | None
    observation: Observation

    @property
    def passed(self) -> tuple[str, ...]:
        """The ids of the tests that passed, in the order of the run."""
        return tuple(test for test, outcome in self.tests.items() if outcome == TEST_PASSED)

    def of(self, test: str) -> str:
        """How a test ended."""
        return self.tests.get(test, NOT_RUN)


def canary_file(bed: TestBed) -> str:
    """The name of the canary's file: nobody can write it into an answer, since it is a digest of the answer."""
    return f"test_{sha256_of(to_json(dict(bed.files)))[:16]}{RUNNERS[bed.runner].canary_ending}"


def run_tests(bed: TestBed, runs: Sequence[TestRun], sandbox: Sandbox) -> list[TestOutcomes]:
    """How the tests ended in each of these runs. Raises EngineError."""
    canary = canary_file(bed)
    token = sha256_of(to_json([canary, list(bed.test_files)]))[:32]
    job = _job(bed, canary, [_spec(bed, run, canary, token) for run in runs])
    n_tests = len(RUNNERS[bed.runner].canary_tests)
    return [_outcomes(observation, _Canary(canary, n_tests), token) for observation in sandbox.run(job)]


def _spec(bed: TestBed, run: TestRun, canary: str, token: str) -> Json:
    canary_tests = [f"{canary}::{test}" for test in RUNNERS[bed.runner].canary_tests]
    return {
        # The runners of JavaScript run whole files: the order of the tests gives theirs.
        "files": [*dict.fromkeys(test.partition("::")[0] for test in (*run.tests, *bed.test_files)), canary],
        "canary": canary,
        "runner": bed.runner,
        "preload": [*bed.preload],
        "options": [*_NODE_OPTIONS],
        "tests": [*run.tests, *canary_tests] if run.tests else [],
        "ordered": run.ordered and bool(run.tests),
        "paths": [*bed.paths],
        "libraries": [*([f"{FOLDER}/site"] if bed.distribution else []), *([LIBRARIES] if bed.packages else [])],
        "env": dict(run.env),
        "token": token,
    }


def _job(bed: TestBed, canary: str, specs: Sequence[Json]) -> Job:
    runner = RUNNERS[bed.runner]
    entry = f"{FOLDER}/{runner.script}"
    script = (Path(__file__).parent / runner.script).read_text(encoding="utf-8")
    files = {**bed.files, canary: runner.canary, entry: script, **_distribution_files(bed.distribution)}
    cases = tuple((f"run-{number}", {"stdin": json.dumps(spec)}) for number, spec in enumerate(specs, 1))
    return Job(runner.language, "program", entry, files, cases, bed.limits, packages=bed.packages)


def _distribution_files(distribution: str) -> dict[str, str]:
    """The record that a package is installed, without which its code cannot ask for its own version."""
    name, _, version = distribution.partition("==")
    if not name:
        return {}
    folder = f"{FOLDER}/site/{name.replace('-', '_')}-{version}.dist-info"
    return {posixpath.join(folder, "METADATA"): f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"}


def _lines(observation: Observation, token: str) -> Iterator[tuple[str, str, str]]:
    value = observation.value
    stdout = value.get("stdout") if isinstance(value, dict) else None
    for line in stdout.splitlines() if isinstance(stdout, str) else ():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, list) and len(found) == 4 and found[0] == token and all(type(one) is str for one in found):
            yield found[1], found[2], found[3]


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Canary:
    """The file of the tests that must fail, and how many they are."""

    file: str
    n_tests: int

    def end(self, ends: Sequence[str]) -> str:
        """How its tests ended: the first that did not fail, and NOT_RUN unless each was reported once."""
        if len(ends) != self.n_tests:
            return NOT_RUN
        return next((end for end in ends if end != TEST_FAILED), TEST_FAILED)


def _outcomes(observation: Observation, canary: _Canary, token: str) -> TestOutcomes:
    tests, messages = dict[str, str](), dict[str, str]()
    seconds = None
    for test, outcome, message in _lines(observation, token):
        if not test:
            seconds = _seconds(message)
            continue
        tests[test] = REPEATED if test in tests else outcome
        messages |= {test: message} if message else {}
    own = [name for name in tests if name.startswith(canary.file)]
    return TestOutcomes(tests, messages, canary.end([tests.pop(name) for name in own]), seconds, observation)
