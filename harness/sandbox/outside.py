"""Run given tests on an answer that is in another container: the host passes calls and values between the two.

`run_outside_job` is the entry point. The tests call a stub; each of its calls goes to the answer's container as a case
of the driver `calls`, and what the answer's driver reports goes back. Of the two only the tests report how a test
function ended. The answer's container holds neither tests nor expected values, and whatever is written there reaches
the tests as a value: it can make a right call wrong, but it cannot make a wrong one right, since the tests compare.

At any time one of the two containers works and the other waits. A test function and all its calls together have the
time of one case. What ends the answer ends the job: the cases after it end the same way and are not run.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from harness.errors import EngineError
from harness.files import to_json
from harness.sandbox.container import SIGKILL_EXIT, STDOUT, Container
from harness.sandbox.container_config import ContainerKind, memory_limit_bytes
from harness.sandbox.engine import CHECK_ENGINE
from harness.sandbox.pool import ContainerPool
from harness.sandbox.protocol import MAX_BYTES_PER_JOB, MAX_VALUES_PER_JOB, Transcript
from harness.sandbox.runner import (
    MAX_ESCAPED_BYTES_PER_BYTE,
    MAX_RETRIES_PER_JOB,
    TAKE_JOB_S,
    JobNotStartedError,
    job_not_started,
)
from harness.types import CaseStatus, Job, Json, Observation

MAX_CALLS_PER_JOB = 100_000
NOT_FOUND = "not found"
"""The note of a call whose function the answer does not define: a test that expects a TypeError must not take it."""
TESTS_NOTE = "the tests: "
"""Begins the note of an end that the container of the tests had, not that of the answer."""


@dataclass(slots=True)
class TestsTranscript(Transcript):
    """The reports of the container that holds the tests; `call` is the one that waits for its value."""

    __test__ = False
    call: Json = None

    def _advance(self, report: dict[str, Json]) -> bool:
        # Tests are code of the task's author, and can write what the stub never would.
        give = report.get("give")
        is_call = report.get("e") == "call" and self.loaded and self.call is None and isinstance(give, dict)
        if is_call:
            self.call = give
        return is_call or Transcript._advance(self, report)


@dataclass(slots=True)
class _Side:
    """One of the two containers, with what it has reported."""

    container: Container
    transcript: Transcript
    prefix: str = ""
    memory_bytes: int = 0

    def read(self, deadline: float) -> None:
        """Take the next bytes that it reports. Raises _EndError where none come in time, or none at all."""
        if self.transcript.limit_exceeded:
            raise _EndError("crashed", f"{self.prefix}too much output")
        try:
            frame = self.container.read_frame(deadline)
        except TimeoutError:
            raise self._timeout_error() from None
        if frame is None:
            raise self._exit_error()
        stream, data = frame
        if stream == STDOUT:
            self.transcript.feed(data)

    def send(self, message: bytes, deadline: float) -> None:
        """Write a message to it. Raises _EndError where it does not read the whole in time.

        A thread of the answer can keep its driver from reading. Only a message that is larger than the buffers between
        the two is then not taken; for a smaller one `read` finds that no report comes.
        """
        try:
            self.container.send_message(message, deadline)
        except TimeoutError:
            raise self._timeout_error() from None

    def _timeout_error(self) -> _EndError:
        return _EndError("timed_out", "", may_be_engine=not self.container.is_responsive())

    def _exit_error(self) -> Exception:
        status = self.container.exit_status()
        if status.running:
            return EngineError("the container engine dropped a container that runs an answer", fix=CHECK_ENGINE)
        if not self.transcript.taken:
            return job_not_started(status, b"")
        if status.out_of_memory:
            note = f"{self.prefix}over {self.memory_bytes // 1024 // 1024} MiB"
            return _EndError("crashed" if self.prefix else "out_of_memory", note)
        note = f"{self.prefix}ended with exit code {status.code}"
        return _EndError("crashed", note, may_be_engine=status.code == SIGKILL_EXIT)


class _EndError(Exception):
    """The end of a job before its last case; `may_be_engine`: nothing inside explains it."""

    def __init__(self, status: CaseStatus, note: str, *, may_be_engine: bool = False) -> None:
        self.status, self.note, self.may_be_engine = status, note, may_be_engine


def _payload(job: Job, role: str, nonce: str) -> bytes:
    is_tests = role == "tests"
    document = {
        "nonce": nonce,
        "role": role,
        "entry": job.tests_entry if is_tests else job.entry,
        "files": dict(job.tests if is_tests else job.files),
        "cases": [[index, give] for index, (_, give) in enumerate(job.cases)] if is_tests else [],
    }
    return to_json(document).encode("utf-8")


@contextmanager
def _started(pool: ContainerPool, kind: ContainerKind, job: Job, role: str, last_deadline: float) -> Iterator[_Side]:
    """A container whose driver has loaded its part of the job. Raises _EndError, EngineError."""
    nonce, is_tests = secrets.token_hex(8), role == "tests"
    max_bytes = MAX_ESCAPED_BYTES_PER_BYTE * job.limits.output_bytes
    case_ids = tuple(name for name, _ in job.cases) if is_tests else ("call",) * MAX_CALLS_PER_JOB
    transcript = (TestsTranscript if is_tests else Transcript)(nonce, case_ids, max_bytes)
    side = _Side(pool.take(kind), transcript, TESTS_NOTE if is_tests else "", memory_limit_bytes(kind))
    try:
        side.container.send(_payload(job, role, nonce))
        _wait_until_loaded(side, job, last_deadline)
        yield side
    finally:
        pool.discard(side.container, exits_by_itself=transcript.driver_finished)


def _wait_until_loaded(side: _Side, job: Job, last_deadline: float) -> None:
    transcript, deadline = side.transcript, time.monotonic() + TAKE_JOB_S
    while not transcript.loaded:
        was_taken = transcript.taken
        try:
            side.read(deadline)
        except _EndError as end:
            if not transcript.taken:
                raise job_not_started(None, b"") from end
            note = end.note or f"not loaded within {job.limits.load_timeout_s:g} s"
            raise _EndError(end.status, f"{side.prefix}{note}", may_be_engine=end.may_be_engine) from end
        if transcript.load_error is not None:
            raise _EndError("not_loaded", f"{side.prefix}{transcript.load_error}")
        if transcript.taken and not was_taken:
            deadline = min(last_deadline, time.monotonic() + job.limits.load_timeout_s)


def _message(value: Json) -> bytes:
    """A value as it was reported: unlike canonical JSON it keeps the order of a dictionary's keys, which tests see."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def _answer(answer: _Side, call: Json, deadline: float) -> bytes:
    """What came of one call, as the stub takes it. Raises _EndError where it is neither a value nor an exception."""
    transcript = answer.transcript
    if transcript.current == len(transcript.case_ids):
        raise _EndError("crashed", f"{TESTS_NOTE}more than {len(transcript.case_ids)} calls")
    # Nothing of an earlier call is kept.
    index, transcript.values_left, transcript.bytes_left = transcript.current, MAX_VALUES_PER_JOB, MAX_BYTES_PER_JOB
    answer.send(_message(call), deadline)
    while transcript.current == index:
        answer.read(deadline)
    seen = transcript.observations.pop(index)
    if transcript.observations:
        raise _EndError("forged", "a line that is not the driver's")
    if seen.status not in ("returned", "raised", "not_callable") or seen.note == NOT_FOUND:
        raise _EndError(seen.status, seen.note or "")
    return _message({"k": seen.status, "v": seen.value, "a": seen.args_after})


