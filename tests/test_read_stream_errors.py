"""Errors: told inside a 200, by status and in each server's shape, and shown by how a stream ends."""

import json
from dataclasses import replace

import pytest

from harness.read import read
from harness.types import EndReason, Json, Reading, StreamError
from tests.wire import DONE, END, MS, chunk, event, make_recording, read_bytes, text_chunk, usage_chunk


@pytest.mark.parametrize(
    ("body", "message", "kind"),
    [
        ({"error": {"message": "no", "type": "t", "code": 400}}, "no", "t"),
        ({"error": {"message": "no", "type": "t", "code": "c"}}, "no", "c"),
        ({"error": "no"}, "no", None),
        ({"error": {"error": "no"}}, "no", None),
        ({"error": True, "message": "no"}, "no", None),
        ({"object": "error", "message": "no", "type": "BadRequestError", "code": 400}, "no", "BadRequestError"),
        ({"type": "error", "error": {"type": "t", "message": "no"}}, "no", "t"),
    ],
)
def test_an_error_object_is_an_error_at_200_and_as_an_error_response(
    body: Json, message: str, kind: str | None
) -> None:
    inside = read_bytes(text_chunk("x"), event(body), DONE)
    assert inside.error == StreamError(message, kind, 200)
    assert inside.content == "x"
    assert read_bytes(json.dumps(body).encode()).error == StreamError(message, kind, 200)
    assert read_bytes(json.dumps(body).encode(), status=400).error == StreamError(message, kind, 400)


@pytest.mark.parametrize("nothing", [None, "", {}, False, []])
def test_a_falsy_error_key_is_not_an_error(nothing: Json) -> None:
    assert read_bytes(chunk({"content": "x"}, "stop", error=nothing), DONE).error is None


@pytest.mark.parametrize(
    "error",
    [
        {"code": 400, "message": "request (40015 tokens) exceeds the available context size (16384 tokens)",
         "type": "exceed_context_size_error", "n_prompt_tokens": 40015, "n_ctx": 16384},
        {"message": "This model's maximum context length is 16384 tokens. However, your prompt contains at least 16385",
         "type": "BadRequestError", "param": "input_tokens", "code": 400},
        {"message": "too much", "type": "invalid_request_error", "code": "context_length_exceeded"},
        {"message": "Prompt too long: 40015 tokens exceeds max context window of 32768 tokens",
         "type": "invalid_request_error", "code": None},
        "Trying to keep the first tokens of the prompt when the context overflows (n_keep: 9 >= n_ctx: 8)",
        {"message": "prompt too long; exceeded max context length by 12 tokens", "type": "api_error"},
    ],
)  # fmt: skip
def test_a_context_overflow_is_recognized_in_each_servers_words(error: Json) -> None:
    reading = read_bytes(json.dumps({"error": error}).encode(), status=400)
    assert reading.error is not None
    assert reading.error.kind == "context_overflow"


@pytest.mark.parametrize("message", ["Loading model", "n_ctx is 8", "out of memory", "set a longer context length"])
def test_other_error_responses_are_not_a_context_overflow(message: str) -> None:
    reading = read_bytes(json.dumps({"error": {"message": message}}).encode(), status=400)
    assert reading.error == StreamError(message, None, 400)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"detail": "Not Found"}', "Not Found"),
        (b'{"detail": [{"loc": ["body"], "msg": "no"}]}', '[{"loc": ["body"], "msg": "no"}]'),
        (b'{"message": "no"}', "no"),
        (b"Internal Server Error\n", "Internal Server Error"),
        (b"", "empty response body"),
        (b'{"x": 1}', '{"x": 1}'),
        (b'data: {"error": "no"}\n\n', "no"),
    ],
)
def test_an_error_response_keeps_the_servers_words_whatever_its_shape(body: bytes, message: str) -> None:
    assert read_bytes(body, status=500).error == StreamError(message, None, 500)


def test_a_very_long_error_message_is_truncated() -> None:
    error = read_bytes(json.dumps({"error": "x" * 5000}).encode(), status=400).error
    assert error is not None
    assert error.message == "x" * 2000


@pytest.mark.parametrize(("status", "refused"), [(199, True), (200, False), (299, False), (300, True)])
def test_a_status_outside_2xx_is_an_error(status: int, refused: bool) -> None:
    reading = read_bytes(text_chunk("x"), END, DONE, status=status)
    assert (reading.error is not None) == refused


def test_an_error_event_with_plain_text_is_an_error() -> None:
    reading = read_bytes(text_chunk("x"), b"event: error\ndata: out of memory\n\n")
    assert reading.error == StreamError("out of memory", None, 200)


@pytest.mark.parametrize("ended", ["reset", "read_timeout", "protocol_error", "limit_exceeded"])
def test_a_connection_that_ends_mid_stream_is_an_error_and_its_text_is_kept(ended: EndReason) -> None:
    reading = read_bytes(text_chunk("x"), b'data: {"cho', ended=ended, fault="the peer left")
    assert reading.error == StreamError("the peer left", ended, 200)
    assert (reading.content, reading.counts.unfinished_bytes) == ("x", 11)
    assert reading.timings.decode_null_reason == "neither a finish reason nor the last event"


@pytest.mark.parametrize("end", [END, DONE])
def test_a_connection_that_breaks_after_the_answer_finished_is_not_an_error(end: bytes) -> None:
    assert read_bytes(text_chunk("x"), end, ended="reset", fault="the peer left").error is None


