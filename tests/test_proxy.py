"""The recording proxy: bytes as they came, what it keeps of them, and every way in which an exchange can go wrong."""

import gzip
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, cast

import pytest

from harness.cli.session_source import read_session
from harness.errors import ConfigError, LanebenchError, RunError
from harness.files import read_lines
from harness.proxy import (
    JOURNAL,
    ProxyHandle,
    ProxySettings,
    RequestHead,
    parse_listen,
    parse_target,
    read_exchanges,
    serve,
)
from harness.proxy.bodies import ChunkedBody, FramingError
from harness.proxy.client_connection import ClientConnection, has_unsent_bytes
from harness.proxy.encodings import decode_body, decode_reads
from harness.proxy.heads import parse_request
from harness.proxy.secrets import Reads, SecretFilter, hide_target
from harness.proxy.server import Address
from harness.proxy.summary import summarize_exchange
from harness.read import read
from harness.reference import serving
from harness.schema import format_version, validate
from harness.types import Exchange, Json
from tests.deep import deep_but

KEY = "sk-0123456789abcdefghij"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\nX-Odd:  two  spaces\r\nTransfer-Encoding: chunked\r\n\r\n"
Handler = Callable[[socket.socket, bytes], None]


@dataclass
class RawServer:
    """Hands each connection to a handler, with the head and body that came with it."""

    handler: Handler
    received: list[bytes] = field(default_factory=list)
    port: int = 0

    @contextmanager
    def running(self) -> Iterator["RawServer"]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            thread = threading.Thread(target=self._serve, args=(listener,))
            thread.start()
            yield self
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()

    def _serve(self, listener: socket.socket) -> None:
        with ThreadPoolExecutor(16) as pool:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                pool.submit(self._handle, connection)

    def _handle(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(10)
            request = _read_message(connection)
            self.received.append(request)
            self.handler(connection, request)


def _read_message(connection: socket.socket) -> bytes:
    """One request or response with a length, or its beginning if the other side closes."""
    data = b""
    while b"\r\n\r\n" not in data and (piece := connection.recv(65536)):
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    sizes = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    pieces, missing = [data], int(sizes[0]) - len(body) if sizes else 0
    while missing > 0 and (piece := connection.recv(1 << 20)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def answering(*pieces: bytes) -> Handler:
    def handle(connection: socket.socket, request: bytes) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.01)

    return handle


@dataclass
class RunningProxy:
    """A proxy in a thread; `lines` are what it printed, and `has_printed` is set when there is one."""

    port: int
    out: Path
    lines: list[str]
    has_printed: threading.Event

    def send(self, request: bytes) -> bytes:
        """Send bytes and read until the proxy closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as client:
            client.sendall(request)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def exchanges(self) -> tuple[Exchange, ...]:
        return read_exchanges(self.out)


@contextmanager
def proxy(port: int, out: Path, token: str | None = None, api_key: str | None = None) -> Iterator[RunningProxy]:
    target, listen = parse_target(f"http://127.0.0.1:{port}"), parse_listen("127.0.0.1:0")
    with running_proxy(ProxySettings(target, listen, out, token, api_key, summarize_exchange)) as running:
        yield running


@contextmanager
def running_proxy(settings: ProxySettings) -> Iterator[RunningProxy]:
    lines: list[str] = []
    started: list[ProxyHandle] = []
    listening, has_printed = threading.Event(), threading.Event()

    def report(line: str) -> None:
        lines.append(line)
        has_printed.set()

    def ready(handle: ProxyHandle) -> None:
        started.append(handle)
        listening.set()

    thread = threading.Thread(target=lambda: serve(settings, report, ready))
    thread.start()
    assert listening.wait(10)
    (handle,) = started
    try:
        yield RunningProxy(int((handle.url or "").rpartition(":")[2]), settings.out, lines, has_printed)
    finally:
        handle.stop()
        thread.join()


def post(path: str = "/v1/chat/completions", body: bytes = b"{}", *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: me", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def ask(model: str, *headers: str) -> bytes:
    document = {"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    return post("/v1/chat/completions", json.dumps(document).encode(), *headers)


def test_a_request_reaches_the_server_as_it_came_but_for_the_headers_of_one_connection(tmp_path: Path) -> None:
    head = b"POST /any/Path?q=%C3%A9 HTTP/1.1\r\nhOsT: me\r\nX-b:  1 \r\nX-a: 2\r\nX-b: \xe9\r\nContent-Length: 7\r\n"
    with RawServer(answering(OK)).running() as server, proxy(server.port, tmp_path) as running:
        answer = running.send(head + b"Connection: close, X-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\r\n{broken")
    assert server.received == [head + b"Connection: close\r\n\r\n{broken"]
    assert answer == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
    (exchange,) = running.exchanges()
    assert (exchange.body, exchange.recording.request, exchange.end_reason) == (b"{broken", {}, "complete")
    assert ("X-b", "é") in exchange.request_headers
    assert running.lines == [f"{'/any/Path':<34}  200"]


def test_a_response_reaches_the_client_with_its_framing_and_is_kept_without(tmp_path: Path) -> None:
    body = [b"5;x=1\r\nhel", b"lo\r\n3\r\n\r\n\n\r\n", b"0\r\nTrailer: x\r\n\r\n"]
    server = RawServer(answering(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", CHUNKED, *body))
    with server.running(), proxy(server.port, tmp_path) as running:
        answer = running.send(post())
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert answer == early + CHUNKED.removesuffix(b"\r\n") + b"Connection: close\r\n\r\n" + b"".join(body)
    recording = running.exchanges()[0].recording
    assert [chunk.data for chunk in recording.chunks] == [b"hel", b"lo\r\n\n"]
    times = [recording.headers_ns or 0, *(chunk.at_ns for chunk in recording.chunks), recording.ended_ns or 0]
    assert times == sorted(times)
    assert times[0] > 0


def test_a_head_with_bare_newlines_and_a_folded_header_is_passed_on(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\nX-Long: one\n  two\nContent-Length: 2\n\n"
    with RawServer(answering(head + b"hi")).running() as server, proxy(server.port, tmp_path) as running:
        answer = running.send(post().replace(b"\r\n", b"\n"))
    assert answer == b"HTTP/1.1 200 OK\r\nX-Long: one\r\n  two\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
    assert running.exchanges()[0].end_reason == "complete"


def test_requests_follow_each_other_on_one_connection_even_if_sent_at_once(tmp_path: Path) -> None:
    requests = [post(f"/{number}").replace(b"Connection: close\r\n", b"") for number in range(3)]
    with RawServer(answering(OK)).running() as server, proxy(server.port, tmp_path) as running:
        answer = running.send(b"".join(requests[:2]) + post("/last"))
    assert answer.count(b"200 OK") == 3
    assert [exchange.target for exchange in running.exchanges()] == ["/0", "/1", "/last"]


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_response_without_a_body_and_one_that_ends_with_the_connection_are_whole(tmp_path: Path, method: str) -> None:
    sized, unsized = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\nuntil the end"
    server = RawServer(answering(sized if method == "HEAD" else unsized))
    with server.running(), proxy(server.port, tmp_path) as running:
        answer = running.send(f"{method} / HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n".encode())
    assert answer.endswith(b"\r\n\r\n" if method == "HEAD" else b"until the end")
    assert running.exchanges()[0].end_reason == "complete"


def test_parallel_streams_of_three_apis_are_read_like_recordings_of_a_run(tmp_path: Path) -> None:
    with serving() as server, proxy(server.port, tmp_path) as running, ThreadPoolExecutor(6) as pool:
        model = "plain?ttft_ms=30&tps=400&tokens=30"
        paths = ["/v1/chat/completions", "/v1/responses", "/v1/messages"] * 2
        body = ask(model).partition(b"\r\n\r\n")[2]
        answers = list(pool.map(running.send, [post(path, body) for path in paths]))
    assert all(b"200 OK" in answer for answer in answers)
    exchanges = running.exchanges()
    assert sorted(exchange.target for exchange in exchanges) == sorted(paths)
    for exchange in exchanges:
        reading = read(exchange.recording)
        assert reading.error is None
        assert reading.usage is not None
        assert reading.usage.completion_tokens == 30
        assert (reading.timings.ttft_s or 0) >= 0.03
        assert exchange.recording.request["model"] == model
    assert all("prompt    100" in line and "tokens     30" in line and line.endswith("  200") for line in running.lines)
    assert len(running.lines) == 6


def test_the_server_sees_at_once_that_a_client_has_left(tmp_path: Path) -> None:
    seen = threading.Event()

    def wait_for_end(connection: socket.socket, request: bytes) -> None:
        connection.sendall(CHUNKED + b"1\r\na\r\n")
        if connection.recv(1) == b"":
            seen.set()

    with RawServer(wait_for_end).running() as server, proxy(server.port, tmp_path) as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as client:
            client.sendall(post())
            assert b"200 OK" in client.recv(65536)
        assert seen.wait(5)
    (exchange,) = running.exchanges()
    assert (exchange.end_reason, [chunk.data for chunk in exchange.recording.chunks]) == ("client_closed", [b"a"])
    assert running.lines[0].endswith("200, client left")


def test_a_client_that_leaves_with_the_last_byte_has_the_whole_response(tmp_path: Path) -> None:
    pieces = [CHUNKED + b"1\r\na\r\n", *[b"1\r\nb\r\n"] * 3, b"0\r\n\r\n"]
    with RawServer(answering(*pieces)).running() as server, proxy(server.port, tmp_path) as running:
        for _ in range(40):
            with socket.create_connection(("127.0.0.1", running.port), timeout=10) as client:
                client.sendall(post())
                got = b""
                while not got.endswith(pieces[-1]):
                    got += client.recv(65536)
    reasons = [exchange.end_reason for exchange in running.exchanges()]
    assert reasons == ["complete"] * 40
    data = [b"".join(chunk.data for chunk in exchange.recording.chunks) for exchange in running.exchanges()]
    assert data == [b"abbb"] * 40


@contextmanager
def waiting_exchange(running: RunningProxy) -> Iterator[None]:
    """Another exchange, which is under way until the block ends."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as other:
        other.sendall(post("/wait", b"", "X: 1"))
        yield
        assert b"200 OK" in other.recv(65536)


@pytest.mark.parametrize("is_alone", [True, False])
def test_a_client_that_does_not_read_stops_the_server_and_loses_nothing(tmp_path: Path, is_alone: bool) -> None:
    piece, may_go_on, accepted = bytes(range(256)) * 4096, threading.Event(), [0]

    def flood(connection: socket.socket, request: bytes) -> None:
        if request.startswith(b"POST /wait "):
            may_go_on.wait(30)
            connection.sendall(OK)
            return
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        connection.settimeout(1)
        try:
            for _ in range(100):
                accepted[0] += connection.send(piece)
        except TimeoutError:
            may_go_on.set()

    with RawServer(flood).running() as server, proxy(server.port, tmp_path) as running, ExitStack() as stack:
        if not is_alone:
            stack.enter_context(waiting_exchange(running))
        client = stack.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=30))
        client.sendall(post())
        assert may_go_on.wait(30)
        received = b"".join(iter(lambda: client.recv(1 << 20), b""))
    body = received.partition(b"\r\n\r\n")[2]
    assert len(body) == accepted[0] < 64 * len(piece)
    stream = next(exchange for exchange in running.exchanges() if exchange.target != "/wait")
    assert b"".join(chunk.data for chunk in stream.recording.chunks) == body
    assert body.startswith(piece)


