"""Untimed HTTP requests to model servers: `fetch` sends one with httpx and returns the response.

Queries, discovery, loading, readiness checks and process control use this module. Timed requests do not: the recorder
(harness/record) uses httpcore, the transport layer of httpx, where each socket read can be given its time.
"""

from __future__ import annotations

import functools
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import ConfigError, ServerError
from harness.record import build_headers, encode_body, parse_url, redact_api_key
from harness.types import Json

if TYPE_CHECKING:
    import httpx

MAX_TEXT_CHARS = 2000
MAX_BODY_BYTES = 8 * 2**20
"""A longer response is no answer to a query: the list of a router's hundreds of models takes a tenth of that."""

_NO_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
"""OpenSSL's reasons, by its version, for a first answer that is no TLS record, such as the text of an HTTP response."""


class NotListeningError(ServerError):
    """The address refuses connections, so no server is there: any other silence may hide one that is busy."""


class PlainHttpError(ServerError):
    """An https address of a server that speaks http."""


@dataclass(frozen=True, slots=True)
class RequestTimeouts:
    """Seconds to wait for a connection, and for the whole response after it.

    `request_s` has to be longer if a request makes the server load a model.
    """

    connect_s: float = 5.0
    request_s: float = 30.0


DEFAULT_TIMEOUTS = RequestTimeouts()


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A response: its status, its JSON (None if it is not JSON) and the first MAX_TEXT_CHARS characters of its text."""

    status: int
    document: Json
    text: str

    @property
    def has_error(self) -> bool:
        """Whether it is JSON that names an error, whatever its status: LM Studio sends some with 200."""
        return isinstance(self.document, dict) and bool(self.document.get("error"))


def fetch(
    method: str,
    url: str,
    api_key: str | None = None,
    body: Json = None,
    timeouts: RequestTimeouts = DEFAULT_TIMEOUTS,
) -> HttpReply:
    """Send one request and return the response, whatever its status.

    Raises ServerError when no response came (NotListeningError: the connection was refused; PlainHttpError: no TLS) or
    none that ended in time and within MAX_BODY_BYTES; ConfigError for an invalid URL, API key or body. No retries.
    """
    # Every command imports this module, and httpx takes 0.1 s of CPU time.
    import httpx

    headers, content = build_headers(api_key), None if body is None else encode_body(body)
    try:
        # A client, so a connection, for each request: llama.cpp closes an idle connection without notice, and a
        # request that is sent on it at that moment is lost.
        target = bytes(parse_url(url)).decode("ascii")
        deadline = _Deadline(timeouts.connect_s + timeouts.request_s)
        extensions = {"trace": deadline.watch}
        with (
            _open_client(timeouts) as client,
            deadline,
            client.stream(method, target, headers=headers, content=content, extensions=extensions) as response,
        ):
            data = _read_body(response, url, deadline)
    except (httpx.InvalidURL, UnicodeError) as error:
        # httpx refuses more hosts than `parse_url`: 192.168.1.300, and names that begin like encoded ones and are not.
        raise ConfigError(f"{url}: invalid URL: {error}", fix="correct base_url") from error
    except httpx.RequestError as error:
        if deadline.is_over:
            raise _unended(url) from error
        raise _connection_error(url, error) from error
    text = redact_api_key(data, response.status_code, api_key)
    return HttpReply(response.status_code, _parse_json(text), text.decode("utf-8", "replace")[:MAX_TEXT_CHARS])


class _Deadline:
    """Ends an exchange when its time is over, whatever the server sends of it: httpx limits each read only.

    A timer shuts the connection down, which ends the read that waits for it. It does so by a duplicate of the socket,
    since TLS takes the first one over.
    """

    def __init__(self, seconds: float) -> None:
        """The time begins with the block."""
        self.is_over = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> None:
        """Start the timer."""
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        """Leave no thread and no socket behind."""
        self._timer.cancel()
        self._timer.join()
        if self._socket is not None:
            self._socket.close()

    def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Learn the connection's socket: the `trace` extension of httpx."""
        if event == "connection.connect_tcp.complete":
            self._socket = info["return_value"].get_extra_info("socket").dup()
            if self.is_over:
                self._end()

    def _end(self) -> None:
        self.is_over = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _unended(url: str) -> ServerError:
    return ServerError(f"{url}: the answer did not end in time", fix="restart the server, or correct base_url")


def _read_body(response: httpx.Response, url: str, deadline: _Deadline) -> bytes:
    """The whole body. Raises ServerError where it is too long, or does not end."""
    data = bytearray()
    for part in response.iter_bytes():
        data += part
        if len(data) > MAX_BODY_BYTES:
            raise ServerError(f"{url}: the answer has more than {MAX_BODY_BYTES >> 20} MiB", fix="correct base_url")
    # A body that ends with its connection looks complete where the deadline ended that.
    if deadline.is_over:
        raise _unended(url)
    return bytes(data)


def _connection_error(url: str, error: Exception) -> ServerError:
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS for cause in causes):
        return PlainHttpError(f"{url}: the server speaks http, not https", fix="write its address with http://")
    is_refused = any(isinstance(cause, ConnectionRefusedError) for cause in causes)
    kind = NotListeningError if is_refused else ServerError
    return kind(f"{url}: no answer: {error}", fix="start the server, or correct base_url")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What is behind an error: httpx and httpcore wrap it, each in an error of theirs.

    httpcore's pool raises its own `from None`, which leaves the context.
    """
    cause = error.__cause__ or error.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _open_client(timeouts: RequestTimeouts) -> httpx.Client:
    import httpx

    return httpx.Client(
        timeout=httpx.Timeout(timeouts.request_s, connect=timeouts.connect_s),
        # A proxy from the environment would answer in place of a server on this machine, and the recorder uses none.
        trust_env=False,
        follow_redirects=False,
        verify=_tls_context(),
    )


@functools.cache
def _tls_context() -> ssl.SSLContext:
    import httpx

    # Reading the CA certificates takes 22 ms, the rest of a client 0.1 ms (measured), so all clients share them.
    return httpx.create_ssl_context(trust_env=False)


def _parse_json(content: bytes) -> Json:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
