"""Recordings for the reader's tests: from literal bytes, and from captured sockets with the HTTP framing removed."""

import base64
import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.read import read
from harness.types import Chunk, EndReason, Json, Reading, Recording, TrialKey

MS = 1_000_000
DONE = b"data: [DONE]\n\n"

Reads = list[tuple[int, bytes]]
"""Moments in nanoseconds and the bytes that came then."""


def recording_of(
    reads: Sequence[tuple[int, bytes]],
    status: int | None = 200,
    ended: EndReason = "complete",
    fault: str | None = None,
) -> Recording:
    """A recording with these chunks of the body; everything that reading does not look at is filled in."""
    return Recording(
        key=TrialKey("model", "task", 0),
        turn=0,
        variant=0,
        sent_at="2026-11-23T00:00:00.000Z",
        sent_ns=0,
        url="http://127.0.0.1:8000/v1/chat/completions",
        request={},
        status=status,
        headers={},
        headers_ns=0,
        chunks=tuple(Chunk(at_ns, data) for at_ns, data in reads),
        end_reason=ended,
        ended_ns=reads[-1][0] if reads else 0,
        error=fault,
    )


def _head_and_body(reads: Reads) -> tuple[bytes, Reads]:
    seen = b""
    for number, (at_ns, data) in enumerate(reads):
        seen += data
        head, mark, rest = seen.partition(b"\r\n\r\n")
        if mark:
            return head, [(at_ns, rest), *reads[number + 1 :]]
    return seen, []


class _Dechunker:
    """HTTP/1.1 chunked framing, fed piece by piece; `whole` once the last chunk was seen."""

    def __init__(self) -> None:
        self.buffer = b""
        self.left = 0
        self.whole = False

    def feed(self, data: bytes) -> bytes:
        self.buffer += data
        out = b""
        while not self.whole:
            if self.left > 2:
                piece = self.buffer[: self.left - 2]
                out, self.left, self.buffer = out + piece, self.left - len(piece), self.buffer[len(piece) :]
            if self.left > 2 or len(self.buffer) < self.left:
                return out
            self.buffer, self.left = self.buffer[self.left :], 0
            size, mark, rest = self.buffer.partition(b"\r\n")
            if not mark:
                return out
            self.buffer, self.left = rest, int(size, 16) + 2
            self.whole = self.left == 2
        return out


def unframe(reads: Reads) -> Recording:
    """A recording from what a plain socket read: status line, headers, then a body chunked, measured or closed."""
    closed = bool(reads) and not reads[-1][1]
    head, body = _head_and_body([read for read in reads if read[1]])
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        framing = _Dechunker()
        body = [(at_ns, framing.feed(data)) for at_ns, data in body]
        complete = framing.whole
    else:
        length = int(headers.get("content-length", -1))
        complete = closed if length < 0 else sum(len(data) for _, data in body) >= length
    ended: EndReason = "complete" if complete else "reset" if closed else "read_timeout"
    return recording_of([read for read in body if read[1]], int(lines[0].split()[1]), ended)


def load_reads(path: Path) -> Reads:
    """The reads of one trace file: JSON lines, packed with gzip or not."""
    raw = path.read_bytes()
    lines = (gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines()
    rows = [json.loads(line) for line in lines]
    return [(row["t_ns"], base64.b64decode(row["bytes_b64"])) for row in rows]


def cuts(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """The bytes in pieces of these sizes, repeated until they are used up."""
    at, turn = 0, 0
    while at < len(data):
        size = max(1, sizes[turn % len(sizes)]) if sizes else len(data)
        yield data[at : at + size]
        at, turn = at + size, turn + 1


def event(document: Json, name: str | None = None) -> bytes:
    """One event as bytes."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(document, ensure_ascii=False)}\n\n".encode()


def chunk(delta: Json, finish: str | None = None, **more: Json) -> bytes:
    """One chunk of a chat completion."""
    return event({"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})


def says(text: str) -> bytes:
    """A chunk with content."""
    return chunk({"content": text})


def usage(prompt: int, completion: int, cached: int | None = None) -> bytes:
    """A usage chunk."""
    details = {} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}
    return event({"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion, **details}})


END = chunk({}, "stop")


def read_bytes(
    *parts: bytes, status: int | None = 200, ended: EndReason = "complete", fault: str | None = None
) -> Reading:
    """A reading of these bytes, each part a chunk, 10 ms apart."""
    reads = [((number + 1) * 10 * MS, part) for number, part in enumerate(parts)]
    return read(recording_of(reads, status, ended, fault))
