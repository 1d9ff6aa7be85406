"""The four engine calls that every container costs, over the standard library's HTTP: create, attach, start, remove.

docker-py spends about half of all the CPU time that the kit takes for an answer on these four, and holds the
interpreter's lock meanwhile. Every other call goes through docker-py, which also decides how the engine is reached
(address, API version, TLS): its client is asked for these.
"""

from __future__ import annotations

import json
import re
import select
import socket
import ssl
import threading
import weakref
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from harness.types import Json

_MAX_HEAD_BYTES = 65536
_UPGRADED = (101, 200)
"""An attach call is answered by 101 if the engine honors the request to upgrade, else by 200; then comes the stream
(Docker Engine API, ContainerAttach)."""


class EngineResponseError(Exception):
    """The engine answered a call with an HTTP error: its status and its explanation."""

    def __init__(self, status: int, explanation: str) -> None:
        super().__init__(explanation)
        self.status, self.explanation = status, explanation


class _UnixConnection(HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _tls_context(api: Any) -> ssl.SSLContext:
    """The TLS settings of docker's client: the client's certificate and key, and the CA that it trusts."""
    context = ssl.create_default_context(cafile=api.verify if isinstance(api.verify, str) else None)
    if api.verify is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if api.cert:
        context.load_cert_chain(*api.cert)
    return context


def _connection_factory(url: str, api: Any) -> Callable[[], HTTPConnection]:
    """A function that makes a connection to the engine, not yet open."""
    if url.startswith("unix://"):
        return partial(_UnixConnection, url.removeprefix("unix://"), timeout=api.timeout)
    remote = urlsplit(api.base_url)
    if remote.scheme == "https":
        return partial(HTTPSConnection, remote.hostname, remote.port, timeout=api.timeout, context=_tls_context(api))
    return partial(HTTPConnection, remote.hostname, remote.port, timeout=api.timeout)


class EngineHttp:
    """The four calls to the engine at `url`, with the settings of docker's client `api`. Safe for many threads.

    Failures raise EngineResponseError or an OSError, which `engine_errors` expects.
    """

    def __init__(self, url: str, api: Any) -> None:
        """No side effects until the first call."""
        self._prefix = f"/v{api.api_version}/containers"
        self._lock = threading.Lock()
        self._idle: list[HTTPConnection] = []
        # As docker's client does: an object that is dropped without `close` leaves no connection open.
        weakref.finalize(self, _close_all, self._idle)
        self._new_connection = _connection_factory(url, api)

    def create(self, body: Json) -> str:
        """Make a container of this create body; returns its id."""
        answer = self._call("POST", "/create", json.dumps(body).encode())
        try:
            return str(json.loads(answer)["Id"])
        except (ValueError, KeyError, TypeError) as error:
            raise ConnectionError(
                f"the server at this address is no engine: its answer to create: {answer[:200]!r}"
            ) from error

    def start(self, name: str) -> None:
        """Start a container."""
        self._call("POST", f"/{name}/start")

    def remove(self, name: str) -> None:
        """Remove a container and its volumes by force."""
        self._call("DELETE", f"/{name}?force=1&v=1")

    def attach(self, name: str, *, stdin: bool) -> socket.socket:
        """A new socket to a container's streams; the engine puts what the container writes into frames.

        The connection becomes the stream (HTTP's Upgrade), so it never goes back to the idle ones. Attach before
        start: what a container writes before somebody is attached is lost, since it keeps no log.
        """
        path = f"{self._prefix}/{name}/attach?stdin={int(stdin)}&stdout=1&stderr=1&stream=1"
        connection = self._new_connection()
        try:
            connection.request("POST", path, headers={"Connection": "Upgrade", "Upgrade": "tcp"})
            _check_upgraded(connection.sock)
        except BaseException:
            connection.close()
            raise
        stream: socket.socket = connection.sock
        return stream

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            _close_all(self._idle)

    def _idle_connection(self) -> HTTPConnection | None:
        """A connection of an earlier call; one with something to read was closed by the engine meanwhile."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if connection.sock is not None and not _is_readable(connection.sock):
                return connection
            connection.close()

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = self._idle_connection() or self._new_connection()
        try:
            connection.request(method, self._prefix + path, body, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            content = response.read()
        except HTTPException as error:
            connection.close()
            raise ConnectionError(f"the engine's answer cannot be read: {error!r}") from error
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        if response.status >= 400:
            raise _response_error(response.status, content)
        return content


def _is_readable(connection: socket.socket) -> bool:
    # `poll` and not `select`, which fails for file descriptors from 1024 on.
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _close_all(connections: list[HTTPConnection]) -> None:
    while connections:
        connections.pop().close()


def _response_error(status: int, content: bytes) -> EngineResponseError:
    try:
        explanation = str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        explanation = content.decode("utf-8", "replace").strip() or f"HTTP status {status}"
    return EngineResponseError(status, explanation)


def _check_upgraded(stream: socket.socket) -> None:
    """Read the head of the engine's answer; the container has not started, so nothing of its streams can follow yet.

    http.client cannot do this: it would read ahead into the stream.
    """
    head = b""
    while b"\r\n\r\n" not in head:
        data = stream.recv(4096)
        if not data or len(head) > _MAX_HEAD_BYTES:
            raise ConnectionError(f"the engine closed the connection during attach: {head[:200]!r}")
        head += data
    status = re.match(rb"HTTP/1\.[01] (\d{3})\b", head)
    if status is None:
        raise ConnectionError(f"the server at this address is no engine: its answer to attach: {head[:200]!r}")
    if int(status[1]) not in _UPGRADED:
        raise _response_error(int(status[1]), head.partition(b"\r\n\r\n")[2])
