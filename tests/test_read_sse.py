"""Bytes to events: literal bytes, fed whole, one byte at a time and cut anywhere."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.read.sse import Events, split_events
from harness.types import Chunk
from tests.wire import cut_bytes


def events_of(body: bytes, sizes: Sequence[int] = ()) -> Events:
    return split_events([Chunk(number, data) for number, data in enumerate(cut_bytes(body, sizes))])


def texts_of(body: bytes) -> list[str]:
    return [event.data for event in events_of(body).events]


def test_lines_end_with_lf_crlf_or_cr_and_with_nothing_else() -> None:
    assert texts_of(b"data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\n\r\n") == ["a", "b", "c", "d"]
    other = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
    assert texts_of(f"data: a{other}b\n\n".encode()) == [f"a{other}b"]


def test_at_most_one_space_after_the_colon_is_dropped() -> None:
    assert texts_of(b'data:{"a":1}\n\ndata: x\n\ndata:  y\n\n') == ['{"a":1}', "x", " y"]


def test_several_data_lines_are_one_event_joined_by_lf() -> None:
    assert texts_of(b'data: {"a":\ndata: 1}\n\n') == ['{"a":\n1}']


def test_a_name_belongs_to_its_own_event_only() -> None:
    events = events_of(b'event: error\ndata: {"a":1}\n\ndata: {"b":2}\n\nevent: ping\n\ndata: {"c":3}\n\n').events
    assert [event.name for event in events] == ["error", None, None]


def test_comments_are_counted_but_are_not_events() -> None:
    events = events_of(b": keepalive 1/2\n\n:\n\n: prefill\ndata: x\n\n")
    assert (events.comments, [event.data for event in events.events]) == (3, ["x"])


def test_fields_that_are_not_data_make_no_event() -> None:
    assert texts_of(b"id: 7\nretry: 10\n\nfoo: bar\n\ndata\n\n") == [""]


def test_a_byte_order_mark_is_allowed_at_the_start_and_only_there() -> None:
    assert texts_of(b"\xef\xbb\xbfdata: x\n\n") == ["x"]
    assert texts_of(b"data: x\n\n\xef\xbb\xbfdata: y\n\n") == ["x"]


def test_bytes_that_are_not_utf8_are_replaced_and_cost_no_event() -> None:
    assert texts_of(b"data: a\xffb\n\ndata: c\n\n") == ["a�b", "c"]


def test_nul_is_kept_as_a_character() -> None:
    assert texts_of(b"data: a\x00b\n\n") == ["a\x00b"]


def test_an_event_has_the_time_of_the_chunk_with_the_byte_that_ended_it() -> None:
    chunks = [
        Chunk(10, b": ping\n\ndata: a"),
        Chunk(20, b"\n"),
        Chunk(30, b""),
        Chunk(40, b"\ndata: b\n\ndata: c\n\nda"),
        Chunk(50, b"ta: d\r\n\r"),
        Chunk(60, b"\n"),
    ]
    assert [(event.data, event.at_ns) for event in split_events(chunks).events] == [
        ("a", 40),
        ("b", 40),
        ("c", 40),
        ("d", 50),
    ]


def test_a_character_cut_by_a_chunk_is_whole_again() -> None:
    body = "data: é漢🦀\n\n".encode()
    for at in range(len(body)):
        events = split_events([Chunk(1, body[:at]), Chunk(2, body[at:])]).events
        assert [event.data for event in events] == ["é漢🦀"]


@pytest.mark.parametrize("tail", ['data: {"a":1}', 'data: {"a":1}\n', 'data: {"a":\ndata: 1}', "data: [DONE]"])
def test_a_last_event_without_an_empty_line_is_kept_if_its_data_is_complete(tail: str) -> None:
    events = events_of(b"data: x\n\n" + tail.encode(), [1])
    assert (len(events.events), events.unfinished_bytes) == (2, 0)
    assert events.events[-1].at_ns == len(b"data: x\n\n" + tail.encode()) - 1


@pytest.mark.parametrize(
    ("tail", "unfinished_bytes"),
    [('data: {"a":', 11), ('data: {"a":"}', 13), ("data: [DON", 10), ("da", 2), ("event: error\n", 13), (": pin", 5)],
)
def test_a_truncated_last_event_is_dropped_and_its_bytes_are_counted(tail: str, unfinished_bytes: int) -> None:
    events = events_of(b"data: x\n\n" + tail.encode())
    assert ([event.data for event in events.events], events.unfinished_bytes) == (["x"], unfinished_bytes)


def test_only_the_truncated_bytes_after_a_complete_last_event_are_counted() -> None:
    events = events_of(b'data: {"a":1}\nda')
    assert ([event.data for event in events.events], events.unfinished_bytes) == (['{"a":1}'], 2)


@pytest.mark.parametrize("body", [b"", b"\n\n", b'{"error": {"message": "no"}}', b"<html>\ndata-x: 1</html>", b"no"])
def test_a_body_without_a_field_or_comment_is_not_recognized(body: bytes) -> None:
    assert not events_of(body).recognized
    assert events_of(b":\n" + body).recognized


_LINES = st.sampled_from(
    [
        b"data: x",
        b'data:{"a":"\xe6\xbc\xa2\xe2\x80\xa8"}',
        b": ping",
        b"event: error",
        b"data",
        b"",
        b"",
        b"junk",
        b"\xff\x00",
    ]
)
_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(
    st.lists(st.tuples(_LINES, _ENDS), max_size=30).map(lambda lines: b"".join(line + end for line, end in lines)),
    st.lists(st.integers(1, 9), max_size=8),
)
def test_where_the_network_cut_the_bytes_changes_no_event(body: bytes, sizes: list[int]) -> None:
    whole, pieces = events_of(body), events_of(body, sizes)
    assert [(event.name, event.data) for event in whole.events] == [(event.name, event.data) for event in pieces.events]
    assert (whole.comments, whole.unfinished_bytes) == (pieces.comments, pieces.unfinished_bytes)


@given(st.lists(st.text(), max_size=10), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_every_json_text_comes_back_as_it_was_sent(texts: list[str], end: str, escaped: bool) -> None:
    bodies = [json.dumps({"text": text.encode("utf-8", "ignore").decode()}, ensure_ascii=escaped) for text in texts]
    stream = "".join(f"data: {body}{end}{end}" for body in bodies)
    assert texts_of(stream.encode()) == bodies


@given(st.binary(max_size=200))
def test_any_bytes_give_events_in_the_order_of_their_times(body: bytes) -> None:
    times = [event.at_ns for event in events_of(body, [1]).events]
    assert times == sorted(times)
