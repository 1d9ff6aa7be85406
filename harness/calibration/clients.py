"""The clients that `bench-client` compares; each times a stream in its own way and keeps one warm client object.

`CLIENTS` maps names to context managers that yield a `StreamTimer`; `open_clients` opens those that are installed.
"""

from __future__ import annotations

import asyncio
import json
import socket
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from time import perf_counter_ns, thread_time_ns
from typing import Any
from urllib.parse import urlsplit

from harness.apis import APIS, DEFAULT_API, Api
from harness.calibration.baseline_client import BaselineClient
from harness.errors import ServerError
from harness.read import read
from harness.record import Client, TurnRequest, record
from harness.types import Chunk, Json, Reading, Recording, TrialKey

KEY = TrialKey("bench-client", "stream", 0)
LANEBENCH, BARE_SOCKET, HTTPX_RAW, HTTPX_LINES = "lanebench", "bare socket", "httpx raw", "httpx lines"


@dataclass(frozen=True, slots=True)
class ClientTimings:
    """What a client reports about one stream, and the CPU time that it took while the stream ran."""

    ttft_s: float | None
    ttfc_s: float | None
    e2e_s: float | None
    decode_tps: float | None
    cpu_s: float


StreamTimer = Callable[[str], ClientTimings]
"""Request a stream by the reference server's model name and time it."""


def _request_body(model: str) -> dict[str, Json]:
    messages = [{"role": "user", "content": "go"}]
    return {"model": model, "messages": messages, "stream": True, "stream_options": {"include_usage": True}}


def _timings_of(reading: Reading, cpu_s: float) -> ClientTimings:
    timings = reading.timings
    return ClientTimings(timings.ttft_s, timings.ttfc_s, timings.e2e_s, timings.decode_tps, cpu_s)


def _read_stamps(start_ns: int, stamps: Sequence[tuple[int, bytes]]) -> Reading:
    """Read stamped bytes as lanebench reads a recording."""
    chunks = tuple(Chunk(at_ns - start_ns, data) for at_ns, data in stamps)
    return read(Recording(KEY, 0, 0, "", start_ns, "", {}, 200, {}, 0, chunks, "complete", 0))


# --- lanebench, and the machine's own floor -----------------------------------------------------------------------


@contextmanager
def lanebench_client(base_url: str, api: Api) -> Iterator[StreamTimer]:
    """lanebench over an API: record, then read."""
    with Client() as client:

        def time_stream(model: str) -> ClientTimings:
            conversation = api.write_conversation([{"role": "user", "content": "go"}])
            body = {"model": model, **conversation, "stream": True, **api.fixed_fields}
            request = TurnRequest(KEY, 0, 0, api.url(base_url), body)
            start_cpu_ns = thread_time_ns()
            recording = record(client, request)
            cpu_s = (thread_time_ns() - start_cpu_ns) / 1e9
            return _timings_of(read(recording), cpu_s)

        yield time_stream


