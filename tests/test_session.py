"""The cache doctor and the cost of a session, on sessions whose server's cache is known exactly (tests/sessions.py)."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.session import (
    SourceRecording,
    diagnose,
    find_cures,
    render_cache,
    render_cost,
    requests_of,
    summarize_session,
)
from harness.types import Chunk, Json
from tests.sessions import (
    BASE_NS,
    PATHS,
    RATE_TPS,
    Ask,
    Conversation,
    PretendServer,
    Reply,
    event,
    loop,
    opening,
    prose,
    render,
    shared,
    tokens_of,
    tool,
    turn,
    unchanged,
)

APIS = sorted(PATHS)
Change = Callable[[Ask], Ask]
TURNS, BROKEN = 5, 3
"""A session's length, and the number of the request from which on it is changed."""


def edited(ask: Ask, at: int, **fields: Json) -> Ask:
    """The ask with other fields in one message."""
    conversation = [dict(message) for message in ask.conversation]
    conversation[at].update(fields)
    return replace(ask, conversation=conversation)


def replaced(at: int, old: str, new: str) -> Change:
    def change(ask: Ask) -> Ask:
        text = ask.conversation[at]["content"]
        assert old in text
        return edited(ask, at, content=text.replace(old, new))

    return change


def moved_tool(ask: Ask) -> Ask:
    first, second, *others = ask.tools
    return replace(ask, tools=[first, *others, second])


def inserted_tool(ask: Ask) -> Ask:
    return replace(ask, tools=[*ask.tools[:2], tool("WebFetch"), *ask.tools[2:]])


def described_tool(ask: Ask) -> Ask:
    tools = json.loads(json.dumps(ask.tools))
    tools[1]["function"]["description"] += " (2 servers connected)"
    return replace(ask, tools=tools)


BREAKS: dict[str, tuple[Change, str, dict[str, str]]] = {
    "billing header": (
        replaced(0, "1a2", "1b7"),
        '"cc_version=2.1.36.1a2; cc_entrypoint…" became "cc_version=2.1.36.1b7',
        {"chat": "messages[0].content", "responses": "instructions", "messages": "system[0]"},
    ),
    "clock in the system text": (
        replaced(1, "05:00:00", "05:03:10"),
        '"05:00:00. ',
        {"chat": "messages[1].content", "responses": "instructions", "messages": "system[1]"},
    ),
    "tool moved": (moved_tool, "tools[1] (Read) moved to tools[3]", dict.fromkeys(APIS, "tools[1]")),
    "tool inserted": (inserted_tool, "tools[2] (WebFetch) inserted", dict.fromkeys(APIS, "tools[2]")),
    "tool described anew": (described_tool, "(2 servers", dict.fromkeys(APIS, "tools[1]")),
    "branch in the first message": (
        replaced(2, "On branch main", "On branch fix"),
        '"main</env> ',
        {"chat": "messages[2].content", "responses": "input[0].content", "messages": "messages[0].content"},
    ),
    "thinking dropped": (
        lambda ask: edited(ask, 3, thinking=""),
        "dropped",
        {
            "chat": "messages[3].reasoning_content",
            "responses": "input[1].reasoning",
            "messages": "messages[1].thinking",
        },
    ),
    "old result pruned": (
        lambda ask: edited(ask, 4, content="[Old tool result content cleared]"),
        '"[Old tool result content cleared]"',
        {"chat": "messages[4].content", "responses": "input[4]", "messages": "messages[2].content[0]"},
    ),
    "whitespace trimmed": (
        lambda ask: edited(ask, 3, content=ask.conversation[3]["content"].strip()),
        "only whitespace",
        {"chat": "messages[3].content", "responses": "input[2].content", "messages": "messages[1].content[1]"},
    ),
    "list became a string": (
        lambda ask: replace(ask, lists=True),
        "became a list of 1, same text",
        {"chat": "messages[2].content", "responses": "input[0].content", "messages": "messages[0].content"},
    ),
    "thinking switched off": (
        lambda ask: replace(ask, options={"chat_template_kwargs": {"enable_thinking": False}}),
        "chat_template_kwargs inserted",
        dict.fromkeys(APIS, "chat_template_kwargs"),
    ),
}


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("name", BREAKS)
def test_a_planted_break_is_named_with_its_first_place_and_its_cost(name: str, api: str) -> None:
    change, words, places = BREAKS[name]
    server = PretendServer(api, joins_lists_with="\n\n")
    asks = loop(server, opening(), TURNS, lambda ask, number: change(ask) if number >= BROKEN else ask)
    report = diagnose(server.requests())
    (loss,) = report.losses
    assert loss.request.number == BROKEN + 1
    assert loss.difference is not None
    assert loss.difference.path == places[api]
    assert words in loss.difference.sentence
    before, now = (tokens_of(render(ask, joins_lists_with="\n\n")) for ask in asks[BROKEN - 1 : BROKEN + 1])
    kept = tokens_of(render(change(asks[BROKEN - 1]), joins_lists_with="\n\n"))
    # What a change adds has to be read in any case.
    truth = shared(kept, now) - shared(before, now) - max(0, len(kept) - len(before))
    assert loss.lost_tokens == pytest.approx(truth, rel=0.1)
    assert loss.lost_s == pytest.approx(truth / RATE_TPS, rel=0.1)
    assert find_cures(loss)
    assert "only the request is known" in render_cache(report)


