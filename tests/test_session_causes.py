"""What the cache doctor blames: servers and models apart, and only what the loss can come from."""

import sys

import pytest

from harness.session import diagnose, render_cache
from tests.sessions import Ask, PretendServer, Reply, in_turns, loop, merged, opening, prose, turn, unchanged

SLOW_TPS, FAST_TPS = 200.0, 4000.0


@pytest.mark.parametrize("states_cached", [True, False])
@pytest.mark.parametrize("apart", ["model", "server"])
def test_each_server_and_model_has_its_own_prefill_rate(apart: str, states_cached: bool) -> None:
    names = ("m", "http://127.0.0.1:8080", "small", "http://127.0.0.1:8080")
    if apart == "server":
        names = ("m", "http://127.0.0.1:8080", "m", "http://127.0.0.1:8081")
    servers = [
        PretendServer("chat", model=model, address=address, rate_tps=rate_tps, states_cached=states_cached)
        for model, address, rate_tps in ((*names[:2], SLOW_TPS), (*names[2:], FAST_TPS))
    ]
    in_turns(servers, 6)
    report = diagnose(merged(*servers))
    assert [verdict.state for verdict in report.verdicts] == ["new", "new", *["hit"] * 10]
    assert [rate.tokens_per_s for rate in report.rates.values()] == pytest.approx([SLOW_TPS, FAST_TPS], rel=0.1)
    assert not any(verdict.contradicts_ttft for verdict in report.verdicts)
    words = "tokens/s (m), " if apart == "model" else "tokens/s (m, http://127.0.0.1:8080), "
    assert words in " ".join(render_cache(report).split())


def test_a_model_without_a_cache_is_known_beside_one_that_has_a_cache() -> None:
    servers = [PretendServer("chat", model="a", is_caching=False), PretendServer("chat", model="b")]
    in_turns(servers, 4)
    report = diagnose(merged(*servers))
    assert [(loss.request.model, loss.reason.kind) for loss in report.losses if loss.reason] == [
        ("a", "architecture")
    ] * 3


@pytest.mark.parametrize(("port", "kind"), [(8080, "restart"), (9999, "unknown")])
def test_a_refused_connection_means_a_restart_of_that_server_alone(port: int, kind: str) -> None:
    server = PretendServer("chat", model="a")
    other = PretendServer("chat", model="b", address=f"http://127.0.0.1:{port}")
    asks = loop(server, opening(), 4, unchanged)
    other.now_s = server.now_s
    other.fail(Ask(opening(70)))
    server.now_s, server.cache = other.now_s, []
    conversation = turn(asks[-1].conversation, 3)[1]
    server.ask(Ask(conversation), Reply("Done."))
    (loss,) = diagnose(merged(server, other)).losses
    assert loss.reason is not None
    assert loss.reason.kind == kind


@pytest.mark.parametrize(("seed", "kind"), [(40, "evicted"), (None, "unknown")])
def test_a_request_that_was_cancelled_while_it_was_read_takes_a_place_but_not_its_own(
    seed: int | None, kind: str
) -> None:
    server = PretendServer("chat", slots=1)
    asks = loop(server, opening(), 5, unchanged)
    conversation = turn(asks[-1].conversation, 4)[1]
    server.cancel(Ask(conversation) if seed is None else Ask(opening(seed), tools=[]), 1.0)
    if seed is None:
        server.cache = []
    server.ask(Ask(conversation), Reply("Done."))
    (loss,) = diagnose(server.requests()).losses
    assert loss.reason is not None
    assert loss.reason.kind == kind


def test_a_request_whose_predecessor_is_still_being_answered_finds_its_cache_in_use() -> None:
    server = PretendServer("chat")
    asks = loop(server, opening(), 3, unchanged)
    conversation = turn(asks[-1].conversation, 2)[1]
    server.ask(Ask(conversation), Reply("A long answer. " + prose(3, 400)))
    server.cache = []
    server.ask(Ask([*conversation, {"role": "user", "content": "Write a title."}]), Reply("A title"), gap_s=-2.0)
    (loss,) = diagnose(server.requests()).losses
    assert loss.reason is not None
    assert loss.reason.kind == "busy"


def count_calls(requests: int) -> int:
    """How many function calls a diagnosis takes."""
    server = PretendServer("chat", slots=1)
    for number in range(requests):
        conversation = [
            {"role": "system", "content": "You solve tasks."},
            {"role": "user", "content": f"Task {number}. {prose(number, 20)}"},
        ]
        server.ask(Ask(conversation, tools=[]), Reply("ok"))
    read, calls, before = server.requests(), 0, sys.getprofile()

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        diagnose(read)
    finally:
        sys.setprofile(before)
    return calls


def test_the_work_of_a_diagnosis_grows_as_the_number_of_independent_requests() -> None:
    assert count_calls(400) < 3 * count_calls(200)
