"""Measure the timing errors of clients: run streams of known timing through each and compare with the server's log.

`measure_clients` carries out a `MeasurementPlan` and returns one `ClientErrors` per client and kind of stream;
`find_misread_behaviors` checks that lanebench reads every behavior of the reference server correctly.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import ceil

from harness.apis import APIS, DEFAULT_API, get_api
from harness.calibration.clients import (
    BARE_SOCKET,
    CLIENTS,
    HTTPX_LINES,
    KEY,
    LANEBENCH,
    ClientTimings,
    open_clients,
)
from harness.errors import ServerError
from harness.read import read
from harness.record import Client, Timeouts, TurnRequest, record
from harness.reference import (
    BEHAVIORS,
    LoggedReply,
    ReferenceServer,
    find_mismatches,
    find_timing_mismatches,
)
from harness.types import Reading

Progress = Callable[[int, int], None]
"""Called with the number of finished streams and of all streams."""
PLAIN = "plain"
TAIL_TOKENS, TAIL_ROUNDS = 16, 100
"""Short streams for TTFT, and enough of them that their p99 is not simply the maximum."""
TIMING_TOLERANCE_S = 0.04
"""A time that is further off is not late but a time of something else."""
MAX_ATTEMPTS = 4
SEVERAL_TOKENS = (
    "four-tokens-per-event",
    "eight-events-per-write",
    "eight-writes-per-step",
    "random-tokens-per-event",
    "tool-call-after-text",
)
"""Behaviors with several tokens per event or step."""
_WARM_UP = "plain?ttft_ms=5&tps=2000&tokens=20"


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """One kind of stream: a behavior at a rate, its length, how often it is requested and by which clients."""

    behavior: str
    tps: float
    tokens: int
    rounds: int
    clients: tuple[str, ...] = tuple(CLIENTS)

    def model(self, seed: int) -> str:
        """The model name that requests it; the seed is for random behaviors."""
        return f"{self.behavior}?ttft_ms=80&tps={self.tps:g}&tokens={self.tokens}&seed={seed}"


@dataclass(frozen=True, slots=True)
class MeasurementPlan:
    """The streams of one measurement."""

    streams: tuple[StreamSpec, ...]

    @staticmethod
    def full(rounds: int) -> MeasurementPlan:
        """Three rates; one token per event and several; reasoning before the answer."""
        streams: list[StreamSpec] = []
        for tps, tokens, few in ((60.0, 40, rounds // 10), (500.0, 200, rounds // 5), (5000.0, 1000, rounds // 5)):
            streams += [
                StreamSpec(PLAIN, tps, tokens, rounds),
                StreamSpec(PLAIN, tps, TAIL_TOKENS, max(rounds, TAIL_ROUNDS), (LANEBENCH, BARE_SOCKET)),
                StreamSpec("reasoning-content", tps, tokens, rounds, (LANEBENCH, BARE_SOCKET, HTTPX_LINES)),
            ]
            streams += [
                StreamSpec(behavior, tps, max(300, tokens), max(2, few), (LANEBENCH, HTTPX_LINES))
                for behavior in SEVERAL_TOKENS
            ]
        return MeasurementPlan(tuple(streams))

    @staticmethod
    def short(rounds: int) -> MeasurementPlan:
        """The plan of the self-test before a run."""
        return MeasurementPlan((StreamSpec(PLAIN, 500.0, 60, rounds, (LANEBENCH, BARE_SOCKET)),))


@dataclass(slots=True)
class ErrorSamples:
    """A client's figures minus the true ones, one entry per stream; rates in percent of the true rate."""

    ttft_s: list[float] = field(default_factory=list)
    ttfc_s: list[float] = field(default_factory=list)
    e2e_s: list[float] = field(default_factory=list)
    decode_percent: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def add(self, timings: ClientTimings, logged: LoggedReply) -> None:
        """Add one stream. A figure that the client does not report counts as infinitely wrong."""
        missing = float("inf")
        self.ttft_s.append(missing if timings.ttft_s is None else timings.ttft_s - logged.ttft_s)
        self.e2e_s.append(missing if timings.e2e_s is None else timings.e2e_s - logged.e2e_s)
        if logged.ttfc_s is not None:
            self.ttfc_s.append(missing if timings.ttfc_s is None else timings.ttfc_s - logged.ttfc_s)
        if logged.decode_tps is not None:
            tps = timings.decode_tps
            self.decode_percent.append(missing if tps is None else 100 * (tps / logged.decode_tps - 1))
        self.cpu_s.append(timings.cpu_s / max(1, len(logged.writes)))


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile; of fewer than 100 values the 99th is the maximum."""
    ordered = sorted(values)
    return ordered[max(0, ceil(percent / 100 * len(ordered)) - 1)] if ordered else None


@dataclass(frozen=True, slots=True)
class ClientErrors:
    """The errors of one client on one kind of stream."""

    stream: StreamSpec
    client: str
    samples: ErrorSamples

    def percentile(self, figure: str, percent: float) -> float | None:
        """A percentile of a figure's errors; for rates, of their absolute values."""
        values: list[float] = getattr(self.samples, figure)
        return percentile([abs(value) for value in values] if figure == "decode_percent" else values, percent)


