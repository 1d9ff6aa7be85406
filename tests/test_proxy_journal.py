"""The file of a session while its disk syncs slowly, and when lines that need a sync are appended at any moment."""

import os
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import DiskError
from harness.proxy.journal import SessionJournal


@contextmanager
def switching_often() -> Iterator[None]:
    """Threads take turns after a microsecond instead of five milliseconds."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval_s)


def ignore(error: DiskError) -> None:
    """What else a proxy would print."""


def test_no_request_for_a_sync_is_lost_whenever_it_comes(tmp_path: Path) -> None:
    was_synced, may_end = threading.Event(), threading.Event()
    journal = SessionJournal(tmp_path / "file", ignore, lambda handle: was_synced.set())

    def append_others() -> None:
        while not may_end.is_set():
            journal.append(b"other\n")
            journal.encode()

    others = threading.Thread(target=append_others)
    lost = 0
    with switching_often():
        others.start()
        for _ in range(1000):
            was_synced.clear()
            journal.append(b"line\n", sync=True)
            if not was_synced.wait(10):
                lost += 1
                break
        may_end.set()
        others.join()
    journal.close()
    assert lost == 0


def test_a_slow_sync_keeps_no_line_from_being_written_and_is_waited_for_at_the_end(tmp_path: Path) -> None:
    # Of a pipe it can be waited for that a line was written.
    os.mkfifo(tmp_path / "file")
    reader = os.open(tmp_path / "file", os.O_RDONLY | os.O_NONBLOCK)
    is_syncing, may_end = threading.Event(), threading.Event()
    order: list[str] = []

    def sync(handle: int) -> None:
        is_syncing.set()
        may_end.wait(30)
        os.fstat(handle)
        order.append("synced")

    def read() -> bytes:
        return os.read(reader, 100) if select.select([reader], [], [], 10)[0] else b""

    def close() -> None:
        journal.close()
        order.append("closed")

    journal = SessionJournal(tmp_path / "file", ignore, sync)
    closer = threading.Thread(target=close)
    try:
        journal.append(b"first\n", sync=True)
        assert (read(), is_syncing.wait(10)) == (b"first\n", True)
        journal.append(b"second\n")
        assert read() == b"second\n"
        journal.append(b"last\n", sync=True)
        assert read() == b"last\n"
    finally:
        closer.start()
        may_end.set()
        closer.join()
        os.close(reader)
    assert order == ["synced", "synced", "closed"]


def test_a_sync_that_fails_is_an_error_and_told_once(tmp_path: Path) -> None:
    errors: list[DiskError] = []

    def sync(handle: int) -> None:
        raise OSError(5, "Input/output error")

    journal = SessionJournal(tmp_path / "file", errors.append, sync)
    for _ in range(3):
        journal.append(b"line\n", sync=True)
        journal.encode()
    journal.close()
    assert errors == [journal.error]


@pytest.mark.parametrize("count", [0, 3])
def test_each_line_is_in_the_file_when_it_is_closed(tmp_path: Path, count: int) -> None:
    synced_sizes: list[int] = []
    journal = SessionJournal(tmp_path / "file", ignore, lambda handle: synced_sizes.append(os.fstat(handle).st_size))
    for number in range(count):
        journal.append(b"%d\n" % number, sync=True)
    journal.close()
    assert (tmp_path / "file").read_bytes() == b"0\n1\n2\n"[: 2 * count]
    assert synced_sizes[-1:] == [2 * count][: min(count, 1)]
