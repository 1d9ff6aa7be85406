"""A fake model server for tests: `serve_fake` behaves as a server kind is documented to, or deliberately not."""

import hashlib
import json
import re
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from harness.types import Json
from tests.wire import DONE, END, chunk, event

Route = Callable[[Json], tuple[int, Json]]
WORDS = [
    "pump",
    "valve",
    "ledger",
    "heron",
    "river",
    "depot",
    "signal",
    "crane",
    "harbor",
    "orchard",
    "lantern",
    "granite",
]


@dataclass
class FakeBehavior:
    """How the fake server replies.

    `repeats`: the model repeats a code word that is in what is left of the prompt. `counts_cut`: a server that
    truncates counts the truncated prompt, else the whole one. `not_found` are the chat requests, counted from 1, that
    get HTTP 404.
    """

    context: int = 4096
    overflow: str = "http_400"
    thinks: bool = True
    reads_switch: bool = True
    reads_seed: bool = True
    reads_top_k: bool = True
    caches: bool = True
    tells_cached: bool = True
    reasoning_key: str = "reasoning_content"
    early_role: bool = False
    role_everywhere: bool = False
    usage_on_finish: bool = False
    says_done: bool = True
    tells_speeds: bool = True
    key: str | None = None
    refuses: str | None = None
    repeats: bool = False
    counts_cut: bool = True
    not_found: Sequence[int] = ()


@dataclass
class FakeServer:
    """Its address and the requests that it got, in order; `bodies` are those of chat requests."""

    base_url: str
    requests: list[str] = field(default_factory=list)
    bodies: list[Mapping[str, Json]] = field(default_factory=list)


