"""Run one job: a new container for it, a new one after each case that killed its container, one Observation per case.

`run_job` is the entry point. What the engine does wrong raises EngineError and is never an observation.

The cases of a job run in one container, one after another, because starting one costs more than most answers. A case
that hangs or crashes ends its container and only itself: the cases after it run in a fresh one. An answer that does not
load is not tried again, since each of its cases would end the same way.

Three kinds of failure look like the answer's and may be the engine's. They are distinguished as follows:

- A container that ends before its driver has taken the job: nothing of the answer ran, so the engine failed. One that
  was pre-started may have died in a restart of the engine; that is why a second container is tried.
- A container that was killed, and was not out of memory (OOM kill). No process can send SIGKILL to PID 1 of its own
  PID namespace (pid_namespaces(7)), so that it came from outside, as in a restart of the engine or from an operator.
  Likewise one that times out while it is paused or while the engine itself answers late. The case runs again in a fresh
  container; one that ends so twice keeps its observation, so that an answer cannot make the kit loop.
- A stream that ends while its container still runs: the engine was restarted under it.
"""

from __future__ import annotations

import random
import secrets
import time
from dataclasses import dataclass, replace
from typing import Literal

from harness.errors import EngineError
from harness.files import sha256_of, to_json
from harness.sandbox.container import SIGKILL_EXIT, STDOUT, Container, ContainerExit
from harness.sandbox.container_config import ContainerKind, memory_limit_bytes
from harness.sandbox.engine import CHECK_ENGINE
from harness.sandbox.pool import ContainerPool
from harness.sandbox.protocol import MAX_BYTES_PER_JOB, MAX_VALUES_PER_JOB, Transcript
from harness.sandbox.runtimes import program_commands
from harness.types import TOO_MANY_TIMEOUTS, CaseStatus, Job, Observation

StopReason = Literal["finished", "timed_out", "exited"]
"""Why reading stopped: everything was reported, the time was up, or the container ended by itself."""

_STDERR_TAIL_BYTES = 4096
MAX_ESCAPED_BYTES_PER_BYTE = 8
"""A report is JSON, which escapes one byte by up to six (`\\u0000`); two more are room for its other fields."""
MAX_RETRIES_PER_JOB = 2
"""Retries after an end that nothing inside explains: a restart of the engine explains one, an operator another."""
TAKE_JOB_S = 90.0
"""Time for a driver to take its job. It only reads meanwhile: nothing but a slow engine or a busy machine delays it."""


@dataclass(frozen=True, slots=True)
class _Budget:
    """What the cases of a job that have not run yet may still use: values and bytes of reports, and time in seconds."""

    values: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _ContainerRun:
    """What one container reported, and how it ended when it ended by itself."""

    transcript: Transcript
    stop_reason: StopReason
    exit: ContainerExit | None
    stderr_tail: bytes
    memory_bytes: int
    seconds: float
    was_held_up: bool = False

    @property
    def may_be_engine_failure(self) -> bool:
        """Whether something outside the container ended it or held it up, and it was neither the kit nor memory."""
        was_killed = self.exit is not None and self.exit.code == SIGKILL_EXIT and not self.exit.out_of_memory
        return was_killed or self.was_held_up


class JobNotStartedError(EngineError):
    """A container ended, or hung, before it took its job: nothing of the answer ran."""


def job_payload(job: Job, start: int, nonce: str) -> bytes:
    """The job with its cases from `start` on, as a driver reads it; the driver's reports carry the nonce."""
    cases = [[index, case_input] for index, (_, case_input) in enumerate(job.cases[start:])]
    return to_json(
        {
            "nonce": nonce,
            "driver": job.driver,
            **program_commands(job),
            "entry": job.entry,
            "files": job.files,
            "cases": cases,
            "output_bytes": job.limits.output_bytes,
        }
    ).encode("utf-8")


