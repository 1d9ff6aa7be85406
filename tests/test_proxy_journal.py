"""The file of a session while its disk syncs slowly, and when lines that need a sync are appended at any moment."""

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import DiskError
from harness.proxy import journal as journal_module
from harness.proxy.journal import SessionJournal

if TYPE_CHECKING:
    from _typeshed import TraceFunction

MODULE = journal_module.__file__


def ignore(error: DiskError) -> None:
    """What else a proxy would print."""


@contextmanager
def before_step(step: int, act: Callable[[], None]) -> Iterator[threading.Event]:
    """Act before this many lines of the module are executed by a thread started here, counted once the event is set."""
    counting, executed = threading.Event(), [0]

    def trace(frame: FrameType, event: str, arg: Any) -> "TraceFunction | None":
        if frame.f_code.co_filename != MODULE:
            return None
        if event == "line" and counting.is_set():
            executed[0] += 1
            if executed[0] == step:
                act()
        return trace

    previous = threading.gettrace()
    threading.settrace(trace)
    try:
        yield counting
    finally:
        threading.settrace(previous)


@pytest.mark.parametrize("step", range(1, 31))
def test_a_line_is_synced_at_whatever_step_of_the_writing_thread_it_is_appended(tmp_path: Path, step: int) -> None:
    was_synced = threading.Event()

    def append() -> None:
        journal.append(b"second\n", sync=True)

    with before_step(step, append) as counting:
        journal = SessionJournal(tmp_path / "file", ignore, lambda handle: was_synced.set())
    counting.set()
    journal.append(b"first\n")
    journal.encode()
    is_synced = was_synced.wait(10)
    journal.close()
    assert is_synced
    assert (tmp_path / "file").read_bytes().count(b"second\n") == 1


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
