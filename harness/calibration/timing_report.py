"""Report the timing errors of clients: `timing_table` lists them, `evaluate_targets` checks lanebench's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.apis import APIS, Api
from harness.calibration.client_timing import PLAIN, SEVERAL_TOKENS, TAIL_TOKENS, ClientErrors
from harness.calibration.clients import BARE_SOCKET, HTTPX_RAW, LANEBENCH, lanebench_over

MAX_TTFT_ABOVE_SOCKET_S = 0.0004
MAX_SOCKET_JITTER_S = 0.001
"""The most that the bare socket's p99 lies above its p50 on a quiet machine, where 0.2 to 0.4 ms were measured. Beyond
this both p99 are those of the scheduler, and which client it delayed more is chance."""
MAX_API_TTFT_S = 0.001
MAX_API_DECODE_PERCENT = 1.0
"""The limits over each API, against the truth."""
MAX_DECODE_PERCENT = 0.1
MAX_DECODE_PERCENT_SEVERAL = 1.0
"""The limit where an event or a write holds several tokens: the share of the first arrival is an estimate there."""


@dataclass(frozen=True, slots=True)
class Target:
    """One accuracy target of lanebench: what was observed and its upper limit.

    `undecided` says why the measurement neither meets nor misses it.
    """

    name: str
    observed: float
    limit: float
    unit: str
    undecided: str | None = None

    @property
    def met(self) -> bool:
        """Whether this measurement meets it."""
        return self.undecided is None and self.observed <= self.limit

    @property
    def missed(self) -> bool:
        """Whether this measurement misses it."""
        return self.undecided is None and not self.met


def _ttft_targets(row: ClientErrors, socket_row: ClientErrors) -> Iterator[Target]:
    socket_median_s = socket_row.percentile("ttft_s", 50)
    for percent in (50, 99):
        observed_s, socket_s = row.percentile("ttft_s", percent), socket_row.percentile("ttft_s", percent)
        if observed_s is None or socket_s is None or socket_median_s is None:
            continue
        name = f"TTFT error above the bare socket's, p{percent} at {row.stream.tps:g} tokens/s"
        undecided = None
        spread_s = socket_s - socket_median_s
        if spread_s > MAX_SOCKET_JITTER_S:
            undecided = (
                f"the bare socket's own p{percent} is {1e3 * spread_s:.1f} ms above its p50: "
                "other processes disturb the measurement"
            )
        # A TTFT that is too early is a time of something else.
        yield Target(name, 1e3 * (abs(observed_s) - socket_s), 1e3 * MAX_TTFT_ABOVE_SOCKET_S, "ms", undecided)


def _decode_target(row: ClientErrors) -> Iterator[Target]:
    observed = row.percentile("decode_percent", 50)
    if observed is not None:
        name = f"decode rate error, p50 of {row.stream.behavior} at {row.stream.tps:g} tokens/s"
        limit = MAX_DECODE_PERCENT_SEVERAL if row.stream.behavior in SEVERAL_TOKENS else MAX_DECODE_PERCENT
        yield Target(name, observed, limit, "%")


def _cpu_target(row: ClientErrors, httpx_row: ClientErrors | None) -> Iterator[Target]:
    cpu_s = row.percentile("cpu_s", 50)
    httpx_s = httpx_row.percentile("cpu_s", 50) if httpx_row else None
    if cpu_s is not None and httpx_s is not None:
        yield Target(f"CPU per chunk at {row.stream.tps:g} tokens/s", 1e6 * cpu_s, 1e6 * httpx_s, "us (httpx raw)")


def evaluate_targets(rows: Sequence[ClientErrors]) -> list[Target]:
    """Evaluate the targets that these rows can show. TTFT is that of the plain stream with most rounds at its rate."""
    row_of = {(row.stream, row.client): row for row in rows}
    lanebench_rows = [row for row in rows if row.client == LANEBENCH]
    targets: list[Target] = []
    for row in lanebench_rows:
        socket_row = row_of.get((row.stream, BARE_SOCKET))
        if socket_row is not None and row is _ttft_row(lanebench_rows, row.stream.tps):
            targets += _ttft_targets(row, socket_row)
        if row.stream.tokens != TAIL_TOKENS:
            targets += _decode_target(row)
            targets += _cpu_target(row, row_of.get((row.stream, HTTPX_RAW)))
    for api in APIS.values():
        targets += _api_targets(api, rows)
    return targets


def _api_targets(api: Api, rows: Sequence[ClientErrors]) -> Iterator[Target]:
    """The same content over each API: medians of the plain streams at all rates, the worst of them."""
    all_plain = [row for row in rows if row.stream.behavior == PLAIN and row.stream.tokens != TAIL_TOKENS]
    plain = [row for row in all_plain if row.client == lanebench_over(api)]
    sockets = [row for row in all_plain if row.client == BARE_SOCKET]
    limits = (("ttft_s", "TTFT error", 1e3, 1e3 * MAX_API_TTFT_S, "ms"),
              ("decode_percent", "decode rate error", 1.0, MAX_API_DECODE_PERCENT, "%"))  # fmt: skip
    for figure, title, scale, limit, unit in limits:
        medians = _medians(plain, figure)
        if medians:
            name = f"{title} over {api.title}, largest p50 of the rates"
            socket = scale * max(_medians(sockets, figure), default=0.0)
            disturbed = f"a bare socket's own is {socket:.1f} {unit}: other processes disturb the measurement"
            undecided = disturbed if socket > limit else None
            yield Target(name, scale * max(medians), limit, unit, undecided)


def _medians(rows: Sequence[ClientErrors], figure: str) -> list[float]:
    return [abs(found) for row in rows if (found := row.percentile(figure, 50)) is not None]


def _ttft_row(rows: Sequence[ClientErrors], tps: float) -> ClientErrors | None:
    plain = [row for row in rows if (row.stream.behavior, row.stream.tps) == (PLAIN, tps)]
    return max(plain, key=lambda row: row.stream.rounds, default=None)


# --- table --------------------------------------------------------------------------------------------------------


def _cell(value: float | None, scale: float, digits: int) -> str:
    return "-" if value is None else f"{value * scale:.{digits}f}"


def _percentiles(row: ClientErrors, figure: str, scale: float) -> str:
    return "/".join(_cell(row.percentile(figure, percent), scale, 2) for percent in (50, 99))


def _cells(row: ClientErrors) -> tuple[str, ...]:
    return (
        row.stream.behavior,
        str(row.stream.tokens),
        f"{row.stream.tps:g}",
        row.client,
        str(len(row.samples.cpu_s)),
        _percentiles(row, "ttft_s", 1e3),
        _percentiles(row, "ttfc_s", 1e3),
        _percentiles(row, "e2e_s", 1e3),
        "-" if row.stream.tokens == TAIL_TOKENS else _percentiles(row, "decode_percent", 1),
        _cell(row.percentile("cpu_s", 50), 1e6, 0),
    )


HEADER = ("stream", "tokens", "tokens/s", "client", "n", "TTFT ms", "TTFC ms", "E2E ms", "decode %", "CPU us/chunk")


def timing_table(rows: Sequence[ClientErrors]) -> str:
    """Format the rows as text: errors as p50/p99."""
    lines = [HEADER, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
