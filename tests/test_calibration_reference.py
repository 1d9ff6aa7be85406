"""Every behaviour of the truth server is read as it was meant, and its log agrees with the recording."""

from dataclasses import replace

import pytest

from harness.calibration.reference import BEHAVIORS, FAULTS, Heard, misread, mistimed, serving
from harness.calibration.reference.process import start
from harness.calibration.timing import MOST_STALLS
from harness.errors import ServerError
from harness.read import read
from harness.record import Timeouts
from harness.servers import get_server_kind, load_kinds
from harness.servers.probe import observe
from harness.types import Counts, Reading, Recording
from tests.reference import LONG, SHORT, ask, reference_server_and_client

PACE = "ttft_ms=90&tps=1000&tokens=40"
NEAR_S = 0.04
"""Half of the wait for the first token: what is taken for it and comes before is further off."""
Heardings = dict[str, tuple[Recording, Reading, Heard]]


@pytest.fixture(scope="module")
def readings() -> Heardings:
    """Each behaviour's recording and reading, and what the server logged of it."""
    out = {}
    with reference_server_and_client(LONG) as (server, client):
        for name in BEHAVIORS:
            # A machine that stood still does not do so each time, a misreading comes again.
            for _ in range(MOST_STALLS):
                recording = ask(server, client, f"{name}?{PACE}")
                (heard,) = server.take()
                out[name] = (recording, read(recording), heard)
                if not mistimed(out[name][1], heard, NEAR_S):
                    break
    return out


@pytest.mark.parametrize("name", BEHAVIORS)
def test_a_behaviour_is_not_misread(name: str, readings: Heardings) -> None:
    _, reading, heard = readings[name]
    assert misread(f"{name}?{PACE}", reading) == []
    assert mistimed(reading, heard, NEAR_S) == []


EARLY = {
    "role-early": Counts(role_only=1),
    "comments": Counts(comments=4),
    "keepalive-comments": Counts(comments=4),
    "keepalive-chunks": Counts(keepalives=4),
    "keepalive-chunks-then-role": Counts(keepalives=2, role_only=1),
    "prefill-progress": Counts(keepalives=4),
    "echoed-thought": Counts(role_only=1, echoes=1),
    "loading-text": Counts(echoes=21),
}


@pytest.mark.parametrize("name", EARLY)
def test_what_comes_before_the_first_token_is_counted_and_starts_no_clock(name: str, readings: Heardings) -> None:
    _, reading, _ = readings[name]
    timings, counts, wanted = reading.timings, reading.counts, EARLY[name]
    assert timings.ttft_s is not None
    assert timings.ttfb_s is not None
    assert timings.ttft_s - timings.ttfb_s > NEAR_S
    seen = Counts(
        comments=counts.comments, keepalives=counts.keepalives, role_only=counts.role_only, echoes=counts.echoes
    )
    assert seen == wanted
    assert (timings.role_s is not None) == (wanted.role_only > 0)
    assert (timings.echo_s is not None) == (wanted.echoes > 0)


@pytest.mark.parametrize("name", sorted(load_kinds()))
def test_every_kind_of_server_is_seen_to_do_what_its_facts_state(name: str, readings: Heardings) -> None:
    recording, _, _ = readings[f"as-{name}"]
    kind = get_server_kind(name)
    found = {one.name: one for one in observe([recording], kind)}
    assert [one for one in found.values() if one.agrees is False] == []
    if name != "openai":
        assert found["early_events"].live == sorted(kind.stream.early_events)
    assert found["done"].live == kind.stream.sends_done
    assert found["cached_tokens_told"].live == (kind.cache.cached_tokens is not None)
    assert found["own_speeds_told"].live == (kind.timings is not None)


def test_a_reading_of_another_behaviour_is_seen_as_misread(readings: Heardings) -> None:
    assert misread(f"reasoning?{PACE}", readings["plain"][1]) == ["content", "reasoning"]
    assert misread(f"error-inside?{PACE}", readings["no-done"][1]) == [
        "content",
        "finish_reason",
        "done",
        "error",
        "tokens",
        "prompt",
        "cached",
    ]


def test_times_that_were_taken_of_something_else_are_seen(readings: Heardings) -> None:
    _, reading, heard = readings["role-early"]
    early = replace(reading, timings=replace(reading.timings, ttft_s=reading.timings.role_s))
    assert mistimed(early, heard, NEAR_S) == ["ttft"]
    late = replace(reading, timings=replace(reading.timings, e2e_s=9.0, ttfc_s=None))
    assert mistimed(late, heard, NEAR_S) == ["ttfc", "e2e"]
    more = replace(reading, counts=replace(reading.counts, token_events=41))
    assert mistimed(more, heard, NEAR_S) == ["token_events"]


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ("die", "die-while-reading", "endless")])
def test_a_fault_is_told_by_its_kind_with_the_bytes_so_far(name: str) -> None:
    with reference_server_and_client(LONG if name == "huge-event" else SHORT) as (server, client):
        assert misread(f"{name}?{PACE}", read(ask(server, client, f"{name}?{PACE}"))) == []


@pytest.mark.parametrize("name", ["die", "die-while-reading"])
def test_a_server_that_dies_is_told_with_the_bytes_so_far(name: str) -> None:
    with reference_server_and_client(LONG) as (server, client):
        recording = ask(server, client, f"{name}?{PACE}")
    assert misread(f"{name}?{PACE}", read(recording)) == []
    assert recording.chunks


def test_a_stream_that_never_ends_is_cut_off_by_the_turns_time() -> None:
    with reference_server_and_client(Timeouts(2.0, 2.0, 3.0)) as (server, client):
        recording = ask(server, client, f"endless?{PACE}")
    assert recording.end_reason == "limit_exceeded"
    assert read(recording).content.startswith("w0 w1 w2 ")


def test_a_port_that_is_taken_is_an_error_with_its_number() -> None:
    with serving() as server, pytest.raises(ServerError, match=str(server.port)):
        start(server.port)
