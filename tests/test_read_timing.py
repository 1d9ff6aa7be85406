"""The timings of DESIGN section 2, on streams whose truth is known because it was written down."""

from collections.abc import Iterator

import pytest

from harness.read import read
from harness.reference.model_names import find_script
from harness.types import Json, Reading, Usage
from tests.wire import DONE, END, MS, Reads, chunk, event, make_recording, read_bytes, text_chunk, usage_chunk


def timed(reads: Reads, tokens: int | None, *tail: bytes) -> Reading:
    """A reading of these chunks, an end, usage where it is told, and [DONE] 400 ms after the last."""
    counted = b"" if tokens is None else usage_chunk(100, tokens, 20)
    last_ns = reads[-1][0] + 400 * MS
    return read(make_recording([*reads, (last_ns, END), (last_ns, counted + b"".join(tail) + DONE)]))


def test_one_token_per_event_gives_the_usual_rate_and_ends_at_the_last_token() -> None:
    reading = timed([((200 + 10 * n) * MS, text_chunk("x")) for n in range(11)], 11)
    assert reading.timings.decode_tps == pytest.approx(100)
    assert reading.timings.e2e_s == pytest.approx(0.3)
    assert reading.timings.e2e_tps == pytest.approx(11 / 0.3)
    assert reading.timings.apparent_prefill_tps == pytest.approx(80 / 0.2)
    assert (reading.timings.decode_null_reason, reading.timings.tokens_source) == (None, "usage")


def test_four_tokens_per_event_do_not_raise_the_rate() -> None:
    reading = timed([((200 + 40 * n) * MS, text_chunk("w x y z")) for n in range(10)], 40)
    assert reading.timings.decode_tps == pytest.approx(100)


def test_eight_events_per_write_do_not_raise_the_rate() -> None:
    reading = timed([((200 + 80 * n) * MS, text_chunk("x") * 8) for n in range(10)], 80)
    assert (reading.counts.token_events, reading.counts.token_events_in_first_read, reading.counts.arrivals) == (
        80,
        8,
        10,
    )
    assert reading.timings.decode_tps == pytest.approx(100)


def test_chunks_of_one_read_are_one_arrival() -> None:
    reads = [((200 + 80 * n) * MS, text_chunk("x")) for n in range(10) for _ in range(8)]
    assert timed(reads, 80).timings == timed([(at, text_chunk("x") * 8) for at, _ in reads[::8]], 80).timings


def test_events_that_are_written_one_right_after_the_other_are_one_arrival() -> None:
    reads = [((200 + 80 * n) * MS + 50_000 * part, text_chunk("x")) for n in range(10) for part in range(8)]
    reading = timed(reads, 80)
    assert (reading.counts.token_events_in_first_read, reading.counts.arrivals) == (1, 10)
    assert reading.timings.decode_tps == pytest.approx(100, rel=1e-3)
    assert timed(reads[: 7 * 8], 56).timings.decode_null_reason == "fewer than 8 arrivals"


@pytest.mark.parametrize("gap_us", [10_000, 667])
def test_a_stall_does_not_make_one_arrival_of_what_came_before_it(gap_us: int) -> None:
    reads = [(200 * MS + 1000 * gap_us * n, text_chunk("x")) for n in range(20)]
    reading = timed([*reads, *((at + 20_000 * MS, data) for at, data in reads)], 40)
    assert reading.counts.arrivals == 40
    assert reading.timings.decode_tps == pytest.approx(39 / (20 + 19 * gap_us / 1e6))


CALL = {
    "tool_calls": [{"index": 0, "id": "c1", "function": {"name": "save", "arguments": '{"text": "%s"}' % ("w " * 200)}}]
}


def test_a_long_call_that_comes_at_once_is_no_work_before_the_first_token() -> None:
    reads = [((200 + 20 * n) * MS, text_chunk("w ")) for n in range(7)]
    reading = timed([*reads, ((200 + 20 * 206) * MS, chunk(CALL))], 207)
    assert reading.timings.decode_tps == pytest.approx(50, rel=0.002)


