"""The engine's calls that every container costs, over the standard library's HTTP: create, attach, start, remove.

docker's client spends about half of all that the kit takes of a processor for an answer on these four, and holds the
interpreter's lock in all of it. Everything else goes through docker's client, and where the engine is and who it must
prove to be is asked of it too.
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

from docker.errors import DockerException

from harness.types import Json

_LONGEST_HEAD = 65536
_UPGRADED = (101, 200)


class EngineResponseError(DockerException):
    """The engine answered a call with a fault of its own: its HTTP status, and its words."""

    def __init__(self, status: int, explanation: str) -> None:
        super().__init__(explanation)
        self.status, self.explanation = status, explanation


class _Local(HTTPConnection):
    """HTTP to a socket in the file system."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _context_of(api: Any) -> ssl.SSLContext:
    """What docker's client was told of certificates: its own, a pair of files, and whom it believes."""
    context = ssl.create_default_context(cafile=api.verify if isinstance(api.verify, str) else None)
    if api.verify is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if api.cert:
        context.load_cert_chain(*api.cert)
    return context


def _way_to(url: str, api: Any) -> Callable[[], HTTPConnection]:
    """What makes a connection to the engine, not yet open."""
    if url.startswith("unix://"):
        return partial(_Local, url.removeprefix("unix://"), timeout=api.timeout)
    far = urlsplit(api.base_url)
    if far.scheme == "https":
        return partial(HTTPSConnection, far.hostname, far.port, timeout=api.timeout, context=_context_of(api))
    return partial(HTTPConnection, far.hostname, far.port, timeout=api.timeout)


class EngineHttp:
    """The four calls to the engine at `url`, that docker's client `api` reaches. May be called from many threads.

    What fails raises RefusedError or an OSError, as `engine_faults` expects it.
    """

    def __init__(self, url: str, api: Any) -> None:
        """Opens nothing yet."""
        self._at = f"/v{api.api_version}/containers"
        self._lock = threading.Lock()
        self._idle: list[HTTPConnection] = []
        # As docker's client does: who forgets to close it leaves nothing open.
        weakref.finalize(self, _close_all, self._idle)
        self._new = _way_to(url, api)

    def create(self, body: Json) -> str:
        """Make a container of this create body; returns its id."""
        said = self._call("POST", "/create", json.dumps(body).encode())
        try:
            return str(json.loads(said)["Id"])
        except (ValueError, KeyError, TypeError) as error:
            raise ConnectionError(f"what answered a call to create is no engine: {said[:200]!r}") from error

    def start(self, name: str) -> None:
        """Start a container."""
        self._call("POST", f"/{name}/start")

    def remove(self, name: str) -> None:
        """Remove a container and its volumes by force."""
        self._call("DELETE", f"/{name}?force=1&v=1")

    def attach(self, name: str, *, stdin: bool) -> socket.socket:
        """A socket of its own to a container's streams; what comes is framed by the engine."""
        path = f"{self._at}/{name}/attach?stdin={int(stdin)}&stdout=1&stderr=1&stream=1"
        connection = self._new()
        try:
            connection.request("POST", path, headers={"Connection": "Upgrade", "Upgrade": "tcp"})
            _check_upgraded(connection.sock)
        except BaseException:
            connection.close()
            raise
        line: socket.socket = connection.sock
        return line

    def close(self) -> None:
        """Close the connections that are kept for the next call."""
        with self._lock:
            _close_all(self._idle)

    def _kept(self) -> HTTPConnection | None:
        """A connection of an earlier call; one that can be read has been closed by the engine since."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if connection.sock is not None and not _can_be_read(connection.sock):
                return connection
            connection.close()

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = self._kept() or self._new()
        try:
            connection.request(method, self._at + path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            said = answer.read()
        except HTTPException as error:
            connection.close()
            raise ConnectionError(f"the engine's answer cannot be read: {error!r}") from error
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        if answer.status >= 400:
            raise _refusal(answer.status, said)
        return said


def _can_be_read(line: socket.socket) -> bool:
    poll = select.poll()
    poll.register(line, select.POLLIN)
    return bool(poll.poll(0))


def _close_all(connections: list[HTTPConnection]) -> None:
    while connections:
        connections.pop().close()


def _refusal(status: int, said: bytes) -> EngineResponseError:
    try:
        explanation = str(json.loads(said)["message"])
    except (ValueError, KeyError, TypeError):
        explanation = said.decode("utf-8", "replace").strip() or f"HTTP status {status}"
    return EngineResponseError(status, explanation)


def _check_upgraded(line: socket.socket) -> None:
    """Read the head of the engine's answer: nothing of a container that has not started can follow it yet."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = line.recv(4096)
        if not data or len(head) > _LONGEST_HEAD:
            raise ConnectionError(f"the engine broke off a call to attach: {head[:200]!r}")
        head += data
    found = re.match(rb"HTTP/1\.[01] (\d{3})\b", head)
    if found is None:
        raise ConnectionError(f"what answered a call to attach is no engine: {head[:200]!r}")
    if int(found[1]) not in _UPGRADED:
        raise _refusal(int(found[1]), head.partition(b"\r\n\r\n")[2])
