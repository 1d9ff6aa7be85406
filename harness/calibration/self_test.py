"""The self-test before a run, a short form of bench-client: how late this machine makes lanebench's times.

`run_self_test` takes a few seconds and also measures how much CPU other processes use meanwhile. A reader of the result
needs both: on a busy machine with two cores a bare socket's p99 rose from 0.2 to 1.9 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from statistics import median

from harness.calibration.client_timing import MeasurementPlan, measure_clients, percentile, take_reply
from harness.calibration.clients import BARE_SOCKET, LANEBENCH
from harness.calibration.clock import clock_rate_error, clock_step_s
from harness.errors import ServerError
from harness.host import cpu_times, other_cpu_share
from harness.read import read
from harness.record import Client, TurnRequest, read_moment, record
from harness.reference import LoggedReply, ReferenceServer, serving
from harness.types import Recording, SelfTest, TrialKey

STREAMS = 8
MAX_DECODE_ERROR_PERCENT = 1000.0
"""Errors are told up to here: on a machine that is busy enough no rate can be measured at all."""
_KEY = TrialKey("selftest", "stream", 0)


def _record(client: Client, server: ReferenceServer, model: str) -> Recording:
    url = f"{server.base_url}/chat/completions"
    return record(client, TurnRequest(_KEY, 0, 0, url, {"model": model, "stream": True}))


def _token_lags_s(recording: Recording, logged: LoggedReply) -> list[float]:
    """How late each token was stamped. The server sends one token per write and each write as one HTTP chunk."""
    start_ns = recording.sent_ns or 0
    stamps_ns = [start_ns + chunk.at_ns for chunk in recording.chunks]
    pairs = zip(stamps_ns, logged.writes, strict=True)
    return [(stamp_ns - write.before_ns) / 1e9 for stamp_ns, write in pairs if write.events]


def _measure_lags_s(server: ReferenceServer, streams: int) -> list[float]:
    (stream,) = MeasurementPlan.short(streams).streams
    lags_s: list[float] = []
    with Client() as client:
        for seed in range(streams):
            recording = _record(client, server, stream.model(seed))
            logged = take_reply(server)
            if read(recording).error is None:
                lags_s += _token_lags_s(recording, logged)
    return lags_s


def lag_p99_s(lags_s: Sequence[float]) -> float:
    """The 99th percentile of the lags. Raises ServerError if there are none: no lag is not a lag of 0."""
    found = percentile(lags_s, 99)
    if found is None:
        raise ServerError("the self-test could read none of its own streams, so that its delays are unknown")
    return found


def ttft_error_s(errors_s: Sequence[float]) -> float:
    """The median error of TTFT. Raises ServerError if most streams had no TTFT."""
    found = median(errors_s)
    if not isfinite(found):
        raise ServerError("most streams of the self-test had no first token, so that the error of TTFT is unknown")
    return found


def decode_error_percent(errors: Sequence[float]) -> float:
    """The median error of the decode rate; an infinite one stands where all tokens came in one read, without a rate."""
    return min(median(map(abs, errors)), MAX_DECODE_ERROR_PERCENT)


def run_self_test(streams: int = STREAMS) -> SelfTest:
    """Measure for a few seconds. Raises ServerError if the reference server does not start or no stream can be read."""
    before = cpu_times()
    with serving() as server:
        moments = [read_moment()]
        rows = measure_clients(server, MeasurementPlan.short(streams), lambda _done, _total: None)
        moments.append(read_moment())
        lags_s = _measure_lags_s(server, streams)
        moments.append(read_moment())
    samples = {row.client: row.samples for row in rows}
    return SelfTest(
        streams=streams,
        socket_error_s=ttft_error_s(samples[BARE_SOCKET].ttft_s),
        ttft_error_s=ttft_error_s(samples[LANEBENCH].ttft_s),
        lag_p99_s=lag_p99_s(lags_s),
        decode_error_percent=decode_error_percent(samples[LANEBENCH].decode_percent),
        other_cpu_share=other_cpu_share(before, cpu_times(), children_are_own=True),
        clock_step_s=clock_step_s(),
        clock_rate_error=clock_rate_error(moments),
    )