@pytest.mark.parametrize(("thought_tokens", "tps"), [(40, 50), (100, None)])
def test_a_thought_that_comes_at_once_is_work_before_the_first_token(thought_tokens: int, tps: float | None) -> None:
    thought = chunk({"reasoning": "w " * thought_tokens})
    reads = [((2200 + 20 * n) * MS, text_chunk("w ")) for n in range(1, 151)]
    timings = timed([(2200 * MS, thought), *reads], thought_tokens + 150).timings
    assert timings.decode_tps == (tps if tps is None else pytest.approx(tps, rel=0.001))
    assert timings.decode_null_reason == (None if tps else "over 25% of the tokens came at once with the first")


def test_tokens_without_an_event_of_their_own_do_not_make_a_long_word_many_tokens() -> None:
    words = ["Unfortunately", *(" is" for _ in range(36)), " \N{GRINNING FACE}"]
    reads = [((200 + 20 * at) * MS, text_chunk(word)) for at, word in enumerate(words)]
    assert timed(reads, 40).timings.decode_tps == pytest.approx(39 / 0.74, rel=0.003)


def test_a_thought_that_is_counted_and_not_sent_is_no_part_of_the_rate() -> None:
    usage: Json = {"completion_tokens": 150, "completion_tokens_details": {"reasoning_tokens": 100}}
    reads = [((2200 + 20 * n) * MS, text_chunk("x")) for n in range(50)]
    counted = event({"choices": [], "usage": usage})
    hidden = timed(reads, None, counted).timings
    assert hidden.decode_tps == pytest.approx(50)
    assert hidden.e2e_tps == pytest.approx(150 / 3.18)
    apart: Json = {"completion_tokens": 50, "completion_tokens_details": {"reasoning_tokens": 30}}
    assert timed(reads, None, event({"choices": [], "usage": apart})).timings.decode_tps == pytest.approx(50)
    shown = [((200 + 20 * n) * MS, chunk({"reasoning": "x"})) for n in range(100)]
    assert timed([*shown, *reads], None, counted).timings.decode_tps == pytest.approx(50)


def _errors_percent(behavior: str) -> Iterator[tuple[float, float]]:
    """The errors of the rate and of the usual one, `(N - 1) / span`, in percent, for drawn streams."""
    for seed in range(40):
        script, reads = find_script(f"{behavior}?ttft_ms=80&tps=200&tokens=60&seed={seed}"), dict[int, bytes]()
        for write in script.writes:
            at_ns, last_ns = int(write.at_s * 1e9), max(reads, default=0)
            # Writes that are due together still are read one after the other.
            reads[at_ns if at_ns > last_ns else last_ns + 20_000] = write.data
        timings = read(make_recording(list(reads.items()))).timings
        assert timings.decode_tps is not None
        assert timings.e2e_s is not None
        assert timings.ttft_s is not None
        yield 100 * abs(timings.decode_tps / 200 - 1), 100 * abs(59 / (timings.e2e_s - timings.ttft_s) / 200 - 1)


@pytest.mark.parametrize(
    ("behavior", "error", "usual"),
    [
        ("plain", 0.0, 0.0),
        ("four-tokens-per-event", 0.0, 5.4),
        ("eight-events-per-write", 0.0, 13.5),
        ("eight-writes-per-step", 0.0, 13.4),
        ("random-tokens-per-event", 3.9, 7.3),
        ("tool-call-after-text", 0.9, 0.0),
        ("tool-call-in-pieces", 0.0, 0.0),
        ("pieces-of-tokens", 0.8, 0.3),
    ],
)
def test_the_rate_is_nearer_to_the_truth_than_the_usual_one(behavior: str, error: float, usual: float) -> None:
    """The figures that the formula's docstring and harness/README.md state: the largest errors of forty streams."""
    errors = list(_errors_percent(behavior))
    assert (round(max(own for own, _ in errors), 1), round(max(other for _, other in errors), 1)) == (error, usual)


