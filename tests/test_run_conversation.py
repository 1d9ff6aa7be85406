"""The requests of a trial, turn by turn, as a scripted server receives them."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from harness.record import Client
from harness.run.conversation import TrialSetup, _record_together, converse
from harness.run.plan import trial_nonce
from harness.servers import ServerHandle, get_server_kind
from harness.types import Json, Model, Recording, Sampling, Task
from tests.reference import KEY, LONG_TIMEOUTS
from tests.samples import model_at, task_of, variant_of
from tests.scripted_server import ScriptedServer, answer, serve_scripted
from tests.wire import DONE, END, chunk, event, text_chunk, usage_chunk

NONCE = trial_nonce(1, KEY)
FINE = answer(text_chunk("fine") + END + usage_chunk(9, 1) + DONE)


def run_trial(server: ScriptedServer, task: Task, model: Model | None = None) -> list[Recording]:
    model = replace(model or model_at(server.base_url), base_url=server.base_url)
    with Client(LONG_TIMEOUTS) as client:
        handle = ServerHandle(model, get_server_kind(model.server))
        return list(converse(client, handle, TrialSetup(KEY, variant_of(task), NONCE, 1000)))


def bodies(task: Task, *answers: bytes, model: Model | None = None) -> list[Json]:
    with serve_scripted(answers) as server:
        run_trial(server, task, model)
    return server.bodies


def test_the_nonce_is_the_first_text_of_the_first_message_and_replaces_its_placeholders() -> None:
    (body,) = bodies(task_of(), FINE)
    assert body["messages"] == [
        {"role": "system", "content": f"[{NONCE}]\nYou help. {NONCE}"},
        {"role": "user", "content": f"ask {NONCE}"},
    ]


def test_a_request_streams_with_usage_and_sends_every_setting_of_the_model() -> None:
    model = replace(model_at("", server="llama-server"), sampling=Sampling(0.7, 0.9, 40, 0.05, 11), extra={"more": 1})
    (body,) = bodies(task_of(), FINE, model=model)
    del body["messages"]
    assert body == {
        "model": "model-id",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 300,
        "cache_prompt": False,
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.05,
        "seed": 11,
        "more": 1,
    }


def test_the_trials_number_is_added_to_a_given_seed_and_no_seed_is_invented() -> None:
    model = replace(model_at(""), sampling=Sampling(0.7, seed=11))
    with serve_scripted([FINE]) as server, Client(LONG_TIMEOUTS) as client:
        handle = ServerHandle(replace(model, base_url=server.base_url), get_server_kind("openai"))
        list(converse(client, handle, TrialSetup(replace(KEY, trial=4), variant_of(task_of()), NONCE, 0)))
    assert server.bodies[0]["seed"] == 15
    assert "seed" not in bodies(task_of(), FINE)[0]


def test_a_conversation_continues_with_the_answer_and_without_the_reasoning() -> None:
    thought = answer(chunk({"reasoning_content": "hm"}) + text_chunk("<think>also</think>first") + END + DONE)
    first, second = bodies(task_of("t", "one", "two"), thought, FINE)
    assert second["messages"] == [
        *first["messages"],
        {"role": "assistant", "content": "first"},
        {"role": "user", "content": "two"},
    ]


def test_a_warm_conversation_leaves_the_cache_enabled() -> None:
    model = model_at("", server="llama-server")
    assert all("cache_prompt" not in body for body in bodies(task_of("t", "one", "two"), FINE, FINE, model=model))


def test_only_the_last_turn_is_marked_so() -> None:
    with serve_scripted([FINE] * 3) as server:
        recordings = run_trial(server, task_of("t", "one", "two", "three"))
    assert [(recording.turn, recording.last_turn) for recording in recordings] == [(0, False), (1, False), (2, True)]


@pytest.mark.parametrize(
    "bad", [answer(event({"error": {"message": "no"}}), 500), answer(END + DONE), answer(text_chunk("cut"))]
)
def test_a_turn_that_failed_or_has_no_content_ends_the_trial(bad: bytes) -> None:
    with serve_scripted([bad]) as server:
        recordings = run_trial(server, task_of("t", "one", "two"))
    assert [recording.last_turn for recording in recordings] == [True]


def test_separate_turns_share_no_messages_and_have_a_nonce_each() -> None:
    task = task_of("t", "small {{nonce}}", "larger", "largest", separate=True)
    model = model_at("", server="llama-server")
    with serve_scripted([FINE, answer(b"{}", 500), FINE]) as server:
        recordings = run_trial(server, task, model)
    heads = [body["messages"][0]["content"][:18] for body in server.bodies]
    assert [len(body["messages"]) for body in server.bodies] == [2, 2, 2]
    assert len(set(heads)) == 3
    assert heads[0] == f"[{NONCE}]"
    assert all(body["cache_prompt"] is False for body in server.bodies)
    assert [recording.last_turn for recording in recordings] == [False, False, True]


def test_several_clients_send_at_once_group_after_group() -> None:
    with serve_scripted([FINE] * 7) as server:
        recordings = run_trial(server, task_of("t", "ask", clients=[1, 2, 4]))
    starts = [recording.sent_ns for recording in recordings]
    assert [recording.turn for recording in recordings] == list(range(7))
    assert [recording.last_turn for recording in recordings] == [False] * 6 + [True]
    assert len({body["messages"][0]["content"] for body in server.bodies}) == 7
    assert None not in starts


def test_an_unreachable_server_ends_a_trial_of_any_kind_at_once() -> None:
    gone = model_at("http://127.0.0.1:9/v1")
    for task in (task_of("t", "a", "b"), task_of("t", "a", "b", separate=True), task_of("t", "a", clients=[1, 2])):
        with Client(LONG_TIMEOUTS) as client:
            handle = ServerHandle(gone, get_server_kind("openai"))
            recordings = list(converse(client, handle, TrialSetup(KEY, variant_of(task), NONCE, 0)))
        assert [(recording.end_reason, recording.last_turn) for recording in recordings] == [("connect_failed", True)]


def test_each_group_of_clients_has_the_time_that_is_left_when_it_begins() -> None:
    task = task_of("t", "ask", clients=[1, 2])
    with serve_scripted([FINE] * 3) as server, Client(LONG_TIMEOUTS) as client:
        handle = ServerHandle(model_at(server.base_url), get_server_kind("openai"))
        turns = converse(client, handle, TrialSetup(KEY, variant_of(task), NONCE, 0))
        first = next(turns)
        client.timeouts = replace(LONG_TIMEOUTS, turn_s=0.0)
        rest = list(turns)
    assert first.end_reason == "complete"
    assert [recording.end_reason for recording in rest] == ["limit_exceeded"] * 2


class _InterruptedPool(ThreadPoolExecutor):
    """Ctrl-C comes while the replies are awaited."""

    def map(self, *_arguments: object, **_options: object) -> Iterator[Any]:
        raise KeyboardInterrupt


def test_ctrl_c_ends_the_replies_of_a_group_of_clients() -> None:
    client_end, server_end = socket.socketpair()
    with client_end, server_end, Client() as client, _InterruptedPool() as pool:
        client.state.connection = client_end
        server_end.setblocking(False)
        with pytest.raises(KeyboardInterrupt):
            _record_together(pool, [client], [])
        assert server_end.recv(1) == b""
