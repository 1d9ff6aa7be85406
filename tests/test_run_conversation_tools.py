"""A tool loop: which tools are offered, how calls are answered, when it ends, and how a scorer replays it."""

import json
from dataclasses import replace

import pytest

from harness.files import from_json, to_json
from harness.read import read
from harness.record import Client
from harness.run.conversation import TrialSetup, converse
from harness.run.plan import trial_nonce
from harness.schema import as_document, validate
from harness.score import score
from harness.servers import ServerHandle, get_server_kind
from harness.types import Json, Outcome, Recording, Variant
from harness.virtual_tools import tool_definitions
from tests.reference import KEY, LONG_TIMEOUTS
from tests.samples import model_at
from tests.scored import case, running_python, variant_of
from tests.scripted_server import answer, serve_scripted
from tests.wire import DONE, END, chunk, event, text_chunk

NONCE = trial_nonce(1, KEY)
FILES = {"calc.py": "def add(a, b):\n    return a - b\n"}
CASES = [case("add", {"call": "add", "args": [1, 2]}, value=3)]
FIX = '{"path": "calc.py", "old": "a - b", "new": "a + b"}'
CALLED = chunk({}, "tool_calls")


def looped(**settings: Json) -> Variant:
    return variant_of("tools", CASES, files=FILES, settings=settings, prompt="Mend {{nonce}}.")


def calling(name: str, arguments: str, call_id: str | None = "id-1") -> bytes:
    call = {"index": 0, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return answer(chunk({"tool_calls": [call]}) + CALLED + DONE)


def calling_over_messages(arguments: str) -> bytes:
    """The same reply over Messages."""
    block = {"type": "tool_use", "id": "id-1", "name": "grep", "input": {}}
    events: list[Json] = [
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": arguments}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]
    return answer(b"".join(event(document, document["type"]) for document in events))


def saying(text: str) -> bytes:
    return answer(text_chunk(text) + END + DONE)


def run_trial(variant: Variant, *answers: bytes, api: str = "chat") -> tuple[list[Recording], list[Json]]:
    with serve_scripted(answers) as server, Client(LONG_TIMEOUTS) as client:
        handle = ServerHandle(replace(model_at(""), base_url=server.base_url, api=api), get_server_kind("openai"))
        recordings = list(converse(client, handle, TrialSetup(KEY, variant, NONCE, 0)))
    return recordings, server.bodies


def test_every_request_offers_the_tasks_tools_and_no_others() -> None:
    _, bodies = run_trial(looped(tools=["grep", "edit_file"]), calling("grep", '{"pattern": "add"}'), saying("done"))
    assert [body["tools"] for body in bodies] == [tool_definitions(["grep", "edit_file"])] * 2
    assert bodies[0]["messages"][1] == {"role": "user", "content": f"Mend {NONCE}."}


def test_a_call_and_its_answer_are_part_of_the_next_request() -> None:
    recordings, bodies = run_trial(looped(), calling("grep", '{"pattern": "a - b"}'), saying("done"))
    call, reply = bodies[1]["messages"][-2:]
    assert call["tool_calls"] == [
        {"id": "id-1", "type": "function", "function": {"name": "grep", "arguments": '{"pattern": "a - b"}'}}
    ]
    assert reply == {"role": "tool", "tool_call_id": "id-1", "content": "calc.py:2:    return a - b"}
    assert [recording.last_turn for recording in recordings] == [False, True]


def test_a_call_without_an_id_gets_the_same_id_in_call_and_answer() -> None:
    _, bodies = run_trial(looped(), calling("read_file", '{"path": "calc.py"}', None), saying("done"))
    call, reply = bodies[1]["messages"][-2:]
    assert call["tool_calls"][0]["id"] == reply["tool_call_id"] == "call_1"


def test_invalid_arguments_are_sent_back_empty_and_answered_with_the_reason() -> None:
    _, bodies = run_trial(looped(), calling("grep", '{"pattern": '), saying("done"))
    call, reply = bodies[1]["messages"][-2:]
    assert call["tool_calls"][0]["function"]["arguments"] == "{}"
    assert reply["content"].startswith("error: the arguments are not JSON")


@pytest.mark.parametrize(
    "value", ["1e999", "[-1e999]", "9007199254740993", "-1" + "0" * 400, "[" * 40 + "1" + "]" * 40, "NaN"]
)
@pytest.mark.parametrize("api", ["chat", "messages"])
def test_arguments_that_no_line_could_hold_go_back_empty_and_the_trial_goes_on(api: str, value: str) -> None:
    arguments = f'{{"pattern": "add", "n": {value}}}'
    called = calling("grep", arguments) if api == "chat" else calling_over_messages(arguments)
    recordings, bodies = run_trial(looped(max_turns=2), called, saying("done"), api=api)
    assert (len(bodies), [recording.last_turn for recording in recordings]) == (2, [False, True])
    sent = json.dumps(recordings[1].request["messages"][-2])
    assert ('"arguments": "{}"' if api == "chat" else '"input": {}') in sent
    for recording in recordings:
        line = as_document("recording", recording) | {"previous": "0" * 64}
        assert validate("recording", from_json(to_json(line))) == []


def test_later_calls_see_what_earlier_ones_changed() -> None:
    _, bodies = run_trial(
        looped(), calling("edit_file", FIX), calling("read_file", '{"path": "calc.py"}'), saying("done")
    )
    assert bodies[2]["messages"][-1]["content"] == "def add(a, b):\n    return a + b\n"


def test_the_loop_ends_at_the_first_reply_without_a_call_or_at_the_maximum_of_turns() -> None:
    recordings, _ = run_trial(looped(), saying("I would use grep."))
    assert [recording.last_turn for recording in recordings] == [True]
    again = calling("grep", '{"pattern": "x"}')
    recordings, _ = run_trial(looped(max_turns=3), again, again, again)
    assert [recording.last_turn for recording in recordings] == [False, False, True]


def test_a_loop_ends_where_the_server_fails() -> None:
    recordings, _ = run_trial(looped(), calling("grep", '{"pattern": "x"}'), answer(b"boom", status=500))
    assert [recording.last_turn for recording in recordings] == [False, True]


def test_the_scorer_replays_a_recorded_loop_and_runs_the_files_it_left() -> None:
    recordings, _ = run_trial(
        looped(), calling("grep", '{"pattern": "add"}'), calling("edit_file", FIX), saying("done")
    )
    verdict = score(looped(), [read(recording) for recording in recordings], running_python())
    assert (verdict.outcome, verdict.metrics["turns"]) == (Outcome.PASSED, 3)
