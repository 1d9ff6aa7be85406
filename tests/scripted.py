"""A small HTTP server inside the test's process: it gives stated answers in turn and keeps what it was asked."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.types import Json


@dataclass
class Scripted:
    """Where it listens, the heads and bodies that came, and how many connections were made."""

    base_url: str
    heads: list[str] = field(default_factory=list)
    bodies: list[Json] = field(default_factory=list)
    connections: int = 0


def answer(body: bytes, status: int = 200, keep: bool = True) -> bytes:
    """An HTTP answer with a length; `keep` False says that the connection ends."""
    more = "" if keep else "Connection: close\r\n"
    head = f"HTTP/1.1 {status} Told\r\nContent-Type: text/event-stream\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _request(stream: socket.SocketIO) -> tuple[str, bytes] | None:
    lines: list[bytes] = []
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
"""What is sent: at once, or in pieces that cannot come with one read; an empty last piece ends the connection."""
PAUSE_S = 0.03


def _talk(connection: socket.socket, told: Scripted, answers: Iterator[Answer], lock: threading.Lock) -> None:
    with connection, socket.SocketIO(connection, "rw") as stream:
        while (request := _request(stream)) is not None:
            with lock:
                told.heads.append(request[0])
                told.bodies.append(json.loads(request[1]) if request[1] else None)
                reply = next(answers)
            pieces = (reply,) if isinstance(reply, bytes) else reply
            for number, piece in enumerate(pieces):
                time.sleep(PAUSE_S if number else 0)
                connection.sendall(piece)
            if not pieces[-1] or b"Connection: close" in b"".join(pieces):
                return


def _serve(listener: socket.socket, told: Scripted, answers: Iterator[Answer]) -> None:
    lock = threading.Lock()
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        told.connections += 1
        threading.Thread(target=_talk, args=(connection, told, answers, lock)).start()


@contextmanager
def scripted(answers: Sequence[Answer]) -> Iterator[Scripted]:
    """A server that gives these answers, one a request, over any number of connections."""
    listener = socket.create_server(("127.0.0.1", 0))
    told = Scripted(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
    thread = threading.Thread(target=_serve, args=(listener, told, iter(answers)))
    thread.start()
    try:
        yield told
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
