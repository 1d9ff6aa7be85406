"""The demo server over real sockets with a plain client, and its schedule as a pure function."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.demo import SIMULATED_MODELS, Answers, DemoServer, serve_answers, split_tokens
from harness.demo.replies import ChatRequest, PromptCache, Reply
from harness.demo.stream import ScheduledReply
from harness.score import KINDS
from harness.types import Json, Limits, Outcome, Task, Variant, WrongAnswer

NONCE = "0123456789abcdef"
STEADY, FLAKY, THINKER, EARLY = SIMULATED_MODELS


def a_task(name: str, variants: int = 3, scorer: str = "calls") -> Task:
    return Task(
        name=name,
        title=name,
        suites=("quick",),
        tags=(),
        language="python",
        budget_tokens=500,
        limits=Limits(),
        scorer=scorer,
        settings={},
        system="You write code. {{nonce}}",
        turns=(f"Do {name}.",),
        files={},
        cases_json="",
        solution=("right",),
        wrong_answers=(),
        variants=tuple({} for _ in range(variants)),
        sha256="0" * 64,
        tool_loop=KINDS[scorer].tool_loop,
    )


def a_variant(name: str, index: int, *, turns: int = 1) -> Variant:
    task = a_task(name)
    wrong = (
        WrongAnswer("cut", tuple("cut" for _ in range(turns)), ("*",), Outcome.TRUNCATED_OUT, finish_reason="length"),
        WrongAnswer("bad", tuple(f"wrong answer {turn} to {name}" for turn in range(turns)), ("*",), Outcome.FAILED),
    )
    return Variant(
        task=task,
        index=index,
        system=task.system,
        turns=tuple(f"Do {name} number {index}, step {turn}." for turn in range(turns)),
        files={},
        cases=(),
        solution=tuple(f"right answer {turn} to {name} {index}" for turn in range(turns)),
        wrong_answers=wrong,
    )


VARIANTS = [
    *(a_variant("code-bugfix", index) for index in range(3)),
    *(a_variant("code-refactor", index) for index in range(6)),
    a_variant("talk", 0, turns=2),
]


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with serve_answers(Answers(VARIANTS)) as running:
        yield running


def messages_of(variant: Variant, nonce: str = NONCE, turn: int = 0) -> list[dict[str, Json]]:
    messages: list[dict[str, Json]] = [
        {"role": "system", "content": f"[{nonce}]\n" + variant.system.replace("{{nonce}}", nonce)}
    ]
    for at, text in enumerate(variant.turns[: turn + 1]):
        if at:
            messages.append({"role": "assistant", "content": "whatever was said"})
        messages.append({"role": "user", "content": text.replace("{{nonce}}", nonce)})
    return messages


def body_of(model: str, messages: Sequence[Mapping[str, Json]], **changes: Json) -> dict[str, Json]:
    body: dict[str, Json] = {
        "model": model,
        "messages": list(messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 500,
    }
    return {key: value for key, value in (body | changes).items() if value is not None}


def connect(demo: DemoServer) -> http.client.HTTPConnection:
    parts = urlsplit(demo.base_url)
    return http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)


def ask(demo: DemoServer, method: str, path: str, body: Json = None) -> tuple[int, bytes]:
    connection = connect(demo)
    try:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection.request(method, path, data)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def events_of(data: bytes) -> list[Json]:
    texts = [block.removeprefix("data: ") for block in data.decode().split("\n\n") if block]
    assert texts[-1] == "[DONE]"
    return [json.loads(text) for text in texts[:-1]]


def chat(demo: DemoServer, body: Mapping[str, Json]) -> list[Json]:
    status, data = ask(demo, "POST", "/v1/chat/completions", body)
    assert status == 200, data
    return events_of(data)


def text_of(events: Sequence[Json], key: str = "content") -> str:
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    return "".join(delta.get(key) or "" for delta in deltas)


def test_it_lists_its_models_and_reports_its_health(demo: DemoServer) -> None:
    status, data = ask(demo, "GET", "/v1/models")
    assert status == 200
    rows = json.loads(data)["data"]
    assert [row["id"] for row in rows] == [model.model for model in demo.models]
    assert {row["meta"]["n_ctx"] for row in rows} == {65_536}
    assert ask(demo, "GET", "/health") == (200, b'{"status": "ok"}')


def test_its_models_are_simulated_and_state_their_speeds(demo: DemoServer) -> None:
    assert all(model.simulated and model.base_url == demo.base_url for model in demo.models)
    assert [model.facts["stated_decode_tps"] for model in demo.models] == [
        model.decode_tps for model in SIMULATED_MODELS
    ]
    assert [model.thinking for model in demo.models] == ["off", "off", "on", "off"]


def test_a_stream_has_the_role_the_answer_the_finish_reason_and_the_usage(demo: DemoServer) -> None:
    events = chat(demo, body_of("demo-steady", messages_of(VARIANTS[0])))
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": None}
    assert text_of(events) == "right answer 0 to code-bugfix 0"
    assert [event["choices"][0]["finish_reason"] for event in events[-3:-1]] == [None, "stop"]
    usage = events[-1]["usage"]
    assert events[-1]["choices"] == []
    assert usage["completion_tokens"] == len(split_tokens("right answer 0 to code-bugfix 0"))
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert events[-1]["timings"]["predicted_per_second"] == STEADY.decode_tps


def test_usage_is_sent_only_on_request(demo: DemoServer) -> None:
    events = chat(demo, body_of("demo-steady", messages_of(VARIANTS[0]), stream_options=None))
    assert all(event["choices"] and "usage" not in event for event in events)


def test_the_nonce_does_not_change_the_answer(demo: DemoServer) -> None:
    events = chat(demo, body_of("demo-steady", messages_of(VARIANTS[1], "feed" * 4)))
    assert text_of(events) == "right answer 0 to code-bugfix 1"


def test_a_second_turn_gets_the_second_answer(demo: DemoServer) -> None:
    events = chat(demo, body_of("demo-steady", messages_of(VARIANTS[-1], turn=1)))
    assert text_of(events) == "right answer 1 to talk 0"


def test_separate_turns_are_answered_independently() -> None:
    talk = VARIANTS[-1]
    apart = replace(talk, task=replace(talk.task, settings={"separate": True}))
    alone = replace(apart, turns=apart.turns[1:], solution=apart.solution[1:])
    answers = Answers([apart])
    found = answers.find(messages_of(alone))
    assert found is not None
    assert found.right == "right answer 1 to talk 0"
    assert answers.find(messages_of(talk, turn=1)) is None


@pytest.mark.parametrize("index", range(6))
def test_the_flaky_model_fails_the_refactor_in_two_variants_of_three(demo: DemoServer, index: int) -> None:
    variant = next(one for one in VARIANTS if one.task.name == "code-refactor" and one.index == index)
    said = text_of(chat(demo, body_of("demo-flaky", messages_of(variant))))
    assert said == (variant.solution[0] if index % 3 == 0 else "wrong answer 0 to code-refactor")


def test_the_flaky_model_gets_everything_else_right(demo: DemoServer) -> None:
    assert text_of(chat(demo, body_of("demo-flaky", messages_of(VARIANTS[2])))) == "right answer 0 to code-bugfix 2"


def test_the_thinker_reasons_first_and_its_reasoning_is_counted(demo: DemoServer) -> None:
    events = chat(demo, body_of("demo-thinker", messages_of(VARIANTS[0]), max_tokens=300))
    thought = text_of(events, "reasoning_content")
    assert len(split_tokens(thought)) == 100
    assert text_of(events) == VARIANTS[0].solution[0]
    kinds = [key for event in events for choice in event["choices"] for key in choice["delta"] if key != "role"]
    assert kinds.index("reasoning_content") < len(kinds) - 1 - kinds[::-1].index("reasoning_content")
    assert "reasoning_content" not in kinds[-len(split_tokens(VARIANTS[0].solution[0])) :]
    assert events[-1]["usage"]["completion_tokens"] == 100 + len(split_tokens(VARIANTS[0].solution[0]))


def test_thinking_can_be_switched_off(demo: DemoServer) -> None:
    switch = {"enable_thinking": False}
    events = chat(demo, body_of("demo-thinker", messages_of(VARIANTS[0]), chat_template_kwargs=switch))
    assert text_of(events, "reasoning_content") == ""
    assert text_of(events) == VARIANTS[0].solution[0]


def test_the_early_model_sends_its_role_alone(demo: DemoServer) -> None:
    connection = connect(demo)
    connection.request("POST", "/v1/chat/completions", json.dumps(body_of("demo-early", messages_of(VARIANTS[0]))))
    reply = connection.getresponse()
    first = reply.read1(65536)
    rest = reply.read()
    connection.close()
    assert json.loads(first.decode().removeprefix("data: "))["choices"][0]["delta"]["role"] == "assistant"
    assert text_of(events_of(rest)) == VARIANTS[0].solution[0]


def test_an_answer_is_cut_at_max_tokens(demo: DemoServer) -> None:
    events = chat(demo, body_of("demo-steady", messages_of(VARIANTS[0]), max_tokens=3))
    assert text_of(events) == "".join(split_tokens(VARIANTS[0].solution[0])[:3])
    assert events[-2]["choices"][0]["finish_reason"] == "length"
    assert events[-1]["usage"]["completion_tokens"] == 3


def test_without_streaming_the_answer_is_one_document(demo: DemoServer) -> None:
    status, data = ask(
        demo, "POST", "/v1/chat/completions", body_of("demo-steady", messages_of(VARIANTS[0]), stream=None)
    )
    document = json.loads(data)
    assert status == 200
    assert document["choices"][0]["message"]["content"] == VARIANTS[0].solution[0]
    assert document["usage"]["completion_tokens"] == len(split_tokens(VARIANTS[0].solution[0]))


def test_one_connection_carries_several_requests(demo: DemoServer) -> None:
    connection = connect(demo)
    texts = []
    for variant in VARIANTS[:2]:
        connection.request("POST", "/v1/chat/completions", json.dumps(body_of("demo-steady", messages_of(variant))))
        texts.append(text_of(events_of(connection.getresponse().read())))
    connection.close()
    assert texts == [variant.solution[0] for variant in VARIANTS[:2]]


STEADY_ASK = body_of("demo-steady", messages_of(VARIANTS[0]))


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"{", 400, None),
        (b"[1]", 400, None),
        (STEADY_ASK | {"messages": []}, 400, "messages"),
        (STEADY_ASK | {"messages": ["hello"]}, 400, "messages[0]"),
        (STEADY_ASK | {"messages": [{"role": "user", "content": 5}]}, 400, "messages[0].content"),
        (STEADY_ASK | {"messages": [{"role": "user", "content": "What is love?"}]}, 400, "messages"),
        (STEADY_ASK | {"max_tokens": 0}, 400, "max_tokens"),
        (STEADY_ASK | {"max_tokens": "many"}, 400, "max_tokens"),
        (STEADY_ASK | {"stream": "yes"}, 400, "stream"),
        (STEADY_ASK | {"tools": {}}, 400, "tools"),
        (STEADY_ASK | {"stream_options": 3}, 400, "stream_options"),
        (STEADY_ASK | {"model": "gpt-9"}, 404, "model"),
    ],
)
def test_a_wrong_request_gets_an_error_object_that_names_the_field(
    demo: DemoServer, body: Json, status: int, param: str | None
) -> None:
    told, data = ask(demo, "POST", "/v1/chat/completions", body)
    error = json.loads(data)["error"]
    assert (told, error["param"]) == (status, param)
    assert error["message"]
    assert error["type"] == ("not_found_error" if status == 404 else "invalid_request_error")


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("POST", "/v1/completions")])
def test_an_unknown_path_is_not_found(demo: DemoServer, method: str, path: str) -> None:
    status, data = ask(demo, method, path, None if method == "GET" else {})
    assert status == 404
    assert path in json.loads(data)["error"]["message"]


@pytest.mark.parametrize(
    ("field", "status"),
    [
        (b"Transfer-Encoding: chunked", 411),
        ("Content-Length: \u00b2".encode("latin-1"), 411),
        (b"Content-Length: " + b"9" * 5000, 413),
    ],
)
def test_a_request_without_a_length_that_can_be_read_is_refused(demo: DemoServer, field: bytes, status: int) -> None:
    parts = urlsplit(demo.base_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as plain:
        plain.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: here\r\n" + field + b"\r\n\r\n0\r\n\r\n")
        head = b"".join(iter(lambda: plain.recv(4096), b""))
    assert head.startswith(b"HTTP/1.1 %d " % status)


def test_a_prompt_beyond_the_context_is_rejected() -> None:
    long = replace(VARIANTS[0], turns=("word " * 70_000,))
    with serve_answers(Answers([long])) as demo:
        status, data = ask(demo, "POST", "/v1/chat/completions", body_of("demo-steady", messages_of(long)))
    assert status == 400
    assert json.loads(data)["error"]["code"] == "exceed_context_size_error"


def test_closing_ends_a_running_stream_and_every_thread() -> None:
    endless = replace(VARIANTS[0], solution=("word " * 50_000,))
    # Threads of earlier tests may end meanwhile.
    before = set(threading.enumerate())
    with serve_answers(Answers([endless])) as demo:
        connection = connect(demo)
        body = body_of("demo-steady", messages_of(endless), max_tokens=None)
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        reply = connection.getresponse()
        assert reply.read1(1024)
    with pytest.raises(http.client.IncompleteRead):
        reply.read()
    connection.close()
    assert set(threading.enumerate()) <= before


def test_a_client_that_disconnects_does_not_affect_others(demo: DemoServer) -> None:
    connection = connect(demo)
    connection.request("POST", "/v1/chat/completions", json.dumps(STEADY_ASK))
    connection.getresponse().read1(10)
    connection.close()
    assert text_of(chat(demo, STEADY_ASK)) == VARIANTS[0].solution[0]


# --- pure parts -------------------------------------------------------------------------------------------------


@given(st.text())
def test_the_tokens_of_a_text_are_the_text(text: str) -> None:
    assert "".join(split_tokens(text)) == text


def test_a_token_is_about_four_characters() -> None:
    text = "The handbook of an invented company names people, dates, limits and superseded values. " * 20
    assert 3.5 < len(text) / len(split_tokens(text)) < 4.8


def a_reply(thought: int = 0, content: int = 10, prompt: int = 2800, cached: int = 0) -> Reply:
    return Reply(("think ",) * thought, ("word ",) * content, "stop", prompt, cached)


def a_request(*, model: int = 0, include_usage: bool = True) -> ChatRequest:
    return ChatRequest(SIMULATED_MODELS[model], ({"role": "user", "content": "x"},), 100, True, True, include_usage)


def test_every_token_is_due_at_its_own_moment_of_the_stated_speeds() -> None:
    due = [at for at, _ in ScheduledReply(a_request(), a_reply(), 5.0, 0).events()]
    first_s = 5.0 + STEADY.overhead_s + 2800 / STEADY.prefill_tps
    assert due[0] == pytest.approx(first_s)
    assert [later - earlier for earlier, later in pairwise(due[:10])] == pytest.approx([1 / STEADY.decode_tps] * 9)
    assert due[10] == pytest.approx(due[9])


def test_an_early_role_is_due_at_once_and_the_first_token_is_not() -> None:
    (role_s, role), (first_s, first), *_ = ScheduledReply(a_request(model=3), a_reply(), 5.0, 0).events()
    assert role_s == 5.0
    assert b'"role"' in role
    assert b'"role"' not in first
    assert first_s == pytest.approx(5.0 + EARLY.overhead_s + 2800 / EARLY.prefill_tps)


def test_cached_tokens_are_not_prefilled_again() -> None:
    cold = ScheduledReply(a_request(), a_reply(), 0.0, 0).prefill_s
    warm = ScheduledReply(a_request(), a_reply(cached=2784), 0.0, 0).prefill_s
    assert cold - warm == pytest.approx(2784 / STEADY.prefill_tps)


def test_a_prompt_seen_before_is_cached_and_one_with_another_nonce_is_not() -> None:
    cache = PromptCache()
    prompt = f"<system>\n[{NONCE}]\n" + "the same long prompt " * 100
    assert cache.shared_tokens(prompt) == 0
    cache.add(prompt)
    assert cache.shared_tokens(prompt + "and more") == len(split_tokens(prompt)) // 16 * 16
    assert cache.shared_tokens(prompt.replace(NONCE, "fedcba9876543210")) == 0


def test_cached_tokens_are_reported(demo: DemoServer) -> None:
    body = body_of("demo-steady", messages_of(VARIANTS[0], "abad" * 4))
    first, again = chat(demo, body)[-1], chat(demo, body)[-1]
    assert first["usage"]["prompt_tokens_details"] == {"cached_tokens": 0}
    assert again["usage"]["prompt_tokens_details"]["cached_tokens"] > 0
    assert again["timings"]["prompt_n"] + again["timings"]["cache_n"] == again["usage"]["prompt_tokens"]