def tool_loop(server: PretendServer) -> None:
    loop(server, opening(), 20, unchanged)


def parallel_agents(server: PretendServer) -> None:
    """A main agent starts three others, which work at the same time with another system text or the same."""
    asks = loop(server, opening(), 3, unchanged)
    conversations = [opening(seed, f"Look at part {seed}.") for seed in (1, 1, 40)]
    start_s = server.now_s + 1
    for number in range(3):
        for at, conversation in enumerate(conversations):
            reply, conversations[at] = turn(conversation, 100 + 10 * at + number)
            server.ask(Ask(conversation), reply, at_s=start_s + 30 * number + 0.01 * at)
    _, conversation = turn(asks[-1].conversation, 2)
    loop(server, conversation, 3, unchanged)


def compaction(server: PretendServer) -> None:
    """The history becomes a summary, the last turns stay."""
    asks = loop(server, opening(), 6, unchanged)
    conversation = asks[-1].conversation
    request = {"role": "user", "content": "Summarize the conversation so far."}
    server.ask(Ask([*conversation, request]), Reply("A summary. " + prose(3, 100)))
    summary = {"role": "user", "content": "Summary of the earlier conversation: " + prose(3, 100)}
    loop(server, [*conversation[:2], summary, *conversation[-4:]], 4, unchanged)


def edits(server: PretendServer) -> None:
    """The person goes back and writes the last message anew, twice."""
    asks = loop(server, opening(), 4, unchanged)
    conversation = asks[-1].conversation
    for words in ("Do it otherwise.", "No, like this instead."):
        follow = [*conversation[:5], {"role": "user", "content": words + prose(len(words), 90)}]
        loop(server, follow, 2, unchanged)


def titles(server: PretendServer) -> None:
    """A small request for a title before each task, without tools."""
    for seed in (1, 20):
        system = {"role": "system", "content": "Write a title of five words."}
        ask = Ask([system, {"role": "user", "content": prose(seed, 30)}], tools=[])
        server.ask(ask, Reply("A title"))
        loop(server, opening(seed), 3, unchanged)


def two_tasks(server: PretendServer) -> None:
    """Two tasks one after the other, with the same system text."""
    loop(server, opening(1, "Fix the test."), 4, unchanged)
    loop(server, opening(1, "Write the changelog."), 4, unchanged)


def retries(server: PretendServer) -> None:
    """The same request again, since the client was not content with the answer."""
    asks = loop(server, opening(), 3, unchanged)
    server.ask(asks[-1], turn(asks[-1].conversation, 7)[0])
    server.ask(asks[-1], turn(asks[-1].conversation, 8)[0])


def reshaped(server: PretendServer) -> None:
    """Contents become lists and strings again, which this server writes alike."""
    loop(server, opening(), 6, lambda ask, number: replace(ask, lists=number % 2 == 1))


def options(server: PretendServer) -> None:
    """Fields change that the template does not write."""
    loop(server, opening(), 5, lambda ask, number: replace(ask, options={"reasoning_effort": "high" * (number % 2)}))


def questions(server: PretendServer) -> None:
    """A chat with long answers and no tools."""
    conversation = opening()
    for number in range(8):
        answer = prose(number, 120)
        server.ask(Ask(conversation, tools=[]), Reply(answer), gap_s=20)
        conversation = [
            *conversation,
            {"role": "assistant", "content": answer},
            {"role": "user", "content": f"And {number}?"},
        ]


