"""Every server's dialect, as literal bytes."""

import json

import pytest

from harness.files import to_json
from harness.types import Counts, Json, StreamError, ToolCall, Usage
from tests.wire import DONE, END, chunk, event, read_bytes, text_chunk, usage_chunk


def test_keepalive_and_early_role_chunks_of_omlx_are_not_the_first_token() -> None:
    alive = event({"id": "chatcmpl-keepalive", "model": "keepalive", "created": 0,
                   "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})  # fmt: skip
    speeds = {"time_to_first_token": 0.05, "generation_tokens_per_second": 40.0, "model_load_duration": 1.5}
    counted = {"prompt_tokens": 9, "completion_tokens": 3, "cached_tokens": 4, **speeds}
    reading = read_bytes(alive, alive, chunk({"role": "assistant"}), text_chunk("one two"), END,
                         event({"choices": [], "usage": counted}), DONE)  # fmt: skip
    assert (reading.content, reading.reported_model) == ("one two", "m")
    assert (reading.counts.keepalives, reading.counts.role_only, reading.counts.token_events) == (2, 1, 1)
    assert (reading.timings.ttfb_s, reading.timings.role_s, reading.timings.ttft_s) == (0.01, 0.03, 0.04)
    assert reading.usage == Usage(9, 3, 4, None)
    assert reading.server_timings == speeds


def test_a_role_chunk_repeated_before_the_first_token_is_a_keepalive() -> None:
    role = chunk({"role": "assistant", "content": ""})
    reading = read_bytes(role, role, role, text_chunk("x"), chunk({"role": "assistant", "content": ""}), END, DONE)
    assert (reading.counts.role_only, reading.counts.keepalives) == (2, 2)
    assert (reading.timings.role_s, reading.timings.ttft_s) == (0.01, 0.04)


def test_lm_studio_reports_an_overflow_as_an_error_event_at_200() -> None:
    message = "Input does not fit in context length. Load the model with a larger one."
    reading = read_bytes(event({"error": {"message": message}, "message": message}, "error"))
    assert reading.error == StreamError(message, "context_overflow", 200)
    assert reading.timings.decode_null_reason == "an error in the reply"


def test_an_empty_stream_of_lm_studio_is_neither_an_error_nor_an_answer() -> None:
    reading = read_bytes(chunk({}, "stop"), usage_chunk(9000, 0), DONE)
    assert (reading.content, reading.finish_reason, reading.error) == ("", "stop", None)
    assert reading.usage == Usage(9000, 0, None, None)
    assert (reading.timings.ttft_s, reading.timings.decode_null_reason) == (None, "no generated token")


def test_lm_studio_stats_are_kept() -> None:
    reading = read_bytes(
        text_chunk("x"), chunk({}, "stop", stats={"tokens_per_second": 51.4, "stop_reason": "eosFound"}), DONE
    )
    assert reading.server_timings == {"tokens_per_second": 51.4, "stop_reason": "eosFound"}


def test_mlx_openai_server_usage_on_the_finish_chunk_and_an_error_before_a_normal_end() -> None:
    end = chunk({"role": "assistant"}, "stop", usage={"prompt_tokens": 5, "completion_tokens": 2})
    fine = read_bytes(chunk({"role": "assistant"}), chunk({"role": "assistant", "content": "x"}), end, DONE)
    assert (fine.usage, fine.error, fine.content) == (Usage(5, 2, None, None), None, "x")
    failed = read_bytes(text_chunk("x"), event({"error": {"message": "boom", "type": "server_error"}}), end, DONE)
    assert failed.error == StreamError("boom", "server_error", 200)
    assert (failed.finish_reason, failed.done, failed.timings.decode_tps) == ("stop", True, None)


def test_usage_sent_twice_by_vllm_mlx_is_not_summed_and_the_last_one_counts() -> None:
    on_finish = chunk({"content": None}, "stop", usage={"prompt_tokens": 5, "completion_tokens": 7})
    reading = read_bytes(
        chunk({"role": "assistant"}), b": heartbeat\n\n", text_chunk("x"), on_finish, usage_chunk(5, 8), DONE
    )
    assert reading.usage == Usage(5, 8, None, None)
    assert (reading.counts.comments, reading.counts.role_only, reading.timings.ttft_s) == (1, 1, 0.03)


def test_null_or_empty_usage_does_not_erase_an_earlier_one() -> None:
    reading = read_bytes(
        text_chunk("x"),
        usage_chunk(5, 8),
        chunk({}, "stop", usage=None),
        event({"choices": [], "usage": {}}),
        DONE,
    )
    assert reading.usage == Usage(5, 8, None, None)


@pytest.mark.parametrize("details", [None, {}, {"cached_tokens": None}])
def test_a_null_within_a_later_usage_does_not_erase_cached_tokens(details: Json) -> None:
    counted = {"prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
    later = {"prompt_tokens": 5, "completion_tokens": 4, "prompt_tokens_details": details}
    end = event({"choices": [], "usage": later})
    assert read_bytes(text_chunk("x"), chunk({}, "stop", usage=counted), end, DONE).usage == Usage(5, 4, 4, None)


def test_of_a_usage_on_every_chunk_the_last_one_counts() -> None:
    running = [chunk({"content": "x"}, usage={"prompt_tokens": 5, "completion_tokens": n}) for n in (1, 2, 3)]
    assert read_bytes(*running, END, DONE).usage == Usage(5, 3, None, None)


def test_ollama_reasoning_and_whole_calls_under_one_index() -> None:
    calls = [
        {"id": f"c{n}", "index": 0, "type": "function", "function": {"name": "ls", "arguments": "{}"}} for n in (1, 2)
    ]
    reading = read_bytes(
        chunk({"role": "assistant", "content": "", "reasoning": "hm"}),
        chunk({"role": "assistant", "content": "", "tool_calls": [calls[0]]}),
        chunk({"role": "assistant", "content": "", "tool_calls": [calls[1]]}),
        chunk({}, "tool_calls"), usage_chunk(4, 9), DONE)  # fmt: skip
    assert reading.tool_calls == (ToolCall("c1", "ls", "{}"), ToolCall("c2", "ls", "{}"))
    assert (reading.reasoning, reading.content) == ("hm", "")
    assert (reading.timings.ttft_s, reading.timings.ttfc_s) == (0.01, 0.02)


def test_comments_and_the_finish_reason_error_of_ds4() -> None:
    reading = read_bytes(b": prefill\n\n", b": prefill\n\n", chunk({"role": "assistant"}),
                         chunk({"reasoning_content": "hm"}), text_chunk("x"), chunk({}, "error"), DONE)  # fmt: skip
    assert (reading.counts.comments, reading.reasoning, reading.content) == (2, "hm", "x")
    assert reading.error is not None
    assert reading.error.kind == "finish_reason_error"


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_is_read_under_each_key(key: str) -> None:
    reading = read_bytes(chunk({"role": "assistant", key: "hm", "content": None}), text_chunk("x"), END, DONE)
    assert (reading.reasoning, reading.content, reading.timings.ttft_s) == ("hm", "x", 0.01)
    assert reading.timings.ttfc_s == 0.02


def test_reasoning_under_two_keys_is_read_once() -> None:
    assert (
        read_bytes(chunk({"reasoning_content": "hm", "reasoning": "hm"}), text_chunk("x"), END, DONE).reasoning == "hm"
    )


@pytest.mark.parametrize("odd", [{"text": "hm"}, [{"type": "text", "text": "h"}, {"thinking": [{"text": "m"}]}]])
def test_reasoning_in_content_parts_is_read_as_text(odd: Json) -> None:
    assert read_bytes(chunk({"reasoning": odd}), text_chunk("x"), END, DONE).reasoning == "hm"


@pytest.mark.parametrize("odd", [{}, [], 7, True, {"reasoning": {"deep": []}}, [[[[[[["x"]]]]]]]])
def test_reasoning_of_an_unknown_shape_is_ignored(odd: Json) -> None:
    reading = read_bytes(chunk({"reasoning": odd, "content": odd}), text_chunk("x"), END, DONE)
    assert (reading.reasoning, reading.content, reading.error) == ("", "x", None)


def test_whitespace_reasoning_alone_is_a_token() -> None:
    reading = read_bytes(chunk({"reasoning": "\n"}), chunk({}, "length"), usage_chunk(3, 1), DONE)
    assert (reading.reasoning, reading.counts.token_events, reading.counts.synthetic_events) == ("\n", 1, 0)
    assert (reading.timings.ttft_s, reading.timings.first_synthetic_s) == (0.01, None)


def test_whitespace_before_real_reasoning_is_a_token() -> None:
    reading = read_bytes(chunk({"reasoning": "\n"}), chunk({"reasoning": "hm"}), text_chunk("x"), END, DONE)
    assert (reading.reasoning, reading.counts.synthetic_events, reading.timings.ttft_s) == ("\nhm", 0, 0.01)


def test_reasoning_inside_the_content_counts_as_tokens_from_its_tag_on() -> None:
    parts = ["<thi", "nk>h", "m</thi", "nk>\n", "x"]
    reading = read_bytes(chunk({"role": "assistant"}), *map(text_chunk, parts), END, DONE)
    assert (reading.reasoning, reading.content) == ("hm", "\nx")
    assert (reading.timings.ttft_s, reading.timings.ttfc_s, reading.counts.token_events) == (0.02, 0.05, 5)


def made_up(*texts: str) -> list[bytes]:
    return [event({"choices": [{"delta": {"reasoning_content": text}}]}) for text in texts]


LOADING = (
    "━━━━━",
    "\n",
    "llama-swap loading model: m",
    "\n",
    ".",
    "\n",
    "Done! (1.23s)",
    "\n",
    "━━━━━",
    "\n",
    " ",
    "\n",
)


def test_the_loading_message_of_llama_swap_is_neither_reasoning_nor_the_first_token() -> None:
    reading = read_bytes(
        *made_up(*LOADING), chunk({"role": "assistant"}), text_chunk("x"), END, usage_chunk(5, 1), DONE
    )
    assert (reading.content, reading.reasoning, reading.error) == ("x", "", None)
    assert (reading.counts.synthetic_events, reading.counts.token_events, reading.counts.role_only) == (12, 1, 1)
    assert (reading.timings.first_synthetic_s, reading.timings.role_s, reading.timings.ttft_s) == (0.01, 0.13, 0.14)


def test_reasoning_after_the_loading_message_is_the_models() -> None:
    for thought in (chunk({"reasoning_content": "hm"}), *made_up("hm")):
        reading = read_bytes(*made_up(*LOADING), thought, text_chunk("x"), END, DONE)
        assert (reading.reasoning, reading.counts.synthetic_events, reading.timings.ttft_s) == ("hm", 12, 0.13)


def test_a_loading_message_that_breaks_off_is_not_an_answer() -> None:
    reading = read_bytes(*made_up(*LOADING[:5]))
    assert (reading.reasoning, reading.timings.ttft_s, reading.counts.synthetic_events) == ("", None, 5)
    assert reading.error is not None
    assert reading.error.kind == "unfinished"


@pytest.mark.parametrize("texts", [("llama-swap loading model: m",), ("━━━━━", "\n", "hm"), ("a ━━━━━\nllama-swap",)])
def test_anonymous_reasoning_that_resembles_a_loading_message_is_reasoning(texts: tuple[str, ...]) -> None:
    reading = read_bytes(*made_up(*texts), text_chunk("x"), END, DONE)
    assert (reading.reasoning, reading.counts.synthetic_events, reading.timings.ttft_s) == ("".join(texts), 0, 0.01)


def test_a_loading_message_under_a_models_name_is_reasoning() -> None:
    named = [chunk({"reasoning_content": text}) for text in LOADING]
    assert read_bytes(*named, text_chunk("x"), END, DONE).reasoning == "".join(LOADING)


def test_a_json_document_instead_of_a_stream_is_read_without_timings() -> None:
    message = {"role": "assistant", "content": "x", "reasoning_content": "hm", "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "ls", "arguments": "{}"}}]}  # fmt: skip
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4}}  # fmt: skip
    reading = read_bytes(b"  \n", b" ", json.dumps(body, indent=1).encode())
    assert (reading.content, reading.reasoning, reading.tool_calls) == ("x", "hm", (ToolCall("c", "ls", "{}"),))
    assert (reading.finish_reason, reading.done, reading.error) == ("stop", False, None)
    assert (reading.timings.ttfb_s, reading.timings.ttft_s, reading.timings.e2e_s) == (0.01, None, None)
    assert reading.timings.decode_null_reason == "one JSON answer, not a stream"


def test_a_complete_message_after_deltas_is_dropped() -> None:
    whole = event({"choices": [{"index": 0, "message": {"content": "ab"}, "finish_reason": "stop"}]})
    assert read_bytes(text_chunk("a"), text_chunk("b"), whole, DONE).content == "ab"
    assert read_bytes(whole, DONE).content == "ab"


def test_of_a_complete_message_after_deltas_counts_what_came_on_no_channel_before() -> None:
    call = {"id": "c", "function": {"name": "ls", "arguments": "{}"}}
    message = {"content": "ab", "reasoning_content": "hm", "tool_calls": [call]}
    whole = event({"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})
    calls = (ToolCall("c", "ls", "{}"),)
    reading = read_bytes(text_chunk("<think>hm</think>"), text_chunk("ab"), whole, whole, DONE)
    assert (reading.content, reading.reasoning, reading.tool_calls) == ("ab", "hm", calls)
    reading = read_bytes(chunk({"reasoning_content": "hm"}), chunk({"tool_calls": [{"index": 0, **call}]}), whole, DONE)
    assert (reading.content, reading.reasoning, reading.tool_calls) == ("ab", "hm", calls)


def test_each_event_has_one_kind_and_finish_usage_or_other_choices_have_none() -> None:
    other = event({"choices": [{"index": 1, "delta": {"role": "assistant"}}]})
    stream = [
        b": x\n\n",
        chunk({"role": "assistant"}),
        other,
        text_chunk("a"),
        chunk({}),
        text_chunk("b"),
        usage_chunk(5, 2),
        DONE,
    ]
    reading = read_bytes(*stream[:6], chunk({"role": "assistant"}, "stop"), *stream[6:])
    assert reading.counts == Counts(
        events=7, comments=1, role_only=1, empty=1, token_events=2, token_events_in_first_read=1, arrivals=2
    )


def test_a_stream_of_text_only_has_no_other_counts() -> None:
    assert read_bytes(text_chunk("a") + END + DONE).counts == Counts(
        events=2, token_events=1, token_events_in_first_read=1, arrivals=1
    )


@pytest.mark.parametrize("odd", [7, ["stop"], {"a": 1}, True])
def test_a_finish_reason_or_usage_of_a_wrong_type_is_ignored(odd: Json) -> None:
    bad = event({"choices": [{"index": 0, "delta": {}, "finish_reason": odd}], "usage": [odd]})
    reading = read_bytes(text_chunk("x"), END, usage_chunk(5, 2), bad, DONE)
    assert (reading.finish_reason, reading.usage) == ("stop", Usage(5, 2, None, None))
    assert read_bytes(text_chunk("x"), bad, DONE).finish_reason is None


def test_other_choices_are_ignored() -> None:
    other = event({"choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": "length"}]})
    both = event({"choices": [{"index": 1, "delta": {"content": "no"}}, {"index": 0, "delta": {"content": "b"}}]})
    reading = read_bytes(text_chunk("a"), other, both, END, DONE)
    assert (reading.content, reading.finish_reason, reading.counts.token_events) == ("ab", "stop", 2)


def test_surrogate_halves_in_two_deltas_are_joined() -> None:
    halves = [
        b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % half for half in (rb"\ud83e", rb"\udd80", rb"\ud83e")
    ]
    reading = read_bytes(*halves, END, DONE)
    assert reading.content == "\U0001f980\ud83e"
    assert json.loads(to_json(reading.content)) == "\U0001f980\ud83e"


def test_line_separators_and_nul_in_the_content_are_content() -> None:
    text = "a\u2028b\u2029c\x85d\x00e\x0bf"
    raw = f'data: {{"choices":[{{"delta":{{"content":"{text}"}}}}]}}\r\n\r\n'.encode()
    assert read_bytes(raw, END, DONE).content == text


def test_a_stream_without_a_space_after_data_and_with_crlf_is_read() -> None:
    stream = (text_chunk("x") + END + usage_chunk(3, 2) + DONE).replace(b"data: ", b"data:").replace(b"\n", b"\r\n")
    reading = read_bytes(stream)
    assert (reading.content, reading.usage, reading.done, reading.error) == (
        "x",
        Usage(3, 2, None, None),
        True,
        None,
    )


@pytest.mark.parametrize(
    ("timings", "usage"),
    [
        ({"cache_n": 5, "prompt_n": 30, "predicted_n": 80}, Usage(35, 80, 5)),
        ({"prompt_n": 30, "predicted_n": 80}, Usage(None, 80, None)),
        ({"cache_n": 5, "prompt_n": -1, "predicted_n": 0.5}, Usage(None, None, 5)),
    ],
)
def test_what_usage_lacks_is_counted_by_the_timings_of_llama_cpp(timings: Json, usage: Usage) -> None:
    assert read_bytes(text_chunk("x"), chunk({}, "stop", timings=timings), DONE).usage == usage
    stated = read_bytes(text_chunk("x"), chunk({}, "stop", timings=timings), usage_chunk(9, 3, 2), DONE).usage
    assert stated == Usage(9, 3, 2)
