"""Rounds of streams through every client, each held against the truth server's log; figures, aims and a table."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import ceil

from harness.calibration.clients import CLIENTS, KEY, Take, Taken, open_clients
from harness.calibration.reference import BEHAVIORS, Heard, ReferenceServer, misread, mistimed
from harness.read import read
from harness.record import Client, Timeouts, TurnRequest, record
from harness.types import Reading

Watch = Callable[[int, int], None]
PLAIN = "plain"
TAIL_TOKENS, TAIL_ROUNDS = 16, 100
"""Short streams, and so many of them that their p99 is not simply the largest."""
MISTIMED_S = 0.04
"""Further off than this a time is not late, but taken of something else."""
MOST_STALLS = 4
SEVERAL = ("four-tokens-an-event", "eight-events-a-write", "random-tokens-an-event")
"""Behaviours with several tokens an event or several events a write."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of stream: a behaviour of the truth server at a rate, how long it is, and how often it is asked for."""

    behaviour: str
    tps: float
    tokens: int
    rounds: int
    clients: tuple[str, ...] = tuple(CLIENTS)

    def model(self, seed: int) -> str:
        """The model name that asks for it; the seed decides where the behaviour is random."""
        return f"{self.behaviour}?ttft_ms=80&tps={self.tps:g}&tokens={self.tokens}&seed={seed}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    shapes: tuple[Shape, ...]

    @staticmethod
    def whole(rounds: int) -> Plan:
        """Three rates, streams of one token an event and of several, thoughts before the answer."""
        two, shapes = ("lanebench", "httpx lines"), []
        for tps, tokens, few in ((60.0, 40, rounds // 10), (500.0, 200, rounds // 5), (5000.0, 1000, rounds // 5)):
            shapes.append(Shape(PLAIN, tps, tokens, rounds))
            shapes.append(Shape(PLAIN, tps, TAIL_TOKENS, max(rounds, TAIL_ROUNDS), ("lanebench", "bare socket")))
            shapes.append(Shape("reasoning-content", tps, tokens, rounds, ("lanebench", "bare socket", "httpx lines")))
            shapes += [Shape(behaviour, tps, max(300, tokens), max(2, few), two) for behaviour in SEVERAL]
        return Plan(tuple(shapes))

    @staticmethod
    def short(rounds: int) -> Plan:
        """What a run asks for before it starts."""
        return Plan((Shape(PLAIN, 500.0, 60, rounds, ("lanebench", "bare socket")),))


@dataclass(slots=True)
class Errors:
    """A client's figures less the truth's, one entry a stream; rates in percent of the truth."""

    ttft_s: list[float] = field(default_factory=list)
    ttfc_s: list[float] = field(default_factory=list)
    e2e_s: list[float] = field(default_factory=list)
    decode_percent: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def add(self, taken: Taken, heard: Heard) -> None:
        """Put one stream in; a figure that the client lacks is infinitely wrong."""
        missing = float("inf")
        self.ttft_s.append(missing if taken.ttft_s is None else taken.ttft_s - heard.ttft_s)
        self.e2e_s.append(missing if taken.e2e_s is None else taken.e2e_s - heard.e2e_s)
        if heard.ttfc_s is not None:
            self.ttfc_s.append(missing if taken.ttfc_s is None else taken.ttfc_s - heard.ttfc_s)
        if heard.decode_tps is not None:
            rate = taken.decode_tps
            self.decode_percent.append(missing if rate is None else 100 * (rate / heard.decode_tps - 1))
        self.cpu_s.append(taken.cpu_s / max(1, len(heard.writes)))


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile; of fewer than 100 values the 99th is the largest."""
    ordered = sorted(values)
    return ordered[max(0, ceil(percent / 100 * len(ordered)) - 1)] if ordered else None


@dataclass(frozen=True, slots=True)
class Row:
    """One client on one kind of stream."""

    shape: Shape
    client: str
    errors: Errors

    def at(self, figure: str, percent: float) -> float | None:
        """A percentile of a figure's errors; of rates, the percentile of how far off they are."""
        values: list[float] = getattr(self.errors, figure)
        return percentile([abs(value) for value in values] if figure == "decode_percent" else values, percent)


def _jobs(plan: Plan, names: Sequence[str]) -> Iterator[list[tuple[Shape, str, int]]]:
    """Round after round, each in an order of its own, so that drift and neighbours fall on all clients alike."""
    for number in range(max(shape.rounds for shape in plan.shapes)):
        round_jobs = [
            (shape, name, number)
            for shape in plan.shapes
            if number < shape.rounds
            for name in names
            if name in shape.clients
        ]
        random.Random(number).shuffle(round_jobs)
        yield round_jobs


def measure(server: ReferenceServer, plan: Plan, watch: Watch) -> list[Row]:
    """Ask for every stream of the plan through every client that is installed. Raises ServerError."""
    wanted = {name for shape in plan.shapes for name in shape.clients}
    found: dict[tuple[Shape, str], Errors] = {}
    with ExitStack() as stack:
        clients: Mapping[str, Take] = open_clients(stack, server.base_url, [n for n in CLIENTS if n in wanted])
        for take in clients.values():
            take("plain?ttft_ms=5&tps=2000&tokens=20")
        server.take()
        jobs = [job for one_round in _jobs(plan, list(clients)) for job in one_round]
        for done, (shape, name, number) in enumerate(jobs, 1):
            taken = clients[name](shape.model(number))
            (heard,) = server.take()
            found.setdefault((shape, name), Errors()).add(taken, heard)
            watch(done, len(jobs))
    order = list(CLIENTS)
    keys = sorted(found, key=lambda key: (plan.shapes.index(key[0]), order.index(key[1])))
    return [Row(shape, name, found[shape, name]) for shape, name in keys]


def misunderstood(
    server: ReferenceServer, names: Sequence[str] = tuple(BEHAVIORS), within_s: float = MISTIMED_S
) -> dict[str, list[str]]:
    """Every behaviour of the truth server that this kit reads otherwise than it was meant, with what it misread.

    A time that is further off than `within_s` is misread: what comes before the first token comes at least so early.
    """
    with Client(Timeouts(read_s=30.0)) as client:
        wrong = {name: _misread(client, server, name, within_s) for name in names}
    return {name: faults for name, faults in wrong.items() if faults}


def _misread(client: Client, server: ReferenceServer, name: str, within_s: float) -> list[str]:
    """Asked again where only times are off: a machine that stood still does not do so each time, a misreading does."""
    model, late = f"{name}?ttft_ms={2e3 * within_s:g}&tps=1000&tokens=40", ["not asked"]
    for _ in range(MOST_STALLS):
        reading = ask(client, server, model)
        (heard,) = server.take()
        faults, late = misread(model, reading), mistimed(reading, heard, within_s)
        if faults or not late:
            return faults
    return late


def ask(client: Client, server: ReferenceServer, model: str) -> Reading:
    """One stream, recorded and read."""
    return read(record(client, TurnRequest(KEY, 0, 0, f"{server.base_url}/chat/completions", {"model": model})))


# --- aims -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Aim:
    """One thing that this kit promises: what was seen, and the most that it may be.

    `open` says why the measurement decides nothing, either way.
    """

    name: str
    seen: float
    most: float
    unit: str
    open: str | None = None

    @property
    def met(self) -> bool:
        """Whether it was kept in this measurement."""
        return self.open is None and self.seen <= self.most

    @property
    def missed(self) -> bool:
        """Whether it was not."""
        return self.open is None and not self.met


TTFT_ABOVE_FLOOR_S = 0.0004
QUIET_S = 0.001
"""The bare socket's p99 above its p50 where no other program takes the processors: 0.2 to 0.4 ms were measured. Beyond
this both p99 are those of the scheduler, and which client it hit harder is chance."""
DECODE_PERCENT = {False: 0.1, True: 1.0}


def _times(own: Row, floor: Row) -> Iterator[Aim]:
    usual = floor.at("ttft_s", 50)
    for percent in (50, 99):
        seen, least = own.at("ttft_s", percent), floor.at("ttft_s", percent)
        if seen is None or least is None or usual is None:
            continue
        name = f"TTFT error above the bare socket's, p{percent} at {own.shape.tps:g} tokens/s"
        why = None
        if least - usual > QUIET_S:
            why = (
                f"the bare socket's own p{percent} is {1e3 * (least - usual):.1f} ms above its p50: others are at work"
            )
        yield Aim(name, 1e3 * (seen - least), 1e3 * TTFT_ABOVE_FLOOR_S, "ms", why)


def aims(rows: Sequence[Row]) -> list[Aim]:
    """The aims that these rows can show; TTFT by the plain stream that was asked for most often at its rate."""
    others = {(row.shape, row.client): row for row in rows}
    own = [row for row in rows if row.client == "lanebench"]
    out: list[Aim] = []
    for row in own:
        tps, floor = row.shape.tps, others.get((row.shape, "bare socket"))
        alike = [one for one in own if (one.shape.behaviour, one.shape.tps) == (PLAIN, tps)]
        if floor is not None and row is max(alike, key=lambda one: one.shape.rounds, default=None):
            out += _times(row, floor)
        if row.shape.tokens == TAIL_TOKENS:
            continue
        off = row.at("decode_percent", 50)
        if off is not None:
            name = f"decode rate off, p50 of {row.shape.behaviour} at {tps:g} tokens/s"
            out.append(Aim(name, off, DECODE_PERCENT[row.shape.behaviour in SEVERAL], "%"))
        usual = others.get((row.shape, "httpx raw"))
        cpu_s, usual_s = row.at("cpu_s", 50), usual.at("cpu_s", 50) if usual else None
        if cpu_s is not None and usual_s is not None:
            out.append(Aim(f"CPU a chunk at {tps:g} tokens/s", 1e6 * cpu_s, 1e6 * usual_s, "us (httpx raw)"))
    return out


# --- text -----------------------------------------------------------------------------------------------------


def _cell(value: float | None, scale: float, digits: int) -> str:
    return "-" if value is None else f"{value * scale:.{digits}f}"


def _pair(row: Row, figure: str, scale: float, digits: int) -> str:
    return f"{_cell(row.at(figure, 50), scale, digits)}/{_cell(row.at(figure, 99), scale, digits)}"


def _line(row: Row) -> tuple[str, ...]:
    return (
        row.shape.behaviour,
        str(row.shape.tokens),
        f"{row.shape.tps:g}",
        row.client,
        str(len(row.errors.cpu_s)),
        _pair(row, "ttft_s", 1e3, 2),
        _pair(row, "ttfc_s", 1e3, 2),
        _pair(row, "e2e_s", 1e3, 2),
        "-" if row.shape.tokens == TAIL_TOKENS else _pair(row, "decode_percent", 1, 2),
        _cell(row.at("cpu_s", 50), 1e6, 0),
    )


def timing_table(rows: Sequence[Row]) -> str:
    """The rows as text: errors as p50/p99."""
    heads = ("stream", "tokens", "tokens/s", "client", "n", "TTFT ms", "TTFC ms", "E2E ms", "decode %", "CPU us/chunk")
    lines = [heads, *map(_line, rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
