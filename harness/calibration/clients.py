"""The clients that are compared, each timing a stream in its own way. Each keeps one warm connection."""

from __future__ import annotations

import asyncio
import json
import socket
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from time import perf_counter_ns, thread_time_ns
from typing import Any
from urllib.parse import urlsplit

from harness.calibration.baseline_client import UsualClient
from harness.read import read
from harness.record import Client, TurnRequest, record
from harness.types import Chunk, Json, Reading, Recording, TrialKey

KEY = TrialKey("bench-client", "stream", 0)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a client says of one stream, and the processor time that it took while the stream ran."""

    ttft_s: float | None
    ttfc_s: float | None
    e2e_s: float | None
    decode_tps: float | None
    cpu_s: float


Take = Callable[[str], Taken]
"""Ask for a behaviour by its model name."""


def _body(model: str) -> dict[str, Json]:
    messages = [{"role": "user", "content": "go"}]
    return {"model": model, "messages": messages, "stream": True, "stream_options": {"include_usage": True}}


def _said(reading: Reading, cpu_s: float) -> Taken:
    timings = reading.timings
    return Taken(timings.ttft_s, timings.ttfc_s, timings.e2e_s, timings.decode_tps, cpu_s)


def _reading(start_ns: int, stamps: Sequence[tuple[int, bytes]]) -> Reading:
    """Stamped bytes read as this kit reads them."""
    chunks = tuple(Chunk(at_ns - start_ns, data) for at_ns, data in stamps)
    return read(Recording(KEY, 0, 0, "", start_ns, "", {}, 200, {}, 0, chunks, "complete", 0))


# --- this kit, and the floor --------------------------------------------------------------------------------------


@contextmanager
def kit(base_url: str) -> Iterator[Take]:
    """This kit: record, then read."""
    with Client() as client:

        def take(model: str) -> Taken:
            ask = TurnRequest(KEY, 0, 0, f"{base_url}/chat/completions", _body(model))
            begun = thread_time_ns()
            recording = record(client, ask)
            cpu_s = (thread_time_ns() - begun) / 1e9
            return _said(read(recording), cpu_s)

        yield take


def _unchunked(stamps: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """The body without its HTTP head and framing, each piece with the time of the read that ended it."""
    whole, out = b"".join(data for _, data in stamps), []
    ends = list(accumulate(len(data) for _, data in stamps))
    at = whole.index(b"\r\n\r\n") + 4
    while size := int(whole[at : (line_end := whole.index(b"\r\n", at))], 16):
        at = line_end + 2 + size + 2
        out.append((stamps[bisect_left(ends, at)][0], whole[line_end + 2 : at - 2]))
    return out


@contextmanager
def bare_socket(base_url: str) -> Iterator[Take]:
    """Nothing but a socket and the clock: what this machine itself costs."""
    parts = urlsplit(base_url)
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def take(model: str) -> Taken:
            body = json.dumps(_body(model)).encode()
            head = f"POST {parts.path}/chat/completions HTTP/1.1\r\nHost: truth\r\nContent-Length: {len(body)}\r\n\r\n"
            stamps: list[tuple[int, bytes]] = []
            begun, request = thread_time_ns(), head.encode() + body
            start_ns = perf_counter_ns()
            connection.sendall(request)
            while not (stamps and stamps[-1][1].endswith(b"0\r\n\r\n")):
                data = connection.recv(65536)
                stamps.append((perf_counter_ns(), data))
            cpu_s = (thread_time_ns() - begun) / 1e9
            return _said(_reading(start_ns, _unchunked(stamps)), cpu_s)

        yield take


# --- the usual ways -----------------------------------------------------------------------------------------------


@contextmanager
def httpx_raw(base_url: str) -> Iterator[Take]:
    """Synchronous httpx, its pieces stamped, parsed afterwards: what CPU a chunk is held against."""
    client = UsualClient()
    try:

        def take(model: str) -> Taken:
            begun = thread_time_ns()
            start_ns, stamps = client.raw(f"{base_url}/chat/completions", _body(model))
            cpu_s = (thread_time_ns() - begun) / 1e9
            return _said(_reading(start_ns, stamps), cpu_s)

        yield take
    finally:
        client.close()


def _delta(document: Json) -> Mapping[str, Json]:
    choices = document.get("choices") or [{}]
    return choices[0].get("delta") or {}


def _usual(start_ns: int, stamps: Sequence[tuple[int, Json]], cpu_s: float) -> Taken:
    """What most clients compute: the first text, the last text, and (N - 1) over the time between them."""
    spoken = [
        (at_ns, delta)
        for at_ns, document in stamps
        if any((delta := _delta(document)).get(key) for key in ("content", "reasoning_content", "tool_calls"))
    ]
    usages = [document["usage"] for _, document in stamps if document.get("usage")]
    tokens = usages[-1]["completion_tokens"] if usages else len(spoken)
    if not spoken:
        return Taken(None, None, None, None, cpu_s)
    first, last = spoken[0][0], spoken[-1][0]
    usable = [at_ns for at_ns, delta in spoken if not delta.get("reasoning_content")]
    rate = (tokens - 1) / ((last - first) / 1e9) if last > first else None
    ttfc_s = (usable[0] - start_ns) / 1e9 if usable else None
    return Taken((first - start_ns) / 1e9, ttfc_s, (last - start_ns) / 1e9, rate, cpu_s)


@contextmanager
def httpx_lines(base_url: str) -> Iterator[Take]:
    """The usual way: httpx's lines, JSON parsed while the stream runs, the clock read after that."""
    client = UsualClient()
    try:

        def take(model: str) -> Taken:
            begun = thread_time_ns()
            start_ns, stamps = client.lines(f"{base_url}/chat/completions", _body(model))
            return _usual(start_ns, stamps, (thread_time_ns() - begun) / 1e9)

        yield take
    finally:
        client.close()