def _run_case(answer: _Side, tests: _Side, index: int, job: Job, last_deadline: float) -> Observation:
    """How the test function of a case ended, with each of its calls answered. Raises _EndError, EngineError."""
    transcript = tests.transcript
    assert isinstance(transcript, TestsTranscript)
    deadline = min(last_deadline, time.monotonic() + job.limits.case_timeout_s)
    while transcript.current == index:
        if transcript.call is not None:
            reply, transcript.call = _answer(answer, transcript.call, deadline), None
            tests.send(reply, deadline)
        tests.read(deadline)
    return transcript.observations[index]


def _run_cases(pool: ContainerPool, kind: ContainerKind, job: Job, found: list[Observation]) -> None:
    """Append an observation for each case with an end of its own. Raises _EndError for the next one, EngineError."""
    last_deadline = time.monotonic() + job.time_s
    with (
        _started(pool, kind, job, "answer", last_deadline) as answer,
        _started(pool, kind, job, "tests", last_deadline) as tests,
    ):
        for index in range(len(job.cases)):
            found += [_run_case(answer, tests, index, job, last_deadline)]
        while not tests.transcript.ended:
            tests.read(time.monotonic() + job.limits.case_timeout_s)


def _run(pool: ContainerPool, kind: ContainerKind, job: Job) -> tuple[tuple[Observation, ...], bool]:
    """One observation per case, and whether the engine may have ended the job."""
    found: list[Observation] = []
    try:
        _run_cases(pool, kind, job, found)
    except _EndError as end:
        note = end.note or f"no end within {job.limits.case_timeout_s:g} s"
        missing = [Observation(name, end.status, None, note) for name, _ in job.cases[len(found) :]]
        return (*found, *missing), end.may_be_engine
    return tuple(found), False


def run_outside_job(pool: ContainerPool, kind: ContainerKind, job: Job) -> tuple[Observation, ...]:
    """One observation per case, in the job's order. Raises EngineError.

    A container that died before it took its job is replaced once; a job that something outside the containers may have
    ended runs again, so many times in all that an answer cannot make the kit loop, and within the time of one job.
    """
    time_left_s = job.time_s
    for _ in range(MAX_RETRIES_PER_JOB):
        began = time.monotonic()
        try:
            observations, may_be_engine = _run(pool, kind, replace(job, time_s=time_left_s))
        except JobNotStartedError:
            pool.evict(kind)
            continue
        time_left_s -= time.monotonic() - began
        if not may_be_engine or time_left_s <= 0:
            return observations
    return _run(pool, kind, replace(job, time_s=time_left_s))[0]
