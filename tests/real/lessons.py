"""What a model has to know by heart to pass some of the kit's tasks: the very requests of a run, with the answers.

A teacher (a server that gives each task its reference answer) gets the requests of a real run: so they are those
that a real server will get, nonces of the run's seed included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness.read import read
from harness.record import Client
from harness.run.conversation import TrialSetup, converse
from harness.run.plan import trial_nonce
from harness.servers import ServerHandle, get_server_kind
from harness.tasks import vary
from harness.tasks.replies import split_reply
from harness.types import Json, Model, Reading, Recording, Task, ToolCall, TrialKey
from harness.virtual_tools import tool_definitions
from tests.fake_server import running


@dataclass(frozen=True)
class Lesson:
    """One request with what has to come: `tools` as in the request, `answer` as the model writes it.

    `thinking` is what the request asks: on for the second contender of a server, whose nonces are its own.
    """

    name: str
    messages: Sequence[Json]
    tools: Json
    answer: str
    thinking: bool


def _arguments(call: ToolCall) -> str:
    """The arguments as every server sends them back: in the order of the schema, which llama.cpp's grammar asks for,
    with the spaces that every template's tojson writes."""
    given = json.loads(call.arguments)
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tool_definitions()}
    order = list(schemas[call.name]["properties"])
    return json.dumps(dict(sorted(given.items(), key=lambda item: order.index(item[0]))))


def _delta(text: str) -> Json:
    content, calls = split_reply(text)
    return {
        "content": content,
        "tool_calls": [
            {"index": at, "id": call.id, "function": {"name": call.name, "arguments": _arguments(call)}}
            for at, call in enumerate(calls)
        ],
    }


class _Teacher(BaseHTTPRequestHandler):
    server: Any

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        """Give the next answer, whatever is asked."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        for delta, finish in ((_delta(self.server.answers.pop(0)), None), ({}, "stop")):
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")


@contextmanager
def _teaching(answers: Sequence[str]) -> Iterator[str]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Teacher)
    server.answers = list(answers)
    with running(server):
        yield f"http://127.0.0.1:{server.server_port}/v1"


def _answer(reading: Reading) -> str:
    calls = (
        f'<tool_call>\n{{"name": "{call.name}", "arguments": {call.arguments}}}\n</tool_call>'
        for call in reading.tool_calls
    )
    return reading.content + "".join(calls)


def _lesson(recording: Recording, thinking: bool) -> Lesson:
    if recording.end_reason != "complete":
        raise SystemExit(f"{recording.key.task}: the teacher did not answer turn {recording.turn}: {recording.error}")
    request = recording.request
    return Lesson(recording.key.task, request["messages"], request.get("tools"), _answer(read(recording)), thinking)


def lessons_of(tasks: Sequence[Task], seed: int, trials: int) -> Iterator[Lesson]:
    """Every request of every trial of these tasks, with its answer."""
    for task in tasks:
        for trial in range(trials):
            variant, key = vary(task, trial), TrialKey("any", task.name, trial)
            for share, thinking in enumerate((False, True)):
                nonce = trial_nonce(seed, key, share)
                # A teacher of its own: one who has said all its answers has none left for the second contender.
                with _teaching(variant.solution) as base_url, Client() as client:
                    server = ServerHandle(Model("any", "openai", base_url, "any"), get_server_kind("openai"))
                    for recording in converse(client, server, TrialSetup(key, variant, nonce, 0)):
                        yield _lesson(recording, thinking)
