"""Makes the lines of one exchange: `ExchangeJournal` notes what happens, and turns it into lines a batch at a time.

While an exchange is passed on, noting is all that is done: a reference or a number is kept. Each 50 ms, once a read was
passed on, and at the end, `encode` hides the keys and makes lines of what was noted, which takes a third of the time of
a line for each read.
"""

from __future__ import annotations

import threading
from binascii import b2a_base64
from time import perf_counter_ns

from harness.proxy.encodings import content_encoding
from harness.proxy.heads import RequestHead, ResponseHead
from harness.proxy.journal import SessionJournal, iso_time
from harness.proxy.json_secrets import JsonSecretFilter
from harness.proxy.secrets import (
    MIN_CHARS_IN_BODY,
    Reads,
    SecretFilter,
    find_secrets,
    hide_headers,
    hide_target,
    min_chars_to_hide,
)
from harness.record import CLOCK_WRAP_NS, read_moment
from harness.types import ExchangeEnd, Json

_MAX_READS = 64
"""Beyond it whoever adds a read encodes, so that reads wait for a slow disk like other lines."""
_MAX_LINE_BYTES = 1_048_576
"""Beyond it reads begin a new line; a read is smaller."""
MAX_SUMMARIZED_BYTES = 64 * 1024 * 1024
"""Of a longer response only the beginning is kept in memory for the line that is printed; all of it is written."""


