"""The file of a session, exchanges.jsonl: each thing that happens is a line of its own, appended as it happens.

`open_journal` opens a folder, `SessionJournal` appends lines, `ExchangeJournal` writes those of one exchange. A kill
loses what came in the last 50 ms and at most tears the last line, whatever was in flight. The lines of parallel
exchanges are mixed; exchanges.py puts them together.

    start     the proxy was started: a session begins, and numbers begin at 0
    request   the head of a request, when it had arrived
    body      a piece of the request's body
    sent      the connection to the target stands, the head is about to be written to it
    response  the head of the final response
    chunk     the payload of one read of the response's body
    end       how the exchange ended
"""

from __future__ import annotations

import os
import threading
from binascii import b2a_base64
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter_ns

from harness.errors import DiskError, RunError
from harness.files import disk_error, drop_torn_line, lock_folder, to_json
from harness.proxy.heads import RequestHead, ResponseHead
from harness.proxy.secrets import (
    MIN_CHARS_IN_BODY,
    Piece,
    SecretFilter,
    find_secrets,
    hide_headers,
    hide_query,
    min_chars_to_hide,
)
from harness.record import CLOCK_WRAP_NS, read_moment
from harness.schema import format_version
from harness.types import ExchangeEnd, Json

JOURNAL = "exchanges.jsonl"
_BATCH_S = 0.05
"""How long lines wait for others: a write for each chunk would cost more than passing it on."""
_MAX_PENDING_BYTES = 32 * 1024 * 1024
"""Beyond it whoever appends waits for the disk, so that a large request does not fill the memory."""
_MAX_READS = 256
"""Beyond it whoever adds a chunk encodes, so that chunks wait for a slow disk like other lines."""
_MAX_PIECE_BYTES = 1_048_576
MAX_SUMMARIZED_BYTES = 64 * 1024 * 1024
"""Of a longer response only the beginning is kept in memory for the line that is printed; all of it is written."""


class SessionJournal:
    """Appends lines from the event loop; a thread writes them, so that a slow disk delays no chunk."""

    def __init__(self, path: Path, on_error: Callable[[DiskError], None]) -> None:
        """Open the file. Raises DiskError."""
        self._path, self._on_error = path, on_error
        self.error: DiskError | None = None
        self._lines: deque[bytes] = deque()
        self._open: set[ExchangeJournal] = set()
        self._pending_bytes = 0
        self._closing, self._sync, self._writing = threading.Event(), threading.Event(), threading.Lock()
        try:
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise disk_error(path, error) from error
        self._thread = threading.Thread(target=self._write_batches, name="journal")
        self._thread.start()

    def append(self, line: bytes, *, sync: bool = False) -> None:
        """Append a line; with `sync` it will also survive a loss of power."""
        self._lines.append(line)
        self._pending_bytes += len(line)
        if sync:
            self._sync.set()
        if self._pending_bytes > _MAX_PENDING_BYTES:
            self._write_pending()

    def open_exchange(self, exchange: ExchangeJournal) -> None:
        """Ask this exchange for its chunks whenever lines are written."""
        self._open.add(exchange)

    def close_exchange(self, exchange: ExchangeJournal) -> None:
        """The exchange has appended its last line."""
        self._open.discard(exchange)

    def append_document(self, kind: str, fields: dict[str, Json], *, sync: bool = False) -> None:
        """Append a line of this kind."""
        self.append((to_json({"kind": kind, **fields}) + "\n").encode("utf-8"), sync=sync)

    def close(self) -> None:
        """Write what is pending and close the file."""
        self._closing.set()
        self._thread.join()
        os.close(self._handle)

    def _write_batches(self) -> None:
        # Woken by the clock: to be woken by a line, it would take the interpreter just when a chunk is passed on.
        while not self._closing.wait(_BATCH_S):
            for exchange in tuple(self._open):
                exchange.encode_chunks()
            if self._lines:
                self._write_pending()
        self._write_pending()

    def _write_pending(self) -> None:
        with self._writing:
            sync, self._pending_bytes, lines = self._sync.is_set(), 0, []
            # Cleared before the lines are taken: who sets it again has appended its line before.
            self._sync.clear()
            while self._lines:
                lines.append(self._lines.popleft())
            if self.error is not None:
                return
            try:
                self._write(b"".join(lines), sync=sync)
            except OSError as error:
                # A torn line may be the last one only, so nothing is appended behind it.
                self.error = disk_error(self._path, error)
                self._on_error(self.error)

    def _write(self, data: bytes, *, sync: bool) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._handle, rest) :]
        if sync:
            os.fsync(self._handle)


