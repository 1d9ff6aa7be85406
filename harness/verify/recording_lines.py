"""Reads the lines of recordings.jsonl again, in several processes if there are many: the costly part of `verify`.

`reread_lines` yields a `RereadTurn` for each line, with what is wrong with the line and the trial that it gives.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace

from harness.apis import DEFAULT_API, find_api
from harness.bundle import UnreadableError, host_of, parse_document
from harness.errors import RunError
from harness.files import build, sha256_of, to_json
from harness.read import is_repetitive, read
from harness.run import PREVIOUS, end_time
from harness.schema import validate
from harness.summarize import trial_result
from harness.types import REPETITION, Finding, Json, Outcome, Reading, Recording, Score, ScoredTrial, TrialResult
from harness.verify.clocks import TurnClock, epoch_s, server_timing_problems, turn_clock
from harness.verify.served_models import AnsweringServer, answering_server
from harness.verify.simulation import simulation_mark

BATCH_BYTES = 4 * 1024 * 1024
MIN_PARALLEL_BYTES = 8 * 1024 * 1024
"""Below this a single process is faster than starting others."""
MAX_WORKERS = 8
MAX_LINE_PROBLEMS = 20
MIN_READ_TIMEOUT_S = 1.0
"""A result does not state the timeouts of its run; a shorter one would cut off most replies."""
FIRST_ERROR = 400
"""The lowest HTTP status of an error."""
_NO_SCORE = Score(Outcome.NO_ANSWER, 0.0, ())

Line = tuple[int, bytes]
"""A line's number, from 1, and its bytes."""


@dataclass(frozen=True, slots=True)
class RereadTurn:
    """One line, read again. `trial` is the trial with this turn only, and without a verdict; None for an invalid line.

    Of the request's conversation, which is long, only digest and length cross the process boundary. `previous` is the
    line's link in the run's chain, `sha256` the digest of its bytes, `ended_at` its end on the wall clock, "" beyond
    the calendar.
    """

    line: int
    findings: tuple[Finding, ...]
    trial: TrialResult | None = None
    turn: int = 0
    last_turn: bool = True
    variant: int = 0
    api: str = DEFAULT_API
    conversation_sha256: str = ""
    conversation_chars: int = 0
    request: Mapping[str, Json] | None = None
    clock: TurnClock | None = None
    previous: Json = None
    sha256: str = ""
    simulation_mark: str | None = None
    server: AnsweringServer | None = None
    ended_at: str = ""


def reread_lines(lines: Iterable[Line], location: str, size_bytes: int) -> Iterator[RereadTurn]:
    """The turns of all lines in their order; a large file is spread over the CPUs."""
    workers = min(os.cpu_count() or 1, MAX_WORKERS)
    if size_bytes < MIN_PARALLEL_BYTES or workers == 1:
        yield from (turn for batch in _batches(lines) for turn in reread_batch(batch, location))
        return
    pending: deque[Future[list[RereadTurn]]] = deque()
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for batch in _batches(lines):
            pending.append(pool.submit(reread_batch, batch, location))
            # Bounds the memory: an untrusted file may have many lines, and each of them may be a large one.
            while len(pending) > (1 if len(batch[-1][1]) > BATCH_BYTES else 2 * workers):
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()


def reread_batch(lines: Iterable[Line], location: str) -> list[RereadTurn]:
    """Each line parsed, validated and read again."""
    return [_reread(number, line, f"{location}, line {number}") for number, line in lines]


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    remaining_bytes = BATCH_BYTES
    for number, line in lines:
        batch.append((number, line))
        remaining_bytes -= len(line)
        if remaining_bytes <= 0:
            yield batch
            batch, remaining_bytes = [], BATCH_BYTES
    if batch:
        yield batch


def _reread(number: int, line: bytes, location: str) -> RereadTurn:
    try:
        document = parse_document(line, location, skip_depth_of="chunks")
        problems = _schema_problems(document)
        recording = None if problems else build(Recording, document)
    except UnreadableError as error:
        return RereadTurn(number, (error.finding,))
    except RunError as error:
        problems, recording = [error.message], None
    if recording is None:
        messages = problems[:MAX_LINE_PROBLEMS]
        return RereadTurn(number, tuple(Finding("schema-recordings", location, message) for message in messages))
    request, reading, api = document["request"], read(recording), find_api(recording.url)
    conversation = to_json(api.conversation(request))
    findings = [Finding("chunk-times", location, message) for message in _time_problems(recording)]
    findings += _end_findings(recording, reading, location)
    findings += [Finding("server-timings", location, text) for text in server_timing_problems(recording, reading)]
    return RereadTurn(
        number,
        findings=tuple(findings),
        trial=trial_result([recording], [reading], ScoredTrial(recording.key, recording.variant, _NO_SCORE)),
        turn=recording.turn,
        last_turn=recording.last_turn,
        variant=recording.variant,
        api=api.name,
        conversation_sha256=sha256_of(conversation),
        conversation_chars=len(conversation),
        request={name: value for name, value in request.items() if name not in api.conversation_fields},
        clock=turn_clock(recording),
        previous=document[PREVIOUS],
        sha256=sha256_of(line),
        simulation_mark=simulation_mark(recording, reading),
        server=answering_server(recording, reading),
        ended_at=_ended_at(recording),
    )