def _read_reports(container: Container, transcript: Transcript, job: Job, time_s: float) -> tuple[StopReason, bytes]:
    """Feed the transcript until everything is reported, the current case or all are late, or nothing more can come.

    Returns why it stopped and the end of standard error.
    """
    limits, stderr_tail, stderr_bytes = job.limits, b"", 0
    steps, deadline = 0, time.monotonic() + TAKE_JOB_S
    last_deadline = deadline + time_s
    while not transcript.ended:
        try:
            frame = container.read_frame(deadline)
        except TimeoutError:
            return "timed_out", stderr_tail
        if frame is None:
            return "exited", stderr_tail
        stream, data = frame
        if stream == STDOUT:
            transcript.feed(data)
        else:
            stderr_tail, stderr_bytes = (stderr_tail + data)[-_STDERR_TAIL_BYTES:], stderr_bytes + len(data)
            transcript.limit_exceeded = transcript.limit_exceeded or stderr_bytes > limits.output_bytes
        if transcript.steps != steps:
            timeout_s = limits.case_timeout_s if transcript.loaded else limits.load_timeout_s
            if not steps:
                last_deadline = time.monotonic() + time_s
            steps, deadline = transcript.steps, min(last_deadline, time.monotonic() + timeout_s)
    return "finished", stderr_tail


def job_not_started(status: ContainerExit | None, stderr_tail: bytes) -> JobNotStartedError:
    """The error of a container that ended, or did nothing, before it took its job."""
    end = f"ended with exit code {status.code}" if status is not None else f"did nothing for {TAKE_JOB_S:.0f} s"
    output = stderr_tail.decode("utf-8", "replace").strip()[-300:] or "no output"
    return JobNotStartedError(f"a container {end} before it took its job: {output}", fix=CHECK_ENGINE)


def _run_in_container(pool: ContainerPool, kind: ContainerKind, job: Job, start: int, budget: _Budget) -> _ContainerRun:
    """Run the cases from `start` on in one container, until they are done or one of them ends it."""
    nonce = secrets.token_hex(8)
    case_ids = tuple(name for name, _ in job.cases[start:])
    max_line_bytes = MAX_ESCAPED_BYTES_PER_BYTE * job.limits.output_bytes
    transcript = Transcript(nonce, case_ids, max_line_bytes, budget.values, budget.bytes)
    container = pool.take(kind)
    try:
        container.send(job_payload(job, start, nonce))
        began = time.monotonic()
        stop_reason, stderr_tail = _read_reports(container, transcript, job, budget.seconds)
        seconds = time.monotonic() - began
        status = container.exit_status() if stop_reason == "exited" else None
        was_held_up = stop_reason == "timed_out" and not container.is_responsive()
    finally:
        pool.discard(container, exits_by_itself=transcript.driver_finished)
    if status is not None and status.running:
        raise EngineError("the container engine dropped a container that runs an answer", fix=CHECK_ENGINE)
    if not transcript.taken:
        raise job_not_started(status, stderr_tail)
    return _ContainerRun(transcript, stop_reason, status, stderr_tail, memory_limit_bytes(kind), seconds, was_held_up)


def _run_with_retry(pool: ContainerPool, kind: ContainerKind, job: Job, start: int, budget: _Budget) -> _ContainerRun:
    """As `_run_in_container`, once more in a new container if the first one never took the job."""
    try:
        return _run_in_container(pool, kind, job, start, budget)
    except JobNotStartedError:
        pool.evict(kind)
        return _run_in_container(pool, kind, job, start, budget)