CLEAN = (
    tool_loop,
    parallel_agents,
    compaction,
    edits,
    titles,
    two_tasks,
    retries,
    reshaped,
    options,
    questions,
)


@pytest.mark.parametrize(
    ("api", "kind"),
    [("chat", "exact"), ("chat", "blocks of 32"), ("responses", "not stated"), ("messages", "exact")],
)
@pytest.mark.parametrize("session", CLEAN)
def test_a_clean_session_raises_no_alarm(session: Callable[[PretendServer], None], api: str, kind: str) -> None:
    server = PretendServer(api, block=32 if kind == "blocks of 32" else 1, states_cached=kind != "not stated")
    session(server)
    report = diagnose(server.requests())
    assert [(loss.request.number, loss.difference, loss.reason) for loss in report.losses] == []
    assert any(verdict.state == "hit" for verdict in report.verdicts)


def evicting(server: PretendServer) -> None:
    server.slots = 1
    asks = loop(server, opening(), 2, unchanged)
    server.ask(Ask(opening(40), tools=[]), Reply("A title"))
    loop(server, turn(asks[-1].conversation, 1)[1], 2, unchanged)


def without_cache(server: PretendServer) -> None:
    server.is_caching = False
    loop(server, opening(), 4, unchanged)


def restarted(server: PretendServer) -> None:
    asks = loop(server, opening(), 3, unchanged)
    conversation = turn(asks[-1].conversation, 2)[1]
    server.fail(Ask(conversation))
    loop(server, conversation, 2, unchanged)


def in_blocks(server: PretendServer) -> None:
    server.block = 512
    loop(server, opening(), 4, unchanged)


def after_calls(server: PretendServer) -> None:
    server.rereads_after_calls = True
    conversation = opening()
    for number in range(3):
        reply, conversation = turn(conversation, number)
        server.ask(Ask(conversation[:-2]), reply)
        server.ask(Ask(conversation), Reply("Done."))
        done = {"role": "assistant", "content": "Done."}
        conversation = [*conversation, done, {"role": "user", "content": f"And now {number}."}]


def without_reason(server: PretendServer) -> None:
    asks = loop(server, opening(), 4, unchanged)
    server.cache = []
    loop(server, turn(asks[-1].conversation, 3)[1], 2, unchanged)


@pytest.mark.parametrize(
    ("session", "kind"),
    [
        (evicting, "evicted"),
        (without_cache, "architecture"),
        (restarted, "restart"),
        (in_blocks, "granularity"),
        (after_calls, "tool_call"),
        (without_reason, "unknown"),
    ],
)
def test_a_loss_where_the_requests_agree_is_the_servers(session: Callable[[PretendServer], None], kind: str) -> None:
    server = PretendServer("chat")
    session(server)
    report = diagnose(server.requests())
    assert {loss.reason.kind for loss in report.losses if loss.reason} == {kind}
    assert all(loss.difference is None for loss in report.losses)
    assert report.losses


def test_a_beginning_that_conversations_share_is_no_request_that_goes_on() -> None:
    server = PretendServer("chat")
    for task in ("Fix the failing test.", "Write the changelog.", "Explain the parser."):
        loop(server, opening(task=task), 1, unchanged)
    report = diagnose(server.requests())
    assert [verdict.state for verdict in report.verdicts] == ["new"] * 3
    text = " ".join(render_cache(report).split())
    assert "No request goes on from an earlier one. The server found" in text
    assert "tokens of 2 requests in its cache: beginnings that requests share." in text
    alone = PretendServer("chat")
    loop(alone, opening(), 1, unchanged)
    assert "No request could use a cache" in render_cache(diagnose(alone.requests()))


@pytest.mark.parametrize("api", APIS)
def test_counts_that_are_always_0_are_not_believed_against_the_time_to_the_first_token(api: str) -> None:
    """As Ollama's Responses, whose usage has a 0 whatever was cached."""
    server = PretendServer(api, states_zero=True)
    loop(server, opening(), 12, unchanged)
    report = diagnose(server.requests())
    assert report.losses == ()
    assert report.rate is not None
    assert report.rate.tokens_per_s == pytest.approx(RATE_TPS, rel=0.1)
    assert [verdict.cached_tokens for verdict in report.verdicts] == pytest.approx(server.cached, abs=120)
    assert summarize_session(report).total.cached_tokens is None
    assert "states 0 cached tokens in all 12 requests" in " ".join(render_cache(report).split())