@contextmanager
def with_aiohttp(base_url: str) -> Iterator[Take]:
    """aiohttp's pieces stamped, parsed afterwards. Raises ImportError where it is not installed."""
    import aiohttp

    async def stream(session: aiohttp.ClientSession, model: str) -> tuple[int, list[tuple[int, bytes]]]:
        start_ns = perf_counter_ns()
        async with session.post(f"{base_url}/chat/completions", json=_body(model)) as response:
            return start_ns, [(perf_counter_ns(), data) async for data in response.content.iter_any()]

    async def opened() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    with asyncio.Runner() as loop:
        session = loop.run(opened())

        def take(model: str) -> Taken:
            begun = thread_time_ns()
            start_ns, stamps = loop.run(stream(session, model))
            return _said(_reading(start_ns, stamps), (thread_time_ns() - begun) / 1e9)

        try:
            yield take
        finally:
            loop.run(session.close())


@contextmanager
def with_openai(base_url: str) -> Iterator[Take]:
    """The openai SDK's chunks, stamped as it hands them out. Raises ImportError where it is not installed."""
    import openai

    with openai.OpenAI(base_url=base_url, api_key="none", max_retries=0) as client:

        def take(model: str) -> Taken:
            begun, start_ns = thread_time_ns(), perf_counter_ns()
            chunks: Any = client.chat.completions.create(**_body(model))
            stamps = [(perf_counter_ns(), one) for one in chunks]
            cpu_s = (thread_time_ns() - begun) / 1e9
            return _usual(start_ns, [(at_ns, one.model_dump()) for at_ns, one in stamps], cpu_s)

        yield take


Clients = Mapping[str, Callable[[str], AbstractContextManager[Take]]]
CLIENTS: Clients = {
    "lanebench": kit,
    "bare socket": bare_socket,
    "httpx raw": httpx_raw,
    "httpx lines": httpx_lines,
    "aiohttp": with_aiohttp,
    "openai SDK": with_openai,
}


def open_clients(stack: ExitStack, base_url: str, names: Sequence[str], known: Clients = CLIENTS) -> dict[str, Take]:
    """The named clients, warm; those whose package is not installed are left out."""
    opened: dict[str, Take] = {}
    for name in names:
        try:
            opened[name] = stack.enter_context(known[name](base_url))
        except ImportError:
            continue
    return opened
