"""Any bytes, however cut and ended: reading never raises and takes time linear in their length."""

import json
import sys
from collections.abc import Sequence
from types import FrameType

from hypothesis import given
from hypothesis import strategies as st

from harness.files import build, plain, to_json
from harness.read import read
from harness.types import EndReason, Json, Reading
from tests.wire import DONE, END, MS, chunk, cut_bytes, event, make_recording, read_bytes, text_chunk, usage_chunk

_PARTS = st.sampled_from(
    [
        text_chunk("é漢🦀"), text_chunk("<think>"), text_chunk("</think>"), text_chunk(""), b"data: 7\n\n",
        chunk({"reasoning": "\n"}),
        chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}]}), END, DONE,
        chunk({"tool_calls": [{"function": {"arguments": "}"}}]}), usage_chunk(5, 9, 2),
        event({"error": {"message": "no"}}),
        event({"choices": None}), event({"choices": [{"delta": None, "message": 7}]}), event({"usage": 7}),
        b": ping\n\n", b"data: {\n\n", b"\r\n", b"event: error\n", b'data: {"a":' + b"[" * 5000 + b"\n\n", b"\xff\x00",
        chunk({"role": "assistant"}), b'{"choices":[{"message":{"content":"x"}}]}', event({"timings": {"cache_n": -1}}),
        b'data: {"error":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}\n\n", b'data: {"n":1' + b"0" * 5000 + b"}\n\n",
    ]
)  # fmt: skip
_ENDINGS: st.SearchStrategy[EndReason] = st.sampled_from(
    ["complete", "reset", "read_timeout", "connect_failed", "protocol_error", "limit_exceeded"]
)
_STATUS = st.sampled_from([None, 200, 204, 400, 503])
_BODIES = st.one_of(
    st.binary(max_size=300), st.lists(st.one_of(_PARTS, st.binary(max_size=8)), max_size=12).map(b"".join)
)


def without_times(reading: Reading) -> tuple[Json, ...]:
    """The parts of a reading that must not depend on how the bytes were cut."""
    counts = reading.counts
    return (
        reading.content, reading.reasoning, reading.tool_calls, reading.finish_reason, reading.done, reading.usage,
        reading.error, reading.server_timings, reading.reported_model, reading.timings.tokens_source, counts.events,
        counts.comments, counts.keepalives, counts.role_only, counts.empty, counts.malformed, counts.token_events,
        counts.synthetic_events, counts.unfinished_bytes,
    )  # fmt: skip


@given(_BODIES, st.lists(st.integers(1, 40), max_size=6), _STATUS, _ENDINGS)
def test_any_bytes_read_the_same_however_they_are_cut_and_can_be_stored(
    body: bytes, sizes: Sequence[int], status: int | None, ended: EndReason
) -> None:
    whole = read(make_recording([(MS, body)], status, ended))
    pieces = [((number + 1) * MS, data) for number, data in enumerate(cut_bytes(body, sizes))]
    cut = read(make_recording(pieces, status, ended))
    assert without_times(whole) == without_times(cut)
    assert build(Reading, json.loads(to_json(plain(cut)))) == cut


@given(st.lists(st.integers(-5, 5000), max_size=40), st.lists(st.integers(1, 400), max_size=4))
def test_impossible_times_give_no_rate_and_no_exception(times_ms: list[int], sizes: list[int]) -> None:
    body = text_chunk("x") * len(times_ms) + END + usage_chunk(5, 9, 2)
    pieces = list(cut_bytes(body, sizes or [300]))
    reads = [(times_ms[number % len(times_ms)] * MS if times_ms else 0, data) for number, data in enumerate(pieces)]
    timings = read(make_recording(reads)).timings
    assert timings.decode_tps is None or timings.decode_tps > 0
    assert (timings.decode_tps is None) == (timings.decode_null_reason is not None)


def calls_to_read(tokens: int) -> int:
    """Count the Python calls that reading a stream of this many chunks takes: a cost that needs no clock."""
    recording = make_recording(
        [(number * MS, text_chunk("word ")) for number in range(tokens)] + [(tokens * MS, END + DONE)]
    )
    calls = 0

    def count(frame: FrameType, kind: str, argument: object) -> None:
        nonlocal calls
        calls += kind in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        reading = read(recording)
    finally:
        sys.setprofile(before)
    assert reading.content == "word " * tokens
    return calls


def test_ten_thousand_chunks_cost_ten_times_as_much_as_one_thousand() -> None:
    assert calls_to_read(10_000) < 10.5 * calls_to_read(1_000)


def test_an_event_of_many_megabytes_is_read() -> None:
    text = "x" * (5 * 1024 * 1024)
    body = text_chunk(text) + END + DONE
    assert read_bytes(*cut_bytes(body, [65_536])).content == text
