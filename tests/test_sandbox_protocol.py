"""What a driver reports is parsed without trust: each line that is not its own spoils a case, and nothing else does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sandbox.protocol import Transcript
from harness.sandbox.values import parse_line
from harness.types import Json

NONCE = "0123456789abcdef"


def line(event: str, **fields: Json) -> bytes:
    return json.dumps({"n": NONCE, "e": event, **fields}).encode() + b"\n"


LOADED, DONE = line("taken") + line("loaded"), line("done")


def returned(index: int, value: Json = 1) -> bytes:
    return line("case", i=index, k="returned", v=value)


def transcript_of(*pieces: bytes, cases: int = 2) -> Transcript:
    transcript = Transcript(NONCE, tuple(f"c{index}" for index in range(cases)), 1000)
    for piece in pieces:
        transcript.feed(piece)
    return transcript


def ends(transcript: Transcript) -> list[str]:
    return [transcript.observations[index].status for index in sorted(transcript.observations)]


def test_cases_in_order_with_an_end_are_accepted() -> None:
    transcript = transcript_of(LOADED + returned(0) + returned(1, [2.0]) + DONE)
    assert (transcript.ended, ends(transcript)) == (True, ["returned", "returned"])
    assert transcript.observations[1].value == [2.0]


@given(st.integers(1, 40))
def test_it_does_not_matter_where_the_bytes_are_cut(size: int) -> None:
    whole = LOADED + returned(0, "é") + returned(1) + DONE
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert transcript_of(*pieces).observations == transcript_of(whole).observations


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (LOADED + returned(0) + returned(0, 2) + returned(1) + DONE, ["forged", "returned"]),
        (LOADED + returned(0) + returned(1) + returned(1) + DONE, ["returned", "forged"]),
        (LOADED + returned(1) + returned(0) + returned(1) + DONE, ["returned", "forged"]),
        (LOADED + b"hello\n" + returned(0) + returned(1) + DONE, ["forged", "returned"]),
        (LOADED + returned(0).replace(NONCE.encode(), b"other") + returned(0) + returned(1), ["forged", "returned"]),
        (LOADED + returned(0) + b"\n" + returned(1) + DONE, ["returned", "forged"]),
        (LOADED + LOADED + returned(0) + returned(1) + DONE, ["forged", "returned"]),
        (LOADED + DONE + returned(0) + returned(1) + DONE, ["forged", "returned"]),
        (returned(0) + LOADED + returned(0), ["forged"]),
        (LOADED + line("case", i=True, k="returned") + returned(0), ["forged"]),
        (LOADED + line("case", i=7, k="returned") + returned(0), ["forged"]),
        (LOADED + line("case", i=0, k="passed") + returned(0), ["forged"]),
        (LOADED + line("case", i=0, k=["returned"]) + returned(0), ["forged"]),
        (LOADED + b"partial" + returned(0) + returned(1), ["forged", "forged"]),
    ],
)
def test_a_line_that_no_driver_writes_there_spoils_the_case_and_only_that(data: bytes, expected: list[str]) -> None:
    assert ends(transcript_of(data)) == expected


def test_nothing_is_read_after_the_end_or_after_a_failed_load() -> None:
    assert ends(transcript_of(LOADED + returned(0) + returned(1) + DONE + returned(1))) == ["returned", "returned"]
    failed = transcript_of(line("taken") + line("load_failed", t="SyntaxError") + LOADED + returned(0))
    assert (failed.load_error, failed.observations) == ("SyntaxError", {})


def test_a_line_without_end_and_a_flood_of_lines_stop_the_reading() -> None:
    assert transcript_of(LOADED, b"x" * 600, b"x" * 600).limit_exceeded
    assert transcript_of(LOADED + b"x\n" * 100).limit_exceeded
    assert not transcript_of(LOADED, b"x" * 600).limit_exceeded


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"1", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": [-1e400]}', b"\xff", b'{"a": "\xff"}',
        b"[" * 100_000, b'{"a":' * 300 + b"1" + b"}" * 300, b'{"a": ' + b"9" * 41 + b"}", b'{"a": 1} x', b"\x00",
    ],
)  # fmt: skip
def test_a_line_that_is_not_small_plain_json_is_refused(data: bytes) -> None:
    assert parse_line(data) is None


def test_a_line_of_more_values_than_any_driver_writes_is_refused_and_a_long_string_is_not() -> None:
    assert parse_line(b'{"v": [' + b"{}," * 200_000 + b"{}]}") is None
    assert parse_line(b'{"v": {' + b'"": 0,' * 200_000 + b'"": 0}}') is None
    text = '[{"a": 1}, "\\"], ' * 100_000
    assert parse_line(json.dumps({"v": text}).encode()) == {"v": text}


def test_the_values_that_the_cases_of_a_job_return_in_all_are_limited() -> None:
    transcript = Transcript(NONCE, ("c0", "c1", "c2"), 100_000, values_left=250)
    for index in range(3):
        transcript.feed((LOADED if index == 0 else b"") + returned(index, [0] * 100))
    assert transcript.limit_exceeded
    assert (ends(transcript), transcript.current) == (["returned", "returned"], 2)


def test_the_bytes_that_the_cases_of_a_job_return_in_all_are_limited() -> None:
    transcript = Transcript(NONCE, ("c0", "c1", "c2"), 100_000, bytes_left=2500)
    for index in range(3):
        transcript.feed((LOADED if index == 0 else b"") + returned(index, "x" * 1000))
    assert transcript.limit_exceeded
    assert (ends(transcript), transcript.current) == (["returned", "returned"], 2)


def test_a_line_of_plain_json_keeps_its_types() -> None:
    assert repr(parse_line(b'{"a": [1, 2.0, -0.0, "\\ud800", null, true]}')) == repr(
        {"a": [1, 2.0, -0.0, "\ud800", None, True]}
    )


@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_parsed_without_an_exception(data: bytes) -> None:
    transcript_of(LOADED, data, b"\n", returned(0))
