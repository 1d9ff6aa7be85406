"""One job to one observation a case: a fresh container for the job, and another after each case that ended one.

A case that hangs or crashes ends its container and itself alone; the cases after it run in a fresh one. An answer that
does not load is not tried again. What the engine did wrong raises EngineError and is never an observation.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Literal

from harness.errors import EngineError
from harness.files import to_json
from harness.sandbox.container import STDOUT, Container, ContainerExit
from harness.sandbox.container_config import ContainerKind, memory_limit_bytes
from harness.sandbox.pool import ContainerPool
from harness.sandbox.protocol import MAX_ITEMS, Transcript
from harness.sandbox.runtimes import program_commands
from harness.types import CaseEnd, Job, Observation

StopReason = Literal["over", "late", "ended"]
"""Why nothing more was read: everything was said, time was up, or the container ended by itself."""

_TAIL = 4096
_ESCAPED = 8
_KILLED = 137
_TAKE_S = 90.0


@dataclass(frozen=True, slots=True)
class _Heard:
    """What one container said, and how it ended when it ended by itself."""

    transcript: Transcript
    silence: StopReason
    exit: ContainerExit | None
    tail: bytes
    memory_bytes: int
    held_up: bool = False

    @property
    def unexplained(self) -> bool:
        """Ended or held up from outside, and neither by the kit nor for want of memory: nothing inside can do that."""
        killed = self.exit is not None and self.exit.code == _KILLED and not self.exit.out_of_memory
        return killed or self.held_up


def payload_of(job: Job, start: int, nonce: str) -> bytes:
    """The job with its cases from `start` on, as a driver is given it; its lines will bear the nonce."""
    cases = [[index, give] for index, (_, give) in enumerate(job.cases[start:])]
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


def _listen(container: Container, transcript: Transcript, job: Job) -> tuple[StopReason, bytes]:
    """Read until all is said, the case that is due is late, or nothing more can come."""
    limits, tail, noise = job.limits, b"", 0
    steps, deadline = 0, time.monotonic() + _TAKE_S
    while not transcript.over:
        try:
            frame = container.frame(deadline)
        except TimeoutError:
            return "late", tail
        if frame is None:
            return "ended", tail
        stream, data = frame
        if stream == STDOUT:
            transcript.feed(data)
        else:
            tail, noise = (tail + data)[-_TAIL:], noise + len(data)
            transcript.overflowed = transcript.overflowed or noise > limits.output_bytes
        if transcript.steps != steps:
            wait_s = limits.case_timeout_s if transcript.loaded else limits.load_timeout_s
            steps, deadline = transcript.steps, time.monotonic() + wait_s
    return "over", tail


class JobNotStartedError(EngineError):
    """A container ended, or hung, before it took its job: nothing of the answer ran."""


def _untaken(ended: ContainerExit | None, tail: bytes) -> str:
    """Why a container that ended or hung before anything of the answer ran is not the answer's fault."""
    how = f"ended with exit code {ended.code}" if ended is not None else f"did nothing for {_TAKE_S:.0f} s"
    last = tail.decode("utf-8", "replace").strip()[-300:] or "it said nothing"
    return f"a container {how} before it took its job: {last}; see that the engine works: `docker info`"


def _run_in_container(pool: ContainerPool, kind: ContainerKind, job: Job, start: int, items_left: int) -> _Heard:
    nonce = secrets.token_hex(8)
    ids = tuple(name for name, _ in job.cases[start:])
    transcript = Transcript(nonce, ids, _ESCAPED * job.limits.output_bytes, items_left)
    container = pool.take(kind)
    try:
        container.give(payload_of(job, start, nonce))
        silence, tail = _listen(container, transcript, job)
        ended = container.exit() if silence == "ended" else None
        held_up = silence == "late" and not container.is_responsive()
    finally:
        pool.discard(container, leaving=transcript.leaving)
    if ended is not None and ended.running:
        raise EngineError("the container engine broke off while an answer ran: see `docker info`, then use --resume")
    if not transcript.taken:
        raise JobNotStartedError(_untaken(ended, tail))
    return _Heard(transcript, silence, ended, tail, memory_limit_bytes(kind), held_up)


def _hear_fresh(pool: ContainerPool, kind: ContainerKind, job: Job, start: int, items_left: int) -> _Heard:
    """As `_hear`; a container made ahead may have died since, with a restart of the engine: then there is a second."""
    try:
        return _run_in_container(pool, kind, job, start, items_left)
    except JobNotStartedError:
        pool.evict(kind)
        return _run_in_container(pool, kind, job, start, items_left)


def _ending(heard: _Heard, job: Job) -> tuple[CaseEnd, str]:
    """How the case that was due ended, or the loading of the answer."""
    loaded, limits = heard.transcript.loaded, job.limits
    if heard.silence == "late":
        return (
            "timed_out",
            f"no end within {limits.case_timeout_s:g} s"
            if loaded
            else f"not loaded within {limits.load_timeout_s:g} s",
        )
    if heard.transcript.overflowed:
        return "crashed", "too much output"
    ended = heard.exit
    if (ended is not None and ended.out_of_memory) or b"heap out of memory" in heard.tail:
        return "out_of_memory", f"over {heard.memory_bytes // 1024 // 1024} MiB"
    code = ended.code if ended is not None else 0
    return "crashed", f"ended with exit code {code}" + ("" if loaded else " while loading")


def _observations(heard: _Heard, job: Job, start: int) -> list[Observation]:
    """What is known after one container: of the cases that it answered, and of the one that ended it, or of all."""
    transcript = heard.transcript
    ids = transcript.ids
    if transcript.load_fault is not None:
        return [
            transcript.ends.get(at, Observation(ids[at], "not_loaded", None, transcript.load_fault))
            for at in range(len(ids))
        ]
    known = [transcript.ends[at] for at in range(transcript.due)]
    if transcript.due == len(ids):
        return known
    end, note = _ending(heard, job)
    last = transcript.due + 1 if transcript.loaded else len(ids)
    return known + [
        transcript.ends.get(at, Observation(ids[at], end, None, note)) for at in range(transcript.due, last)
    ]


def _is_too_large(job: Job) -> bool:
    """Whether a job's files cannot stand in its folder: what no container can take is not given to one."""
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in job.files.values()) > job.limits.disk_bytes


def run_job(pool: ContainerPool, kind: ContainerKind, job: Job) -> tuple[Observation, ...]:
    """One observation a case, in order. Raises EngineError."""
    if _is_too_large(job):
        return tuple(Observation(name, "not_loaded", None, "larger than its folder") for name, _ in job.cases)
    seen: list[Observation] = []
    doubted, items_left = -1, MAX_ITEMS
    while len(seen) < len(job.cases):
        start = len(seen)
        heard = _hear_fresh(pool, kind, job, start, items_left)
        items_left = heard.transcript.items_left
        found = _observations(heard, job, start)
        if heard.unexplained and start + len(found) != doubted:
            # Once may be the engine's doing (a restart, an operator, a pause); twice at one case is the answer's.
            doubted = start + len(found)
            seen += found[:-1] if heard.transcript.loaded else []
            continue
        seen += found
    return tuple(seen)
