"""Record one turn: send the request and keep every chunk of the reply with the time of the read that brought it.

`record` takes a `TurnRequest` and returns a `Recording`. Times are taken where bytes leave and enter the socket (see
client.py), so the cost of building a request or parsing HTTP is in no timing, and several HTTP chunks that came with
one read share one arrival. A request is never retried: a second attempt would hide a failure of the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from time import perf_counter_ns

import httpcore

from harness.record.client import Client, RequestState, read_clocks
from harness.record.request import build_headers, encode_body, parse_url, redact_api_key
from harness.types import Chunk, EndReason, Json, Recording, TrialKey

RECORDED_HEADERS = (
    "content-type",
    "transfer-encoding",
    "content-encoding",
    "connection",
    "server",
    "x-request-id",
)
LIMIT_EXCEEDED = "the reply exceeded the turn's limit of bytes or time"
_ERRORS: Mapping[EndReason, str] = {
    "limit_exceeded": LIMIT_EXCEEDED,
    "repetition": "the output had become a loop, so the turn was stopped",
}
CLOCK_WRAP_NS = 2**52


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """The request of one turn. `body` is sent as it is; `api_key` goes into a header and nowhere else.

    `min_prompt_tokens` is a lower bound of the prompt's tokens; the reader uses it to detect a truncated prompt.
    """

    key: TrialKey
    turn: int
    variant: int
    url: str
    body: Mapping[str, Json]
    api_key: str | None = None
    min_prompt_tokens: int | None = None


@dataclass(slots=True)
class _Reply:
    """What has been received of a reply; it keeps what came before a failure.

    Times and data are two lists: pairs would be objects that the garbage collector has to scan during the stream.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    headers_ns: int | None = None
    times_ns: list[int] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    end_reason: EndReason = "complete"
    error: str | None = None


def _select_headers(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    values = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    return {name: values[name] for name in RECORDED_HEADERS if name in values}


def _end_reason(error: Exception, state: RequestState) -> EndReason:
    """The end reason of a reply that raised this error."""
    if state.deadline_exceeded:
        return state.stop_reason or "limit_exceeded"
    if state.sent_ns is None:
        return "connect_failed"
    if isinstance(error, httpcore.TimeoutException):
        return "read_timeout"
    if isinstance(error, httpcore.NetworkError) or state.closed:
        return "reset"
    return "protocol_error"


def _timeout_extension(client: Client) -> dict[str, dict[str, float]]:
    timeouts = client.timeouts
    return {
        "timeout": {
            "connect": timeouts.connect_s,
            "read": timeouts.read_s,
            "write": timeouts.read_s,
            "pool": timeouts.connect_s,
        }
    }


def _send_and_receive(client: Client, request: TurnRequest, content: bytes, reply: _Reply) -> None:
    """Send the request and fill the reply. Raises httpcore's errors; the reply keeps what came before."""
    state, remaining_bytes = client.state, client.max_turn_bytes
    url, headers, extensions = parse_url(request.url), build_headers(request.api_key), _timeout_extension(client)
    with client.pool.stream("POST", url, headers=headers, content=content, extensions=extensions) as response:
        reply.headers_ns, reply.status = state.read_ns, response.status
        reply.headers = _select_headers(response.headers)
        # A body with a length is not a stream: reading ahead to the end of a chunked body would wait for bytes that
        # never come.
        state.buffering = not any(name.lower() == b"content-length" for name, _ in response.headers)
        for data in response.iter_stream():
            reply.times_ns.append(state.read_ns)
            reply.data.append(data)
            remaining_bytes -= len(data)
            if remaining_bytes < 0:
                reply.end_reason, reply.error = "limit_exceeded", LIMIT_EXCEEDED
                return


def wrap_clock_ns(clock_ns: int | None) -> int | None:
    """Wrap the monotonic clock at 2^52 ns (52 days) before it is written to a file.

    On Linux and macOS the clock counts from boot. After 104 days it exceeds 2^53, above which JSON readers that hold
    numbers as doubles lose nanoseconds (RFC 8259, section 6).
    """
    return None if clock_ns is None else clock_ns % CLOCK_WRAP_NS


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on the wall clock, in nanoseconds since 1970, and on the monotonic clock of recordings, wrapped."""

    wall_ns: int
    monotonic_ns: int


def read_moment() -> Moment:
    """Now, on both clocks."""
    wall_ns, monotonic = read_clocks()
    return Moment(wall_ns, monotonic % CLOCK_WRAP_NS)


def seconds_since(wrapped_ns: int) -> float:
    """Seconds since a moment of the wrapped monotonic clock."""
    return (perf_counter_ns() - wrapped_ns) % CLOCK_WRAP_NS / 1e9


def _redacted_data(reply: _Reply, api_key: str | None) -> list[bytes]:
    """The reply's data without the API key, cut as it was received; the key may be split over two reads."""
    if not api_key:
        return reply.data
    redacted = redact_api_key(b"".join(reply.data), reply.status, api_key)
    ends = list(accumulate(map(len, reply.data), initial=0))
    return [redacted[start:end] for start, end in pairwise(ends)]


def record(client: Client, request: TurnRequest) -> Recording:
    """Send one turn and record the reply; a failure of the server or the connection becomes part of the recording.

    Raises ConfigError if the request itself is invalid.
    """
    state, reply, content = client.state, _Reply(), encode_body(request.body)
    state.start(perf_counter_ns() + int(client.timeouts.turn_s * 1e9), client.max_turn_bytes)
    try:
        _send_and_receive(client, request, content, reply)
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        reply.end_reason = _end_reason(error, state)
        reply.error = _ERRORS.get(reply.end_reason, f"{type(error).__name__}: {error}")
    return _recording(request, state, reply)


def _recording(request: TurnRequest, state: RequestState, reply: _Reply) -> Recording:
    """The recording of a reply, with all times relative to the request's first byte."""
    start_ns = 0 if state.sent_ns is None else state.sent_ns
    ended_ns = state.read_ns if state.read_ns > start_ns else perf_counter_ns()
    data = _redacted_data(reply, request.api_key)
    return Recording(
        key=request.key,
        turn=request.turn,
        variant=request.variant,
        sent_at=datetime.fromtimestamp(state.sent_wall_ns / 1e9, UTC).isoformat(timespec="milliseconds"),
        sent_ns=wrap_clock_ns(state.sent_ns),
        url=request.url,
        request=request.body,
        status=reply.status,
        headers=reply.headers,
        headers_ns=None if reply.headers_ns is None else reply.headers_ns - start_ns,
        chunks=tuple(Chunk(at_ns - start_ns, chunk) for at_ns, chunk in zip(reply.times_ns, data, strict=True)),
        end_reason=reply.end_reason,
        ended_ns=None if state.sent_ns is None else ended_ns - start_ns,
        error=reply.error,
        min_prompt_tokens=request.min_prompt_tokens,
    )
