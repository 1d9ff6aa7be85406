"""A finished run of two models on write-voice, and a server on which they and a judging model answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from harness.cluster import ThreadScorer
from harness.config import Config
from harness.run import RunFolder, build_result, record_run, score_run, start_run, write_result
from harness.tasks import find_fixtures, load_tasks
from harness.types import Json, Model, RunSettings
from tests.bundle import TrustingSandbox
from tests.fake_server import running
from tests.samples import model_at
from tests.wire import DONE, chunk

TRIALS = 6
SHORT = "I am Qwen2.5-7B. We moved the build to one machine. It took a week.\n\nNothing broke."
LONG = (
    "We are Lanebench. <script>alert(1)</script> &amp; </script></pre> \u202egnol\u202c \x1b[31mred\x1b[0m\n\n"
    "The build is on one machine now, and it took a week to get there. Nobody noticed until Monday."
)


def reply_of(body: Json) -> str:
    """What a model says: `short` and `long` answer, `first` takes what is shown first, any other prefers `long`."""
    text = "\n".join(str(message["content"]) for message in body["messages"])
    if body["model"] in ("maker/short-7b", "maker/long-7b"):
        return (SHORT if "short" in body["model"] else LONG) + f" {len(text)}"
    if body["model"] == "maker/first-7b":
        return "It comes first.\nVERDICT: A"
    left = text.partition("[ANSWER A")[2].partition("[END OF ANSWER A")[0]
    return f"The longer one.\nVERDICT: {'A' if 'Nobody noticed' in left else 'B'}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._send(
            b'{"object": "list", "data": [{"id": "maker/short-7b"}, {"id": "maker/long-7b"}]}', "application/json"
        )

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        words = re.findall(r"\s*\S+", reply_of(body))
        usage = {"prompt_tokens": 900, "completion_tokens": len(words)}
        end = chunk({}, "stop") + b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n" + DONE
        self._send(b"".join(chunk({"content": word}) for word in words) + end, "text/event-stream")

    def _send(self, data: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serve_models() -> Iterator[str]:
    """Serve the models until the block ends; gives the base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    with running(server):
        yield f"http://127.0.0.1:{server.server_port}/v1"


def models_at(base_url: str) -> tuple[Model, ...]:
    """The two models that are judged."""
    return tuple(_model(base_url, label) for label in ("short", "long"))


def _model(base_url: str, label: str) -> Model:
    return replace(model_at(base_url, f"maker/{label}-7b"), label=label)


def finished_run(results: Path, base_url: str) -> RunFolder:
    """A recorded, scored and summarized run."""
    tasks = load_tasks([find_fixtures()], names=["write-voice"])
    settings = RunSettings(tasks=("write-voice",), trials=TRIALS, warmups=0, seed=7, idle_s=0.0, thinking_tokens=0)
    models = models_at(base_url)
    folder = start_run(results, Config(settings, models), tasks)
    assert record_run(folder, tasks, models, lambda *_: None) == []
    score_run(folder, tasks, ThreadScorer(TrustingSandbox()), lambda *_: None)
    write_result(folder, build_result(folder))
    return folder
