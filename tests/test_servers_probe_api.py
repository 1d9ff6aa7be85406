"""Probing one API of a server: what works, what is a gap, and a server that has no such API."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.apis import APIS, get_api
from harness.cli.probe import api_lines
from harness.errors import ServerError
from harness.reference import ReferenceServer, serving
from harness.servers import ServerHandle, get_server_kind, probe_api
from harness.types import Json, Model, ProbeFinding
from tests.fake_server import FakeBehavior, Route, respond_with, serve_fake


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    """The reference server of all tests: it keeps nothing of a request."""
    with serving() as running:
        yield running


@pytest.mark.parametrize("api", APIS)
def test_each_feature_is_asked_and_each_gap_has_a_line(api: str, server: ReferenceServer) -> None:
    kind = get_server_kind("openai")
    model = Model("p", kind.name, server.base_url, "plain?ttft_ms=1&tps=5000&tokens=12", api=api)
    found = {finding.name: finding for finding in probe_api(ServerHandle(model, kind))}
    assert [found[name].agrees for name in ("text", "usage", "last event")] == [True] * 3
    assert found["tools"].agrees is None
    for name in ("length", "overflow"):
        assert found[name].agrees is False
        assert found[name].note
    _, _, *lines, _, foot = api_lines(kind.title, api, found.values())
    assert [line.split("  ")[0] for line in lines] == list(found)
    assert foot.startswith("gaps: length, ")
    assert "; not shown: " in foot
    assert (found["count_tokens"].stated is False) == any("count_tokens    not in API" in line for line in lines)


def test_a_server_without_the_api_says_so() -> None:
    kind = get_server_kind("mlx-lm")
    with serve_fake(FakeBehavior()) as server:
        handle = ServerHandle(Model("p", kind.name, server.base_url, "m"), kind)
        (finding,) = probe_api(replace(handle, model=replace(handle.model, api="messages")))
    assert (finding.name, finding.agrees) == ("text", False)
    assert finding.note is not None
    assert finding.note.startswith("the server has no Messages API (status 404")
    assert list(api_lines(kind.title, "Messages", [finding]))[-1] == "without an answer nothing more was asked"


def found_over(api: str, kind_name: str, answer: Route) -> dict[str, ProbeFinding]:
    routes = {"GET /v1/models": respond_with({"data": [{"id": "m"}]}), f"POST /v1{get_api(api).path}": answer}
    kind = get_server_kind(kind_name)
    with serve_fake(FakeBehavior(), routes) as server:
        handle = ServerHandle(Model("p", kind.name, server.base_url, "m", api=api), kind)
        return {finding.name: finding for finding in probe_api(handle)}


def message(reason: str, *blocks: Json) -> Json:
    return {
        "type": "message",
        "content": list(blocks),
        "stop_reason": reason,
        "usage": {"input_tokens": 9, "output_tokens": 9},
    }


@pytest.mark.parametrize(
    ("answer", "works"),
    [
        (message("max_tokens", {"type": "thinking", "thinking": "The user"}), None),
        (message("max_tokens", {"type": "text", "text": "1 2 3"}), None),
        (message("stop_sequence", {"type": "text", "text": "on"}), True),
        (message("end_turn", {"type": "text", "text": "one two"}), False),
    ],
)
def test_only_an_answer_that_could_have_gone_on_shows_that_a_stop_string_ends_it(
    answer: Json, works: bool | None
) -> None:
    assert found_over("messages", "llama-server", respond_with(answer))["stop"].observed is works


def test_a_refused_thinking_switch_is_the_gap() -> None:
    def answer(body: Json) -> tuple[int, Json]:
        if "chat_template_kwargs" in body:
            return 400, {"error": {"message": "unknown field chat_template_kwargs"}}
        return 200, message("end_turn", {"type": "text", "text": "ok"})

    finding = found_over("messages", "llama-server", answer)["thinking"]
    assert finding.observed is False
    assert "status 400: unknown field chat_template_kwargs" in (finding.note or "")


@pytest.mark.parametrize(("kind", "works"), [("ollama", False), ("llama-server", None)])
def test_a_kind_whose_usage_always_has_0_cached_tokens_shows_no_cache(kind: str, works: bool | None) -> None:
    usage = {"input_tokens": 9, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 0}}
    text = {"type": "message", "content": [{"type": "output_text", "text": "ok"}]}
    body = {"object": "response", "status": "completed", "output": [text], "usage": usage}
    assert found_over("responses", kind, respond_with(body))["cached tokens"].observed is works


def test_a_model_must_be_named_if_the_server_lists_several(server: ReferenceServer) -> None:
    kind = get_server_kind("openai")
    with pytest.raises(ServerError, match="lists several models"):
        next(probe_api(ServerHandle(Model("p", kind.name, server.base_url, ""), kind)))


def test_a_server_that_checks_no_limit_is_not_sent_a_prompt_beyond_it(server: ReferenceServer) -> None:
    kind = get_server_kind("mlx-lm")
    handle = ServerHandle(Model("p", kind.name, server.base_url, "plain?ttft_ms=1&tps=5000&tokens=12"), kind)
    found = {finding.name: finding for finding in probe_api(handle)}
    assert found["overflow"].agrees is None
    assert "not asked" in (found["overflow"].note or "")