def _shuffled_rounds(plan: MeasurementPlan, names: Sequence[str]) -> Iterator[list[tuple[StreamSpec, str, int]]]:
    """Yield each round in its own order, so that drift and other processes affect all clients alike."""
    for number in range(max(stream.rounds for stream in plan.streams)):
        jobs = [
            (stream, name, number)
            for stream in plan.streams
            if number < stream.rounds
            for name in names
            if name in stream.clients
        ]
        random.Random(number).shuffle(jobs)
        yield jobs


def measure_clients(server: ReferenceServer, plan: MeasurementPlan, progress: Progress) -> list[ClientErrors]:
    """Request every stream of the plan through every client that is installed. Raises ServerError."""
    used = {name for stream in plan.streams for name in stream.clients}
    samples: dict[tuple[StreamSpec, str], ErrorSamples] = {}
    with ExitStack() as stack:
        timers = open_clients(stack, server.base_url, [name for name in CLIENTS if name in used])
        for time_stream in timers.values():
            time_stream(_WARM_UP)
        server.take_log()
        jobs = [job for jobs_of_round in _shuffled_rounds(plan, list(timers)) for job in jobs_of_round]
        for done, (stream, name, number) in enumerate(jobs, 1):
            timings = timers[name](stream.model(number))
            logged = take_reply(server)
            samples.setdefault((stream, name), ErrorSamples()).add(timings, logged)
            progress(done, len(jobs))
    order = list(CLIENTS)
    keys = sorted(samples, key=lambda key: (plan.streams.index(key[0]), order.index(key[1])))
    return [ClientErrors(stream, name, samples[stream, name]) for stream, name in keys]


def take_reply(server: ReferenceServer) -> LoggedReply:
    """The log of the one reply since it was last taken. Raises ServerError if the request did not arrive."""
    replies = server.take_log()
    if len(replies) != 1:
        raise ServerError(f"the reference server logged {len(replies)} replies to one request")
    return replies[0]


def find_misread_behaviors(
    server: ReferenceServer, names: Sequence[str] = tuple(BEHAVIORS), tolerance_s: float = TIMING_TOLERANCE_S
) -> dict[str, list[str]]:
    """Find the behaviors that lanebench misreads over any API, each with the names of the wrong values and times.

    The first token is due after twice the tolerance, and whatever could be mistaken for it comes in the first quarter
    of that: a time of something else is out of tolerance.
    """
    with Client(Timeouts(read_s=30.0)) as client:
        mismatches = {
            name if api == DEFAULT_API else f"{name} over {api}": _mismatches_of(
                client, server, (name, api), tolerance_s
            )
            for api in APIS
            for name in names
        }
    return {name: found for name, found in mismatches.items() if found}


def _mismatches_of(client: Client, server: ReferenceServer, behavior: tuple[str, str], tolerance_s: float) -> list[str]:
    """Repeat a stream of which only times are off: a stalled machine recovers, a misreading comes again."""
    name, api = behavior
    model = f"{name}?ttft_ms={2e3 * tolerance_s:g}&tps=1000&tokens=40"
    timing_mismatches: list[str] = []
    for _ in range(MAX_ATTEMPTS):
        reading = request_stream(client, server, model, api)
        logged = take_reply(server)
        mismatches = find_mismatches(model, reading, api)
        timing_mismatches = find_timing_mismatches(reading, logged, tolerance_s)
        if mismatches or not timing_mismatches:
            return mismatches
    return timing_mismatches


def request_stream(client: Client, server: ReferenceServer, model: str, api: str = DEFAULT_API) -> Reading:
    """Record and read one stream."""
    return read(record(client, TurnRequest(KEY, 0, 0, get_api(api).url(server.base_url), {"model": model})))
