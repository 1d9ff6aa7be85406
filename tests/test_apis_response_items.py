"""Items of Responses under every name that servers give them, of every type, in pieces, whole and at the end alone."""

import json
from collections.abc import Sequence

import pytest

from harness.apis import get_api
from harness.types import Json, ToolCall
from tests.test_apis import ended, item_event, named, piece, read_over

F: Json = {"type": "function_call", "name": "f", "arguments": ""}
ARGUMENTS = [f'{{"a": {number}}}' for number in range(3)]


def calls_of(*parts: bytes) -> list[tuple[str | None, str, str]]:
    return [(call.id, call.name, call.arguments) for call in read_over("responses", *parts).tool_calls]


def whole(number: int, **names: Json) -> Json:
    return {**F, "arguments": ARGUMENTS[number], **names}


def harmony(number: int, last_call_id: str, last_id: str | None = None) -> list[bytes]:
    """A call as vLLM streams one of gpt-oss: its end has `item_id` and no `id`."""
    names, at = {"item_id": f"fc_{number}"}, {"output_index": number}
    kind = "response.function_call_arguments"
    end = whole(number, id=last_id, call_id=last_call_id, **({} if last_id else names))
    return [
        item_event("added", {**F, "id": f"fc_{number}", "call_id": f"call_{number}"}, number),
        named({"type": f"{kind}.delta", "delta": ARGUMENTS[number], **names, **at}),
        named({"type": f"{kind}.done", "name": "f", "arguments": ARGUMENTS[number], **names, **at}),
        item_event("done", end, number),
    ]


@pytest.mark.parametrize("output", [[], [whole(0, id="x", call_id="y"), whole(1, id="z", call_id="call_0")]])
@pytest.mark.parametrize("last_id", [None, "fc_new"])
def test_a_call_that_ends_under_another_name_is_one_call_with_the_id_that_its_client_answers(
    output: list[Json], last_id: str | None
) -> None:
    for changed in (False, True):
        ids = [f"fc_x{number}" if changed else f"call_{number}" for number in range(2)]
        suffix = [f"{last_id}{number}" if last_id else None for number in range(2)]
        parts = [part for number in range(2) for part in harmony(number, ids[number], suffix[number])]
        expected = [(ids[number], "f", ARGUMENTS[number]) for number in range(2)]
        assert calls_of(*parts, ended(output=output)) == expected


@pytest.mark.parametrize("names", [[{"call_id": "a"}, {"call_id": "b"}], [{}, {}], [{"call_id": "a"}] * 2])
def test_parallel_calls_without_an_item_id_are_all_read(names: Sequence[dict[str, Json]]) -> None:
    output = [whole(number, **each) for number, each in enumerate(names)]
    expected = [(each.get("call_id"), "f", ARGUMENTS[number]) for number, each in enumerate(names)]
    body = json.dumps({"object": "response", "status": "completed", "output": output}).encode()
    assert calls_of(body) == expected
    done = [item_event("done", item, number) for number, item in enumerate(output)]
    unplaced = [named({"type": "response.output_item.done", "item": item}) for item in output]
    for parts in (done, unplaced):
        assert calls_of(*parts, ended(output=output)) == expected


@pytest.mark.parametrize("item_id", ["c1", "fc_1", None])
@pytest.mark.parametrize("index", [0, None])
def test_pieces_of_a_call_that_began_without_an_id_belong_to_it(item_id: str | None, index: int | None) -> None:
    place = {} if index is None else {"output_index": index}
    added = named({"type": "response.output_item.added", "item": {**F, "call_id": "c1"}, **place})
    names = {} if item_id is None else {"item_id": item_id}
    arguments = named({"type": "response.function_call_arguments.delta", "delta": ARGUMENTS[0], **names, **place})
    done = named({"type": "response.output_item.done", "item": whole(0, call_id="c1"), **place})
    for end in ([], [done]):
        assert calls_of(added, arguments, *end, ended(output=[whole(0, call_id="c1")])) == [("c1", "f", ARGUMENTS[0])]


def test_calls_that_share_a_place_or_a_call_id_are_several() -> None:
    parts = []
    for number in range(3):
        names = {"id": f"fc_{number}", "call_id": "call_0"}
        parts += [
            item_event("added", {**F, **names}),
            piece("function_call_arguments", f"fc_{number}", ARGUMENTS[number]),
        ]
    ends = [item_event("done", whole(number, id=f"fc_{number}", call_id="call_0")) for number in range(3)]
    assert [arguments for _, _, arguments in calls_of(*parts, *ends, ended())] == ARGUMENTS


def test_a_call_that_stands_in_the_last_event_alone_is_read_once() -> None:
    text = piece("output_text", "msg", "hi")
    message: Json = {"type": "message", "id": "msg", "content": [{"type": "output_text", "text": "hi"}]}
    first, second = whole(0, id="fc_0", call_id="a"), whole(1, id="fc_1", call_id="b")
    reading = read_over("responses", text, ended(output=[message, first]), ended(output=[message, first]))
    assert (reading.content, reading.finish_reason) == ("hi", "tool_calls")
    assert reading.tool_calls == (ToolCall("a", "f", ARGUMENTS[0]),)
    both = calls_of(item_event("done", first), ended(output=[message, first, second]))
    assert both == [("a", "f", ARGUMENTS[0]), ("b", "f", ARGUMENTS[1])]


