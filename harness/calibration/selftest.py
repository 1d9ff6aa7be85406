"""The short form of bench-client that a run starts with: how late this machine makes the kit, and who else works."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from harness.calibration.reference import Heard, ReferenceServer, serving
from harness.calibration.timing import Plan, Shape, measure, percentile
from harness.host import cpu_times, other_cpu_share
from harness.read import read
from harness.record import Client, TurnRequest, record
from harness.types import Recording, SelfTest, TrialKey

STREAMS = 8
_KEY = TrialKey("selftest", "stream", 0)


def _lags_s(recording: Recording, heard: Heard) -> list[float]:
    """How late each token was stamped: the server sends one token a write, and each write as one HTTP chunk."""
    sent_ns = recording.sent_ns or 0
    arrived = [sent_ns + chunk.at_ns for chunk in recording.chunks]
    return [(at - write.before_ns) / 1e9 for at, write in zip(arrived, heard.writes, strict=True) if write.events]


def _ask(client: Client, server: ReferenceServer, model: str) -> Recording:
    url = f"{server.base_url}/chat/completions"
    return record(client, TurnRequest(_KEY, 0, 0, url, {"model": model, "stream": True}))


def _medians(server: ReferenceServer, streams: int) -> tuple[float, float, float]:
    """TTFT errors of a bare socket and of the kit, and how far off the kit's decode rate is."""
    rows = {row.client: row for row in measure(server, Plan.short(streams), lambda _done, _total: None)}
    own, floor = rows["lanebench"].errors, rows["bare socket"].errors
    return median(floor.ttft_s), median(own.ttft_s), median(map(abs, own.decode_percent))


def _all_lags_s(server: ReferenceServer, shapes: Sequence[Shape], streams: int) -> list[float]:
    lags: list[float] = []
    with Client() as client:
        for number in range(streams):
            recording = _ask(client, server, shapes[0].model(number))
            (heard,) = server.take()
            if read(recording).error is None:
                lags += _lags_s(recording, heard)
    return lags


def selftest(streams: int = STREAMS) -> SelfTest:
    """Measure for a few seconds. Raises ServerError where the truth server does not start."""
    before = cpu_times()
    with serving() as server:
        socket_error_s, error_s, decode_percent = _medians(server, streams)
        lags = _all_lags_s(server, Plan.short(streams).shapes, streams)
    return SelfTest(
        streams=streams,
        socket_error_s=socket_error_s,
        ttft_error_s=error_s,
        lag_p99_s=percentile(lags, 99) or 0.0,
        decode_error_percent=decode_percent,
        other_cpu_share=other_cpu_share(before, cpu_times()),
    )
