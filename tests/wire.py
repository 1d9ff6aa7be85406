"""Build recordings for the reader's tests, from literal bytes or from captured sockets without their HTTP framing."""

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
"""Times in nanoseconds and the bytes that were read then."""


def make_recording(
    reads: Sequence[tuple[int, bytes]],
    status: int | None = 200,
    ended: EndReason = "complete",
    fault: str | None = None,
) -> Recording:
    """Build a recording with these chunks; fields that the reader ignores are filled in."""
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
    received = b""
    for number, (at_ns, data) in enumerate(reads):
        received += data
        head, mark, body = received.partition(b"\r\n\r\n")
        if mark:
            return head, [(at_ns, body), *reads[number + 1 :]]
    return received, []


class _Dechunker:
    """Decodes HTTP/1.1 chunked framing piece by piece; `complete` is True after the last chunk."""

    def __init__(self) -> None:
        self.buffer = b""
        self.left = 0
        self.complete = False

    def feed(self, data: bytes) -> bytes:
        self.buffer += data
        out = b""
        while not self.complete:
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
            self.complete = self.left == 2
        return out


def unframe(reads: Reads) -> Recording:
    """Build a recording from a socket's reads: status line, headers, and a body of any framing."""
    closed = bool(reads) and not reads[-1][1]
    head, body = _head_and_body([read for read in reads if read[1]])
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        framing = _Dechunker()
        body = [(at_ns, framing.feed(data)) for at_ns, data in body]
        complete = framing.complete
    else:
        length = int(headers.get("content-length", -1))
        complete = closed if length < 0 else sum(len(data) for _, data in body) >= length
    ended: EndReason = "complete" if complete else "reset" if closed else "read_timeout"
    return make_recording([read for read in body if read[1]], int(lines[0].split()[1]), ended)


def load_reads(path: Path) -> Reads:
    """Load the reads of one trace file: JSON lines, compressed with gzip or not."""
    raw = path.read_bytes()
    lines = (gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines()
    rows = [json.loads(line) for line in lines]
    return [(row["t_ns"], base64.b64decode(row["bytes_b64"])) for row in rows]


def cut_bytes(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Cut bytes into pieces of these sizes, repeated until nothing is left."""
    at, turn = 0, 0
    while at < len(data):
        size = max(1, sizes[turn % len(sizes)]) if sizes else len(data)
        yield data[at : at + size]
        at, turn = at + size, turn + 1


def event(document: Json, name: str | None = None) -> bytes:
    """Encode one event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(document, ensure_ascii=False)}\n\n".encode()


def chunk(delta: Json, finish: str | None = None, **fields: Json) -> bytes:
    """Encode one chunk of a chat completion."""
    return event({"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **fields})


def text_chunk(text: str) -> bytes:
    """Encode a chunk with content."""
    return chunk({"content": text})


def usage_chunk(prompt: int, completion: int, cached: int | None = None) -> bytes:
    """Encode a usage chunk."""
    details = {} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}
    return event({"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion, **details}})


END = chunk({}, "stop")


def read_bytes(
    *parts: bytes, status: int | None = 200, ended: EndReason = "complete", fault: str | None = None
) -> Reading:
    """Read these bytes; each part is a chunk, 10 ms after the one before."""
    reads = [((number + 1) * 10 * MS, part) for number, part in enumerate(parts)]
    return read(make_recording(reads, status, ended, fault))
