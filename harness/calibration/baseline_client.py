"""The baseline that lanebench's client is compared with: httpx's own client, timed as most clients time a stream.

`BaselineClient` stamps at the call and after parsing, above httpx. It records nothing of a run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from time import perf_counter_ns
from types import TracebackType
from typing import Self

import httpx

from harness.types import Json

Stamps = list[tuple[int, bytes]]


class BaselineClient:
    """A synchronous httpx client that reuses its connection."""

    def __init__(self) -> None:
        """Create the client; it connects with its first request."""
        self._http = httpx.Client(timeout=60.0, trust_env=False, headers={"Accept-Encoding": "identity"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def stream_raw(self, url: str, body: Mapping[str, Json]) -> tuple[int, Stamps]:
        """Return the time of the call, and each piece of the body with the time after it was read."""
        start_ns = perf_counter_ns()
        with self._http.stream("POST", url, json=body) as response:
            return start_ns, [(perf_counter_ns(), data) for data in response.iter_raw()]

    def stream_lines(self, url: str, body: Mapping[str, Json]) -> tuple[int, list[tuple[int, Json]]]:
        """Return the time of the call, and each event's document with the time after it was parsed."""
        start_ns, stamps = perf_counter_ns(), []
        with self._http.stream("POST", url, json=body) as response:
            for line in response.iter_lines():
                if line.startswith("data:") and not line.endswith("[DONE]"):
                    document = json.loads(line[5:])
                    stamps.append((perf_counter_ns(), document))
        return start_ns, stamps
