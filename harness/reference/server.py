"""The program of the reference server: `python -m harness.reference.server [PORT]`.

It speaks every API of harness/apis and logs, on the monotonic clock that all processes share, when each request was
complete and when each write began and ended. It runs in a process of its own, so that it takes no interpreter time from
the client that is measured. A request's `model` chooses a behavior and its pace (model_names.py); GET /log returns the
log since the last call.

Its own precision, measured with real-time priority: send() took 18 us (median; 98 us at p99). Writes left within 1 us
of their schedule (25 us at p99), and since the real times are logged, a late write is no error.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from time import perf_counter_ns

from harness.apis import Api, find_api
from harness.reference.model_names import SCRIPTS, PromptInfo, find_script
from harness.reference.scripts import Script
from harness.types import Json

SPIN_NS = 1_300_000
"""How long before a write the server stops sleeping and polls the clock: a sleep may end up to a millisecond late."""
HANG_S = 3600.0
COMPLETION: Json = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]
}
"""The reply to a request that is not streamed, such as the query whether a model is loaded; it has no behavior."""


def _wait_until(at_ns: int, *, spin: bool) -> None:
    left_ns = at_ns - perf_counter_ns() - (SPIN_NS if spin else 0)
    if left_ns > 0:
        time.sleep(left_ns / 1e9)
    while perf_counter_ns() < at_ns:
        pass


def _shared_prefix_chars(first: str, second: str) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(first), len(second)))


@dataclass(slots=True)
class Log:
    """What was received and written, shared by all connections.

    `replies_under_way` counts replies that have not ended, `requests` those of each model; `prompts` is the prefix
    cache.
    """

    rows: list[Json] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    replies_under_way: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def begin(self) -> None:
        """Count a reply that starts."""
        with self.changed:
            self.replies_under_way += 1

    def end(self, row: Json) -> None:
        """Log a reply that has ended."""
        with self.changed:
            self.rows.append(row)
            self.replies_under_way -= 1
            self.changed.notify_all()

    def match_prefix(self, prompt: str) -> int:
        """Return how many leading characters the prompt shares with an earlier one, and remember it."""
        with self.changed:
            shared = max((_shared_prefix_chars(prompt, earlier) for earlier in self.prompts), default=0)
            self.prompts.append(prompt)
        return shared

    def take(self) -> list[Json]:
        """Wait until no reply is under way, then return and forget the rows."""
        with self.changed:
            self.changed.wait_for(lambda: self.replies_under_way == 0, timeout=10.0)
            rows, self.rows = self.rows, []
        return rows


# --- HTTP -------------------------------------------------------------------------------------------------------------


def _read_request(connection: socket.socket) -> tuple[bytes, bytes] | None:
    """The head and the body of one request; None if the client closed the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
    pieces, missing = [body], int(fields.get(b"content-length", b"0")) - len(body)
    while missing > 0:
        piece = connection.recv(min(missing, 1 << 20))
        if not piece:
            return None
        pieces.append(piece)
        missing -= len(piece)
    return head, b"".join(pieces)


def _status_line(version: str, status: int) -> str:
    return f"{version} {status} {HTTPStatus(status).phrase}\r\n"


def _head(script: Script) -> bytes:
    framing = "Transfer-Encoding: chunked" if script.framing == "chunked" else "Connection: close"
    status_line = _status_line("HTTP/1.0" if script.framing == "http/1.0" else "HTTP/1.1", script.status)
    return f"{status_line}Content-Type: {script.content_type}\r\n{framing}\r\n\r\n".encode()


def _json_response(document: Json, status: int = 200) -> bytes:
    body = json.dumps(document).encode("utf-8")
    head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (_status_line("HTTP/1.1", status) + head).encode() + body


def _frame(script: Script, data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if script.framing == "chunked" else data


def _reset_on_close(connection: socket.socket) -> None:
    """Make close() send a reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# --- replies ----------------------------------------------------------------------------------------------------------


def _send_reply(connection: socket.socket, script: Script, request_ns: int, writes: list[Json]) -> None:
    """Send a script; each write is appended to `writes` as soon as it is done."""
    if script.framing == "garbage":
        connection.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        return
    if script.framing == "nothing":
        return
    connection.sendall(_head(script))
    for write in script.writes:
        framed = _frame(script, script.written(write.data))
        due_ns = int(write.at_s * 1e9)
        _wait_until(request_ns + due_ns, spin=write.events > 0)
        before_ns = perf_counter_ns()
        connection.sendall(framed)
        writes.append([before_ns, perf_counter_ns(), write.events, write.tokens, write.is_output, due_ns])
    _end_reply(connection, script)


def _end_reply(connection: socket.socket, script: Script) -> None:
    if script.ending == "hang":
        connection.settimeout(HANG_S)
        connection.recv(1)
    elif script.ending == "die":
        os._exit(9)
    elif script.ending == "reset":
        _reset_on_close(connection)
    elif script.framing == "chunked":
        connection.sendall(b"0\r\n\r\n")


def _prompt_info(request: Json, api: Api, log: Log) -> PromptInfo:
    """The prompt, all messages joined. It is remembered only for a model whose name has the option `cache`."""
    model = str(request.get("model"))
    texts = [part.text for part in api.read_prompt(request) or ()]
    shared = log.match_prefix("\n".join(texts)) if "cache=" in model else 0
    log.requests[model] += request.get("stream") is not False
    return PromptInfo(sum(map(len, texts)), shared, log.requests[model])


def _answer(connection: socket.socket, body: bytes, api: Api, log: Log) -> bool:
    """Answer one request; return whether the connection stays open."""
    request_ns, request = perf_counter_ns(), json.loads(body)
    model = str(request.get("model"))
    try:
        script = find_script(model, _prompt_info(request, api, log), api.name)
    except (KeyError, ValueError) as error:
        connection.sendall(_json_response({"error": {"message": f"unknown behavior or option: {error!r}"}}, 404))
        return True
    if request.get("stream") is False and script.status == 200:
        connection.sendall(_json_response(COMPLETION))
        return True
    writes: list[Json] = []
    log.begin()
    try:
        _send_reply(connection, script, request_ns, writes)
    finally:
        log.end({"model": model, "request_ns": request_ns, "writes": writes})
    return script.framing == "chunked" and script.ending == "clean"


def _serve_connection(connection: socket.socket, log: Log) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        try:
            while (request := _read_request(connection)) is not None:
                head, body = request
                if head.startswith(b"GET /log"):
                    connection.sendall(_json_response(log.take()))
                elif head.startswith(b"GET "):
                    connection.sendall(_json_response({"data": [{"id": name} for name in SCRIPTS]}))
                elif not _answer(connection, body, find_api(head.split(b" ", 2)[1].decode("latin-1")), log):
                    return
        except OSError:
            # A client may leave in the middle of a reply; the log has what was written until then.
            return


def main(arguments: Sequence[str]) -> None:
    """Listen on the given port or a free one, print the port, and serve until the standard input ends."""
    listener = socket.create_server(("127.0.0.1", int(arguments[0]) if arguments else 0), backlog=64)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    log = Log()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve_connection, args=(connection, log), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1:])
