"""The demo's HTTP server: 127.0.0.1 only, HTTP/1.1, every token written when it is due."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from harness.demo.answers import Answer, Answers, variants_of
from harness.demo.replies import Ask, PromptCache, render, reply_to
from harness.demo.requests import RefusedError, parse_ask
from harness.demo.simulated_models import CONTEXT_TOKENS, VOICES, model_of
from harness.demo.stream import Talk
from harness.demo.tokens import count_tokens
from harness.types import Json, Model, Task

BODY_LIMIT_BYTES = 64 * 1024 * 1024
POLL_S = 0.05
VERSION = "lanebench-demo-1"


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo server: where it answers and which models it has."""

    base_url: str
    models: tuple[Model, ...]


class _Closing(Exception):  # noqa: N818 - not an error: the server was asked to end while a reply was on its way
    """The server ends."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.caches = {voice.name: PromptCache() for voice in VOICES}
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        # HTTPServer would ask the resolver for a full name here, which can take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Wake every connection that waits for its client or for its next token."""
        self.closing.set()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def wait_until(self, deadline_s: float) -> None:
        """Return at that moment of the monotonic clock. Raises _Closing when the server ends before."""
        if self.closing.wait(max(0.0, deadline_s - time.monotonic())):
            raise _Closing


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = VERSION
    sys_version = ""
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the terminal belongs to the run."""

    def handle(self) -> None:
        """Answer this connection's requests until either side hangs up."""
        try:
            super().handle()
        except (ConnectionError, _Closing):
            self.close_connection = True

    def do_GET(self) -> None:
        """The models, the health, and the context size."""
        documents: dict[str, Json] = {
            "/health": {"status": "ok"},
            "/v1/models": {"object": "list", "data": [_model_row(voice.name) for voice in VOICES]},
            "/props": {"build_info": VERSION, "default_generation_settings": {"n_ctx": CONTEXT_TOKENS}},
        }
        path = self.path.partition("?")[0]
        if path in documents:
            self._send(200, documents[path])
        else:
            self._refuse(RefusedError(f"nothing stands at {path}", status=404))

    def do_POST(self) -> None:
        """A chat completion."""
        try:
            data = self._body()
            started_s = time.monotonic()
            if self.path.partition("?")[0] != "/v1/chat/completions":
                raise RefusedError(f"nothing stands at {self.path}", status=404)
            ask = parse_ask(data)
            answer = self._answer_to(ask)
        except RefusedError as refused:
            self._refuse(refused)
            return
        reply = reply_to(ask, answer, self.server.caches[ask.voice.name])
        talk = Talk(ask, reply, started_s, int(time.time()))
        if ask.stream:
            self._stream(talk)
        else:
            self.server.wait_until(talk.ends_s)
            self._send(200, talk.whole())

    def _stream(self, talk: Talk) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for due_s, data in talk.events():
            self.server.wait_until(due_s)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def _answer_to(self, ask: Ask) -> Answer:
        answer = self.server.answers.find(ask.messages)
        if answer is None:
            raise RefusedError(
                "the demo server answers the questions of the tasks that it was started with, word for word, "
                "and this is none of them",
                param="messages",
                code="unknown_prompt",
            )
        prompt_tokens = count_tokens(render(ask.messages))
        if prompt_tokens > CONTEXT_TOKENS:
            message = f"the prompt has {prompt_tokens} tokens and the context {CONTEXT_TOKENS}"
            raise RefusedError(message, param="messages", code="exceed_context_size_error")
        return answer

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.close_connection = True
            raise RefusedError("the request needs a Content-Length", status=411)
        if int(length) > BODY_LIMIT_BYTES:
            self.close_connection = True
            raise RefusedError(f"the body is larger than {BODY_LIMIT_BYTES} bytes", status=413)
        data = self.rfile.read(int(length))
        if len(data) < int(length):
            raise ConnectionResetError("the client hung up inside its request")
        return data

    def _refuse(self, refused: RefusedError) -> None:
        self._send(refused.status, refused.document)

    def _send(self, status: int, document: Json) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)


def _model_row(name: str) -> dict[str, Json]:
    meta = {"n_ctx": CONTEXT_TOKENS, "n_ctx_train": CONTEXT_TOKENS}
    return {"id": name, "object": "model", "owned_by": "lanebench", "meta": meta}


@contextmanager
def serve_answers(answers: Answers) -> Iterator[Demo]:
    """Give these answers on a free port of 127.0.0.1 until the block ends; nothing stays open after it."""
    server = _Server(answers)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), name="demo server")
    thread.start()
    base_url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield Demo(base_url, tuple(model_of(voice, base_url) for voice in VOICES))
    finally:
        server.shutdown()
        server.hang_up()
        server.server_close()
        thread.join()


def serve(tasks: Sequence[Task]) -> AbstractContextManager[Demo]:
    """Answer the questions of these tasks: see serve_answers."""
    return serve_answers(Answers(variants_of(tasks)))