def test_without_usage_the_token_count_is_the_number_of_events_and_says_so() -> None:
    reading = timed([((200 + 10 * n) * MS, text_chunk("x")) for n in range(11)], None)
    assert reading.timings.decode_tps == pytest.approx(100)
    assert (reading.timings.tokens_source, reading.timings.apparent_prefill_tps) == ("events", None)


def test_a_usage_of_zero_tokens_beside_text_is_not_believed() -> None:
    assert timed([((200 + 10 * n) * MS, text_chunk("x")) for n in range(11)], 0).timings.tokens_source == "events"


def test_fewer_than_eight_arrivals_give_no_rate() -> None:
    reads = [((200 + 10 * n) * MS, text_chunk("x") * 9) for n in range(8)]
    assert timed(reads[:7], 63).timings.decode_null_reason == "fewer than 8 arrivals"
    assert timed(reads, 72).timings.decode_null_reason is None


def test_a_span_under_50_ms_gives_no_rate() -> None:
    def spread(span_ns: int) -> Reading:
        return timed([(200 * MS + span_ns * n // 10, text_chunk("x")) for n in range(11)], 11)

    assert spread(50 * MS - 10).timings.decode_null_reason == "less than 50 ms between the first token and the last"
    assert spread(50 * MS).timings.decode_null_reason is None


def test_a_buffered_stream_has_times_and_no_rate() -> None:
    reading = timed([(900 * MS, text_chunk("x") * 300)], 300)
    assert (reading.timings.ttft_s, reading.timings.e2e_s, reading.timings.decode_tps) == (0.9, 0.9, None)


def test_an_error_or_a_missing_end_gives_no_rates() -> None:
    reads = [((200 + 10 * n) * MS, text_chunk("x")) for n in range(11)]
    failed = timed(reads, 11, event({"error": "boom"}))
    cut = read(make_recording(reads))
    assert (failed.timings.decode_tps, failed.timings.e2e_tps) == (None, None)
    assert failed.timings.decode_null_reason == "an error in the reply"
    assert (cut.timings.decode_tps, cut.timings.decode_null_reason) == (
        None,
        "neither a finish reason nor the last event",
    )
    assert (cut.timings.ttft_s, cut.timings.e2e_s) == (0.2, 0.3)


def test_the_prefill_rate_is_null_if_all_was_cached_or_counts_are_missing() -> None:
    counted = [{"prompt_tokens": 9, "cached_tokens": 9}, {"prompt_tokens": 9}, {"cached_tokens": 9}]
    for one in counted:
        reading = read_bytes(
            text_chunk("x"), END, event({"choices": [], "usage": {**one, "completion_tokens": 1}}), DONE
        )
        assert reading.timings.apparent_prefill_tps is None


@pytest.mark.parametrize("odd", ["7", True, -1, 1.5, 10**400, None, [7]])
def test_an_invalid_count_is_null(odd: Json) -> None:
    reading = read_bytes(
        text_chunk("x"), event({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": odd}}), END, DONE
    )
    assert reading.usage == Usage(5, None, None, None)
    assert reading.timings.tokens_source == "events"


def test_numbers_that_are_not_finite_are_null_in_server_timings() -> None:
    raw = b'data: {"choices":[],"timings":{"a":NaN,"b":1e999,"c":-Infinity,"d":2.5,"e":{"deep":1},"cache_n":3}}\n\n'
    reading = read_bytes(text_chunk("x"), raw, END, DONE)
    assert reading.server_timings == {"a": None, "b": None, "c": None, "d": 2.5, "cache_n": 3}
    assert reading.usage == Usage(None, None, 3, None)


def test_numbers_beyond_what_a_float_holds_exactly_are_null_in_server_timings() -> None:
    huge = "9" * 400
    timings = f'{{"prompt_ms":{huge},"predicted_ms":-{huge},"a":9007199254740993,"b":1e300,"c":9007199254740992}}'
    raw = f'data: {{"choices":[],"timings":{timings}}}\n\n'.encode()
    assert read_bytes(text_chunk("x"), raw, END, DONE).server_timings == {
        **dict.fromkeys(("prompt_ms", "predicted_ms", "a", "b")), "c": 2**53,
    }  # fmt: skip