def _dechunk(stamps: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Remove the HTTP head and the chunked framing; each piece has the time of the read that completed it."""
    raw, out = b"".join(data for _, data in stamps), []
    ends = list(accumulate(len(data) for _, data in stamps))
    at = raw.index(b"\r\n\r\n") + 4
    while size := int(raw[at : (line_end := raw.index(b"\r\n", at))], 16):
        at = line_end + 2 + size + 2
        out.append((stamps[bisect_left(ends, at)][0], raw[line_end + 2 : at - 2]))
    return out


@contextmanager
def bare_socket_client(base_url: str) -> Iterator[StreamTimer]:
    """A socket and a clock, nothing else: the delays of the machine itself.

    Its timer raises ServerError if the server closes before the end of the stream.
    """
    parts = urlsplit(base_url)
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def time_stream(model: str) -> ClientTimings:
            body = json.dumps(_request_body(model)).encode()
            head = f"POST {parts.path}/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            stamps: list[tuple[int, bytes]] = []
            start_cpu_ns, request = thread_time_ns(), head.encode() + body
            start_ns = perf_counter_ns()
            connection.sendall(request)
            while not (stamps and stamps[-1][1].endswith(b"0\r\n\r\n")):
                data = connection.recv(65536)
                stamps.append((perf_counter_ns(), data))
                if not data:
                    raise ServerError(f"{base_url}: the connection was closed within a stream")
            cpu_s = (thread_time_ns() - start_cpu_ns) / 1e9
            return _timings_of(_read_stamps(start_ns, _dechunk(stamps)), cpu_s)

        yield time_stream


# --- other clients ------------------------------------------------------------------------------------------------


@contextmanager
def httpx_raw_client(base_url: str) -> Iterator[StreamTimer]:
    """Synchronous httpx that stamps raw pieces and parses afterwards: the baseline for CPU time per chunk."""
    with BaselineClient() as client:

        def time_stream(model: str) -> ClientTimings:
            start_cpu_ns = thread_time_ns()
            start_ns, stamps = client.stream_raw(f"{base_url}/chat/completions", _request_body(model))
            cpu_s = (thread_time_ns() - start_cpu_ns) / 1e9
            return _timings_of(_read_stamps(start_ns, stamps), cpu_s)

        yield time_stream


def _delta_of(document: Json) -> Mapping[str, Json]:
    choices = document.get("choices") or [{}]
    return choices[0].get("delta") or {}


def _baseline_timings(start_ns: int, stamps: Sequence[tuple[int, Json]], cpu_s: float) -> ClientTimings:
    """Compute what most clients do: first text, last text, and (N - 1) over the time between them."""
    texts = [
        (at_ns, delta)
        for at_ns, document in stamps
        if any((delta := _delta_of(document)).get(key) for key in ("content", "reasoning_content", "tool_calls"))
    ]
    usages = [document["usage"] for _, document in stamps if document.get("usage")]
    tokens = usages[-1]["completion_tokens"] if usages else len(texts)
    if not texts:
        return ClientTimings(None, None, None, None, cpu_s)
    first_ns, last_ns = texts[0][0], texts[-1][0]
    usable_ns = [at_ns for at_ns, delta in texts if not delta.get("reasoning_content")]
    decode_tps = (tokens - 1) / ((last_ns - first_ns) / 1e9) if last_ns > first_ns else None
    ttfc_s = (usable_ns[0] - start_ns) / 1e9 if usable_ns else None
    return ClientTimings((first_ns - start_ns) / 1e9, ttfc_s, (last_ns - start_ns) / 1e9, decode_tps, cpu_s)


@contextmanager
def httpx_lines_client(base_url: str) -> Iterator[StreamTimer]:
    """What most clients do: httpx's lines, JSON parsed while the stream runs, the clock read after that."""
    with BaselineClient() as client:

        def time_stream(model: str) -> ClientTimings:
            start_cpu_ns = thread_time_ns()
            start_ns, stamps = client.stream_lines(f"{base_url}/chat/completions", _request_body(model))
            return _baseline_timings(start_ns, stamps, (thread_time_ns() - start_cpu_ns) / 1e9)

        yield time_stream


@contextmanager
def aiohttp_client(base_url: str) -> Iterator[StreamTimer]:
    """aiohttp that stamps pieces and parses afterwards. Raises ImportError if it is not installed."""
    import aiohttp

    async def stream(session: aiohttp.ClientSession, model: str) -> tuple[int, list[tuple[int, bytes]]]:
        start_ns = perf_counter_ns()
        async with session.post(f"{base_url}/chat/completions", json=_request_body(model)) as response:
            return start_ns, [(perf_counter_ns(), data) async for data in response.content.iter_any()]

    async def open_session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    with asyncio.Runner() as loop:
        session = loop.run(open_session())

        def time_stream(model: str) -> ClientTimings:
            start_cpu_ns = thread_time_ns()
            start_ns, stamps = loop.run(stream(session, model))
            return _timings_of(_read_stamps(start_ns, stamps), (thread_time_ns() - start_cpu_ns) / 1e9)

        try:
            yield time_stream
        finally:
            loop.run(session.close())


@contextmanager
def openai_client(base_url: str) -> Iterator[StreamTimer]:
    """The OpenAI SDK's chunks, stamped as it yields them. Raises ImportError if it is not installed."""
    import openai

    with openai.OpenAI(base_url=base_url, api_key="none", max_retries=0) as client:

        def time_stream(model: str) -> ClientTimings:
            start_cpu_ns, start_ns = thread_time_ns(), perf_counter_ns()
            chunks: Any = client.chat.completions.create(**_request_body(model))
            stamps = [(perf_counter_ns(), chunk) for chunk in chunks]
            cpu_s = (thread_time_ns() - start_cpu_ns) / 1e9
            return _baseline_timings(start_ns, [(at_ns, chunk.model_dump()) for at_ns, chunk in stamps], cpu_s)

        yield time_stream


def lanebench_over(api: Api) -> str:
    """The name of lanebench's client over an API."""
    return LANEBENCH if api.name == DEFAULT_API else f"{LANEBENCH} over {api.name}"


OpenClient = Callable[[str], AbstractContextManager[StreamTimer]]
CLIENTS: Mapping[str, OpenClient] = {
    **{lanebench_over(api): partial(lanebench_client, api=api) for api in APIS.values()},
    BARE_SOCKET: bare_socket_client,
    HTTPX_RAW: httpx_raw_client,
    HTTPX_LINES: httpx_lines_client,
    "aiohttp": aiohttp_client,
    "openai SDK": openai_client,
}


def open_clients(
    stack: ExitStack, base_url: str, names: Sequence[str], clients: Mapping[str, OpenClient] = CLIENTS
) -> dict[str, StreamTimer]:
    """Open the named clients; those whose package is not installed are left out."""
    opened: dict[str, StreamTimer] = {}
    for name in names:
        try:
            opened[name] = stack.enter_context(clients[name](base_url))
        except ImportError:
            continue
    return opened
