"""One turn: the request goes out, every chunk of the reply is kept with the time of the read that brought it.

Times are read where the bytes leave and enter the socket, under the HTTP parser: what it costs to build a request or
to take a frame apart is in no timing, and several HTTP chunks that came with one read share one arrival. Never retries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from time import perf_counter_ns

import httpcore

from harness.record.client import Client, SocketClock
from harness.record.request import body_of, headers_of, url_of, without_secret
from harness.types import Chunk, Ended, Json, Recording, TrialKey

KEPT_HEADERS = ("content-type", "transfer-encoding", "content-encoding", "connection", "server", "x-request-id")
TOO_LONG = "the reply did not end within the turn's limit of bytes or time"
CLOCK_NS = 2**52


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """What one turn asks: the body is sent as it stands here. `secret` goes into a header and nowhere else.

    `least_prompt_tokens` goes into the recording as it is, for who reads it.
    """

    key: TrialKey
    turn: int
    variant: int
    url: str
    body: Mapping[str, Json]
    secret: str | None = None
    least_prompt_tokens: int | None = None


@dataclass(slots=True)
class _Tape:
    """What has been heard of one reply so far; kept when the reply breaks off.

    Times and bytes stand in two lists because pairs of them would be objects for the garbage collector to look
    through while the stream runs.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    headers_ns: int | None = None
    times_ns: list[int] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    ended: Ended = "complete"
    fault: str | None = None


def _kept(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    return {name: found[name] for name in KEPT_HEADERS if name in found}


def _ended_by(error: Exception, clock: SocketClock) -> Ended:
    if clock.overdue:
        return "cut_off"
    if clock.sent_ns is None:
        return "connect_failed"
    if isinstance(error, httpcore.TimeoutException):
        return "read_timeout"
    if isinstance(error, httpcore.NetworkError) or clock.closed:
        return "reset"
    return "protocol_error"


def _listen(client: Client, ask: TurnRequest, content: bytes, tape: _Tape) -> None:
    clock, waits, left = client.clock, client.waits, client.waits.turn_bytes
    timeouts = {"connect": waits.connect_s, "read": waits.read_s, "write": waits.read_s, "pool": waits.connect_s}
    add_time, add_piece = tape.times_ns.append, tape.pieces.append
    headers, more = headers_of(ask.secret), {"timeout": timeouts}
    with client.pool.stream("POST", url_of(ask.url), headers=headers, content=content, extensions=more) as response:
        tape.headers_ns = clock.read_ns
        tape.status = response.status
        tape.headers = _kept(response.headers)
        # A body with a length is no stream: gathering it would wait for bytes that never come.
        clock.gathers = not any(name.lower() == b"content-length" for name, _ in response.headers)
        for data in response.iter_stream():
            add_time(clock.read_ns)
            add_piece(data)
            left -= len(data)
            if left < 0:
                tape.ended, tape.fault = "cut_off", TOO_LONG
                break


def clock_on_file(clock_ns: int | None) -> int | None:
    """The monotonic clock as files hold it: it begins anew every 52 days, since a machine that has been up for 104 has
    a clock past 2^53, which many JSON readers cannot hold."""
    return None if clock_ns is None else clock_ns % CLOCK_NS


def since_s(clock_ns: int) -> float:
    """Seconds since a moment of the monotonic clock as files hold it."""
    return (perf_counter_ns() - clock_ns) % CLOCK_NS / 1e9


def _pieces(tape: _Tape, secret: str | None) -> list[bytes]:
    """What was heard, piece by piece; a key that a refusal repeats may stand across two of them."""
    if not secret or (tape.status or 0) < 400:
        return tape.pieces
    whole = b"".join(tape.pieces)
    clean = without_secret(whole, tape.status, secret)
    ends = list(accumulate(map(len, tape.pieces), initial=0))
    return [clean[start:end] for start, end in pairwise(ends)]


def record(client: Client, ask: TurnRequest) -> Recording:
    """Send one turn and keep what comes, whatever comes: a fault of the server is part of the recording.

    Raises ConfigError where the request cannot be written at all. Source of the method: the start stamp of httpcore's
    `send_request_headers`, one level lower, at the socket.
    """
    clock, tape, content = client.clock, _Tape(), body_of(ask.body)
    sent_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    clock.start(perf_counter_ns() + int(client.waits.turn_s * 1e9), client.waits.turn_bytes)
    try:
        _listen(client, ask, content, tape)
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        tape.ended = _ended_by(error, clock)
        tape.fault = TOO_LONG if tape.ended == "cut_off" else f"{type(error).__name__}: {error}"
    start = clock.sent_ns if clock.sent_ns is not None else 0
    ended_ns = clock.read_ns if clock.read_ns > start else perf_counter_ns()
    pieces = _pieces(tape, ask.secret)
    return Recording(
        key=ask.key,
        turn=ask.turn,
        variant=ask.variant,
        sent_at=sent_at,
        sent_ns=clock_on_file(clock.sent_ns),
        url=ask.url,
        request=ask.body,
        status=tape.status,
        headers=tape.headers,
        headers_ns=None if tape.headers_ns is None else tape.headers_ns - start,
        chunks=tuple(Chunk(at_ns - start, data) for at_ns, data in zip(tape.times_ns, pieces, strict=True)),
        ended=tape.ended,
        ended_ns=None if clock.sent_ns is None else ended_ns - start,
        fault=tape.fault,
        least_prompt_tokens=ask.least_prompt_tokens,
    )
