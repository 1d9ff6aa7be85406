"""Proves that tests tell the two states of a change apart: they run in both, five times, under varied conditions.

`prove` is the entry point. Order, hash seed, time zone and locale differ between the runs. A test counts if it ends the
same way in all of them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.score import TEST_FAILED, TEST_PASSED, TestBed, TestOutcomes, TestRun, run_tests
from harness.types import Sandbox

MAX_STATE_S = 10.0
"""CPU time of the tests in one state: what a repository gives must not depend on what else runs on the machine."""
_ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
CONDITIONS: tuple[Mapping[str, str], ...] = (
    {"PYTHONHASHSEED": "0"},
    {"PYTHONHASHSEED": "1", "TZ": "JST-9"},
    {"PYTHONHASHSEED": "42", "TZ": "EST5EDT", **_ASCII},
    {"PYTHONHASHSEED": "4711", "TZ": "NZST-12NZDT", "LC_ALL": "POSIX"},
    {"PYTHONHASHSEED": "123456", "TZ": "UTC0", "LC_ALL": "C.UTF-8"},
)
"""Of each run: time zones on both sides of the world, and a locale in which text files are not UTF-8."""
_NETWORK = re.compile(
    r"gaierror|name resolution|Name or service not known|Network is unreachable|ConnectionError|URLError|ConnectError"
    r"|ENOTFOUND|EAI_AGAIN|ENETUNREACH"
)
_MISSING_MODULE = re.compile(
    r"(?:No module named|Cannot find (?:module|package)) '([\w.@/-]+)'|fixture '(\w+)' not found"
)


class RejectionError(Exception):
    """A change gives no task; caught where tasks are made, and counted or listed by its text."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The tests that fail before and pass after (`fixed`), those that pass in both (`still`), and the slowest run."""

    fixed: tuple[str, ...]
    still: tuple[str, ...]
    seconds: float


def prove(before: TestBed, after: TestBed, sandbox: Sandbox) -> Proof:
    """Run the tests in both states. Raises RejectionError where they do not tell them apart, EngineError."""
    (new,) = run_tests(after, [TestRun()], sandbox)
    passing = new.passed
    if not passing:
        raise RejectionError(_why_nothing_passes(new))
    (old,) = run_tests(before, [TestRun()], sandbox)
    if all(old.of(test) == TEST_PASSED for test in passing):
        raise RejectionError(_why_nothing_fails(new))
    proof = compare_states(before, after, passing, sandbox)
    if not proof.fixed:
        raise RejectionError(f"its tests do not end the same way in {len(CONDITIONS)} runs")
    return proof


def compare_states(before: TestBed, after: TestBed, tests: Sequence[str], sandbox: Sandbox) -> Proof:
    """Run tests under each of CONDITIONS in both states; a test that does not end the same way in all is in neither
    list. Raises RejectionError where they take too long or the canary passes, EngineError.
    """
    runs = [TestRun(_shuffled(tests, number), env, ordered=True) for number, env in enumerate(CONDITIONS)]
    old, new = run_tests(before, runs, sandbox), run_tests(after, runs, sandbox)
    seconds = [run.seconds for run in (*old, *new)]
    slowest = max((each for each in seconds if each is not None), default=0.0)
    if slowest > MAX_STATE_S:
        raise RejectionError(f"its tests take more than {MAX_STATE_S:.0f} s of CPU time")
    if any(run.observation.status == "timed_out" for run in (*old, *new)):
        raise RejectionError(f"its tests do not end within {after.limits.case_timeout_s:.0f} s")
    if any(run.canary != TEST_FAILED for run in new):
        raise RejectionError("the test that must fail did not fail")
    stable = [test for test in tests if all(run.of(test) == TEST_PASSED for run in new)]
    fixed = tuple(test for test in stable if all(run.of(test) != TEST_PASSED for run in old))
    still = tuple(test for test in stable if all(run.of(test) == TEST_PASSED for run in old))
    return Proof(fixed, still, slowest)


def _shuffled(tests: Sequence[str], seed: int) -> tuple[str, ...]:
    order = list(tests)
    random.Random(seed).shuffle(order)
    return tuple(order)


def _why_nothing_passes(run: TestOutcomes) -> str:
    texts = "\n".join(run.messages.values())
    missing = _MISSING_MODULE.search(texts)
    if missing is not None:
        return f"its tests need {missing[1] or missing[2]}, which the environment lacks"
    if _NETWORK.search(texts):
        return "its tests need a network"
    if run.observation.status != "returned":
        return f"its tests end with: {run.observation.status}"
    return "no test passes after the change"


def _why_nothing_fails(run: TestOutcomes) -> str:
    failing = "\n".join(run.messages.get(test, "") for test, outcome in run.tests.items() if outcome != TEST_PASSED)
    if _NETWORK.search(failing):
        return "its tests need a network"
    return "no test fails before the change and passes after it"
