"""The usual way to time a stream, kept to be measured against: httpx's own client, its lines, its clock after parsing.

Nothing of a run is recorded with this.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from time import perf_counter_ns

import httpx

from harness.types import Json

Stamps = list[tuple[int, bytes]]


class UsualClient:
    """A synchronous httpx client with a warm connection."""

    def __init__(self) -> None:
        """Opens nothing yet."""
        self.http = httpx.Client(timeout=60.0, trust_env=False, headers={"Accept-Encoding": "identity"})

    def close(self) -> None:
        """Close the connection."""
        self.http.close()

    def raw(self, url: str, body: Mapping[str, Json]) -> tuple[int, Stamps]:
        """The clock at the call, and after each piece of the body."""
        start_ns = perf_counter_ns()
        with self.http.stream("POST", url, json=body) as response:
            return start_ns, [(perf_counter_ns(), data) for data in response.iter_raw()]

    def lines(self, url: str, body: Mapping[str, Json]) -> tuple[int, list[tuple[int, Json]]]:
        """The clock at the call, and after each event was parsed, with its document."""
        start_ns, stamps = perf_counter_ns(), []
        with self.http.stream("POST", url, json=body) as response:
            for line in response.iter_lines():
                if line.startswith("data:") and not line.endswith("[DONE]"):
                    document = json.loads(line[5:])
                    stamps.append((perf_counter_ns(), document))
        return start_ns, stamps