@contextmanager
def open_journal(folder: Path, target: str, on_error: Callable[[DiskError], None]) -> Iterator[SessionJournal]:
    """Open a folder to record a session into it, after those that it has.

    Raises RunError if it holds something else or another proxy records into it, DiskError if it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted(path.name for path in folder.iterdir() if path.name != JOURNAL)
    except OSError as error:
        raise disk_error(folder, error) from error
    if others:
        what = "a run" if "run.json" in others else f"other files, such as {others[0]}"
        raise RunError(f"{folder}: holds {what}", fix="name a new folder, or one of an earlier session")
    with lock_folder(folder):
        path = folder / JOURNAL
        drop_torn_line(path)
        journal = SessionJournal(path, on_error)
        try:
            now = read_moment()
            fields = {"schema_version": format_version("exchange"), "at": _iso(now.wall_ns), "url": target}
            journal.append_document("start", {**fields, "at_ns": now.monotonic_ns}, sync=True)
            yield journal
        finally:
            journal.close()


def _iso(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / 1e9, UTC).isoformat(timespec="milliseconds")


class ExchangeJournal:
    """Writes the lines of one exchange, without keys and cookies.

    `sent_ns`, `head_ns`, `status` and `chunks` say what was written, for the line that is printed. Times are of the
    monotonic clock; they are wrapped like those of recordings.
    """

    def __init__(
        self, journal: SessionJournal, number: int, head: RequestHead, secrets: frozenset[bytes] = frozenset()
    ) -> None:
        """Write the request's head. `secrets` are hidden like the keys that the request has itself."""
        self._journal, self._number = journal, number
        self._secrets = find_secrets(head.target, head.headers) | secrets
        self.target = hide_query(head.target)
        self._body = self._chunks = self._filter(MIN_CHARS_IN_BODY)
        self.sent_ns: int | None = None
        self.head_ns: int | None = None
        self.status: int | None = None
        self.chunks: list[Piece] = []
        self._chunk_bytes = 0
        self._reads: deque[Piece] = deque()
        self._encoding = threading.Lock()
        fields: dict[str, Json] = {"method": head.method, "target": self.target, "headers": hide_headers(head.headers)}
        self._append("request", perf_counter_ns(), fields)
        journal.open_exchange(self)

    def _filter(self, min_chars: int) -> SecretFilter:
        return SecretFilter(secret for secret in self._secrets if len(secret) >= min_chars)

    def _append(self, kind: str, at_ns: int, fields: dict[str, Json], *, sync: bool = False) -> None:
        times = {"exchange": self._number, "at_ns": at_ns % CLOCK_WRAP_NS}
        self._journal.append_document(kind, {**fields, **times}, sync=sync)

    def _append_pieces(self, kind: bytes, pieces: list[Piece]) -> None:
        """The keys are sorted as in every other line; to_json would cost more than passing the chunk on."""
        for at_ns, data in pieces:
            for start in range(0, len(data), _MAX_PIECE_BYTES):
                text = b2a_base64(data[start : start + _MAX_PIECE_BYTES], newline=False)
                fields = (at_ns % CLOCK_WRAP_NS, text, self._number, kind)
                self._journal.append(b'{"at_ns":%d,"data":"%b","exchange":%d,"kind":"%b"}\n' % fields)

    def add_body(self, data: bytes) -> None:
        """A piece of the request's body came."""
        self._append_pieces(b"body", self._body.feed(perf_counter_ns(), data))

    def note_sent(self) -> None:
        """The request's first byte is about to be written."""
        now = read_moment()
        self.sent_ns = perf_counter_ns()
        self._append("sent", self.sent_ns, {"at": _iso(now.wall_ns)})

    def add_response(self, at_ns: int, head: ResponseHead) -> None:
        """The final response's head came."""
        self.status, self.head_ns = head.status, at_ns
        self._secrets |= find_secrets("", head.headers)
        self._chunks = self._filter(min_chars_to_hide(head.status))
        self._append("response", at_ns, {"status": head.status, "headers": hide_headers(head.headers)})

    def add_chunk(self, at_ns: int, data: bytes) -> None:
        """Payload of the response came. Encoding waits for the next batch, which takes a tenth less CPU time."""
        self._reads.append((at_ns, data))
        if len(self._reads) > _MAX_READS:
            self.encode_chunks()

    def encode_chunks(self) -> None:
        """Append the lines of what came since the last batch; called by the journal's thread, too."""
        with self._encoding:
            while self._reads:
                self._store_chunks(self._chunks.feed(*self._reads.popleft()))

    def _store_chunks(self, pieces: list[Piece]) -> None:
        for _, data in pieces:
            self._chunk_bytes += len(data)
        if self._chunk_bytes <= MAX_SUMMARIZED_BYTES:
            self.chunks += pieces
        self._append_pieces(b"chunk", pieces)

    def end(self, reason: ExchangeEnd, error: str | None) -> None:
        """The exchange ended."""
        self.encode_chunks()
        self._journal.close_exchange(self)
        self._append_pieces(b"body", self._body.flush())
        if self._chunks is not self._body:
            self._store_chunks(self._chunks.flush())
        self._append("end", perf_counter_ns(), {"end_reason": reason, "error": error}, sync=True)
