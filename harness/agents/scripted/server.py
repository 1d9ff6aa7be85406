"""A model server whose replies are a script: `scripted_server` serves all three APIs on loopback for a block."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness.agents.scripted.model import ScriptedModel
from harness.agents.scripted.replies import CHARS_PER_TOKEN, encode_reply
from harness.apis import APIS, find_api, parse_object
from harness.types import Json

MODEL = "scripted-model"


@contextmanager
def scripted_server(model: ScriptedModel) -> Iterator[str]:
    """Serve a script; yields the base URL. The model's name is `MODEL`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, model))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"

    def __init__(self, model: ScriptedModel, *arguments: Json) -> None:
        self.model = model
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """The list of models."""
        model = {"id": MODEL, "object": "model", "created": 1, "owned_by": "lanebench"}
        self._send(json.dumps({"object": "list", "data": [model]}).encode(), "application/json")

    def do_POST(self) -> None:
        """A reply of the script, or the number of tokens of a prompt."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, request = self.path.partition("?")[0], parse_object(body.decode("utf-8", "replace")) or {}
        if any(api.count_path and path.endswith(api.count_path) for api in APIS.values()):
            self._send(json.dumps({"input_tokens": len(body) // CHARS_PER_TOKEN}).encode(), "application/json")
            return
        is_streamed = request.get("stream") is True
        reply = self.model.reply(request)
        data = encode_reply(find_api(path).name, reply, is_streamed=is_streamed)
        self._send(data, "text/event-stream" if is_streamed else "application/json")

    def log_message(self, format: str, *arguments: Json) -> None:
        """Print nothing: the proxy records what was asked."""

    def _send(self, data: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