def test_no_connection_is_an_error_without_a_status() -> None:
    reading = read_bytes(status=None, ended="connect_failed", fault="refused")
    assert reading.error == StreamError("refused", "connect_failed", None)
    assert reading.timings.ttfb_s is None


def test_a_clean_end_with_neither_finish_reason_nor_done_is_unfinished() -> None:
    reading = read_bytes(text_chunk("x"))
    assert reading.error is not None
    assert reading.error.kind == "unfinished"


def test_the_last_event_alone_ends_text_and_is_no_empty_answer() -> None:
    role = chunk({"role": "assistant"})
    assert read_bytes(role, text_chunk("x"), DONE).error is None
    assert read_bytes(role, END, DONE).error is None
    dropped = read_bytes(role, DONE)
    assert dropped.error is not None
    assert (dropped.error.kind, dropped.error.message) == (
        "unfinished",
        "the stream ended with neither a finish reason nor a token",
    )


def test_an_event_that_is_not_json_is_an_error_because_text_may_be_missing() -> None:
    reading = read_bytes(text_chunk("a"), b"data: {oops\n\n", text_chunk("b"), END, DONE)
    assert (reading.content, reading.counts.malformed) == ("ab", 1)
    assert reading.error is not None
    assert reading.error.kind == "malformed_event"


def test_the_error_field_of_older_llama_servers_is_an_error() -> None:
    told = b'error: {"code": 400, "message": "the request exceeds the available context size.", "type": "x"}\n\n'
    reading = read_bytes(told)
    assert reading.error is not None
    assert (reading.error.kind, reading.error.status) == ("context_overflow", 200)
    broken = read_bytes(text_chunk("a"), b'error: {"code": 500, "message": "gave up"}\n\n')
    assert broken.error == StreamError("gave up", None, 200)
    assert broken.content == "a"


@pytest.mark.parametrize(
    ("tokens", "cached", "cut"),
    [(9_000, 0, True), (9_000, 9_000, False), (15_999, 0, True), (16_000, 0, False), (9_000, None, False)],
)
def test_truncation_of_a_later_turn_is_found_if_the_server_reports_cached_tokens(
    tokens: int, cached: int | None, cut: bool
) -> None:
    error = answered("x" * 112_000, tokens, cached, warm=True, least=16_000).error
    assert (error is not None and error.kind == "context_overflow") is cut


def test_an_event_without_data_text_is_a_keepalive() -> None:
    reading = read_bytes(b"data:\n\n", text_chunk("a"), END, DONE)
    assert (reading.counts.keepalives, reading.counts.malformed, reading.error) == (1, 0, None)


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"[1]", b'{"object": "list", "data": []}'])
def test_a_200_that_is_neither_a_stream_nor_a_completion_is_an_error(body: bytes) -> None:
    reading = read_bytes(body)
    assert reading.error is not None
    assert (reading.error.kind, body.decode() in reading.error.message) == ("not_a_stream", True)


def answered(
    prompt: str, tokens: int, cached: int | None = None, *, warm: bool = False, least: int | None = None
) -> Reading:
    """A whole answer to a prompt of which the server counts so many tokens."""
    before = [{"role": "assistant", "content": "yes"}] if warm else []
    messages = [{"role": "system", "content": ""}, *before, {"role": "user", "content": prompt}]
    recording = make_recording([(MS, text_chunk("fine") + END + usage_chunk(tokens, 1, cached) + DONE)])
    return read(replace(recording, request={"messages": messages}, min_prompt_tokens=least))


@pytest.mark.parametrize(("chars", "tokens"), [(112_000, 4096), (40_000, 4096), (4000, 499)])
def test_a_prompt_with_too_few_counted_tokens_was_truncated(chars: int, tokens: int) -> None:
    reading = answered("x" * chars, tokens)
    assert reading.error is not None
    assert reading.error.kind == "context_overflow"
    assert f"{tokens} tokens in a prompt of {chars} characters" in reading.error.message
    assert reading.timings.e2e_tps is None


@pytest.mark.parametrize(("chars", "tokens"), [(112_000, 28_000), (112_000, 14_000), (3999, 1), (112_000, 0)])
def test_a_short_uncounted_or_plausible_prompt_is_not_reported_as_truncated(chars: int, tokens: int) -> None:
    assert answered("x" * chars, tokens).error is None


def test_a_warm_turn_or_a_separately_counted_cached_part_is_not_a_truncation() -> None:
    assert answered("x" * 112_000, 40, warm=True).error is None
    assert answered("x" * 112_000, 40, 27_000).error is None


@pytest.mark.parametrize(("tokens", "cached", "cut"), [(4096, 4000, True), (8100, 8000, False)])
def test_cached_tokens_that_are_part_of_the_count_hide_no_truncation(tokens: int, cached: int, cut: bool) -> None:
    error = answered("x" * 60_000, tokens, cached, least=8000).error
    assert (error.message if error else "").startswith("the server counted 4096 tokens") is cut


@pytest.mark.parametrize(("tokens", "warm", "cut"), [(15_999, False, True), (16_000, False, False), (9, True, False)])
def test_a_prompt_below_the_minimum_from_an_earlier_count_was_truncated(tokens: int, warm: bool, cut: bool) -> None:
    error = answered("x" * 112_000, tokens, warm=warm, least=16_000).error
    assert (error is not None and error.kind == "context_overflow") is cut
