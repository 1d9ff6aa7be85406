"""Requests of Responses that name the response that they go on from, and send only what is new."""

import json
from dataclasses import replace

import pytest

from harness.session import SourceRecording, diagnose, render_cache, requests_of, summarize_session, write_trajectory
from tests.sessions import Ask, PretendServer, Reply, loop, opening, prose, turn, unchanged

TURNS = 5


def chained(server: PretendServer, *, is_streamed: bool = True, lost: int = 0) -> list[SourceRecording]:
    """What the server recorded, with ids and without what the server knows already; the first `lost` are left out."""
    sources, known = list[SourceRecording](), 0
    for number, source in enumerate(server.sources):
        items, chunks = source.recording.request["input"], source.recording.chunks
        request = {**source.recording.request, "input": items[known:]}
        if number:
            request["previous_response_id"] = f"resp_{number - 1}"
        # The reply has the text and the call; the result comes with the next request.
        known = len(items) + 2
        *others, last = chunks
        named = last.data.replace(b'{"status"', f'{{"id": "resp_{number}", "status"'.encode())
        recording = replace(source.recording, request=request, chunks=(*others, replace(last, data=named)))
        if not is_streamed:
            output = [{"type": "message", "content": [{"type": "output_text", "text": f"I run step {number}. \n"}]}]
            call = {"type": "function_call", "call_id": f"call_{number}", "name": "Bash"}
            output.append({**call, "arguments": json.dumps({"command": f"run {number}"})})
            counts = json.loads(last.data.split(b"data: ")[1])["response"]["usage"]
            body = {"id": f"resp_{number}", "object": "response", "status": "completed", "output": output}
            whole = replace(last, data=json.dumps({**body, "usage": counts}).encode())
            recording = replace(recording, chunks=(whole,), headers={"content-type": "application/json"})
        sources.append(replace(source, recording=recording))
    return sources[lost:]


def served() -> PretendServer:
    server = PretendServer("responses", writes_thoughts=False)

    def without_thoughts(ask: Ask, number: int) -> Ask:
        return replace(ask, conversation=[{**each, "thinking": ""} for each in ask.conversation])

    loop(server, opening(), TURNS, without_thoughts)
    return server


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_request_goes_on_from_the_response_that_it_names(is_streamed: bool) -> None:
    requests = requests_of(chained(served(), is_streamed=is_streamed))
    report = diagnose(requests)
    relations = [verdict.predecessor.relation if verdict.predecessor else None for verdict in report.verdicts]
    assert relations == [None, *["extends"] * (TURNS - 1)]
    assert [verdict.state for verdict in report.verdicts] == ["new", *["hit"] * (TURNS - 1)]
    total = summarize_session(report).total
    assert (total.turns, total.tool_s) == pytest.approx((TURNS, 1.5 * (TURNS - 1)))
    assert requests[2].chars == pytest.approx(served().requests()[2].chars, rel=0.01)


def test_a_place_in_what_the_server_keeps_names_its_request() -> None:
    third = requests_of(chained(served()))[2]
    places = [part.path for part in third.parts if part.kind in ("tool_call", "tool_result")]
    assert places == ["output[0] of request 1", "input[0] of request 2", "output[0] of request 2", "input[0]"]
    assert [unit.is_reply for unit in third.units[-3:]] == [True, True, False]


@pytest.mark.parametrize(("asked_at", "place"), [(0, "input[0] of request 1"), (2, "input[0] of request 3")])
def test_the_server_keeps_the_system_items_of_the_input_in_their_place(asked_at: int, place: str) -> None:
    """Only instructions and tools are a request's own; the rules for the sandbox may come as a developer's message."""
    sources = chained(served())
    recording = sources[asked_at].recording
    text = {"type": "input_text", "text": f"You may use the sandbox. {prose(5, 300)}"}
    rules = {"type": "message", "role": "developer", "content": [text]}
    request = {**recording.request, "input": [rules, *recording.request["input"]]}
    sources[asked_at] = replace(sources[asked_at], recording=replace(recording, request=request))
    requests = requests_of(sources)
    relations = [
        verdict.predecessor.relation if verdict.predecessor else None for verdict in diagnose(requests).verdicts
    ]
    assert relations == [None, *["extends"] * (TURNS - 1)]
    assert [part.path for part in requests[-1].parts if part.role == "developer"] == [f"{place}.content[0]"]


def test_a_request_whose_named_response_was_not_recorded_is_told() -> None:
    report = diagnose(requests_of(chained(served(), lost=1)))
    assert [verdict.state for verdict in report.verdicts] == ["unknown", *["hit"] * (TURNS - 2)]
    text = " ".join(render_cache(report).split())
    assert "The response that previous_response_id names was not recorded for request 1." in text
    assert "none goes on from an earlier request" not in text


def test_a_trajectory_has_the_results_of_named_responses_with_their_calls() -> None:
    steps = write_trajectory([source.recording for source in chained(served())], "codex", "0.171.0")["steps"]
    agent = [step for step in steps if step["source"] == "agent"]
    assert [bool(step.get("observation")) for step in agent] == [True] * (TURNS - 1) + [False]
    assert len([step for step in steps if step["source"] == "user"]) == 1


def test_a_session_that_names_no_response_is_read_as_before() -> None:
    server = PretendServer("responses")
    asks = loop(server, opening(), 2, unchanged)
    server.ask(Ask(turn(asks[-1].conversation, 1)[1]), Reply("Done."))
    assert all(request.is_joined for request in server.requests())
