"""Literal streams of Responses and Messages, whole, byte by byte, cut in a character, broken and out of order."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from harness.apis import APIS, RequestPart, find_api, get_api, parse_object
from harness.read import read
from harness.types import EndReason, Json, Reading, ToolCall, Usage
from tests.wire import MS, cut_bytes, event, make_recording

BASE = "http://127.0.0.1:8000/v1"


def named(document: Json) -> bytes:
    return event(document, document["type"])


def read_over(
    api: str, *parts: bytes, request: Json = None, status: int = 200, ended: EndReason = "complete"
) -> Reading:
    """Read the parts as one reply over an API; each is a chunk, 10 ms after the one before."""
    reads = [((number + 1) * 10 * MS, part) for number, part in enumerate(parts)]
    recording = make_recording(reads, status, ended, None if ended == "complete" else "the peer left")
    return read(replace(recording, url=get_api(api).url(BASE), request=request or {}))


def item_event(kind: str, item: Json, index: int = 0) -> bytes:
    return named({"type": f"response.output_item.{kind}", "output_index": index, "item": item})


def piece(kind: str, item: str, delta: str, **fields: Json) -> bytes:
    return named({"type": f"response.{kind}.delta", "item_id": item, "delta": delta, **fields})


def ended(status: str = "completed", output: Sequence[Json] = (), **fields: Json) -> bytes:
    usage = {"input_tokens": 30, "output_tokens": 12, "input_tokens_details": {"cached_tokens": 20},
             "output_tokens_details": {"reasoning_tokens": 2}}  # fmt: skip
    response = {"id": "r", "object": "response", "status": status, "model": "m", "output": list(output), "usage": usage}
    return named({"type": f"response.{status}", "response": response | fields})


CREATED = named({"type": "response.created", "response": {"id": "r", "model": "m", "status": "in_progress"}})
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "read_file", "arguments": ""}
OTHER_CALL = {"type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "grep", "arguments": ""}
RESPONSES = (
    CREATED,
    named({"type": "response.in_progress", "response": {"id": "r", "status": "in_progress"}}),
    item_event("added", {"type": "reasoning", "id": "rs", "summary": []}),
    piece("reasoning_text", "rs", "hm 漢"),
    piece("reasoning_summary_text", "rs_2", "!"),
    item_event("added", {"type": "message", "id": "msg", "content": []}, 1),
    piece("output_text", "msg", "Grüße"),
    piece("output_text", "msg", " 🦀"),
    named({"type": "response.output_text.done", "item_id": "msg", "text": "Grüße 🦀"}),
    item_event("added", CALL, 2),
    item_event("added", OTHER_CALL, 3),
    piece("function_call_arguments", "fc_1", '{"path": '),
    piece("function_call_arguments", "fc_2", '{"pattern": "é"}'),
    piece("function_call_arguments", "fc_1", '"a.py"}'),
    named({"type": "response.function_call_arguments.done", "item_id": "fc_1", "arguments": '{"path": "a.py"}'}),
    item_event("done", CALL | {"arguments": '{"path": "a.py"}'}, 2),
    ended(output=[{"type": "message", "id": "msg", "content": [{"type": "output_text", "text": "Grüße 🦀"}]}]),
)


def block(kind: str, index: int, content: Json) -> bytes:
    key = "content_block" if kind == "start" else "delta"
    return named({"type": f"content_block_{kind}", "index": index, key: content})


def block_stop(index: int) -> bytes:
    return named({"type": "content_block_stop", "index": index})


def text_block(index: int, *texts: str) -> bytes:
    pieces = [block("delta", index, {"type": "text_delta", "text": text}) for text in texts]
    return block("start", index, {"type": "text", "text": ""}) + b"".join(pieces) + block_stop(index)


def message_delta(reason: str | None, **usage: Json) -> bytes:
    return named({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage})


COUNTS = {"input_tokens": 10, "cache_read_input_tokens": 15, "cache_creation_input_tokens": 5, "output_tokens": 1}
START = named({"type": "message_start", "message": {"type": "message", "model": "m", "content": [], "usage": COUNTS}})
PING = named({"type": "ping"})
STOP = named({"type": "message_stop"})
MESSAGES = (
    START,
    PING,
    block("start", 0, {"type": "thinking", "thinking": ""}),
    block("delta", 0, {"type": "thinking_delta", "thinking": "hm 漢!"}),
    block("delta", 0, {"type": "signature_delta", "signature": "c2ln"}),
    block_stop(0),
    text_block(1, "Grüße", " 🦀"),
    block("start", 2, {"type": "tool_use", "id": "call_1", "name": "read_file", "input": {}}),
    block("delta", 2, {"type": "input_json_delta", "partial_json": '{"path": '}),
    block("delta", 2, {"type": "input_json_delta", "partial_json": '"a.py"}'}),
    block_stop(2),
    block("start", 3, {"type": "tool_use", "id": "call_2", "name": "grep", "input": {}}),
    block("delta", 3, {"type": "input_json_delta", "partial_json": '{"pattern": "é"}'}),
    block_stop(3),
    message_delta("tool_use", output_tokens=12),
    STOP,
)
STREAMS = {"responses": RESPONSES, "messages": MESSAGES}


@pytest.mark.parametrize("api", STREAMS)
def test_every_channel_of_a_stream_is_read(api: str) -> None:
    reading = read_over(api, *STREAMS[api])
    assert (reading.content, reading.reasoning) == ("Grüße 🦀", "hm 漢!")
    calls = (
        ToolCall("call_1", "read_file", '{"path": "a.py"}'),
        ToolCall("call_2", "grep", '{"pattern": "é"}'),
    )
    assert reading.tool_calls == calls
    assert (reading.finish_reason, reading.done, reading.error) == ("tool_calls", True, None)
    assert reading.usage is not None
    assert reading.usage == Usage(30, 12, reading.usage.cached_tokens, reading.usage.reasoning_tokens)
    assert reading.reported_model == "m"
    assert reading.counts.role_only == 1


def test_cached_tokens_are_part_of_the_prompt_over_both() -> None:
    usages = [read_over(api, *stream).usage for api, stream in STREAMS.items()]
    assert [(usage.prompt_tokens, usage.cached_tokens) for usage in usages if usage] == [(30, 20), (30, 15)]


@pytest.mark.parametrize(
    ("api", "ttft_s", "ttfc_s", "e2e_s"), [("responses", 0.04, 0.07, 0.14), ("messages", 0.04, 0.07, 0.13)]
)
def test_the_first_token_is_neither_the_start_nor_a_ping(api: str, ttft_s: float, ttfc_s: float, e2e_s: float) -> None:
    timings = read_over(api, *STREAMS[api]).timings
    assert (timings.role_s, timings.ttft_s, timings.ttfc_s, timings.e2e_s) == (0.01, ttft_s, ttfc_s, e2e_s)


@pytest.mark.parametrize("api", STREAMS)
@pytest.mark.parametrize("sizes", [[1], [2, 3, 5, 7], [10**9]])
def test_it_does_not_matter_where_the_network_cuts_a_stream(api: str, sizes: list[int]) -> None:
    whole = read_over(api, *STREAMS[api])
    cut = read_over(api, *cut_bytes(b"".join(STREAMS[api]), sizes))
    for name in ("content", "reasoning", "tool_calls", "finish_reason", "done", "usage", "error"):
        assert getattr(cut, name) == getattr(whole, name), name
    assert cut.counts.token_events == whole.counts.token_events


@pytest.mark.parametrize("api", STREAMS)
def test_a_stream_cut_inside_a_character_is_read(api: str) -> None:
    data = b"".join(STREAMS[api])
    inside = data.index("漢".encode()) + 1
    assert read_over(api, data[:inside], data[inside:]).reasoning == "hm 漢!"


@pytest.mark.parametrize("api", STREAMS)
def test_a_stream_that_breaks_off_anywhere_is_an_error_and_keeps_its_text(api: str) -> None:
    for count in range(1, len(STREAMS[api]) - 2):
        reading = read_over(api, *STREAMS[api][:count])
        assert reading.error is not None
        assert reading.error.kind == "unfinished"
        assert "Grüße 🦀".startswith(reading.content)
        reset = read_over(api, *STREAMS[api][:count], b"data: {", ended="reset")
        assert reset.error is not None
        assert reset.error.kind == "reset"


@pytest.mark.parametrize("api", STREAMS)
def test_events_in_any_order_never_raise(api: str) -> None:
    stream = STREAMS[api]
    for at in range(len(stream)):
        reading = read_over(api, *stream[at:], *stream[:at])
        is_right = sorted(reading.content) == sorted("Grüße 🦀")
        assert is_right or (reading.error is not None and reading.error.kind == "event_order")
    assert read_over(api, *reversed(stream)).tool_calls


ODD: list[Json] = [7, "x", None, [], {}, [[]], True, {"type": 5}, {"index": "a"}]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("odd", ODD)
def test_fields_of_a_wrong_type_never_raise(api: str, odd: Json) -> None:
    names = ("type", "response", "item", "delta", "usage", "message", "content_block", "index", "item_id", "error",
             "sequence_number", "output_index", "choices")  # fmt: skip
    for stream in STREAMS.values():
        for raw in stream:
            document = json.loads(raw.partition(b"data: ")[2].split(b"\n")[0])
            for name in names:
                read_over(api, named({"type": "x"} | document) + event({**document, name: odd}))


def test_a_piece_of_a_call_before_its_beginning_belongs_to_it() -> None:
    arguments = piece("function_call_arguments", "fc_1", "{}")
    start = block("start", 0, {"type": "tool_use", "id": "call_1", "name": "read_file", "input": {}})
    early = block("delta", 0, {"type": "input_json_delta", "partial_json": "{}"})
    for api, parts in (
        ("responses", (arguments, item_event("added", CALL), ended())),
        ("messages", (START, early, start, message_delta("tool_use"), STOP)),
    ):
        assert read_over(api, *parts).tool_calls == (ToolCall("call_1", "read_file", "{}"),)


def test_text_after_its_end_is_an_error() -> None:
    late = piece("output_text", "msg", "late")
    for api, parts in (
        ("responses", (piece("output_text", "msg", "a"), ended(), late)),
        ("messages", (START, text_block(0, "a"), message_delta("end_turn"), STOP, text_block(1, "late"))),
        ("messages", (START, text_block(0, "a"), block("delta", 0, {"text": "late"}), message_delta("end_turn"), STOP)),
    ):
        error = read_over(api, *parts).error
        assert error is not None
        assert error.kind == "event_order"


def test_events_numbered_backwards_are_an_error() -> None:
    numbered = [piece("output_text", "msg", str(number), sequence_number=number) for number in (4, 6, 5)]
    error = read_over("responses", *numbered, ended()).error
    assert error is not None
    assert (error.kind, "event 5 came after event 6" in error.message) == ("event_order", True)
    assert read_over("responses", *numbered[:2], ended()).error is None


def test_a_call_that_comes_whole_is_read_once() -> None:
    whole = CALL | {"arguments": "{}"}
    for parts in (
        (item_event("done", whole), ended(output=[whole])),
        (item_event("added", CALL), item_event("done", whole), ended(output=[whole])),
        (ended(output=[whole]),),
    ):
        reading = read_over("responses", *parts)
        assert (reading.tool_calls, reading.finish_reason) == ((ToolCall("call_1", "read_file", "{}"),), "tool_calls")


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("tool_use", "tool_calls"),
     ("refusal", "content_filter"), ("something_new", "something_new")],
)  # fmt: skip
def test_stop_reasons_are_those_of_chat(reason: str, finish: str) -> None:
    reading = read_over("messages", START, text_block(0, "a"), message_delta(reason, output_tokens=1), STOP)
    assert reading.finish_reason == finish


def test_how_a_response_ended_is_the_finish_reason() -> None:
    text = piece("output_text", "msg", "a")
    cut = ended("incomplete", incomplete_details={"reason": "max_output_tokens"})
    filtered = ended("incomplete", incomplete_details={"reason": "content_filter"})
    assert [read_over("responses", text, end).finish_reason for end in (cut, filtered)] == ["length", "content_filter"]


def test_a_response_with_all_tokens_of_its_limit_was_cut() -> None:
    for limit, finish in ((12, "length"), (13, "stop")):
        request = {"max_output_tokens": limit}
        assert read_over("responses", piece("output_text", "m", "a"), ended(), request=request).finish_reason == finish


OVERLOADED = {"type": "overloaded_error", "message": "busy"}


def test_errors_inside_a_200_are_errors() -> None:
    failed = ended("failed", error={"code": "server_error", "message": "it broke"})
    for api, parts, kind in (
        ("responses", (CREATED, piece("output_text", "m", "a"), failed), "server_error"),
        ("responses", (CREATED, named({"type": "error", "code": "rate_limit", "message": "slow"})), "rate_limit"),
        ("responses", (CREATED, ended("failed", error=None)), "response_failed"),
        ("messages", (START, text_block(0, "a"), named({"type": "error", "error": OVERLOADED})), "overloaded_error"),
        ("messages", (event({"type": "error", "error": OVERLOADED}),), "overloaded_error"),
    ):
        reading = read_over(api, *parts)
        assert reading.error is not None
        assert (reading.error.kind, reading.error.status) == (kind, 200)
        assert reading.finish_reason is None


def test_an_overflow_is_one_over_every_api() -> None:
    message = "prompt is too long: 9000 tokens > 4096 maximum"
    body = json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": message}}).encode()
    for api in APIS:
        error = read_over(api, body, status=400).error
        assert error is not None
        assert (error.kind, error.status) == ("context_overflow", 400)


def test_an_answer_that_is_not_streamed_is_read() -> None:
    message = {"type": "message", "role": "assistant", "stop_reason": "tool_use", "usage": COUNTS, "content": [
        {"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "c", "name": "ls", "input": {"path": "."}}]}  # fmt: skip
    response = {"object": "response", "status": "completed", "output": [
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "a"}]},
        {"type": "function_call", "id": "f", "call_id": "c", "name": "ls", "arguments": '{"path": "."}'}]}  # fmt: skip
    for api, body in (("messages", message), ("responses", response)):
        reading = read_over(api, json.dumps(body).encode())
        assert (reading.content, reading.reasoning, reading.finish_reason) == ("a", "hm", "tool_calls")
        assert reading.tool_calls == (ToolCall("c", "ls", '{"path": "."}'),)
        assert (reading.done, reading.error, reading.timings.ttft_s) == (True, None, None)


CONVERSATION: list[Json] = [
    {"role": "system", "content": "Be terse."},
    {"role": "user", "content": "Mend it."},
    {"role": "assistant", "content": "", "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "read_file", "arguments": '{"path": "a.py"}'}},
        {"id": "c2", "type": "function", "function": {"name": "grep", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "x = 1"},
    {"role": "tool", "tool_call_id": "c2", "content": "none"},
    {"role": "assistant", "content": "Done."},
]  # fmt: skip
SCHEMA: Json = {"type": "object"}
TOOL: Json = {"type": "function", "function": {"name": "ls", "description": "List.", "parameters": SCHEMA}}


def test_responses_writes_instructions_and_items() -> None:
    api = get_api("responses")
    assert api.write_conversation(CONVERSATION) == {
        "instructions": "Be terse.",
        "input": [
            {"role": "user", "content": "Mend it."},
            {"type": "function_call", "call_id": "c1", "name": "read_file", "arguments": '{"path": "a.py"}'},
            {"type": "function_call", "call_id": "c2", "name": "grep", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "x = 1"},
            {"type": "function_call_output", "call_id": "c2", "output": "none"},
            {"role": "assistant", "content": "Done."},
        ],
    }
    assert api.write_tools([TOOL]) == [{"type": "function", "name": "ls", "description": "List.", "parameters": SCHEMA}]


def test_messages_writes_blocks_and_one_message_for_all_results() -> None:
    api = get_api("messages")
    assert api.write_conversation(CONVERSATION) == {
        "system": "Be terse.",
        "messages": [
            {"role": "user", "content": "Mend it."},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "c1", "name": "read_file", "input": {"path": "a.py"}},
                {"type": "tool_use", "id": "c2", "name": "grep", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "x = 1"},
                {"type": "tool_result", "tool_use_id": "c2", "content": "none"}]},
            {"role": "assistant", "content": "Done."},
        ],
    }  # fmt: skip
    assert api.write_tools([TOOL]) == [{"name": "ls", "description": "List.", "input_schema": SCHEMA}]


@pytest.mark.parametrize("api", APIS)
def test_the_texts_of_a_written_conversation_are_read_back(api: str) -> None:
    parts = get_api(api).read_prompt(get_api(api).write_conversation(CONVERSATION))
    assert parts is not None
    assert "".join(part.text for part in parts) == "Be terse.Mend it.x = 1noneDone."
    assert parts[0].role == "system"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("odd", ODD[:1] + ODD[2:])
def test_a_request_without_a_conversation_has_no_prompt(api: str, odd: Json) -> None:
    get_api(api).read_prompt(dict.fromkeys(get_api(api).conversation_fields, odd))
    assert get_api(api).read_prompt({}) is None


@pytest.mark.parametrize("api", APIS)
def test_a_moved_cache_marker_changes_no_part_of_a_prompt(api: str) -> None:
    def parts(*, marked: bool) -> object:
        mark: Json = {"cache_control": {"type": "ephemeral"}} if marked else {}
        image: Json = {"type": "image", "source": {"data": "AAAA"}, **mark}
        result: Json = {"type": "tool_result", "tool_use_id": "c", "content": [image], **mark}
        conversation: Json = [{"role": "user", "content": [{"type": "text", "text": "hi", **mark}, image, result]}]
        tool = {"name": "ls", "input_schema": {"cache_control": {}}, **mark}
        return get_api(api).read_parts({"tools": [tool], "messages": conversation, "input": conversation})

    assert parts(marked=True) == parts(marked=False)
    assert '"input_schema": {"cache_control": {}}' in str(parts(marked=True))


DATA = "iVBORw0KGgo" * 2000
IMAGES: dict[str, Callable[[str], Json]] = {
    "chat": lambda data: {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
    "responses": lambda data: {"type": "input_image", "image_url": f"data:image/png;base64,{data}"},
    "messages": lambda data: {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}},
}
RESULTS: dict[str, Callable[[Json], Json]] = {
    "chat": lambda content: {"role": "tool", "tool_call_id": "c", "content": content},
    "responses": lambda content: {"type": "function_call_output", "call_id": "c", "output": content},
    "messages": lambda content: {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "c", "content": content}],
    },
}


def parts_of(api: str, message: Json) -> tuple[RequestPart, ...]:
    (field,) = {"input", "messages"} & set(get_api(api).conversation_fields)
    return get_api(api).read_parts({field: [message]})


@pytest.mark.parametrize("api", APIS)
def test_the_data_of_an_image_is_a_digest_among_the_parts_of_a_prompt(api: str) -> None:
    def texts(data: str) -> list[str]:
        content: Json = [IMAGES[api](data), {"type": "text", "text": DATA}]
        return [part.text for part in parts_of(api, {"role": "user", "content": content})]

    image, text = texts(DATA)
    assert len(image) < 200
    assert text == DATA
    assert texts(DATA) == [image, text]
    assert texts(f"{DATA}A")[0] != image


@pytest.mark.parametrize("api", APIS)
def test_the_image_of_a_result_counts_beside_its_text(api: str) -> None:
    def result(*content: Json) -> str:
        (part,) = parts_of(api, RESULTS[api](list(content)))
        return part.text

    text: Json = {"type": "text", "text": "the page"}
    assert result(text) == "the page"
    both = result(text, IMAGES[api](DATA))
    assert both.startswith("the page{")
    assert len(both) < 200
    assert len({both, result(text, IMAGES[api](f"{DATA}A")), result(IMAGES[api](DATA)), "the page"}) == 4


def test_a_prompt_that_the_end_counts_as_0_keeps_all_counts_of_the_start() -> None:
    zero = {"input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    text = text_block(0, "a")
    usage = read_over("messages", START, text, message_delta("end_turn", output_tokens=7, **zero), STOP).usage
    assert usage == Usage(30, 7, 15, None)
    later = message_delta("end_turn", output_tokens=7, **{**zero, "cache_read_input_tokens": 40})
    assert read_over("messages", START, text, later, STOP).usage == Usage(40, 7, 40, None)


def test_a_prompt_that_the_start_counts_as_0_and_the_end_does_not_count_is_unknown() -> None:
    zero = {"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0}
    start = named({"type": "message_start", "message": {"type": "message", "content": [], "usage": zero}})
    text = text_block(0, "a")
    assert read_over("messages", start, text, message_delta("end_turn", output_tokens=7), STOP).usage == Usage(
        None, 7, None, None
    )
    counted = message_delta("end_turn", output_tokens=7, input_tokens=20)
    assert read_over("messages", start, text, counted, STOP).usage == Usage(20, 7, None, None)


def test_pieces_that_repeat_the_input_of_a_call_that_began_whole_are_dropped() -> None:
    begun = block("start", 0, {"type": "tool_use", "id": "c", "name": "ls", "input": {"path": "."}})
    again = block("delta", 0, {"type": "input_json_delta", "partial_json": '{"path": "."}'})
    reading = read_over("messages", START, begun, again, block_stop(0), message_delta("tool_use"), STOP)
    assert reading.tool_calls == (ToolCall("c", "ls", '{"path": "."}'),)


def test_a_call_that_the_server_executes_has_its_name() -> None:
    start = block("start", 0, {"type": "server_tool_use", "id": "st", "name": "web_search", "input": {}})
    arguments = block("delta", 0, {"type": "input_json_delta", "partial_json": '{"q":1}'})
    expected = (ToolCall("st", "web_search", '{"q":1}'),)
    assert read_over("messages", START, start, arguments, block_stop(0), STOP).tool_calls == expected


def test_calls_of_one_id_in_two_blocks_are_two() -> None:
    starts = [block("start", at, {"type": "tool_use", "id": "c", "name": "ls", "input": {"n": at}}) for at in range(2)]
    reading = read_over("messages", START, *starts, message_delta("tool_use"), STOP)
    assert reading.tool_calls == (ToolCall("c", "ls", '{"n": 0}'), ToolCall("c", "ls", '{"n": 1}'))


def test_an_api_is_found_by_its_url() -> None:
    assert [find_api(api.url(BASE)).name for api in APIS.values()] == list(APIS)
    assert find_api(f"{BASE}/messages?beta=true").name == "messages"
    assert find_api(f"{BASE}/nothing").name == "chat"


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "-Infinity", "1" * 400 + ".0"])
def test_a_number_that_no_json_has_is_none_wherever_it_stands(number: str) -> None:
    assert parse_object(f'{{"a": [{number}, 1e308, 2.5], "b": {number}}}') == {"a": [None, 1e308, 2.5], "b": None}


@pytest.mark.parametrize("api", APIS)
def test_a_conversation_with_arguments_beyond_the_range_of_a_float_is_written_as_json(api: str) -> None:
    function = {"name": "grep", "arguments": '{"pattern": "a", "n": [1e999]}'}
    call = {"id": "c", "type": "function", "function": function}
    written = get_api(api).write_conversation([{"role": "assistant", "content": "", "tool_calls": [call]}])
    json.dumps(written, allow_nan=False)
