"""The file of a session, exchanges.jsonl: each thing that happens is a line of its own, appended as it happens.

`open_journal` opens a folder, `SessionJournal` appends lines; exchange_journal.py makes those of one exchange. A kill
loses what came in the last 0.1 s and at most tears the last line, whatever was in flight and however long the disk
takes to sync; only a disk that lets no process write delays lines. The lines of parallel exchanges are mixed;
exchanges.py puts them together.

    start     the proxy was started: a session begins, and numbers begin at 0
    request   the head of a request, when it had arrived
    body      reads of the request's body
    sent      the connection to the target stands, the head is about to be written to it
    response  the head of the final response
    chunks    reads of the response's body, without its framing: all since the last line was written
    end       how the exchange ended
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter_ns

from harness.errors import DiskError, RunError
from harness.files import disk_error, drop_torn_line, lock_folder, to_json
from harness.record import read_moment
from harness.schema import format_version
from harness.types import Json

JOURNAL = "exchanges.jsonl"
_BATCH_NS = 50_000_000
"""How long reads wait for others: a line and a write for each would cost more than passing it on."""
_MAX_WAIT_S = 0.075
"""How long the thread that writes waits for whoever passes on reads; it encodes those of a stream that pauses."""
_MAX_PENDING_BYTES = 32 * 1024 * 1024
"""Beyond it whoever appends waits for the disk, so that a large request does not fill the memory."""


class SessionJournal:
    """Appends lines from the event loop; a thread writes them, so that a slow disk delays no chunk.

    Another thread syncs the file, so that a slow sync delays no line.
    """

    def __init__(
        self, path: Path, on_error: Callable[[DiskError], None], sync_file: Callable[[int], None] = os.fsync
    ) -> None:
        """Open the file. `sync_file` is called with its descriptor, in a thread. Raises DiskError."""
        self._path, self._on_error, self._sync_file = path, on_error, sync_file
        self.error: DiskError | None = None
        self._lines: deque[tuple[bytes, bool]] = deque()
        """Each line, and whether it must survive a loss of power."""
        self._encoders: set[Callable[[], None]] = set()
        self._pending_bytes = 0
        self.due_ns = 0
        """When lines should be made of the reads; whoever adds one later than that calls `encode`."""
        self._closing, self._encoded, self._unsynced = threading.Event(), threading.Event(), threading.Event()
        self._encoding, self._writing = threading.Lock(), threading.Lock()
        try:
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise disk_error(path, error) from error
        self._syncing = ThreadPoolExecutor(1, "journal-sync")
        self._thread = threading.Thread(target=self._write_batches, name="journal")
        self._thread.start()

    def append(self, line: bytes, *, sync: bool = False) -> None:
        """Append a line; with `sync` it will also survive a loss of power."""
        self._lines.append((line, sync))
        self._pending_bytes += len(line)
        if self._pending_bytes > _MAX_PENDING_BYTES:
            self._write_pending()

    def add_encoder(self, encode: Callable[[], None]) -> None:
        """Call this before lines are written: it appends those of one exchange."""
        self._encoders.add(encode)

    def discard_encoder(self, encode: Callable[[], None]) -> None:
        """The exchange has appended its last line."""
        self._encoders.discard(encode)

    def encode(self) -> None:
        """Make lines of all reads, and have them written.

        Called by whoever has just passed on a read: the next one of its stream is a token's time away, while a thread
        that is woken by the clock would take the interpreter just when a read is to be passed on.
        """
        if self._encoding.acquire(blocking=False):
            try:
                self.due_ns = perf_counter_ns() + _BATCH_NS
                for encode in tuple(self._encoders):
                    encode()
            finally:
                self._encoding.release()
            self._encoded.set()

    def append_document(self, kind: str, fields: dict[str, Json], *, sync: bool = False) -> None:
        """Append a line of this kind."""
        self.append((to_json({"kind": kind, **fields}) + "\n").encode("utf-8"), sync=sync)

    def close(self) -> None:
        """Write what is pending, wait until it is synced, and close the file."""
        self._closing.set()
        self._encoded.set()
        self._thread.join()
        self._syncing.shutdown()
        os.close(self._handle)

    def _write_batches(self) -> None:
        while not self._closing.is_set():
            if not self._encoded.wait(_MAX_WAIT_S):
                self.encode()
            self._encoded.clear()
            if self._lines:
                self._write_pending()
        self._write_pending()

    def _write_pending(self) -> None:
        with self._writing:
            self._pending_bytes, lines, needs_sync = 0, [], False
            while self._lines:
                line, sync = self._lines.popleft()
                lines.append(line)
                needs_sync = needs_sync or sync
            if self.error is not None:
                return
            try:
                self._write(b"".join(lines))
            except OSError as error:
                # A torn line may be the last one only, so nothing is appended behind it.
                self._fail(error)
                return
        if needs_sync:
            self._unsynced.set()
            self._syncing.submit(self._sync_written)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._handle, rest) :]

    def _sync_written(self) -> None:
        """Sync what was written, unless a sync that began later than that has done so."""
        if not self._unsynced.is_set():
            return
        # Cleared before the sync: who sets it again has written its lines before.
        self._unsynced.clear()
        try:
            self._sync_file(self._handle)
        except OSError as error:
            with self._writing:
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        """Append nothing more; called with the lock `_writing`."""
        if self.error is None:
            self.error = disk_error(self._path, error)
            self._on_error(self.error)


@contextmanager
def open_journal(folder: Path, target: str, on_error: Callable[[DiskError], None]) -> Iterator[SessionJournal]:
    """Open a folder to record a session into it, after those that it has.

    Raises RunError if it holds something else or another proxy records into it, DiskError if it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Finder writes .DS_Store into each folder that it shows.
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise disk_error(folder, error) from error
    is_run = "run.json" in names
    # Beside an earlier session its page may stand, which the user saved there.
    if is_run or (names and JOURNAL not in names):
        what = "a run" if is_run else f"other files, such as {names[0]}"
        raise RunError(f"{folder}: holds {what}", fix="name a new folder, or one of an earlier session")
    with lock_folder(folder):
        path = folder / JOURNAL
        drop_torn_line(path)
        journal = SessionJournal(path, on_error)
        try:
            now = read_moment()
            fields = {"schema_version": format_version("exchange"), "at": iso_time(now.wall_ns), "url": target}
            journal.append_document("start", {**fields, "at_ns": now.monotonic_ns}, sync=True)
            yield journal
        finally:
            journal.close()


def iso_time(wall_ns: int) -> str:
    """A moment of the wall clock as it is stored."""
    return datetime.fromtimestamp(wall_ns / 1e9, UTC).isoformat(timespec="milliseconds")