def test_a_client_that_does_not_read_stops_the_exchanges_that_it_has_asked_for_at_once(tmp_path: Path) -> None:
    count, came = 300, SimpleQueue[bytes]()
    # One read of the proxy, so that a client has too much to read at the end of a response, not within it.
    payload = bytes(24_000)

    def answer(connection: socket.socket, request: bytes) -> None:
        came.put(request)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(payload) + payload)

    request = post(body=b"").replace(b"Connection: close\r\n", b"")
    with RawServer(answer).running() as server, proxy(server.port, tmp_path) as running, socket.socket() as client:
        client.settimeout(10)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.connect(("127.0.0.1", running.port))
        client.sendall(request * (count - 1) + post(body=b""))
        while_unread = 0
        with suppress(Empty):
            while came.get(timeout=1):
                while_unread += 1
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert 0 < while_unread < count
    assert received.count(b"200 OK") == count
    assert len(received) > count * len(payload)
    assert [exchange.end_reason for exchange in running.exchanges()] == ["complete"] * count


def test_the_server_sees_that_a_client_has_left_that_did_not_read(tmp_path: Path) -> None:
    is_full, seen = threading.Event(), threading.Event()

    def flood(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        connection.settimeout(1)
        while not seen.is_set():
            try:
                connection.send(bytes(1 << 20))
            except TimeoutError:
                is_full.set()
            except ConnectionError:
                seen.set()

    with RawServer(flood).running() as server, proxy(server.port, tmp_path) as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as client:
            client.sendall(post())
            assert is_full.wait(30)
        assert seen.wait(10)
    assert running.exchanges()[0].end_reason == "client_closed"


def test_a_server_that_does_not_read_sees_that_the_client_has_left(tmp_path: Path) -> None:
    seen = threading.Event()

    def wait_unread(connection: socket.socket, request: bytes) -> None:
        connection.settimeout(0.5)
        ended = select.poll()
        ended.register(connection, 0)
        if ended.poll(10_000):
            seen.set()

    # The server reads the head, and of the body nothing more.
    head = b"POST / HTTP/1.1\r\nHost: me\r\nTransfer-Encoding: chunked\r\n\r\n"
    with RawServer(wait_unread).running() as server, proxy(server.port, tmp_path) as running:
        client = socket.create_connection(("127.0.0.1", running.port), timeout=1)
        with client, suppress(TimeoutError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(head)
            while True:
                client.sendall(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
        assert seen.wait(5)
    assert running.exchanges()[0].end_reason == "client_closed"


def test_a_stream_goes_on_while_others_come_and_go(tmp_path: Path) -> None:
    steps = threading.Semaphore(0)

    def stream(connection: socket.socket, request: bytes) -> None:
        if request.startswith(b"POST /wait "):
            connection.recv(1)
            return
        connection.sendall(CHUNKED)
        for letter in b"abcdef":
            steps.acquire(timeout=10)
            connection.sendall(b"1\r\n%c\r\n" % letter)
        connection.sendall(b"0\r\n\r\n")

    with RawServer(stream).running() as server, proxy(server.port, tmp_path) as running:
        client = socket.create_connection(("127.0.0.1", running.port), timeout=10)
        client.sendall(post())
        received = client.recv(65536)
        for letters in (b"ab", b"cd", b"ef"):
            other = socket.create_connection(("127.0.0.1", running.port), timeout=10)
            other.sendall(post("/wait", b""))
            while sum(request.startswith(b"POST /wait ") for request in server.received) < len(letters) // 2:
                time.sleep(0.01)
            for letter in letters:
                steps.release()
                while not received.endswith(b"%c\r\n" % letter) and b"0\r\n\r\n" not in received:
                    received += client.recv(65536)
                other.close()
        received += b"".join(iter(lambda: client.recv(65536), b""))
        client.close()
    assert received.partition(b"\r\n\r\n")[2] == b"".join(b"1\r\n%c\r\n" % c for c in b"abcdef") + b"0\r\n\r\n"
    stream_exchange = running.exchanges()[0]
    assert [chunk.data for chunk in stream_exchange.recording.chunks] == [b"a", b"b", b"c", b"d", b"e", b"f"]
    assert stream_exchange.end_reason == "complete"


@pytest.mark.parametrize("pieces", [(CHUNKED + b"1\r\na\r\n0\r\n\r\n" + OK,), (CHUNKED, b"1\r\na\r\n0\r\n\r\n" + OK)])
def test_what_stands_behind_a_body_is_no_response_to_the_next_request(
    tmp_path: Path, pieces: tuple[bytes, ...]
) -> None:
    first = post().replace(b"Connection: close\r\n", b"")
    with RawServer(answering(*pieces)).running() as server, proxy(server.port, tmp_path) as running:
        answer = running.send(first)
    assert answer.startswith(CHUNKED.removesuffix(b"\r\n"))
    (exchange,) = running.exchanges()
    assert (exchange.end_reason, [chunk.data for chunk in exchange.recording.chunks]) == ("complete", [b"a"])


def test_a_server_that_closes_in_mid_stream_leaves_the_client_what_came(tmp_path: Path) -> None:
    with RawServer(answering(CHUNKED, b"5\r\nhal")).running() as server, proxy(server.port, tmp_path) as running:
        answer = running.send(post())
    assert answer.endswith(b"\r\n\r\n5\r\nhal")
    (exchange,) = running.exchanges()
    assert (exchange.end_reason, exchange.recording.chunks[0].data) == ("reset", b"hal")
    assert running.lines[0].endswith("200, server closed early")


@pytest.mark.parametrize(
    ("first_bytes", "words"),
    [
        (b"\0\0\x12\x04\0\0\0\0\0" + bytes(18), "it speaks HTTP/2 only"),
        (b"220 mail ready\r\n", "does not speak HTTP/1.1"),
        (b"", "closed the connection before its response"),
    ],
)
def test_a_target_that_is_no_http_1_server_is_named_in_one_answer(
    tmp_path: Path, first_bytes: bytes, words: str
) -> None:
    with RawServer(answering(first_bytes)).running() as server, proxy(server.port, tmp_path) as running:
        head, _, body = running.send(post()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert words in json.loads(body)["error"]["message"]
    assert words in running.lines[0]


def test_a_target_that_is_down_is_named_and_the_request_is_kept(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with proxy(port, tmp_path) as running:
        answer = running.send(post(body=b"x" * 300_000))
    assert b"502 Bad Gateway" in answer
    assert b"does not answer" in answer
    (exchange,) = running.exchanges()
    assert (exchange.end_reason, exchange.recording.sent_ns) == ("connect_failed", None)
    assert exchange.body
    assert set(exchange.body) == {ord("x")}
    assert "502: the target does not answer" in running.lines[0]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (post("/ws", b"", "Upgrade: websocket"), b"501"),
        (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n", b"501"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505"),
        (b"nonsense\r\n\r\n", b"400"),
        (post().replace(b"Content-Length: 2", b"Transfer-Encoding: chunked") + b"zz\r\n", b"400"),
    ],
)
def test_what_the_proxy_does_not_pass_on_gets_one_clear_answer(
    tmp_path: Path, request_bytes: bytes, status: bytes
) -> None:
    with RawServer(lambda connection, request: None).running() as server, proxy(server.port, tmp_path) as running:
        answer = running.send(request_bytes)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.count(b"HTTP/1.1 " + status) == 1
    assert [status.decode() in line for line in running.lines] == [True]


def test_an_offer_of_http_2_is_ignored_and_the_request_passed_on(tmp_path: Path) -> None:
    head = b"POST / HTTP/1.1\r\nHost: me\r\n"
    offer = b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
    with RawServer(answering(OK)).running() as server, proxy(server.port, tmp_path) as running:
        answer = running.send(head + offer + b"Content-Length: 2\r\n\r\n{}")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert server.received == [head + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"]


def test_keys_and_cookies_reach_the_server_and_no_file(tmp_path: Path) -> None:
    secrets = (KEY, "query-key-value", "cookie-value-of-a-session", "short-key")
    refused = f"invalid key {KEY}, {secrets[3]}".encode()
    answer = b"HTTP/1.1 401 No\r\nSet-Cookie: id=%b\r\nContent-Length: %d\r\n\r\n" % (secrets[2].encode(), len(refused))
    server = RawServer(answering(answer + refused[:20], refused[20:]))
    with server.running(), proxy(server.port, tmp_path) as running:
        headers = (f"Authorization: Bearer {KEY}", f"Cookie: a={secrets[2]}", f"X-Api-Key: {secrets[3]}")
        body = f'{{"env": "KEY={KEY} short-key"}}'.encode()
        got = running.send(post(f"/v1/chat/completions?api_key={secrets[1]}&max_tokens=3", body, *headers))
    assert got.endswith(refused)
    assert all(secret.encode() in server.received[0] for secret in secrets)
    stored = (tmp_path / JOURNAL).read_text() + repr(running.exchanges())
    assert [secret for secret in secrets[:3] if secret in stored or secret in running.lines[0]] == []
    (exchange,) = running.exchanges()
    assert exchange.body == body.replace(KEY.encode(), b"*" * len(KEY))
    assert b"".join(chunk.data for chunk in exchange.recording.chunks) == b"invalid key " + b"*" * 23 + b", *********"


@pytest.mark.parametrize(("size", "status"), [("67108865", b"413"), ("9" * 18, b"413"), ("2", b"200")])
def test_a_body_that_is_too_large_to_be_admitted_is_refused_before_it_is_sent(
    tmp_path: Path, size: str, status: bytes
) -> None:
    admitted: list[bytes] = []

    def admit(head: RequestHead, body: bytes) -> str | None:
        admitted.append(body)
        return None

    request = post().replace(b"Content-Length: 2", b"Content-Length: " + size.encode())
    with RawServer(answering(OK)).running() as server:
        target, listen = parse_target(f"http://127.0.0.1:{server.port}"), parse_listen("127.0.0.1:0")
        settings = ProxySettings(target, listen, tmp_path, summarizer=summarize_exchange, admit=admit)
        with running_proxy(settings) as running:
            answer = running.send(request)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert (admitted, len(server.received)) == (([b"{}"], 1) if size == "2" else ([], 0))
    assert running.exchanges()[0].end_reason == ("complete" if size == "2" else "refused")


def test_a_client_that_waits_to_send_its_body_is_told_to_where_the_body_is_admitted(tmp_path: Path) -> None:
    with RawServer(answering(OK)).running() as server:
        target, listen = parse_target(f"http://127.0.0.1:{server.port}"), parse_listen("127.0.0.1:0")
        settings = ProxySettings(target, listen, tmp_path, summarizer=summarize_exchange, admit=lambda head, body: None)
        head, _, body = post("/", b"{}", "Expect: 100-continue").partition(b"\r\n\r\n")
        with (
            running_proxy(settings) as running,
            socket.create_connection(("127.0.0.1", running.port), timeout=10) as client,
        ):
            client.sendall(head + b"\r\n\r\n")
            assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.sendall(body)
            assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")


class _Transport:
    """A client's transport that takes what is written to it."""

    def get_extra_info(self, name: str) -> "_Transport":
        return self

    def fileno(self) -> int:
        return -1

    def is_closing(self) -> bool:
        return True

    def write(self, data: bytes) -> None:
        pass


class _RefusingHub:
    """A hub that reads each body and refuses the request."""

    needs_body = True

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def refusal(self, head: RequestHead, body: bytes) -> tuple[int, str]:
        self.bodies.append(body)
        return 403, "no"

    def begin(self, head: RequestHead) -> None:
        pass

    def add(self, connection: ClientConnection) -> None:
        pass

    def finish(self, *ended: object) -> None:
        pass


def test_the_head_of_a_body_that_comes_in_many_reads_is_parsed_once() -> None:
    hub, parsed = _RefusingHub(), 0
    client = ClientConnection(cast(Any, hub))
    client.connection_made(cast(Any, _Transport()))
    body = bytes(range(256)) * 1000
    request = post(body=body)

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal parsed
        parsed += event == "call" and frame.f_code is parse_request.__code__

    profiler = sys.getprofile()
    sys.setprofile(count)
    try:
        for start in range(0, len(request), 1000):
            client.data_received(request[start : start + 1000])
    finally:
        sys.setprofile(profiler)
    assert (parsed, hub.bodies) == (1, [body])


def test_a_token_is_demanded_as_the_api_key(tmp_path: Path) -> None:
    with RawServer(answering(OK)).running() as server, proxy(server.port, tmp_path, token=KEY) as running:
        answers = [
            running.send(post("/", b"", *headers))
            for headers in (
                (),
                ("Authorization: Bearer no",),
                (f"Authorization: Bearer no {KEY}",),
                (f"Authorization: Bearer {KEY}",),
                (f"api-key: {KEY}",),
                (f"x-api-key: {KEY}",),
            )
        ]
    assert [answer[9:12] for answer in answers] == [b"401", b"401", b"401", b"200", b"200", b"200"]
    assert len(server.received) == 3


@pytest.mark.parametrize("token", ["two words", "gr\u00fcn", "line\n"])
def test_a_token_that_a_header_does_not_carry_as_it_is_is_refused(tmp_path: Path, token: str) -> None:
    settings = ProxySettings(parse_target("http://127.0.0.1:9"), parse_listen("127.0.0.1:0"), tmp_path, token)
    with pytest.raises(ConfigError, match="token has whitespace") as caught:
        serve(settings, lambda line: None, lambda handle: handle.stop())
    assert token not in caught.value.message


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"HTTP/1.1 401 No\r\nX-Had: %b\r\nContent-Length: 34\r\n\r\n", b"no %b for you"),
        (CHUNKED, b"12\r\nno sk-0123456789ab\r\n10\r\ncdefghij for you\r\n0\r\n\r\n"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b"no %b for you"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b"no for you, sk-01"),
    ],
)  # fmt: skip
def test_the_targets_key_reaches_it_in_place_of_the_clients_and_never_comes_back(
    tmp_path: Path, head: bytes, body: bytes
) -> None:
    reply = body.replace(b"%b", KEY.encode())
    server = RawServer(answering(head.replace(b"%b", KEY.encode()), reply[:9], reply[9:]))
    headers = ("Authorization: Bearer none", "x-api-key: none", "Accept-Encoding: gzip")
    with server.running(), proxy(server.port, tmp_path, api_key=KEY) as running:
        got = running.send(post("/v1/chat/completions", b"{}", *headers))
    assert server.received[0].count(b"none") == 0 == server.received[0].count(b"gzip")
    assert server.received[0].count(b"Authorization: Bearer " + KEY.encode()) == 1
    assert KEY.encode() not in got + (tmp_path / JOURNAL).read_bytes()
    (exchange,) = running.exchanges()
    said = b"no for you, sk-01" if body.endswith(b"sk-01") else b"no " + b"*" * len(KEY) + b" for you"
    assert b"".join(chunk.data for chunk in exchange.recording.chunks) == said
    assert exchange.end_reason == "complete"
    payload = got.partition(b"\r\n\r\n")[2]
    assert (ChunkedBody().feed(payload)[0] if b"chunked" in head else payload) == said


@pytest.mark.parametrize("megabytes", deep_but([12], [12, 100]))
def test_a_large_request_goes_through_and_is_kept(tmp_path: Path, megabytes: int) -> None:
    body = bytes(range(256)) * 3907 * megabytes
    with RawServer(answering(OK)).running() as server, proxy(server.port, tmp_path) as running:
        answer = running.send(post(body=body))
    assert answer.endswith(b"hi")
    assert server.received[0].endswith(b"\r\n\r\n" + body)
    assert running.exchanges()[0].body == body


@pytest.mark.parametrize(
    ("error", "reason"), [(EOFError(), "the process that counts tokens has ended"), (KeyError("x"), "KeyError: 'x'")]
)
def test_lines_without_counts_say_why_once(tmp_path: Path, error: Exception, reason: str) -> None:
    def fail(_: object) -> str:
        raise error

    with RawServer(answering(OK)).running() as server:
        target = parse_target(f"http://127.0.0.1:{server.port}")
        settings = ProxySettings(target, parse_listen("127.0.0.1:0"), tmp_path, summarizer=fail)
        with running_proxy(settings) as running:
            for _ in range(2):
                running.send(post("/a"))
    assert running.lines == [f"lines without counts follow: {reason}; all is recorded", "/a  200", "/a  200"]


def test_ctrl_c_right_after_the_start_ends_the_proxy_without_a_traceback(tmp_path: Path) -> None:
    command = ["proxy", "--to", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--out", str(tmp_path / "session")]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *command], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    process.stderr.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert (process.returncode, rest.splitlines()) == (0, [f"0 exchanges added to {tmp_path / 'session' / JOURNAL}"])


COUNTED = (
    b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":700,"completion_tokens":5}}\n\ndata: [DONE]\n\n'
)


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_bodies_are_passed_on_as_they_came_and_read(
    tmp_path: Path, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    sent, reply = compress(b'{"model": "m", "messages": []}'), compress(COUNTED)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(reply)}\r\n\r\n".encode()
    with (
        RawServer(answering(head + reply[:30], reply[30:])).running() as server,
        proxy(server.port, tmp_path) as running,
    ):
        answer = running.send(post("/v1/chat/completions", sent, f"Content-Encoding: {encoding.upper()}"))
    assert server.received[0].endswith(sent)
    assert answer.endswith(reply)
    (exchange,) = running.exchanges()
    assert (exchange.body, exchange.recording.request) == (sent, {"model": "m", "messages": []})
    assert read(exchange.recording).content == "hi"
    assert "prompt    700" in running.lines[0]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_request_that_only_claims_to_be_compressed_is_read_as_it_came(tmp_path: Path, encoding: str) -> None:
    reply = b"HTTP/1.1 204 No Content\r\n\r\n"
    with RawServer(answering(reply)).running() as server, proxy(server.port, tmp_path) as running:
        running.send(post("/v1/chat/completions", b'{"model": "m"}', f"Content-Encoding: {encoding}"))
    assert running.exchanges()[0].recording.request == {"model": "m"}
    assert decode_body(b"plain", encoding) == b"plain"


def test_the_line_and_the_file_read_an_encoding_by_one_rule(tmp_path: Path) -> None:
    reply = gzip.compress(COUNTED)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: GZip\r\nContent-Length: {len(reply)}\r\n\r\n".encode()
    with RawServer(answering(head + reply)).running() as server, proxy(server.port, tmp_path) as running:
        running.send(post("/v1/chat/completions", b'{"model": "m"}'))
    assert "prompt    700" in running.lines[0]
    assert read(running.exchanges()[0].recording).content == "hi"


def test_a_compression_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nhi"
    with RawServer(answering(reply)).running() as server, proxy(server.port, tmp_path) as running:
        running.send(post("/a"))
    assert running.lines == [f"{'/a':<34}  200, not readable: compressed with br"]
    assert running.exchanges()[0].recording.chunks[0].data == b"hi"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_deflate_without_a_header_and_every_member_of_gzip_are_read(size: int) -> None:
    text = COUNTED * 100
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    raw = compressor.compress(text) + compressor.flush()
    members = gzip.compress(text[:300]) + gzip.compress(b"") + gzip.compress(text[300:])
    for body, encoding in ((raw, "deflate"), (zlib.compress(text), "deflate"), (members + b"rest", "x-gzip")):
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        decoded = decode_reads(Reads(list(range(len(pieces))), pieces), encoding)
        assert b"".join(decoded.pieces) == text
        assert len(decoded.times_ns) == len(set(decoded.times_ns)) == len(decoded.pieces)


def test_a_compressed_body_ends_where_it_breaks_or_grows_too_large() -> None:
    compressed = gzip.compress(bytes(100_000_000))
    halves = [compressed[:50_000], compressed[50_000:], b"more"]
    decoded = decode_reads(Reads([1, 2, 3], halves), "gzip")
    assert decoded.times_ns == [1, 2]
    assert sum(map(len, decoded.pieces)) == 64 * 1024 * 1024
    assert decode_reads(Reads([1, 2], [gzip.compress(b"hi")[:-4], b"broken"]), "gzip").pieces == [b"hi"]


@pytest.mark.parametrize(
    ("path", "body", "message", "fix"),
    [
        ("/api/chat?x=1", b"{}", "that can be read, only to /api/chat", "/chat/completions, /responses, /messages"),
        ("/v1/messages", b"{broken", "no request to /v1/messages has a JSON object", "JSON that is not compressed"),
    ],
)
def test_a_session_without_a_readable_request_names_what_was_asked(
    tmp_path: Path, path: str, body: bytes, message: str, fix: str
) -> None:
    with RawServer(answering(OK)).running() as server, proxy(server.port, tmp_path) as running:
        running.send(post(path, body))
    with pytest.raises(RunError, match=message) as caught:
        read_session(tmp_path)
    assert fix in (caught.value.problems[0].fix or "")


def test_two_proxies_in_a_chain_keep_the_same_exchange(tmp_path: Path) -> None:
    with (
        serving() as server,
        proxy(server.port, tmp_path / "first") as first,
        proxy(first.port, tmp_path / "second") as second,
    ):
        assert b"200 OK" in second.send(ask("plain?ttft_ms=1&tps=2000&tokens=20"))
    contents = [read(running.exchanges()[0].recording).content for running in (first, second)]
    assert contents[0] == contents[1] != ""


def test_every_line_is_valid_and_a_second_session_is_appended(tmp_path: Path) -> None:
    with RawServer(answering(OK)).running() as server:
        for _ in range(2):
            with proxy(server.port, tmp_path) as running:
                running.send(post())
    lines = [line for _, line in read_lines(tmp_path / JOURNAL)]
    assert [line["kind"] for line in lines] == ["start", "request", "sent", "body", "response", "chunks", "end"] * 2
    assert [problem for line in lines for problem in validate("exchange", line)] == []
    assert [(exchange.session, exchange.number) for exchange in running.exchanges()] == [(0, 0), (1, 0)]


def test_a_killed_proxy_leaves_what_came_until_then(tmp_path: Path) -> None:
    out = tmp_path / "session"
    with serving() as server:
        command = ["proxy", "--to", f"http://127.0.0.1:{server.port}", "--listen", "127.0.0.1:0", "--out", str(out)]
        process = subprocess.Popen([sys.executable, "-m", "harness", *command], stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        port = int(process.stderr.readline().split()[0].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(ask("plain?ttft_ms=1&tps=50&tokens=500"))
            received = b""
            while received.count(b"data: ") < 60:
                received += client.recv(65536)
            process.kill()
            process.communicate()
    with (out / JOURNAL).open("ab") as file:
        file.write(b'{"torn')
    (exchange,) = read_exchanges(out)
    assert (exchange.end_reason, exchange.recording.end_reason) == (None, "reset")
    assert b"".join(chunk.data for chunk in exchange.recording.chunks).count(b"data: ") >= 45
    with RawServer(answering(OK)).running() as raw, proxy(raw.port, out) as running:
        running.send(post())
    assert [exchange.end_reason for exchange in running.exchanges()] == [None, "complete"]


def _start(out: Path, listen: str = "127.0.0.1:0", target: str = "http://127.0.0.1:9") -> int:
    settings = ProxySettings(parse_target(target), parse_listen(listen), out, summarizer=summarize_exchange)
    return serve(settings, lambda line: None, lambda handle: handle.stop())


def test_a_folder_that_holds_something_else_or_is_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    with pytest.raises(RunError, match="holds a run"):
        _start(tmp_path / "run")
    with proxy(9, tmp_path / "session"), pytest.raises(RunError, match="another process records into it"):
        _start(tmp_path / "session")
    assert _start(tmp_path / "session") == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    with pytest.raises(RunError, match=r"other files, such as notes\.txt"):
        _start(tmp_path / "other")


def test_a_folder_of_a_session_is_taken_after_finder_has_shown_it_and_its_page_was_saved_there(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    assert _start(tmp_path) == 0
    (tmp_path / "session.html").touch()
    assert _start(tmp_path) == 0
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(RunError, match="holds a run"):
        _start(tmp_path)


@pytest.mark.parametrize(
    ("listen", "target", "words"),
    [
        ("0.0.0.0:0", "http://127.0.0.1:9", "no token protects it"),
        ("127.0.0.1:9", "http://localhost:9", "would listen where its target is"),
        ("127.0.0.1:9", "http://0.0.0.0:9", "would listen where its target is"),
        ("127.0.0.1:0", "http://127.0.0.1:0", "port 0 is no address"),
        (f"127.0.0.1:{'1' * 5000}", "http://127.0.0.1:9", "not an address"),
        ("127.0.0.1", "http://127.0.0.1:9", "not an address"),
        ("127.0.0.1:0", "http://127.0.0.1:9/v1", "must not have one"),
        ("127.0.0.1:0", "ftp://127.0.0.1", "not an http or https URL"),
        ("127.0.0.1:0", "http://me:secret@host", "has credentials"),
        ("127.0.0.1:0", "http://me:secret@host:x", "has credentials"),
        ("127.0.0.1:0", "http://host:x", "invalid URL"),
        ("192.0.2.1:1", "http://127.0.0.1:9", "no token"),
        ("127.0.0.1:0", "http://a..b:80", "a..b is not the name of a host"),
        ("127.0.0.1:0", "http://.x", "not the name of a host"),
        ("127.0.0.1:0", f"https://{'a' * 64}.example", "not the name of a host"),
        ("127.0.0.1:0", "http://me:secret@a..b", "has credentials"),
        ("a..b:0", "http://127.0.0.1:9", "not the name of a host"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(tmp_path: Path, listen: str, target: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        _start(tmp_path, listen, target)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "url", ["http://b\u00fccher.example", "http://host.", "http://[fe80::1%25eth0]:80", "http://[::1]"]
)
def test_a_host_with_a_name_that_can_be_looked_up_is_a_target(url: str) -> None:
    assert parse_target(url).host in url


@pytest.mark.parametrize("host", ["a..b", "a\0b"])
def test_a_host_that_cannot_be_looked_up_ends_the_exchange(tmp_path: Path, host: str) -> None:
    settings = ProxySettings(Address(host, 80), parse_listen("127.0.0.1:0"), tmp_path, summarizer=summarize_exchange)
    with running_proxy(settings) as running:
        answer = running.send(post())
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert running.exchanges()[0].end_reason == "connect_failed"


@pytest.mark.parametrize(("listen", "target"), [("0.0.0.0:9", "http://127.0.0.1:9"), ("[::]:9", "http://[::1]:9")])
def test_a_proxy_at_all_addresses_is_not_its_own_target(tmp_path: Path, listen: str, target: str) -> None:
    settings = ProxySettings(parse_target(target), parse_listen(listen), tmp_path, token="t", summarizer=str)
    with pytest.raises(ConfigError, match="would listen where its target is"):
        serve(settings, lambda line: None, lambda handle: handle.stop())


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(LanebenchError, match="cannot be listened on"):
        _start(tmp_path, f"127.0.0.1:{taken.getsockname()[1]}")


def test_a_file_that_was_modified_is_refused(tmp_path: Path) -> None:
    with RawServer(answering(OK)).running() as server, proxy(server.port, tmp_path) as running:
        running.send(post())
    lines = (tmp_path / JOURNAL).read_text().splitlines(keepends=True)
    (tmp_path / JOURNAL).write_text("".join(line for line in lines if '"kind":"request"' not in line))
    with pytest.raises(RunError, match="out of order"):
        running.exchanges()


@pytest.mark.parametrize("kind", ["body", "chunks"])
@pytest.mark.parametrize(
    "damage",
    [{"after_ns": [0, 1]}, {"data": "YWJ"}, {"data": "YWJjZA=="}, {"sizes": [30]}, {"sizes": [1, 2]}],
    ids=str,
)
def test_a_line_whose_data_is_damaged_is_refused_by_its_number(tmp_path: Path, kind: str, damage: Json) -> None:
    start = {"kind": "start", "schema_version": format_version("exchange"), "at": "2026-01-01T00:00:00Z", "at_ns": 1}
    request = {"kind": "request", "exchange": 0, "at_ns": 2, "method": "POST", "target": "/", "headers": []}
    data = {"kind": kind, "exchange": 0, "at_ns": 4, "data": "YWJj", "sizes": [3], "after_ns": [0]}

    def write(line: Json) -> None:
        lines = [{**start, "url": "http://x"}, request, line]
        (tmp_path / JOURNAL).write_text("".join(json.dumps(document) + "\n" for document in lines))

    write(data)
    assert len(read_exchanges(tmp_path)) == 1
    write({**data, **damage})
    with pytest.raises(RunError, match="line 3: damaged: ") as caught:
        read_exchanges(tmp_path)
    assert str(tmp_path / JOURNAL) in caught.value.message


@pytest.mark.parametrize("size", range(1, 12))
def test_a_chunked_body_ends_at_the_same_byte_however_it_is_cut(size: int) -> None:
    framed, body, payload, used = b"3\r\nabc\r\nA;e=1\n0123456789\r\n0\r\nT: 1\r\n\r\nrest", ChunkedBody(), b"", 0
    for at in range(0, len(framed), size):
        piece, taken = body.feed(framed[at : at + size])
        payload, used = payload + piece, used + taken
    assert (payload, framed[used:], body.complete) == (b"abc0123456789", b"rest", True)


@pytest.mark.parametrize("framed", [b"x\r\n", b"-1\r\n", b"\r\n", b"1" * 20_000])
def test_a_broken_chunk_size_is_an_error(framed: bytes) -> None:
    with pytest.raises(FramingError):
        ChunkedBody().feed(framed)


@pytest.mark.parametrize("size", range(1, 9))
def test_a_secret_is_hidden_however_it_is_cut(size: int) -> None:
    text = b"a secre secret! secretsecret"
    secrets, hidden = SecretFilter([b"secret"]), Reads()
    for at in range(0, len(text), size):
        hidden.extend(secrets.feed(Reads([at], [text[at : at + size]])))
    hidden.extend(secrets.flush())
    assert b"".join(hidden.pieces) == b"a secre ******! ************"
    assert hidden.times_ns == list(range(0, len(text), size))
    assert {len(piece) for piece in hidden.pieces[:-1]} == {size}


def test_a_query_keeps_its_names() -> None:
    assert hide_target("/v1?key=abc&beta=true") == "/v1?key=(not stored)&beta=true"
    assert hide_target("/v1?accessToken=abc") == "/v1?accessToken=(not stored)"


def test_the_user_of_a_target_is_neither_stored_nor_printed(tmp_path: Path) -> None:
    with RawServer(answering(OK)).running() as server, proxy(server.port, tmp_path) as running:
        running.send(post("http://user:pass-word-of-a-user@host/a@b", b"pass-word-of-a-user"))
    assert b"http://user:pass-word-of-a-user@host/a@b" in server.received[0]
    (exchange,) = running.exchanges()
    assert (exchange.target, exchange.body) == ("http://host/a@b", b"*" * 19)
    assert running.lines[0].split() == ["http://host/a@b", "200"]


def test_keys_in_the_json_of_a_request_reach_the_server_and_no_file(tmp_path: Path) -> None:
    keys = ("sk-of-the-gateway-0123", "oauth-token-0123456789", "sk-of-the-header-0123")
    tool = {"type": "mcp", "authorization": keys[1], "headers": {"Authorization": f"Bearer {keys[2]}"}}
    document = {"model": "m", "api_key": keys[0], "tools": [tool], "input": "what is an api_key?"}
    body = json.dumps(document).encode()
    reply = f"no key {keys[2]}".encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(reply) + reply
    with RawServer(answering(answer)).running() as server, proxy(server.port, tmp_path) as running:
        running.send(post("/v1/responses", body))
    assert server.received[0].endswith(body)
    (exchange,) = running.exchanges()
    stored = (tmp_path / JOURNAL).read_text() + repr(exchange)
    assert [key for key in keys if key in stored] == []
    hidden = {**tool, "authorization": "*" * 22, "headers": {"Authorization": "*" * 28}}
    assert exchange.recording.request == {**document, "api_key": "*" * 22, "tools": [hidden]}
    assert exchange.recording.chunks[0].data == b"no key " + b"*" * 21


def test_a_reset_in_mid_stream_is_passed_on_as_a_reset(tmp_path: Path) -> None:
    may_reset = threading.Event()

    def reset(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\npart")
        may_reset.wait(5)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with (
        RawServer(reset).running() as server,
        proxy(server.port, tmp_path) as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=10) as client,
    ):
        client.sendall(post())
        received = b""
        while not received.endswith(b"part"):
            received += client.recv(65536)
        may_reset.set()
        with pytest.raises(ConnectionResetError):
            client.recv(65536)
    assert running.exchanges()[0].end_reason == "reset"


def test_a_reset_by_the_server_takes_nothing_from_a_client_that_reads_slowly(tmp_path: Path) -> None:
    body = bytes(range(256)) * 4000

    def reset(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + body)
        # A reset drops what the proxy has not received yet, too, and nothing tells when it has.
        while has_unsent_bytes(connection):
            time.sleep(0.01)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with (
        RawServer(reset).running() as server,
        proxy(server.port, tmp_path) as running,
        socket.socket() as client,
    ):
        client.settimeout(10)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.connect(("127.0.0.1", running.port))
        client.sendall(post())
        assert running.has_printed.wait(10)
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert len(received.partition(b"\r\n\r\n")[2]) == len(body)
    (exchange,) = running.exchanges()
    assert exchange.end_reason == "reset"
    assert b"".join(chunk.data for chunk in exchange.recording.chunks) == body


def test_bytes_are_unsent_until_the_other_side_has_them() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as sender:
        receiver, _ = listener.accept()
        with receiver:
            assert not has_unsent_bytes(sender)
            sender.setblocking(False)
            sender.send(bytes(1 << 24))
            assert has_unsent_bytes(sender)


def test_where_the_kernel_cannot_be_asked_bytes_count_as_unsent() -> None:
    closed = socket.socket()
    closed.close()
    assert has_unsent_bytes(closed)
