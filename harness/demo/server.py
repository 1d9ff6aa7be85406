"""HTTP server of the demo: HTTP/1.1 on 127.0.0.1 only, each token is written when it is due."""

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

from harness.demo.answers import Answer, Answers, all_variants
from harness.demo.replies import ChatRequest, PromptCache, build_reply, count_tokens, render_prompt
from harness.demo.requests import InvalidRequestError, parse_request
from harness.demo.simulated_models import CONTEXT_TOKENS, SERVER_NAME, SIMULATED_MODELS, model_config
from harness.demo.stream import ScheduledReply
from harness.types import Json, Model, Task

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_LENGTH_DIGITS = 18
"""Of the header Content-Length: Python refuses to read numbers of thousands of digits."""
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class DemoServer:
    """A running demo server: its address and its models."""

    base_url: str
    models: tuple[Model, ...]


class _ServerClosing(Exception):  # noqa: N818 - no error: the server is closed while a reply is being written
    """The server is being closed."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.caches = {model.name: PromptCache() for model in SIMULATED_MODELS}
        self.closing = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        # HTTPServer.server_bind resolves the host's full name, which can take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Wake every handler that waits for its client or for its next token."""
        self.closing.set()
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def wait_until(self, deadline_s: float) -> None:
        """Wait until a moment of the monotonic clock. Raises _ServerClosing when the server is closed before it."""
        if self.closing.wait(max(0.0, deadline_s - time.monotonic())):
            raise _ServerClosing


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = SERVER_NAME
    sys_version = ""
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Suppress the access log: the terminal shows the run."""

    def handle(self) -> None:
        """Answer this connection's requests until either side closes it."""
        try:
            super().handle()
        except (ConnectionError, _ServerClosing):
            self.close_connection = True

    def do_GET(self) -> None:
        """List the models, the health, and the context size."""
        documents: dict[str, Json] = {
            "/health": {"status": "ok"},
            "/v1/models": {"object": "list", "data": [_model_row(model.name) for model in SIMULATED_MODELS]},
            "/props": {"build_info": SERVER_NAME, "default_generation_settings": {"n_ctx": CONTEXT_TOKENS}},
        }
        path = self.path.partition("?")[0]
        if path in documents:
            self._send(200, documents[path])
        else:
            self._send_error(InvalidRequestError(f"unknown path {path}", status=404))

    def do_POST(self) -> None:
        """Answer a chat completion."""
        try:
            data = self._body()
            started_s = time.monotonic()
            if self.path.partition("?")[0] != "/v1/chat/completions":
                raise InvalidRequestError(f"unknown path {self.path}", status=404)
            request = parse_request(data)
            answer = self._find_answer(request)
        except InvalidRequestError as error:
            self._send_error(error)
            return
        reply = build_reply(request, answer, self.server.caches[request.model.name])
        scheduled = ScheduledReply(request, reply, started_s, int(time.time()))
        if request.stream:
            self._stream(scheduled)
        else:
            self.server.wait_until(scheduled.ends_s)
            self._send(200, scheduled.document())

    def _stream(self, scheduled: ScheduledReply) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for due_s, data in scheduled.events():
            self.server.wait_until(due_s)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def _find_answer(self, request: ChatRequest) -> Answer:
        answer = self.server.answers.find(request.messages)
        if answer is None:
            raise InvalidRequestError(
                "unknown prompt: the demo server answers only the exact prompts of the tasks that it was started with",
                param="messages",
                code="unknown_prompt",
            )
        prompt_tokens = count_tokens(render_prompt(request.messages))
        if prompt_tokens > CONTEXT_TOKENS:
            message = f"the prompt has {prompt_tokens} tokens, the context only {CONTEXT_TOKENS}"
            raise InvalidRequestError(message, param="messages", code="exceed_context_size_error")
        return answer

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            raise InvalidRequestError("the Content-Length header is missing", status=411)
        if len(length) > MAX_LENGTH_DIGITS or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            raise InvalidRequestError(f"the body is larger than {MAX_BODY_BYTES} bytes", status=413)
        data = self.rfile.read(int(length))
        if len(data) < int(length):
            raise ConnectionResetError("the client closed the connection during its request")
        return data

    def _send_error(self, error: InvalidRequestError) -> None:
        self._send(error.status, error.document)

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
def serve_answers(answers: Answers) -> Iterator[DemoServer]:
    """Serve these answers on a free port of 127.0.0.1 until the block ends, then close all connections and threads."""
    server = _Server(answers)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), name="demo server")
    thread.start()
    base_url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield DemoServer(base_url, tuple(model_config(model, base_url) for model in SIMULATED_MODELS))
    finally:
        server.shutdown()
        server.close_connections()
        server.server_close()
        thread.join()


def serve(tasks: Sequence[Task]) -> AbstractContextManager[DemoServer]:
    """Serve the answers to all variants of these tasks; see `serve_answers`."""
    return serve_answers(Answers(all_variants(tasks)))
