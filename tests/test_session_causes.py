"""What the cache doctor blames: servers and models apart, and only what the loss can come from."""

import sys
from collections.abc import Mapping
from dataclasses import replace

import pytest

from harness.session import (
    SessionRequest,
    SourceRecording,
    describe_prefix_change,
    diagnose,
    find_cures,
    render_cache,
    requests_of,
)
from harness.types import Json
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


def edited(ask: Ask, changes: Mapping[int, Mapping[str, Json]]) -> Ask:
    """The ask with other fields in some messages."""
    conversation = [{**message, **changes.get(at, {})} for at, message in enumerate(ask.conversation)]
    return replace(ask, conversation=conversation)


@pytest.mark.parametrize(("api", "place"), [("chat", "[12]"), ("responses", "[20]"), ("messages", "[10].content[0]")])
def test_a_change_that_the_cache_went_past_is_not_blamed(api: str, place: str) -> None:
    """A thought that the template does not write is dropped, and a later result really changes."""
    server = PretendServer(api, writes_thoughts=False)
    changed = {3: {"thinking": ""}, 12: {"content": "exit 1 " + prose(94, 150)}}
    loop(server, opening(), 8, lambda ask, number: edited(ask, changed) if number >= 6 else ask)
    (loss,) = diagnose(server.requests()).losses
    assert loss.difference is not None
    assert place in loss.difference.path
    assert loss.reason is None
    assert not any("thoughts" in cure.cure for cure in find_cures(loss))


def test_where_the_cache_went_past_the_only_change_the_cause_is_unknown() -> None:
    server = PretendServer("chat", writes_thoughts=False)
    asks = loop(server, opening(), 8, unchanged)
    conversation = turn(asks[-1].conversation, 7)[1]
    server.cache = [tokens[:-1000] for tokens in server.cache[-1:]]
    server.ask(edited(Ask(conversation), {3: {"thinking": ""}}), Reply("Done."))
    (loss,) = diagnose(server.requests()).losses
    assert loss.reason is not None
    assert (loss.reason.kind, loss.difference is not None) == ("unknown", True)
    assert "besides, messages[3].reasoning_content dropped" in " ".join(
        render_cache(diagnose([*server.requests()])).split()
    )


def test_an_empty_text_that_becomes_null_is_no_change() -> None:
    server, requests = PretendServer("chat"), list[SessionRequest]()
    conversation = opening()
    for number in range(4):
        reply, conversation = turn(conversation, number)
        conversation[-2] |= {"content": "", "thinking": ""}
        server.ask(Ask(conversation), reply)
    *others, last = server.sources
    messages = [{**each, "content": each["content"] or None} for each in last.recording.request["messages"]]
    request = {**last.recording.request, "messages": messages}
    requests += requests_of([*others, replace(last, recording=replace(last.recording, request=request))])
    assert [verdict.state for verdict in diagnose(requests).verdicts] == ["new", *["hit"] * 3]
    assert describe_prefix_change(requests) is None


@pytest.mark.parametrize("writes_ids", [True, False])
@pytest.mark.parametrize(
    ("api", "place"),
    [("chat", "messages[3].tool_calls[0]"), ("responses", "input[3]"), ("messages", "messages[1].content[2]")],
)
def test_ids_that_are_new_in_each_request_are_named_where_a_template_writes_them(
    api: str, place: str, writes_ids: bool
) -> None:
    def renamed(ask: Ask, number: int) -> Ask:
        conversation = [dict(message) for message in ask.conversation]
        for message in conversation:
            message["calls"] = tuple((f"x{number}{call_id}", *call) for call_id, *call in message.get("calls", ()))
            if "call_id" in message:
                message["call_id"] = f"x{number}{message['call_id']}"
        return replace(ask, conversation=conversation)

    server = PretendServer(api, writes_ids=writes_ids)
    loop(server, opening(), 5, renamed)
    losses = diagnose(server.requests()).losses
    assert [loss.request.number for loss in losses] == ([3, 4, 5] if writes_ids else [])
    assert {(loss.difference.path, loss.difference.change) for loss in losses if loss.difference} == (
        {(place, "id")} if writes_ids else set()
    )


