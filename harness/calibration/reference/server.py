"""The truth server: speaks the protocol and logs, on the monotonic clock that all processes share, when each request
was whole and when each write began and ended. Runs in a process of its own so that it disturbs no client's.

A request's `model` names a behaviour with its pace, `role-early?ttft_ms=200&tps=500&tokens=64`; see names.py for what
else it may say. GET /truth hands out what was logged since it was asked last.
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
from time import perf_counter_ns

from harness.calibration.reference.names import SCRIPTS, Prompt, script_of
from harness.calibration.reference.scripts import Script
from harness.types import Json

SPIN_NS = 1_300_000
HANG_S = 3600.0
WHOLE: Json = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]}
"""The answer to a request that is not to be streamed, as `is this model there`: no behaviour of a stream is in it."""


def _wait_until(at_ns: int, *, spin: bool) -> None:
    """Sleep until shortly before, then watch the clock: sleeping alone is late by up to a millisecond."""
    left_ns = at_ns - perf_counter_ns() - (SPIN_NS if spin else 0)
    if left_ns > 0:
        time.sleep(left_ns / 1e9)
    while perf_counter_ns() < at_ns:
        pass


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@dataclass(slots=True)
class Log:
    """What was heard and written. `busy` counts the replies that are on their way, `asked` how often each model was;
    `prompts` is the prefix cache."""

    rows: list[Json] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    busy: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def begin(self) -> None:
        """A reply starts."""
        with self.changed:
            self.busy += 1

    def shared_chars(self, prompt: str) -> int:
        """How much of its front the longest earlier prompt shares; remembers it."""
        with self.changed:
            shared = max((_shared(prompt, one) for one in self.prompts), default=0)
            self.prompts.append(prompt)
        return shared

    def end(self, row: Json) -> None:
        """A reply has ended."""
        with self.changed:
            self.rows.append(row)
            self.busy -= 1
            self.changed.notify_all()

    def take(self) -> list[Json]:
        """Wait until no reply is on its way, hand the rows out and forget them."""
        with self.changed:
            self.changed.wait_for(lambda: self.busy == 0, timeout=10.0)
            rows, self.rows = self.rows, []
        return rows


def _read_request(connection: socket.socket) -> tuple[bytes, bytes] | None:
    """The head and the body of one request, None when the client hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
    length = int(fields.get(b"content-length", b"0"))
    pieces, missing = [body], length - len(body)
    while missing > 0:
        piece = connection.recv(min(missing, 1 << 20))
        if not piece:
            return None
        pieces.append(piece)
        missing -= len(piece)
    return head, b"".join(pieces)


def _head(script: Script) -> bytes:
    framing = "Transfer-Encoding: chunked" if script.framing == "chunked" else "Connection: close"
    version = "HTTP/1.0" if script.framing == "http/1.0" else "HTTP/1.1"
    return f"{version} {script.status} Told\r\nContent-Type: {script.content_type}\r\n{framing}\r\n\r\n".encode()


def _plain(document: Json, status: int = 200) -> bytes:
    body = json.dumps(document).encode("utf-8")
    head = f"HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _framed(script: Script, data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if script.framing == "chunked" else data


def _reset(connection: socket.socket) -> None:
    """Close so that the client's system gets a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _perform(connection: socket.socket, script: Script, whole_ns: int, writes: list[Json]) -> None:
    if script.framing == "garbage":
        connection.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        return
    if script.framing == "nothing":
        return
    connection.sendall(_head(script))
    for write in script.writes:
        framed = _framed(script, write.data)
        _wait_until(whole_ns + int(write.at_s * 1e9), spin=write.events > 0)
        before_ns = perf_counter_ns()
        connection.sendall(framed)
        writes.append([before_ns, perf_counter_ns(), write.events, write.tokens, write.usable])
    if script.ending == "hang":
        connection.settimeout(HANG_S)
        connection.recv(1)
    elif script.ending == "die":
        os._exit(9)
    elif script.ending == "reset":
        _reset(connection)
    elif script.framing == "chunked":
        connection.sendall(b"0\r\n\r\n")


def _prompt_of(body: Json, log: Log) -> Prompt:
    """The prompt as one text. Only a model whose name says `cache` remembers it."""
    model = str(body.get("model"))
    texts = [str(message.get("content") or "") for message in body.get("messages") or ()]
    shared = log.shared_chars("\n".join(texts)) if "cache=" in model else 0
    log.asked[model] += body.get("stream") is not False
    return Prompt(sum(map(len, texts)), shared, log.asked[model])


def _speak(connection: socket.socket, body: bytes, log: Log, whole_ns: int) -> bool:
    """Answer one chat request; returns whether the connection stays open."""
    request = json.loads(body)
    model = str(request.get("model"))
    try:
        script = script_of(model, _prompt_of(request, log))
    except (KeyError, ValueError) as error:
        connection.sendall(_plain({"error": {"message": f"no behaviour: {error!r}"}}, 404))
        return True
    if request.get("stream") is False and script.status == 200:
        connection.sendall(_plain(WHOLE))
        return True
    writes: list[Json] = []
    log.begin()
    try:
        _perform(connection, script, whole_ns, writes)
    finally:
        log.end({"model": model, "whole_ns": whole_ns, "writes": writes})
    return script.framing == "chunked" and script.ending == "clean"


def _serve(connection: socket.socket, log: Log) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        try:
            while (request := _read_request(connection)) is not None:
                whole_ns = perf_counter_ns()
                head, body = request
                if head.startswith(b"GET /truth"):
                    connection.sendall(_plain(log.take()))
                elif head.startswith(b"GET "):
                    connection.sendall(_plain({"data": [{"id": name} for name in SCRIPTS]}))
                elif not _speak(connection, body, log, whole_ns):
                    return
        except OSError:
            # The client went away in the middle: that is its right, and the log has what was written until then.
            return


def main(words: Sequence[str]) -> None:
    """Listen on the given port, or a free one, tell it in one line, and serve until the standard input ends."""
    listener = socket.create_server(("127.0.0.1", int(words[0]) if words else 0), backlog=64)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    log = Log()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, log), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1:])
