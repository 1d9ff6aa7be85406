"""A relay whose client reads slowly: what is recorded meanwhile, and what the client gets."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest

from harness.proxy.bodies import Body, ChunkedBody, FramingError, UnsizedBody
from harness.proxy.exchange_journal import ExchangeJournal
from harness.proxy.heads import parse_request
from harness.proxy.journal import SessionJournal
from harness.proxy.relay import ResponseRelay

READ = bytes(range(256)) * 200


class QueuedRecord(ExchangeJournal):
    """A record that hands over each chunk at once."""

    def __init__(self, journal: SessionJournal) -> None:
        super().__init__(journal, 0, parse_request(b"GET / HTTP/1.1\r\n\r\n"))
        self.queue: SimpleQueue[bytes] = SimpleQueue()

    def add_chunk(self, at_ns: int, data: bytes) -> None:
        self.queue.put(data)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[QueuedRecord]:
    journal = SessionJournal(tmp_path / "exchanges.jsonl", lambda error: None)
    yield QueuedRecord(journal)
    journal.close()


class Relayed:
    """A running relay: its target, its client, and what was wrong with the target once it has ended."""

    def __init__(self, target: socket.socket, client: socket.socket) -> None:
        self.target, self.client = target, client
        self.error: OSError | FramingError | None = None


@contextmanager
def relaying(body: Body, record: QueuedRecord) -> Iterator[Relayed]:
    """A relay in a thread; its client's socket takes a part of READ only, until the client reads."""
    (target, from_target), (client, to_client) = socket.socketpair(), socket.socketpair()
    to_client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    to_client.setblocking(False)
    relayed, relay = Relayed(target, client), ResponseRelay((from_target, to_client), body, record, lambda: True)

    def run() -> None:
        relayed.error = relay.run()

    thread = threading.Thread(target=run)
    with target, client:
        client.settimeout(10)
        thread.start()
        try:
            yield relayed
        finally:
            target.close()
            client.close()
            thread.join()


def test_a_read_is_recorded_before_a_slow_client_has_all_of_it(record: QueuedRecord) -> None:
    with relaying(UnsizedBody(), record) as relayed:
        relayed.target.sendall(READ)
        relayed.target.close()
        recorded = b""
        while len(recorded) < len(READ):
            recorded += record.queue.get(timeout=10)
        received = b"".join(iter(lambda: relayed.client.recv(65536), b""))
    assert recorded == received == READ


def test_a_slow_client_gets_all_of_a_read_whose_framing_is_broken(record: QueuedRecord) -> None:
    with relaying(ChunkedBody(), record) as relayed:
        relayed.target.sendall(b"zz\r\n" + READ)
        received = b"".join(iter(lambda: relayed.client.recv(65536), b""))
    assert received == b"zz\r\n" + READ
    assert isinstance(relayed.error, FramingError)
