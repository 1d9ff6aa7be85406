"""Every behavior and every fault of the reference server over Responses and Messages: read as over chat."""

from collections.abc import Iterator

import pytest

from harness.apis import APIS, DEFAULT_API, get_api
from harness.calibration.client_timing import ClientErrors, ErrorSamples, StreamSpec, find_misread_behaviors
from harness.calibration.clients import lanebench_over
from harness.calibration.timing_report import evaluate_targets
from harness.read import split_events
from harness.reference import BEHAVIORS, FAULTS, ReferenceServer, serving
from harness.reference.encoders import ENCODERS, translate
from harness.reference.model_names import find_script
from harness.types import Chunk

SAMPLE = (
    "plain",
    "role-early",
    "split-events",
    "tool-call-in-pieces",
    "usage-on-every-chunk",
    "error-then-stop",
    "crlf",
)
"""Behaviors that are sent here; `bench-client` sends them all."""


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    with serving() as running:
        yield running


def test_every_api_has_an_encoder() -> None:
    assert {*ENCODERS, DEFAULT_API} == set(APIS)


def test_behaviors_are_read_over_each_api(server: ReferenceServer) -> None:
    assert find_misread_behaviors(server, SAMPLE) == {}


@pytest.mark.parametrize("api", ENCODERS)
@pytest.mark.parametrize("name", [*BEHAVIORS, *FAULTS])
def test_a_translated_script_keeps_its_times_and_tokens(name: str, api: str) -> None:
    if name in ("endless", "huge-event"):
        name = "plain"
    chat, other = find_script(f"{name}?tokens=12"), find_script(f"{name}?tokens=12", api=api)
    tokens = [(write.at_s, write.tokens, write.is_output) for write in chat.writes if write.tokens]
    assert [(write.at_s, write.tokens, write.is_output) for write in other.writes if write.tokens] == tokens
    assert (other.expected.content, other.expected.tool_calls) == (chat.expected.content, chat.expected.tool_calls)


@pytest.mark.parametrize(("api", "kind"), [("responses", "response.completed"), ("messages", "message_stop")])
def test_a_translated_stream_has_the_events_of_its_api(api: str, kind: str) -> None:
    script = translate(find_script("role-early?tokens=3"), api)
    events = split_events([Chunk(0, write.data) for write in script.writes]).events
    assert events[-1].name == kind == get_api(api).last_event
    assert all(event.name and "chat.completion" not in event.data for event in events)


def test_a_rate_that_is_off_over_one_api_misses_its_target() -> None:
    rows = [
        ClientErrors(
            StreamSpec("plain", 500.0, 200, 3), lanebench_over(api), ErrorSamples([ttft_s], decode_percent=[2.0])
        )
        for api, ttft_s in zip(APIS.values(), (0.0001, 0.0002, 0.005), strict=True)
    ]
    missed = [target.name for target in evaluate_targets(rows) if target.missed and " over " in target.name]
    assert [name for name in missed if name.startswith("TTFT")] == [
        "TTFT error over Messages, largest p50 of the rates"
    ]
    assert len(missed) == 4
