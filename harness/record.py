"""[1] One request out, every chunk of the reply with its time kept; decodes nothing while the stream runs.

Times are read where the bytes leave and enter the socket, under httpx and h11: `sent_ns` just before the request's
first byte is written, and each chunk carries the time of the socket read that brought it. So what httpx costs to
build a request or to parse a frame is in no timing, and several HTTP chunks that came with one read share one
arrival. Never retries, never follows a redirect, never uses a proxy.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter_ns
from types import TracebackType
from typing import Any, Self

import httpcore
import httpx

from harness.errors import ServerError
from harness.types import Chunk, Ended, Json, Recording, TrialKey

KEEPALIVE_S = 600.0
KEPT_HEADERS = ("content-type", "transfer-encoding", "content-encoding", "connection", "server", "x-request-id")


@dataclass(frozen=True, slots=True)
class Waits:
    """How long to wait: for a connection, for the next byte (a 200K prefill may take half an hour), for a turn."""

    connect_s: float = 5.0
    read_s: float = 2400.0
    turn_s: float = 7200.0
    turn_bytes: int = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """What one turn asks: the body is sent as it stands here. `secret` goes into a header and nowhere else."""

    key: TrialKey
    turn: int
    variant: int
    url: str
    body: Mapping[str, Json]
    secret: str | None = None


@dataclass(slots=True)
class _Clock:
    """The times that the socket wrapper saw: the first write since `sent_ns` was cleared, and the last read."""

    sent_ns: int | None = None
    read_ns: int = 0


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, clock: _Clock) -> None:
        self._inner = inner
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._inner.read(max_bytes, timeout)
        self._clock.read_ns = perf_counter_ns()
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._clock.sent_ns is None:
            self._clock.sent_ns = perf_counter_ns()
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, clock: _Clock) -> None:
        self._inner = httpcore.SyncBackend()
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        inner = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(inner, self._clock)


class _Transport(httpx.HTTPTransport):
    """httpx's own transport over a pool whose sockets tell their times."""

    def __init__(self, clock: _Clock) -> None:
        super().__init__()
        self._pool.close()
        # httpx offers no way to hand a network backend to its pool; the version is pinned and a test holds this.
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=1,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=_Backend(clock),
        )


class Client:
    """One long-lived connection to model servers; one request at a time."""

    def __init__(self, waits: Waits | None = None) -> None:
        """Opens nothing yet."""
        self.waits = waits or Waits()
        self.clock = _Clock()
        timeout = httpx.Timeout(self.waits.read_s, connect=self.waits.connect_s)
        self.http = httpx.Client(
            transport=_Transport(self.clock),
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "lanebench"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.http.close()


def _headers(secret: str | None) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    return headers | ({"Authorization": f"Bearer {secret}"} if secret else {})


def _ended_by(error: httpx.TransportError) -> Ended:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol):
        return "connect_failed"
    if isinstance(error, httpx.TimeoutException):
        return "read_timeout"
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        return "reset"
    return "protocol_error"


@dataclass(slots=True)
class _Tape:
    """What has been heard of one reply so far; kept when the reply breaks off."""

    status: int | None = None
    headers: Mapping[str, str] | None = None
    headers_ns: int | None = None
    chunks: list[tuple[int, bytes]] | None = None
    ended: Ended = "complete"
    fault: str | None = None


def _listen(client: Client, request: httpx.Request, tape: _Tape) -> None:
    clock, chunks = client.clock, tape.chunks if tape.chunks is not None else []
    deadline_ns = perf_counter_ns() + int(client.waits.turn_s * 1e9)
    left = client.waits.turn_bytes
    response = client.http.send(request, stream=True)
    try:
        tape.headers_ns = clock.read_ns
        tape.status = response.status_code
        tape.headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        for data in response.iter_raw():
            chunks.append((clock.read_ns, data))
            left -= len(data)
            if left < 0 or clock.read_ns > deadline_ns:
                tape.ended = "cut_off"
                tape.fault = "the reply did not end within the turn's limit of bytes or time"
                break
    finally:
        response.close()


def record(client: Client, ask: TurnRequest) -> Recording:
    """Send one turn and keep what comes, whatever comes: a fault of the server is part of the recording.

    Source of the method: the start stamp of httpcore's `send_request_headers`, one level lower, at the socket.
    """
    clock, tape = client.clock, _Tape(chunks=[])
    content = json.dumps(ask.body, ensure_ascii=False, allow_nan=False).encode("utf-8")
    sent_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    request = client.http.build_request("POST", ask.url, content=content, headers=_headers(ask.secret))
    clock.sent_ns = None
    try:
        _listen(client, request, tape)
    except httpx.TransportError as error:
        tape.ended, tape.fault = _ended_by(error), f"{type(error).__name__}: {error}"
    ended_ns = perf_counter_ns()
    start = clock.sent_ns if clock.sent_ns is not None else ended_ns
    return Recording(
        key=ask.key,
        turn=ask.turn,
        variant=ask.variant,
        sent_at=sent_at,
        sent_ns=clock.sent_ns,
        url=ask.url,
        request=ask.body,
        status=tape.status,
        headers=tape.headers or {},
        headers_ns=None if tape.headers_ns is None else tape.headers_ns - start,
        chunks=tuple(Chunk(at_ns - start, data) for at_ns, data in tape.chunks or ()),
        ended=tape.ended,
        ended_ns=None if clock.sent_ns is None else ended_ns - start,
        fault=tape.fault,
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """A short reply to a question about the server: status and JSON, None where the body is none."""

    status: int
    document: Json
    text: str


def fetch(client: Client, method: str, url: str, secret: str | None = None, body: Json = None) -> Reply:
    """Ask a server about itself (models, health, load). Raises ServerError in one line when it does not answer."""
    content = None if body is None else json.dumps(body).encode("utf-8")
    try:
        reply = client.http.request(method, url, content=content, headers=_headers(secret), timeout=30.0)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ServerError(f"{url}: no answer: {error}") from error
    try:
        document = reply.json()
    except (ValueError, RecursionError):
        document = None
    return Reply(reply.status_code, document, reply.text[:2000])