class ExchangeJournal:
    """Writes the lines of one exchange, without keys and cookies.

    `sent_ns`, `status`, `encoding` and `chunks` say what was written, for the line that is printed. Times are of the
    monotonic clock; they are wrapped like those of recordings.
    """

    def __init__(
        self, journal: SessionJournal, number: int, head: RequestHead, secrets: frozenset[bytes] = frozenset()
    ) -> None:
        """The request's head has come. `secrets` are hidden like the keys that the request has itself."""
        self._journal, self._number, self._secrets = journal, number, secrets
        self._request: tuple[int, RequestHead] | None = (perf_counter_ns(), head)
        self._sent_wall_ns: int | None = None
        self._response: tuple[int, ResponseHead] | None = None
        self._body_reads, self._chunk_reads = Reads(), Reads()
        self._body_filter = self._chunk_filter = SecretFilter(())
        self._json_filter = JsonSecretFilter()
        self._chunk_bytes = 0
        self._encoding, self._has_ended = threading.Lock(), False
        self.sent_ns: int | None = None
        self.status: int | None = None
        self.encoding = ""
        self.chunks = Reads()
        journal.add_encoder(self.encode)

    def note_sent(self) -> None:
        """The request's first byte is about to be written."""
        self.sent_ns = perf_counter_ns()
        self._sent_wall_ns = read_moment().wall_ns

    def add_body(self, data: bytes) -> None:
        """A piece of the request's body came."""
        self._body_reads.times_ns.append(perf_counter_ns())
        self._body_reads.pieces.append(data)
        if len(self._body_reads.pieces) > _MAX_READS:
            self.encode()

    def add_response(self, at_ns: int, head: ResponseHead) -> None:
        """The final response's head came."""
        self.status = head.status
        decoded = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
        self.encoding = content_encoding(decoded)
        self._response = (at_ns, head)

    def add_chunk(self, at_ns: int, data: bytes) -> None:
        """Payload of the response came and was passed on."""
        self._chunk_reads.times_ns.append(at_ns)
        self._chunk_reads.pieces.append(data)
        if len(self._chunk_reads.pieces) > _MAX_READS:
            self.encode()
        elif at_ns >= self._journal.due_ns:
            self._journal.encode()

    def encode(self) -> None:
        """Append lines of what was noted since the last time; any thread may call it."""
        with self._encoding:
            if not self._has_ended:
                self._encode()

    def _encode(self) -> None:
        # What is noted meanwhile waits: heads are noted before reads, and so are looked at after them.
        body, chunks = self._body_reads.take(), self._chunk_reads.take()
        self._encode_request()
        self._append_reads(b"body", self._body_filter.feed(self._json_filter.feed(body)))
        self._encode_response()
        self._store_chunks(self._chunk_filter.feed(chunks))

    def _encode_request(self) -> None:
        if self._request is not None:
            (at_ns, request), self._request = self._request, None
            self._secrets |= find_secrets(request.target, request.headers)
            self._body_filter = self._chunk_filter = self._filter(MIN_CHARS_IN_BODY)
            target, headers = hide_target(request.target), hide_headers(request.headers)
            self._append("request", at_ns, {"method": request.method, "target": target, "headers": headers})
        if self._sent_wall_ns is not None and self.sent_ns is not None:
            wall_ns, self._sent_wall_ns = self._sent_wall_ns, None
            self._append("sent", self.sent_ns, {"at": iso_time(wall_ns)})

    def _encode_response(self) -> None:
        if self._response is not None:
            (at_ns, response), self._response = self._response, None
            self._secrets |= find_secrets("", response.headers) | self._json_filter.found
            self._chunk_filter = self._filter(min_chars_to_hide(response.status))
            fields: dict[str, Json] = {"status": response.status, "headers": hide_headers(response.headers)}
            self._append("response", at_ns, fields)

    def _filter(self, min_chars: int) -> SecretFilter:
        return SecretFilter(secret for secret in self._secrets if len(secret) >= min_chars)

    def _store_chunks(self, reads: Reads) -> None:
        self._chunk_bytes += sum(map(len, reads.pieces))
        if self._chunk_bytes <= MAX_SUMMARIZED_BYTES:
            self.chunks.extend(reads)
        self._append_reads(b"chunks", reads)

    def end(self, reason: ExchangeEnd, error: str | None) -> None:
        """The exchange ended."""
        ended_ns = perf_counter_ns()
        self._journal.discard_encoder(self.encode)
        with self._encoding:
            self._encode()
            self._append_reads(b"body", self._body_filter.feed(self._json_filter.flush()))
            self._append_reads(b"body", self._body_filter.flush())
            if self._chunk_filter is not self._body_filter:
                self._store_chunks(self._chunk_filter.flush())
            self._append("end", ended_ns, {"end_reason": reason, "error": error}, sync=True)
            # Another thread may have begun to encode all exchanges when this one was still among them.
            self._has_ended = True

    def _append(self, kind: str, at_ns: int, fields: dict[str, Json], *, sync: bool = False) -> None:
        times = {"exchange": self._number, "at_ns": at_ns % CLOCK_WRAP_NS}
        self._journal.append_document(kind, {**fields, **times}, sync=sync)

    def _append_reads(self, kind: bytes, reads: Reads) -> None:
        """Append lines with these reads, each with as many as it may hold."""
        if not reads.pieces:
            return
        sizes = list(map(len, reads.pieces))
        start = 0
        if sum(sizes) > _MAX_LINE_BYTES:
            line_bytes = 0
            for end, size in enumerate(sizes):
                if line_bytes + size > _MAX_LINE_BYTES and end > start:
                    self._append_line(kind, Reads(reads.times_ns[start:end], reads.pieces[start:end]), sizes[start:end])
                    start, line_bytes = end, 0
                line_bytes += size
        self._append_line(kind, Reads(reads.times_ns[start:], reads.pieces[start:]), sizes[start:])

    def _append_line(self, kind: bytes, reads: Reads, sizes: list[int]) -> None:
        """The keys are sorted as in every other line; to_json would take twice as long."""
        first_ns = reads.times_ns[0]
        after_ns = [at_ns - first_ns for at_ns in reads.times_ns]
        text = b2a_base64(b"".join(reads.pieces), newline=False)
        fields = (_numbers(after_ns), first_ns % CLOCK_WRAP_NS, text, self._number, kind, _numbers(sizes))
        self._journal.append(b'{"after_ns":%b,"at_ns":%d,"data":"%b","exchange":%d,"kind":"%b","sizes":%b}\n' % fields)


def _numbers(values: list[int]) -> bytes:
    """A JSON array of integers; repr of a list is the fastest way to write one."""
    return repr(values).replace(" ", "").encode("ascii")