@pytest.mark.parametrize("load_s", [0.0, 30.0])
def test_counts_that_are_always_0_are_believed_of_a_server_without_a_cache(load_s: float) -> None:
    """Also if its first request took longest, since the model was loaded for it."""
    server = PretendServer("responses", is_caching=False, load_s=load_s)
    loop(server, opening(), 6, unchanged)
    report = diagnose(server.requests())
    assert report.false_zeros == ()
    assert [loss.reason.kind for loss in report.losses if loss.reason] == ["architecture"] * 5


@pytest.mark.parametrize("cache_n", [-1, 10**400, True, 0.5])
def test_a_count_of_cached_tokens_that_is_none_is_not_stated(cache_n: Json) -> None:
    server = PretendServer("chat", states_cached=False)
    loop(server, opening(), 2, unchanged)
    timed = event({"choices": [], "timings": {"cache_n": cache_n}})
    for at, source in enumerate(server.sources):
        *others, last = source.recording.chunks
        chunks = (*others, replace(last, data=last.data + timed))
        server.sources[at] = replace(source, recording=replace(source.recording, chunks=chunks))
    report = diagnose(server.requests())
    assert [verdict.request.cached_tokens for verdict in report.verdicts] == [None, None]
    assert summarize_session(report).total.cached_tokens is None
    assert render_cost(summarize_session(report))


def unsent(source: SourceRecording, received_s: float | None) -> SourceRecording:
    """The same request, of a server that was down."""
    recording = replace(
        source.recording, sent_at="", sent_ns=None, status=None, chunks=(), end_reason="connect_failed", ended_ns=1000
    )
    received_ns = None if received_s is None else BASE_NS + int(received_s * 1e9)
    return replace(source, recording=recording, received_ns=received_ns)


@pytest.mark.parametrize(("received_s", "before_s"), [(-58.5, 60.0), (None, 0.0)])
def test_a_request_that_was_never_sent_stands_when_it_was_received_or_with_the_next(
    received_s: float | None, before_s: float
) -> None:
    server = PretendServer("chat")
    loop(server, opening(), 2, unchanged)
    first, second = server.sources
    requests = requests_of([unsent(first, received_s), first, second])
    assert [request.recording.sent_ns is None for request in requests] == [True, False, False]
    assert requests[1].start_s - requests[0].start_s == pytest.approx(before_s, abs=1e-3)
    assert requests[2].end_s < 70


def test_requests_after_a_reboot_follow_those_before_it() -> None:
    """A resumed run: its monotonic clock began anew, the wall clock went on."""
    server = PretendServer("chat")
    asks = loop(server, opening(), 3, unchanged)
    server.now_s += 3600
    loop(server, turn(asks[-1].conversation, 2)[1], 3, unchanged)
    sources = [
        source if at < 3 else replace(source, recording=replace(source.recording, sent_ns=sent_ns - BASE_NS))
        for at, source in enumerate(server.sources)
        for sent_ns in [source.recording.sent_ns or 0]
    ]
    requests, whole = requests_of(sources), server.requests()
    assert [request.start_s for request in requests] == pytest.approx([each.start_s for each in whole], abs=1e-2)
    assert [verdict.state for verdict in diagnose(requests).verdicts] == ["new", *["hit"] * 5]


def evict(server: PretendServer, conversation: Conversation) -> None:
    server.ask(Ask(opening(40), tools=[]), Reply("A title"))


def restart(server: PretendServer, conversation: Conversation) -> None:
    server.fail(Ask(conversation))


def without_last_thought(ask: Ask) -> Ask:
    return edited(ask, len(ask.conversation) - 4, thinking="")


def with_tool_choice(ask: Ask) -> Ask:
    return replace(ask, options={"tool_choice": "required"})


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("lose", "kind"), [(evict, "evicted"), (restart, "restart")])
@pytest.mark.parametrize("change", [without_last_thought, with_tool_choice])
def test_a_difference_is_not_blamed_for_what_was_lost_before_its_place(
    change: Change, lose: Callable[[PretendServer, Conversation], None], kind: str, api: str
) -> None:
    server = PretendServer(api, slots=1)
    asks = loop(server, opening(), 8, unchanged)
    conversation = turn(asks[-1].conversation, 7)[1]
    lose(server, conversation)
    server.ask(change(Ask(conversation)), turn(conversation, 8)[0])
    (loss,) = diagnose(server.requests()).losses
    assert loss.reason is not None
    assert loss.reason.kind == kind
    assert loss.difference is not None
    text = " ".join(render_cache(diagnose(server.requests())).split())
    assert text.index(f"{kind}: ") < text.index(loss.difference.sentence)