def test_a_text_is_read_once_however_its_end_is_named() -> None:
    message: Json = {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}
    streamed = piece("output_text", "m", "hi")
    done = named({"type": "response.output_text.done", "text": "hi"})
    item = item_event("done", {**message, "id": "other"})
    for parts in ([streamed, done], [streamed, done, item], [done, item], [item], [streamed, item], []):
        assert read_over("responses", *parts, ended(output=[message])).content == "hi"
    assert read_over("responses", streamed, done, streamed.replace(b'"m"', b'"n"'), done, ended()).content == "hihi"


def test_a_second_text_that_comes_only_whole_is_read() -> None:
    first = piece("output_text", "m", "one", content_index=0)
    texts = [
        named({"type": "response.output_text.done", "item_id": "m", "content_index": at, "text": text})
        for at, text in enumerate(("one", "two"))
    ]
    item = item_event("done", {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "onetwo"}]})
    assert read_over("responses", first, *texts, item, ended()).content == "onetwo"
    unnumbered = piece("output_text", "m", "one"), piece("output_text", "m", "two")
    assert read_over("responses", *unnumbered, *texts, item, ended()).content == "onetwo"


def test_a_second_message_that_comes_only_as_an_item_is_read() -> None:
    def message(name: str, text: str) -> Json:
        return {"type": "message", "id": name, "content": [{"type": "output_text", "text": text}]}

    streamed, second = piece("output_text", "m", "one"), item_event("done", message("n", "two"), 1)
    assert (
        read_over("responses", streamed, item_event("done", message("m", "one")), second, ended()).content == "onetwo"
    )
    placed = piece("output_text", "m", "one", output_index=0)
    assert read_over("responses", placed, second, ended()).content == "onetwo"


@pytest.mark.parametrize("end", [[], [piece("reasoning_text", "rs", " more")]])
def test_a_thought_is_read_without_its_summary(end: list[bytes]) -> None:
    thought, summary = piece("reasoning_text", "rs", "thought"), piece("reasoning_summary_text", "rs", "short")
    reading = read_over("responses", thought, summary, *end, ended())
    assert reading.reasoning == "thought" + " more" * len(end)
    assert read_over("responses", summary, ended()).reasoning == "short"


def test_a_last_event_without_a_status_ends_the_response_as_it_is_named() -> None:
    text = piece("output_text", "m", "hi")
    for kind, finish in (("completed", "stop"), ("incomplete", "length")):
        end = named({"type": f"response.{kind}", "response": {"usage": {"output_tokens": 1}}})
        reading = read_over("responses", text, end)
        assert (reading.finish_reason, reading.done, reading.error) == (finish, True, None)


SHELL: Json = {"type": "local_shell_call", "call_id": "c", "action": {"command": ["ls"]}}
PATCH: Json = {"type": "custom_tool_call", "id": "x", "call_id": "c", "name": "apply_patch", "input": "abc"}
SEARCH: Json = {"type": "web_search_call", "id": "ws", "action": {"query": "heron"}}


@pytest.mark.parametrize(
    ("item", "call", "finish"),
    [
        (PATCH, ToolCall("c", "apply_patch", "abc"), "tool_calls"),
        (SHELL, ToolCall("c", "local_shell", '{"command": ["ls"]}'), "tool_calls"),
        (SEARCH, ToolCall(None, "web_search", '{"query": "heron"}'), "stop"),
    ],
)
def test_every_type_of_call_is_a_tool_call(item: Json, call: ToolCall, finish: str) -> None:
    reading = read_over("responses", item_event("done", item), ended(output=[item]))
    assert (reading.tool_calls, reading.finish_reason) == ((call,), finish)


def test_the_input_of_a_custom_tool_comes_in_pieces() -> None:
    added = item_event("added", {**PATCH, "input": ""})
    pieces = [piece("custom_tool_call_input", "x", text) for text in ("a", "bc")]
    done = named({"type": "response.custom_tool_call_input.done", "item_id": "x", "input": "abc"})
    for end in ([], [done], [done, item_event("done", PATCH)]):
        assert calls_of(added, *pieces, *end, ended(output=[PATCH])) == [("c", "apply_patch", "abc")]


def test_every_type_of_item_is_a_part_of_the_request() -> None:
    items: list[Json] = [
        {"role": "user", "content": "go"},
        PATCH,
        {"type": "custom_tool_call_output", "call_id": "c", "output": "Done"},
        SHELL,
        {"type": "local_shell_call_output", "id": "s", "output": '{"exit": 0}'},
        {"type": "mcp_call", "id": "m", "name": "look", "arguments": "{}", "output": "seen"},
        {"type": "item_reference", "id": "rs_1"},
    ]
    parts = get_api("responses").read_parts({"input": items})
    assert [(part.path, part.role, part.kind, part.text, part.name, part.call_id) for part in parts] == [
        ("input[0].content", "user", "text", "go", "", ""),
        ("input[1]", "assistant", "tool_call", "abc", "apply_patch", "c"),
        ("input[2]", "tool", "tool_result", "Done", "", "c"),
        ("input[3]", "assistant", "tool_call", '{"command": ["ls"]}', "local_shell", "c"),
        ("input[4]", "tool", "tool_result", '{"exit": 0}', "", "s"),
        ("input[5]", "assistant", "tool_call", "{}", "look", "m"),
        ("input[5].output", "tool", "tool_result", "seen", "", "m"),
        ("input[6]", "assistant", "other", '{"type": "item_reference", "id": "rs_1"}', "", ""),
    ]
    prompt = get_api("responses").read_prompt({"input": items})
    assert prompt is not None
    assert [(part.role, part.text) for part in prompt[:3]] == [("user", "go"), ("assistant", ""), ("tool", "Done")]
