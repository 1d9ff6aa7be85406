"""Lines of recordings.jsonl read again, in several processes where there are many: the costly part of verify."""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

from harness.errors import RunError
from harness.files import build, sha256_of, to_json
from harness.read import read
from harness.schema import validate
from harness.summarize import trial_result
from harness.types import Finding, Json, Outcome, Recording, Score, ScoredTrial, TrialResult
from harness.verify.documents import UnreadableError, parse

BATCH_BYTES = 4 * 1024 * 1024
FEW_BYTES = 8 * 1024 * 1024
"""Below this one process is quicker than starting others."""
_NO_SCORE = Score(Outcome.NO_ANSWER, 0.0, ())

Line = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Row:
    """One line read again. `told` is the trial as this turn alone tells it; None where the line is at fault.

    The messages of a request are long and stay behind: their digest is kept, and the rest of the request.
    """

    number: int
    findings: tuple[Finding, ...]
    told: TrialResult | None = None
    turn: int = 0
    last: bool = True
    variant: int = 0
    messages_sha256: str = ""
    request: Mapping[str, Json] | None = None
    url: str = ""


def messages_digest(messages: Json) -> str:
    """What tells two lists of messages apart."""
    return sha256_of(to_json(messages))


def _chunk_faults(chunks: Json) -> Iterator[str]:
    """The form of the chunks. They are too many for the schema's validator, which sees the first two of them."""
    for at, chunk in enumerate(chunks):
        if not isinstance(chunk, dict) or set(chunk) != {"at_ns", "data"}:
            yield f"$.chunks[{at}]: is no chunk with at_ns and data"
        elif type(chunk["at_ns"]) is not int or not 0 <= chunk["at_ns"] < 2**53 or type(chunk["data"]) is not str:
            yield f"$.chunks[{at}]: at_ns must be nanoseconds from 0 to 2^53 - 1, data a text"


def _form_faults(document: Json) -> list[str]:
    chunks = document.get("chunks") if isinstance(document, dict) else None
    if not isinstance(chunks, list):
        return [problem.message for problem in validate("recording", document)]
    problems = validate("recording", {**document, "chunks": chunks[:2]})
    return [problem.message for problem in problems] + list(_chunk_faults(chunks))


def _time_faults(recording: Recording) -> Iterator[str]:
    moments = [chunk.at_ns for chunk in recording.chunks]
    if any(late < early for early, late in itertools.pairwise(moments)):
        yield "chunks go back in time"
    if moments and recording.ended_ns is not None and moments[-1] > recording.ended_ns:
        yield "the last chunk came after the turn's end"
    if moments and recording.headers_ns is not None and moments[0] < recording.headers_ns:
        yield "the first chunk came before the headers"
    if recording.sent_ns is None and moments:
        yield "chunks came although nothing was sent"


def examine(lines: Iterable[Line], place: str) -> list[Row]:
    """Each line parsed, held to its schema and read again."""
    return [_row(number, line, f"{place}, line {number}") for number, line in lines]


def _row(number: int, line: bytes, place: str) -> Row:
    try:
        document = parse(line, place, flat="chunks")
    except UnreadableError as error:
        return Row(number, (error.finding,))
    faults = _form_faults(document)
    if faults:
        return Row(number, tuple(Finding("schema-recordings", place, fault) for fault in faults[:20]))
    try:
        recording = build(Recording, document)
    except RunError as error:
        return Row(number, (Finding("schema-recordings", place, str(error)),))
    findings = tuple(Finding("chunk-times", place, fault) for fault in _time_faults(recording))
    scored = ScoredTrial(recording.key, recording.variant, _NO_SCORE)
    return Row(
        number,
        findings,
        trial_result([recording], [read(recording)], scored),
        recording.turn,
        recording.last_turn,
        recording.variant,
        messages_digest(document["request"].get("messages")),
        {name: value for name, value in document["request"].items() if name != "messages"},
        recording.url,
    )


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    room = BATCH_BYTES
    for number, line in lines:
        batch.append((number, line))
        room -= len(line)
        if room <= 0:
            yield batch
            batch, room = [], BATCH_BYTES
    if batch:
        yield batch


def examined(lines: Iterable[Line], place: str, size_bytes: int) -> Iterator[Row]:
    """The rows of all lines in their order, the work spread over the processors when it is much."""
    workers = min(os.cpu_count() or 1, 8)
    if size_bytes < FEW_BYTES or workers == 1:
        yield from (row for batch in _batches(lines) for row in examine(batch, place))
        return
    waiting: deque[Future[list[Row]]] = deque()
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for batch in _batches(lines):
            waiting.append(pool.submit(examine, batch, place))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
