"""A small HTTP server inside the test's process that sends scripted responses in turn and keeps its requests."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.types import Json


@dataclass
class ScriptedServer:
    """A running server: its URL, the heads and bodies of its requests, and how many connections were made."""

    base_url: str
    heads: list[str] = field(default_factory=list)
    bodies: list[Json] = field(default_factory=list)
    connections: int = 0


def answer(body: bytes, status: int = 200, keep_alive: bool = True) -> bytes:
    """Encode an HTTP response with a Content-Length; without `keep_alive` it announces that the connection ends."""
    connection = "" if keep_alive else "Connection: close\r\n"
    fields = f"Content-Type: text/event-stream\r\n{connection}Content-Length: {len(body)}"
    return f"HTTP/1.1 {status} Status\r\n{fields}\r\n\r\n".encode() + body


def _request(stream: socket.SocketIO) -> tuple[str, bytes] | None:
    lines: list[bytes] = []
    # A client that closes with a reply unread resets the connection.
    with contextlib.suppress(ConnectionResetError):
        while (line := stream.readline()) not in (b"\r\n", b""):
            lines.append(line)
    if not lines:
        return None
    head = b"".join(lines).decode("latin-1")
    sizes = [int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length:")]
    body, left = b"", sizes[0] if sizes else 0
    while len(body) < left:
        body += stream.read(left - len(body)) or b""
    return head, body


Answer = bytes | tuple[bytes, ...]
"""A response in one piece, or in pieces that arrive in separate reads; an empty last piece ends the connection."""
PAUSE_S = 0.03


def _serve_connection(
    connection: socket.socket, server: ScriptedServer, answers: Iterator[Answer], lock: threading.Lock
) -> None:
    with connection, socket.SocketIO(connection, "rw") as stream:
        while (request := _request(stream)) is not None:
            with lock:
                server.heads.append(request[0])
                server.bodies.append(json.loads(request[1]) if request[1] else None)
                reply = next(answers)
            pieces = (reply,) if isinstance(reply, bytes) else reply
            for index, piece in enumerate(pieces):
                time.sleep(PAUSE_S if index else 0)
                connection.sendall(piece)
            if not pieces[-1] or b"Connection: close" in b"".join(pieces):
                return


def _accept_connections(listener: socket.socket, server: ScriptedServer, answers: Iterator[Answer]) -> None:
    lock = threading.Lock()
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        server.connections += 1
        threading.Thread(target=_serve_connection, args=(connection, server, answers, lock)).start()


@contextmanager
def serve_scripted(answers: Sequence[Answer]) -> Iterator[ScriptedServer]:
    """Run a server that sends these responses, one per request, over any number of connections."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = ScriptedServer(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
    thread = threading.Thread(target=_accept_connections, args=(listener, server, iter(answers)))
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