@pytest.mark.parametrize(
    ("api", "place"), [("chat", "messages[3]"), ("responses", "input[1]"), ("messages", "messages[1]")]
)
def test_an_agent_that_drops_its_oldest_reply_each_turn_breaks_the_cache_each_turn(api: str, place: str) -> None:
    server, conversation = PretendServer(api), opening()
    for number in range(10):
        reply, following = turn(conversation, number)
        server.ask(Ask(conversation), reply)
        conversation = [*following[:3], *following[5:]] if number >= 4 else following
    report = diagnose(server.requests())
    assert [loss.request.number for loss in report.losses] == [6, 7, 8, 9, 10]
    assert {loss.difference.sentence for loss in report.losses if loss.difference} == {f"{place} dropped"}
    for loss in report.losses:
        prompt, cached = loss.request.prompt_tokens or 0, server.cached[loss.request.number - 1]
        # All but the new reply and its result, which are as long as those that were dropped.
        assert loss.lost_tokens == pytest.approx(prompt - 670 - cached, rel=0.1)


@pytest.mark.parametrize("others", [3, 120])
def test_an_agent_goes_on_from_its_last_request_however_many_others_came_between(others: int) -> None:
    server = PretendServer("messages")
    asks = loop(server, opening(), 3, unchanged)
    for number in range(others):
        server.ask(Ask([*opening()[:1], {"role": "user", "content": f"title {number}"}], tools=[]), Reply("A title"))
    loop(server, turn(asks[-1].conversation, 2)[1], 1, unchanged)
    verdict = diagnose(server.requests()).verdicts[-1]
    assert verdict.predecessor is not None
    assert (verdict.predecessor.request.number, verdict.predecessor.relation, verdict.state) == (3, "extends", "hit")


def test_the_cost_of_a_session_adds_up_and_fits_80_columns() -> None:
    server = PretendServer("messages")
    parallel_agents(server)
    cost = summarize_session(diagnose(server.requests()))
    assert cost.total.turns == len(server.cached) == sum(each.turns for each in cost.conversations)
    assert cost.total.cached_tokens == sum(server.cached)
    assert cost.total.tool_s > 0
    assert max(map(len, render_cost(cost).splitlines())) <= 80


def test_two_tasks_that_differ_in_a_sentence_are_two_conversations() -> None:
    """As mini-swe-agent asks: the same rules in both tasks, and the same complaint after each reply without a call."""
    server, complaint = PretendServer("chat"), {"role": "user", "content": "No tool call. " + prose(7, 60)}
    for task in ("Fix the failing test.", "Read frames of version 3."):
        conversation = [
            {"role": "system", "content": "You can use a computer."},
            {"role": "user", "content": f"{task} {prose(1, 300)}"},
        ]
        for _ in range(3):
            server.ask(Ask(conversation), Reply("no call"))
            conversation = [*conversation, complaint]
    report = diagnose(server.requests())
    relations = [verdict.predecessor.relation if verdict.predecessor else None for verdict in report.verdicts]
    assert relations == [None, "extends", "extends", "new", "extends", "extends"]
    assert [conversation.turns for conversation in summarize_session(report).conversations] == [3, 3]
    assert report.losses == ()


@pytest.mark.parametrize(
    ("timings", "decode_s"),
    [
        ({"predicted_ms": 400.0}, 0.4),
        ({"predicted_ms": 9e9}, 1.0),
        ({"predicted_ms": 10**400}, 0),
        ({"predicted_ms": -5000}, 0),
        ({"predicted_ms": True}, 0),
        ({}, 0),
    ],
)
def test_a_response_that_is_not_streamed_is_split_by_what_the_server_says(
    timings: dict[str, float], decode_s: float
) -> None:
    server = PretendServer("chat")
    server.ask(Ask(opening()), Reply("done"))
    body = {"choices": [{"message": {"content": "done"}, "finish_reason": "stop"}], "timings": timings}
    chunk = Chunk(1_000_000_000, json.dumps(body).encode())
    plain = replace(
        server.sources[0].recording,
        headers={"content-type": "application/json"},
        chunks=(chunk,),
        ended_ns=chunk.at_ns,
    )
    total = summarize_session(diagnose(requests_of([SourceRecording(plain)]))).total
    assert (total.prefill_s, total.decode_s) == pytest.approx((1.0 - decode_s, decode_s))
