"""`transformers serve`: no [DONE], and with thinking off a whitespace reasoning delta long before the first token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.servers import get_server_kind
from harness.servers.probe import probe
from harness.servers.query import ServerHandle
from harness.types import Model
from tests.real.conftest import transformers_of
from tests.real.test_real_servers import ask

pytestmark = pytest.mark.by_hand

LONG = "The pump house has two pumps and a spare. " * 400


@pytest.fixture(scope="module")
def server(workshop: Path, tiny_model: Path) -> Iterator[Model]:
    with transformers_of(tiny_model, workshop) as ready:
        yield ready


def test_a_stream_without_done_is_a_whole_answer(server: Model) -> None:
    reading = ask(server, "What is a pump?")
    assert reading.error is None
    assert not reading.done
    assert reading.finish_reason in ("stop", "length")
    assert reading.content
    assert reading.usage is not None
    assert (reading.usage.completion_tokens or 0) > 0
    assert reading.timings.decode_tps is not None


def test_the_echo_of_an_empty_thought_starts_no_clock(server: Model) -> None:
    reading = ask(replace(server, thinking="off"), LONG)
    times = reading.timings
    assert reading.counts.synthetic_events == 1
    assert reading.reasoning == ""
    assert times.first_synthetic_s is not None
    assert times.ttft_s is not None
    # What the echo would have made of it: a prefill of thousands of tokens in a few milliseconds.
    assert times.ttft_s > 3 * times.first_synthetic_s


def test_the_role_chunk_comes_before_the_prefill_and_starts_no_clock(server: Model) -> None:
    times = ask(replace(server, thinking="on"), f"Again. {LONG}").timings
    assert times.role_s is not None
    assert times.ttft_s is not None
    assert times.ttft_s > 3 * times.role_s


def test_the_probe_agrees_with_what_is_stated_of_it(server: Model) -> None:
    report = probe(ServerHandle(server, get_server_kind("transformers")))
    assert report.short_requests <= 10
    assert report.long_requests == 1
    found = {finding.name: finding for finding in report.findings}
    assert [finding.name for finding in report.findings if finding.agrees is False] == []
    assert found["sends_done"].observed is False
    assert found["usage"].observed == "finish_chunk"
    assert set(found["early_events"].observed or ()) >= {"synthetic_echo"}