@pytest.mark.parametrize(
    ("api", "at", "old", "new", "cure"),
    [
        ("messages", 1, "It is Friday, 05:00:00 here.", "It is Friday, 05:03:10 here.", "take the date"),
        ("responses", 1, "Now: 2026-11-27T05:00", "Now: 2026-11-28T05:00", "take the date"),
        ("messages", 1, "gitStatus: clean", "gitStatus: M a.py", "includeGitInstructions"),
        ("responses", 8, "ran at 12:30:11 for 3 s", "ran at 12:30:11 for 4 s", "llama-server --cache-reuse"),
        ("responses", 8, "ran at 12:30:11", "ran at 12:30:12", "llama-server --cache-reuse"),
        ("chat", 1, "05:00:00 is the time. Branch a", "05:00:00 is the time. Branch b", "llama-server --cache-reuse"),
        ("messages", 4, "$ git status\nOn branch main", "[Old tool result content cleared]", "switch off the pruning"),
        ("messages", 8, "$ git status\nOn branch main", "[Old tool result content cleared]", "switch off the pruning"),
    ],
)
def test_a_cure_is_for_the_words_that_changed_in_their_place(api: str, at: int, old: str, new: str, cure: str) -> None:
    server, text = PretendServer(api), "{} " + prose(3, 120)

    def change(ask: Ask, number: int) -> Ask:
        return edited(ask, {at: {"content": text.format(new if number >= 6 else old)}})

    loop(server, opening(), 7, change)
    (loss,) = diagnose(server.requests()).losses
    assert find_cures(loss)[0].cure.removeprefix('Claude Code: in settings.json "').startswith(cure)


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


@pytest.mark.parametrize(("after_s", "are_timed"), [(0.1, [True, False, False]), (5.0, [True, True, False])])
def test_the_time_to_the_first_token_tells_nothing_of_a_request_that_another_joins(
    after_s: float, are_timed: list[bool]
) -> None:
    """Only the first token counts: a request that another joins later is timed, the other one is not."""
    server = PretendServer("chat")
    (main,) = loop(server, opening(), 1, unchanged)
    start_s = server.now_s + 1.5
    server.ask(Ask(turn(main.conversation, 0)[1]), Reply(prose(3, 400)), at_s=start_s)
    server.ask(Ask(opening(60)), Reply("Done."), at_s=start_s + after_s)
    verdicts = diagnose(server.requests()).verdicts
    assert [verdict.by_ttft_tokens is not None for verdict in verdicts] == are_timed


@pytest.mark.parametrize("is_changed", [True, False])
def test_a_main_agent_goes_on_from_its_request_before_many_of_its_sub_agents(is_changed: bool) -> None:
    """Its first message changes while one sub-agent works, or stays while more sub-agents begin than are kept."""
    server, changed = PretendServer("chat"), {2: {"content": f"It is 12:01. {prose(3, 80)}"}}
    (main,) = loop(
        server, opening(), 1, lambda ask, number: edited(ask, {2: {"content": f"It is 12:00. {prose(3, 80)}"}})
    )
    following = Ask(turn(main.conversation, 0)[1])
    if is_changed:
        loop(server, opening(60), 120, unchanged)
    else:
        for number in range(120):
            loop(server, opening(60 + 3 * number), 1, unchanged)
    server.ask(edited(following, changed) if is_changed else following, Reply("Done."))
    predecessor = diagnose(server.requests()).verdicts[-1].predecessor
    assert predecessor is not None
    assert (predecessor.request.number, predecessor.relation) == (1, "changed" if is_changed else "extends")


@pytest.mark.parametrize("data", ["", "iVBORw0KGgo" * 20000])
def test_an_image_weighs_no_more_than_its_tokens_in_what_two_requests_have_in_common(data: str) -> None:
    """The text beside it is written anew: what was shared with the earlier request was in the cache."""
    server, sources = PretendServer("chat"), list[SourceRecording]()
    for words in ("Fix this. " + prose(7, 1500), "Explain this. " + prose(8, 1500)):
        server.ask(Ask([*opening()[:2], {"role": "user", "content": words}]), Reply("Done."))
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    for source in server.sources:
        *others, last = source.recording.request["messages"]
        content = [*([image] if data else []), {"type": "text", "text": last["content"]}]
        request = {**source.recording.request, "messages": [*others, {**last, "content": content}]}
        sources.append(replace(source, recording=replace(source.recording, request=request)))
    assert diagnose(requests_of(sources)).losses == ()
