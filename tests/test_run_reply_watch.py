"""A model that has fallen into a loop is stopped; everything else is recorded to its end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.read import REPETITIVE_CHARS, is_repetitive, read
from harness.record import Client, Timeouts
from harness.run import reply_watch
from harness.run.conversation import TrialSetup, converse
from harness.servers import ServerHandle, get_server_kind
from harness.types import Recording, Task
from tests.fake_server import running
from tests.reference import KEY, LONG_TIMEOUTS
from tests.samples import model_at, task_of, variant_of
from tests.test_run_conversation import NONCE
from tests.wire import DONE, END, chunk, text_chunk

LOOP = "and then the list is sorted again, "
SHORT = Timeouts(turn_s=0.3)
EVENTS = 4 * REPETITIVE_CHARS // len(LOOP)


@contextmanager
def a_model_that_writes(*deltas: bytes, then: bytes = END + DONE) -> Iterator[str]:
    """A server whose reply is these events, `EVENTS` times; it waits for its client before it writes the end."""
    gone = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b"".join(deltas) * EVENTS)
            self.wfile.flush()
            # A stop takes effect at the next read, so there must be one.
            while not gone.wait(0.002) and then != END + DONE:
                try:
                    self.wfile.write(then)
                except OSError:
                    return
            self.wfile.write(then)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if then == END + DONE:
        gone.set()
    with running(server):
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            gone.set()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_watch, "CHECK_S", 0.02)


def recorded(base_url: str, task: Task) -> list[Recording]:
    with Client(LONG_TIMEOUTS) as client:
        handle = ServerHandle(model_at(base_url), get_server_kind("openai"))
        return list(converse(client, handle, TrialSetup(KEY, variant_of(task), NONCE, 0)))


@pytest.mark.parametrize("channel", ["content", "reasoning_content"])
def test_a_loop_is_stopped_and_is_an_outcome_of_its_own(channel: str) -> None:
    looping = chunk({channel: LOOP})
    task = task_of("t", "one", "two", scorer="voice")
    with a_model_that_writes(looping, then=looping) as base_url:
        (turn,) = recorded(base_url, task)
    assert (turn.end_reason, turn.last_turn) == ("repetition", True)
    reading = read(turn)
    assert (reading.error, reading.finish_reason) == (None, "repetition")
    assert LOOP * 8 in reading.content + reading.reasoning
    assert reading.timings.ttft_s is not None
    assert reading.timings.decode_tps is None


def test_a_loop_in_a_task_that_only_measures_speed_goes_on() -> None:
    with a_model_that_writes(text_chunk(LOOP)) as base_url:
        (turn,) = recorded(base_url, task_of())
    assert turn.end_reason == "complete"
    assert is_repetitive(read(turn).content)


def test_text_that_differs_is_recorded_to_its_end() -> None:
    lines = b"".join(text_chunk(f"value_{at} = {at * 7919 % 1009}\n") for at in range(40))
    with a_model_that_writes(lines) as base_url:
        (turn,) = recorded(base_url, task_of(scorer="voice"))
    assert turn.end_reason == "complete"


def rates_of(task: Task, first: bytes, then: bytes) -> list[float]:
    """The rates that are told of a reply that begins with some events and goes on with others until its timeout."""
    rates: list[float] = []
    with a_model_that_writes(first, then=then) as base_url, Client(SHORT) as client:
        handle = ServerHandle(model_at(base_url), get_server_kind("openai"))
        list(converse(client, handle, TrialSetup(KEY, variant_of(task), NONCE, 0), rates.append))
    return rates


@pytest.mark.parametrize("task", [task_of(), task_of("t", "one", clients=[2])])
def test_the_rate_of_replies_is_told_while_they_stream(task: Task) -> None:
    rates = rates_of(task, text_chunk("word "), text_chunk("word "))
    assert len(rates) > 2
    assert max(rates) > 50


def test_no_rate_is_told_while_the_server_reads_the_prompt_and_sends_events_without_a_token() -> None:
    role = chunk({"role": "assistant", "content": ""})
    assert rates_of(task_of(), role, role) == []


@pytest.mark.parametrize(
    ("text", "repetitive"),
    [
        (LOOP * 60, True),
        ("x" * REPETITIVE_CHARS, True),
        ("def f():\n    pass\n" + LOOP * 60, True),
        (LOOP * 60 + "and so on", False),
        (LOOP * 20, False),
        ("".join(f"{at}, " for at in range(2000)), False),
        (("row " * 70 + "\n") * 20, False),
        ("", False),
    ],
)
def test_only_a_short_part_that_repeats_to_the_end_is_a_loop(text: str, repetitive: bool) -> None:
    assert is_repetitive(text) is repetitive
