"""Every behaviour of the truth server is read as it was meant, and its log agrees with the recording."""

import pytest

from harness.errors import ServerError
from harness.read import read
from harness.record import Waits
from harness.truth import BEHAVIOURS, FAULTS, misread, serving
from harness.truth.process import start
from harness.types import Reading
from tests.truth import LONG, SHORT, ask, truth_and_client

PACE = "ttft_ms=40&tps=500&tokens=40"


@pytest.fixture(scope="module")
def readings() -> dict[str, tuple[Reading, list[int]]]:
    """Each behaviour's reading, and the token events of each write as the server logged them."""
    out = {}
    with truth_and_client(LONG) as (server, client):
        for name in BEHAVIOURS:
            reading = read(ask(server, client, f"{name}?{PACE}"))
            (heard,) = server.take()
            out[name] = (reading, [write.events for write in heard.spoken])
    return out


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_behaviour_is_not_misread(name: str, readings: dict[str, tuple[Reading, list[int]]]) -> None:
    reading, events = readings[name]
    assert misread(f"{name}?{PACE}", reading) == []
    assert reading.counts.token_events == sum(events)


def test_what_comes_before_the_first_token_is_counted_and_starts_no_clock(
    readings: dict[str, tuple[Reading, list[int]]],
) -> None:
    for name in ("role-early", "keepalive-comments", "keepalive-chunks", "prefill-progress"):
        timings = readings[name][0].timings
        assert timings.ttft_s is not None
        assert timings.ttfb_s is not None
        assert timings.ttft_s - timings.ttfb_s > 0.02, name
    counts = {name: reading.counts for name, (reading, _) in readings.items()}
    assert (counts["role-early"].role_only, counts["keepalive-comments"].comments) == (1, 4)
    assert (counts["keepalive-chunks"].keepalives, counts["prefill-progress"].keepalives) == (4, 4)


def test_a_reading_of_another_behaviour_is_seen_as_misread(
    readings: dict[str, tuple[Reading, list[int]]],
) -> None:
    assert misread(f"reasoning?{PACE}", readings["plain"][0]) == ["content", "reasoning"]
    assert misread(f"error-inside?{PACE}", readings["no-done"][0]) == [
        "content",
        "finish_reason",
        "done",
        "error",
        "tokens",
    ]


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ("die", "endless")])
def test_a_fault_is_told_by_its_kind_with_the_bytes_so_far(name: str) -> None:
    with truth_and_client(LONG if name == "huge-event" else SHORT) as (server, client):
        assert misread(f"{name}?{PACE}", read(ask(server, client, f"{name}?{PACE}"))) == []


def test_a_stream_that_never_ends_is_cut_off_by_the_turns_time() -> None:
    with truth_and_client(Waits(2.0, 2.0, 3.0)) as (server, client):
        recording = ask(server, client, f"endless?{PACE}")
    assert recording.ended == "cut_off"
    assert read(recording).content.startswith("w0 w1 w2 ")


def test_a_port_that_is_taken_is_an_error_with_its_number() -> None:
    with serving() as server, pytest.raises(ServerError, match=str(server.port)):
        start(server.port)