def _tokens(text: str) -> int:
    return max(1, len(text) // 4)


def _prompt(body: Mapping[str, Json]) -> str:
    return "\n".join(message["content"] for message in body["messages"])


def _answer(body: Mapping[str, Json], behavior: FakeBehavior, count: int) -> list[str]:
    hot = body.get("temperature", 1) > 0 and not (behavior.reads_top_k and body.get("top_k") == 1)
    seed = body.get("seed") if behavior.reads_seed else None
    dice = f"{seed if seed is not None else time.monotonic_ns()}" if hot else "cold"
    digest = hashlib.sha256(f"{dice}".encode()).digest()
    return [WORDS[digest[at % 32] % len(WORDS)] + " " for at in range(count)]


def _thinking(body: Mapping[str, Json], behavior: FakeBehavior) -> bool:
    wanted = (body.get("chat_template_kwargs") or {}).get("enable_thinking")
    return behavior.thinks if wanted is None or not behavior.reads_switch else bool(wanted)


class FakeModel:
    """One model with its prefix cache."""

    def __init__(self, behavior: FakeBehavior) -> None:
        self.behavior = behavior
        self.prompts: list[str] = []

    def cached(self, prompt: str) -> int:
        shared = max((_shared(prompt, old) for old in self.prompts), default=0) if self.behavior.caches else 0
        self.prompts.append(prompt)
        return _tokens(prompt[:shared]) if shared > 16 else 0

    def refusal(self, body: Mapping[str, Json]) -> tuple[int, bytes] | None:
        if self.behavior.refuses in body:
            return 422, json.dumps({"error": {"message": f"{self.behavior.refuses} is not allowed"}}).encode()
        prompt = _tokens(_prompt(body))
        if prompt <= self.behavior.context or self.behavior.overflow not in ("http_400", "error_in_200"):
            return None
        error = {
            "type": "exceed_context_size_error",
            "message": f"the request ({prompt} tokens) exceeds the available context size",
            "n_prompt_tokens": prompt,
            "n_ctx": self.behavior.context,
        }
        if self.behavior.overflow == "http_400":
            return 400, json.dumps({"error": error}).encode()
        return 200, event({"error": error}, "error")

    def parts(self, body: Mapping[str, Json]) -> Iterator[tuple[float, bytes]]:
        """Each part of the reply, with the seconds to wait before it."""
        behavior, prompt = self.behavior, _prompt(body)
        cached = self.cached(prompt)
        cut = behavior.overflow == "silent_truncation" and _tokens(prompt) > behavior.context
        counted = behavior.context if cut and behavior.counts_cut else _tokens(prompt)
        limit = min(body.get("max_tokens") or 24, body.get("max_completion_tokens") or 24)
        thought = _answer(body, behavior, limit // 3 if _thinking(body, behavior) else 0)
        content = _answer(body, behavior, limit - len(thought))
        code_word = re.search(r"code word is (\w+)\.", prompt)
        if code_word is not None:
            content = [code_word[1] if behavior.repeats and not cut else "none"]
        role = {"role": "assistant"}
        everywhere = role if behavior.role_everywhere else {}
        if not behavior.role_everywhere:
            yield 0.0, chunk({**role, "content": ""}) if behavior.early_role else b""
        yield 0.12 if cached < counted // 2 else 0.01, b""
        if not behavior.role_everywhere and not behavior.early_role:
            yield 0.0, chunk({**role, "content": None})
        for word in thought:
            yield 0.0, chunk({**everywhere, behavior.reasoning_key: word})
        for word in content:
            yield 0.0, chunk({**everywhere, "content": word})
        details = {"prompt_tokens_details": {"cached_tokens": cached}} if behavior.tells_cached else {}
        usage = {"prompt_tokens": counted, "completion_tokens": len(thought) + len(content), **details}
        speeds = {"timings": {"predicted_n": len(thought) + len(content)}} if behavior.tells_speeds else {}
        if behavior.usage_on_finish:
            yield 0.0, chunk({}, "stop", usage=usage, **speeds)
        else:
            yield 0.0, END + event({"choices": [], "usage": usage, **speeds})
        yield 0.0, DONE if behavior.says_done else b""


def _shared(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    server: Any

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        fake, path = self.server.fake, urlsplit(self.path).path
        fake.requests.append(f"{self.command} {path}")
        key = self.server.fake_model.behavior.key
        if key is not None and self.headers.get("Authorization") != f"Bearer {key}":
            self._send(401, b'{"error": {"message": "no key"}}')
        elif (route := self.server.routes.get(f"{self.command} {path}")) is not None:
            status, document = route(body)
            self._send(status, json.dumps(document).encode())
        elif path == "/v1/chat/completions":
            fake.bodies.append(body)
            if len(fake.bodies) in self.server.fake_model.behavior.not_found:
                self._send(404, b'{"error": {"message": "no such model"}}')
            else:
                self._chat(body or {})
        else:
            self._send(404, b'{"error": "nothing here"}')

    def _chat(self, body: Mapping[str, Json]) -> None:
        model = self.server.fake_model
        refusal = model.refusal(body)
        if refusal is not None:
            self._send(*refusal)
            return
        if not body.get("stream"):
            self._send(200, b'{"choices": [{"message": {"content": "yes"}, "finish_reason": "length"}]}')
            return
        self.send_response(200)
        self.end_headers()
        for wait_s, data in model.parts(body):
            time.sleep(wait_s)
            self.wfile.write(data)

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def running(server: socketserver.BaseServer) -> Iterator[None]:
    """Let a server that listens serve in a thread until the block ends, and close it."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def serve_fake(
    behavior: FakeBehavior, routes: Mapping[str, Route] | None = None, port: int = 0
) -> Iterator[FakeServer]:
    """Serve until the block ends; `routes` map "METHOD /path" to a function from body to status and JSON."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    server.fake_model, server.routes = FakeModel(behavior), routes or {}
    server.fake = FakeServer(f"http://127.0.0.1:{server.server_port}/v1")
    with running(server):
        yield server.fake


def respond_with(document: Json, status: int = 200) -> Route:
    """A route with a fixed response."""
    return lambda _: (status, document)
