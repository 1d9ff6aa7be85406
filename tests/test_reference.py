"""Every behavior of the reference server is read correctly, and its log agrees with the recording."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.calibration.client_timing import MAX_ATTEMPTS
from harness.errors import ServerError
from harness.read import read
from harness.record import Client, Timeouts
from harness.reference import (
    BEHAVIORS,
    FAULTS,
    LoggedReply,
    ReferenceServer,
    find_mismatches,
    find_timing_mismatches,
    serving,
    start,
)
from harness.servers import get_server_kind, load_kinds
from harness.servers.probe import observe
from harness.types import Counts, Reading, Recording
from tests.reference import LONG_TIMEOUTS, SHORT_TIMEOUTS, reference_server_and_client, request_turn

PACE = "ttft_ms=90&tps=1000&tokens=40"
TOLERANCE_S = 0.04
"""Half of the time to the first token: whatever comes earlier and is mistaken for it is further off."""
Readings = dict[str, tuple[Recording, Reading, LoggedReply]]


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    """The server of all tests in which it does not die."""
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def readings(server: ReferenceServer) -> Readings:
    """Each behavior's recording and reading, and the server's log of it."""
    out = {}
    server.take_log()
    with Client(LONG_TIMEOUTS) as client:
        for name in BEHAVIORS:
            # A stalled machine recovers, a misreading comes again.
            for _ in range(MAX_ATTEMPTS):
                recording = request_turn(server, client, f"{name}?{PACE}")
                (logged,) = server.take_log()
                out[name] = (recording, read(recording), logged)
                if not find_timing_mismatches(out[name][1], logged, TOLERANCE_S):
                    break
    return out


@pytest.mark.parametrize("name", BEHAVIORS)
def test_a_behavior_is_read_correctly(name: str, readings: Readings) -> None:
    _, reading, logged = readings[name]
    assert find_mismatches(f"{name}?{PACE}", reading) == []
    assert find_timing_mismatches(reading, logged, TOLERANCE_S) == []


EARLY = {
    "role-early": Counts(role_only=1),
    "comments": Counts(comments=4),
    "keepalive-comments": Counts(comments=4),
    "keepalive-chunks": Counts(keepalives=4),
    "keepalive-chunks-then-role": Counts(keepalives=2, role_only=1),
    "prefill-progress": Counts(keepalives=4),
    "echoed-reasoning": Counts(role_only=1, synthetic_events=1),
    "loading-message": Counts(synthetic_events=21),
}


@pytest.mark.parametrize("name", EARLY)
def test_events_before_the_first_token_are_counted_and_are_not_the_first_token(name: str, readings: Readings) -> None:
    _, reading, _ = readings[name]
    timings, counts, wanted = reading.timings, reading.counts, EARLY[name]
    assert timings.ttft_s is not None
    assert timings.ttfb_s is not None
    assert timings.ttft_s - timings.ttfb_s > TOLERANCE_S
    seen = Counts(
        comments=counts.comments,
        keepalives=counts.keepalives,
        role_only=counts.role_only,
        synthetic_events=counts.synthetic_events,
    )
    assert seen == wanted
    assert (timings.role_s is not None) == (wanted.role_only > 0)
    assert (timings.first_synthetic_s is not None) == (wanted.synthetic_events > 0)


@pytest.mark.parametrize("name", sorted(load_kinds()))
def test_every_server_kind_is_observed_to_do_what_its_facts_state(name: str, readings: Readings) -> None:
    recording, _, _ = readings[f"as-{name}"]
    kind = get_server_kind(name)
    findings = {finding.name: finding for finding in observe([recording], kind)}
    assert [finding for finding in findings.values() if finding.agrees is False] == []
    if name != "openai":
        assert findings["early_events"].observed == sorted(kind.stream.early_events)
    assert findings["sends_done"].observed == kind.stream.sends_done
    assert findings["reports_cached_tokens"].observed == (kind.cache.cached_tokens is not None)
    assert findings["reports_speeds"].observed == (kind.timings is not None)


def test_a_reading_of_another_behavior_has_mismatches(readings: Readings) -> None:
    assert find_mismatches(f"reasoning?{PACE}", readings["plain"][1]) == ["content", "reasoning"]
    assert find_mismatches(f"error-inside?{PACE}", readings["no-done"][1]) == [
        "content",
        "finish_reason",
        "done",
        "error",
        "completion_tokens",
        "prompt_tokens",
        "cached_tokens",
    ]


def test_times_of_something_else_are_timing_mismatches(readings: Readings) -> None:
    _, reading, logged = readings["role-early"]
    early = replace(reading, timings=replace(reading.timings, ttft_s=reading.timings.role_s))
    assert find_timing_mismatches(early, logged, TOLERANCE_S) == ["ttft_s"]
    late = replace(reading, timings=replace(reading.timings, e2e_s=9.0, ttfc_s=None))
    assert find_timing_mismatches(late, logged, TOLERANCE_S) == ["ttfc_s", "e2e_s"]
    more = replace(reading, counts=replace(reading.counts, token_events=41))
    assert find_timing_mismatches(more, logged, TOLERANCE_S) == ["token_events"]


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ("die", "die-during-prefill", "endless")])
def test_a_fault_is_read_with_its_kind_and_the_bytes_so_far(server: ReferenceServer, name: str) -> None:
    with Client(LONG_TIMEOUTS if name == "huge-event" else SHORT_TIMEOUTS) as client:
        assert find_mismatches(f"{name}?{PACE}", read(request_turn(server, client, f"{name}?{PACE}"))) == []


@pytest.mark.parametrize("name", ["die", "die-during-prefill"])
def test_a_server_that_dies_is_read_with_the_bytes_so_far(name: str) -> None:
    with reference_server_and_client(LONG_TIMEOUTS) as (server, client):
        recording = request_turn(server, client, f"{name}?{PACE}")
    assert find_mismatches(f"{name}?{PACE}", read(recording)) == []
    assert recording.chunks


def test_an_endless_stream_is_cut_off_at_the_turn_timeout(server: ReferenceServer) -> None:
    with Client(Timeouts(2.0, 2.0, 3.0)) as client:
        recording = request_turn(server, client, f"endless?{PACE}")
    assert recording.end_reason == "limit_exceeded"
    assert read(recording).content.startswith("w0 w1 w2 ")


def test_a_port_in_use_is_an_error_with_its_number(server: ReferenceServer) -> None:
    with pytest.raises(ServerError, match=str(server.port)):
        start(server.port)