def _case_end(run: _ContainerRun, job: Job) -> tuple[CaseStatus, str]:
    """How the case that ran last ended, or the loading of the answer; with a note."""
    loaded, limits = run.transcript.loaded, job.limits
    if run.stop_reason == "timed_out":
        end = "no end" if loaded else "not loaded"
        return "timed_out", f"{end} within {limits.case_timeout_s if loaded else limits.load_timeout_s:g} s"
    if run.transcript.limit_exceeded:
        return "crashed", "too much output"
    # Node ends itself with this message, before the container's limit, when its heap is full.
    if (run.exit is not None and run.exit.out_of_memory) or b"heap out of memory" in run.stderr_tail:
        return "out_of_memory", f"over {run.memory_bytes // 1024 // 1024} MiB"
    code = run.exit.code if run.exit is not None else 0
    return "crashed", f"ended with exit code {code}" + ("" if loaded else " while loading")


def _observations(run: _ContainerRun, job: Job) -> list[Observation]:
    """What is known after one container: its answered cases and the one that ended it; all cases if none loaded."""
    transcript = run.transcript
    answered, total = transcript.current, len(transcript.case_ids)
    if transcript.load_error is not None:
        return _observations_with_default(transcript, range(total), "not_loaded", transcript.load_error)
    known = [transcript.observations[index] for index in range(answered)]
    if answered == total:
        return known
    end, note = _case_end(run, job)
    return known + _observations_with_default(
        transcript, range(answered, answered + 1 if transcript.loaded else total), end, note
    )


def _observations_with_default(transcript: Transcript, indexes: range, end: CaseStatus, note: str) -> list[Observation]:
    """The observations of these cases: what is recorded, else this end."""
    return [
        transcript.observations.get(index, Observation(transcript.case_ids[index], end, None, note))
        for index in indexes
    ]


def _is_too_large(job: Job) -> bool:
    """Whether a job's files exceed the folder that they are written to: such a job gets no container."""
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in job.files.values()) > job.limits.disk_bytes


def case_order(job: Job) -> list[int]:
    """The order in which the cases of a program run: shuffled, so that its number tells a case nothing.

    The order follows from the job's content and not from chance: scoring again runs the cases in the same order. An
    answer cannot know it, since the hidden cases are drawn after the answer. Calls keep their order, and so do tests,
    which are shuffled by who gives the job (score/kinds/conversation.py).
    """
    order = list(range(len(job.cases)))
    if job.driver == "program":
        random.Random(sha256_of(to_json([dict(job.files), list(job.cases)]))).shuffle(order)
    return order


def run_job(pool: ContainerPool, kind: ContainerKind, job: Job) -> tuple[Observation, ...]:
    """One observation per case, in the job's order. Raises EngineError."""
    order = case_order(job)
    observations = _run_in_order(pool, kind, replace(job, cases=tuple(job.cases[index] for index in order)))
    by_index = dict(zip(order, observations, strict=True))
    return tuple(by_index[index] for index in range(len(job.cases)))


def _run_in_order(pool: ContainerPool, kind: ContainerKind, job: Job) -> tuple[Observation, ...]:
    if _is_too_large(job):
        return tuple(Observation(name, "not_loaded", None, "larger than its folder") for name, _ in job.cases)
    observations: list[Observation] = []
    retries_left, budget = MAX_RETRIES_PER_JOB, _Budget(MAX_VALUES_PER_JOB, MAX_BYTES_PER_JOB, job.time_s)
    while len(observations) < len(job.cases):
        if sum(seen.status == "timed_out" for seen in observations) >= job.max_timeouts:
            return (*observations, *job.left_out(TOO_MANY_TIMEOUTS, len(observations)))
        if budget.seconds <= 0:
            return (*observations, *job.left_out(f"the cases before took {job.time_s:.0f} s", len(observations)))
        run = _run_with_retry(pool, kind, job, len(observations), budget)
        budget = _Budget(run.transcript.values_left, run.transcript.bytes_left, budget.seconds - run.seconds)
        found = _observations(run, job)
        if run.may_be_engine_failure and retries_left:
            # The case that ended the container runs again. The number of such retries is bounded for the whole job: an
            # answer that alternates between two ways to be killed would otherwise run for ever.
            retries_left -= 1
            observations += found[:-1] if run.transcript.loaded else []
            continue
        observations += found
    return tuple(observations)