def _ended_at(recording: Recording) -> str:
    try:
        return end_time(recording)
    except OverflowError:
        return ""


def _end_findings(recording: Recording, reading: Reading, location: str) -> Iterator[Finding]:
    """What contradicts the reason that the turn is said to have ended for."""
    if recording.end_reason == REPETITION and not _ends_in_loop(recording):
        yield Finding("repetition", location, "the turn was stopped as a loop, but its text does not repeat")
    if _ended_before_timeout(recording, reading):
        message = "the reply had ended, and is said to have timed out with no wait for more of it"
        yield Finding("chunk-times", location, message, "warning")
    # The proxy answers an agent itself where it reaches no server, with the status of an error.
    if recording.end_reason == "connect_failed" and recording.status is not None and recording.status < FIRST_ERROR:
        message = f"a server answered with status {recording.status}, and no connection to it is said to have been made"
        yield Finding("recordings", location, message)


def _ended_before_timeout(recording: Recording, reading: Reading) -> bool:
    """Whether a whole reply is said to have ended by a read timeout, and nobody waited for one.

    A server may leave a connection open behind its last event, which does end so.
    """
    is_whole = reading.done and reading.finish_reason is not None and bool(recording.chunks)
    if recording.end_reason != "read_timeout" or not is_whole:
        return False
    return (recording.ended_ns or 0) - recording.chunks[-1].at_ns < MIN_READ_TIMEOUT_S * 1e9


def _ends_in_loop(recording: Recording) -> bool:
    """Whether the text repeats to its end; the last read came when the turn had already been stopped."""
    cut = replace(recording, chunks=recording.chunks[:-1])
    readings = (read(each) for each in (recording, cut))
    return any(is_repetitive(reading.reasoning + reading.content) for reading in readings)


def _schema_problems(document: Json) -> list[str]:
    """The problems of a line. The chunks are too many for the validator, which gets only the first two of them."""
    chunks = document.get("chunks") if isinstance(document, dict) else None
    if not isinstance(chunks, list):
        return [problem.message for problem in validate("recording", document)]
    problems = [problem.message for problem in validate("recording", {**document, "chunks": chunks[:2]})]
    if not problems:
        problems += _pattern_problems(document)
    return problems + list(_chunk_problems(chunks))


def _pattern_problems(document: Json) -> Iterator[str]:
    """What the patterns of the schema cannot say of a URL and of a time."""
    if host_of(document["url"]) is None:
        yield "$.url: is no valid URL"
    if epoch_s(document["sent_at"]) is None:
        yield "$.sent_at: is no valid time"


def _chunk_problems(chunks: list[Json]) -> Iterator[str]:
    for at, chunk in enumerate(chunks):
        if not isinstance(chunk, dict) or set(chunk) != {"at_ns", "data"}:
            yield f"$.chunks[{at}]: chunk must have at_ns and data"
        elif type(chunk["at_ns"]) is not int or not 0 <= chunk["at_ns"] < 2**53:
            yield f"$.chunks[{at}].at_ns: expected nanoseconds, an integer from 0 to 2^53 - 1"
        elif type(chunk["data"]) is not str:
            yield f"$.chunks[{at}].data: expected a string"


def _time_problems(recording: Recording) -> Iterator[str]:
    times_ns = [chunk.at_ns for chunk in recording.chunks]
    if any(late < early for early, late in itertools.pairwise(times_ns)):
        yield "the arrival times of chunks decrease"
    if times_ns and recording.ended_ns is not None and times_ns[-1] > recording.ended_ns:
        yield "the last chunk arrived after the end of the turn"
    if times_ns and recording.headers_ns is not None and times_ns[0] < recording.headers_ns:
        yield "the first chunk arrived before the headers"
    if recording.sent_ns is None and times_ns:
        yield "chunks arrived, although no request was sent"
