"""Tool calls of the demo server: streamed in the form of OpenAI, one reply per turn, up to the complete solution."""

import json
from dataclasses import replace

import pytest

from harness.demo import Answers, serve, serve_answers
from harness.read import read
from harness.record import Client, Timeouts
from harness.run.conversation import TrialSetup, converse
from harness.servers import ServerHandle, get_server_kind
from harness.tasks import find_fixtures, load_tasks, split_reply, vary
from harness.types import Json, TrialKey, Variant
from tests.test_demo import NONCE, a_task, a_variant, ask, body_of, chat, messages_of, text_of

TOOL_REPLIES = (
    'I look.\n\n```tool_calls\n[{"name": "grep", "arguments": {"pattern": "def get"}}]\n```\n',
    '```tool_calls\n[{"name": "read_file", "arguments": {"path": "a.py"}},\n'
    ' {"name": "read_file", "arguments": {"path": "b.py"}}]\n```\n',
    "Done.",
)
OFFERED: Json = [{"type": "function", "function": {"name": "grep", "parameters": {}}}]


def a_tool_variant() -> Variant:
    task = a_task("code-tooluse", scorer="tools")
    return replace(a_variant("code-tooluse", 0), task=task, solution=TOOL_REPLIES, wrong_answers=())


def tool_messages(turn: int) -> list[dict[str, Json]]:
    call = {"id": "call_1_1", "type": "function", "function": {"name": "grep", "arguments": "{}"}}
    back: list[dict[str, Json]] = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1_1", "content": "a.py:1: def get"},
    ]
    return messages_of(a_tool_variant()) + back * turn


def test_a_tool_task_is_answered_turn_by_turn_with_streamed_calls() -> None:
    with serve_answers(Answers([a_tool_variant()])) as demo:
        replies = [chat(demo, body_of("demo-steady", tool_messages(turn), tools=OFFERED)) for turn in range(3)]
    deltas = [choice["delta"] for event in replies[0] for choice in event["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert calls[0] == {
        "index": 0,
        "id": "call_1_1",
        "type": "function",
        "function": {"name": "grep", "arguments": ""},
    }
    assert "".join(call["function"]["arguments"] for call in calls) == '{"pattern":"def get"}'
    assert text_of(replies[0]) == "I look."
    assert [events[-2]["choices"][0]["finish_reason"] for events in replies] == ["tool_calls", "tool_calls", "stop"]
    assert text_of(replies[2]) == "Done."


def test_calls_without_streaming_are_complete() -> None:
    with serve_answers(Answers([a_tool_variant()])) as demo:
        body = body_of("demo-steady", tool_messages(1), tools=OFFERED, stream=None)
        _, data = ask(demo, "POST", "/v1/chat/completions", body)
    calls = json.loads(data)["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == ['{"path":"a.py"}', '{"path":"b.py"}']
    assert [call["id"] for call in calls] == ["call_2_1", "call_2_2"]


def test_a_tool_call_is_cut_at_max_tokens() -> None:
    with serve_answers(Answers([a_tool_variant()])) as demo:
        events = chat(demo, body_of("demo-steady", tool_messages(1), tools=OFFERED, max_tokens=3))
    assert events[-2]["choices"][0]["finish_reason"] == "length"
    assert events[-1]["usage"]["completion_tokens"] == 3


def test_no_tool_is_called_where_none_is_offered() -> None:
    with serve_answers(Answers([a_tool_variant()])) as demo:
        assert text_of(chat(demo, body_of("demo-steady", tool_messages(0)))) == TOOL_REPLIES[0]


@pytest.mark.parametrize("name", ["code-tooluse", "agent-loop"])
def test_the_tool_tasks_get_their_complete_solution_over_the_network(name: str) -> None:
    (task,) = load_tasks([find_fixtures()], names=[name])
    variant = vary(task, 1)
    with serve([task]) as demo, Client(Timeouts(connect_s=5.0, read_s=60.0)) as client:
        server = ServerHandle(demo.models[0], get_server_kind(demo.models[0].server))
        key = TrialKey(demo.models[0].label, name, 1)
        readings = [read(one) for one in converse(client, server, TrialSetup(key, variant, NONCE, 0))]
    said = [(one.content, [(call.name, call.arguments) for call in one.tool_calls]) for one in readings]
    expected = [split_reply(text) for text in variant.solution]
    assert said == [(text, [(call.name, call.arguments) for call in calls]) for text, calls in expected]
