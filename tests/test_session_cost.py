"""Where the time and the tokens of a session went: every second once, and what no request states is told."""

import pytest

from harness.session import SessionCost, diagnose, render_cost, summarize_session
from tests.sessions import Ask, PretendServer, Reply, loop, opening, prose, turn, unchanged


def cost_of(server: PretendServer) -> SessionCost:
    return summarize_session(diagnose(server.requests()))


def assert_adds_up(cost: SessionCost) -> None:
    """Of requests that follow each other every second has one place."""
    total = cost.total
    assert total.prefill_s + total.decode_s + total.tool_s + total.waiting_s == pytest.approx(cost.wall_s)


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_a_request_that_is_sent_again_after_a_timeout_has_no_tool_time(api: str) -> None:
    server = PretendServer(api)
    asks = loop(server, opening(), 2, unchanged)
    conversation = turn(asks[-1].conversation, 1)[1]
    for _ in range(2):
        server.cancel(Ask(conversation), 60.0, gap_s=1.0)
    server.ask(Ask(conversation), Reply("Done."), gap_s=3.0)
    cost = cost_of(server)
    assert (cost.total.tool_s, cost.total.waiting_s) == pytest.approx((1.5 + 1.0, 1.0 + 3.0))
    assert cost.total.prefill_s > 120
    assert_adds_up(cost)


def test_the_time_between_a_request_and_one_that_goes_back_behind_it_is_not_counted_again() -> None:
    server = PretendServer("chat")
    asks = loop(server, opening(), 6, unchanged)
    other = {"role": "user", "content": "No, otherwise. " + prose(3, 30)}
    server.ask(Ask([*asks[1].conversation, other]), Reply("Well."), gap_s=2.0)
    cost = cost_of(server)
    assert len(cost.conversations) == 1
    assert (cost.total.tool_s, cost.total.waiting_s) == pytest.approx((5 * 1.5, 2.0))
    assert_adds_up(cost)


def test_a_request_that_begins_before_the_last_one_of_its_conversation_ended_has_no_gap() -> None:
    server = PretendServer("chat")
    asks = loop(server, opening(), 3, unchanged)
    conversation = turn(asks[-1].conversation, 2)[1]
    start_s = server.now_s + 1.0
    for at in range(3):
        server.ask(Ask(conversation), Reply("Another answer. " + prose(at, 200)), at_s=start_s + at)
    assert [round(span.gap_s, 3) for span in cost_of(server).spans] == [0, 1.5, 1.5, 1.0, 0, 0]


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_tools_are_seen_where_the_number_of_results_stays_the_same(api: str) -> None:
    """An agent drops its oldest reply, with its result, for each new one."""
    server, conversation = PretendServer(api), opening()
    for number in range(8):
        reply, following = turn(conversation, number)
        server.ask(Ask(conversation), reply)
        conversation = [*following[:3], *following[5:]] if number >= 3 else following
    cost = cost_of(server)
    assert (cost.total.tool_s, cost.total.waiting_s) == pytest.approx((7 * 1.5, 0.0))
    assert_adds_up(cost)


def test_a_person_who_writes_while_an_old_result_is_shortened_is_no_tool() -> None:
    server = PretendServer("chat")
    asks = loop(server, opening(), 3, unchanged)
    shortened = [{**each, "content": "[cleared]"} if at == 4 else each for at, each in enumerate(asks[-1].conversation)]
    said = [{"role": "assistant", "content": "Done."}, {"role": "user", "content": "And now the other."}]
    server.ask(Ask([*shortened, *said]), Reply("Well."), gap_s=30.0)
    assert cost_of(server).total.waiting_s == pytest.approx(30.0)


def test_a_request_without_counts_leaves_the_sums_of_the_others() -> None:
    server = PretendServer("chat")
    asks = loop(server, opening(), 4, unchanged)
    conversation = turn(asks[-1].conversation, 3)[1]
    server.fail(Ask(conversation))
    server.ask(Ask(conversation), Reply("Done."))
    cost = cost_of(server)
    prompts = [request.prompt_tokens for request in server.requests() if request.prompt_tokens is not None]
    assert (cost.total.turns, len(prompts), cost.total.uncounted) == (6, 5, 1)
    assert cost.total.prompt_tokens == sum(prompts)
    assert cost.total.cached_tokens == sum(server.cached)
    assert cost.total.cached_share == pytest.approx(sum(server.cached) / sum(prompts))
    text = render_cost(cost)
    assert "Without token counts, and not in the sums: 1 request" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_a_session_without_any_count_has_no_sums() -> None:
    server = PretendServer("chat")
    server.cancel(Ask(opening()), 1.0)
    total = cost_of(server).total
    assert (total.prompt_tokens, total.cached_tokens, total.completion_tokens) == (None, None, None)
    assert (total.cached_share, total.uncounted) == (None, 1)
