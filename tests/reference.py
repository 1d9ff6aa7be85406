"""The reference server as the tests use it; see harness/reference."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.record import Client, Timeouts, TurnRequest, record
from harness.reference import ReferenceServer, serving
from harness.types import Recording, TrialKey

LONG_TIMEOUTS = Timeouts(connect_s=10.0, read_s=30.0, turn_s=60.0)
SHORT_TIMEOUTS = Timeouts(connect_s=10.0, read_s=0.6, turn_s=10.0)
KEY = TrialKey("model", "task", 0)


@contextmanager
def reference_server_and_client(timeouts: Timeouts = SHORT_TIMEOUTS) -> Iterator[tuple[ReferenceServer, Client]]:
    """Run a reference server in its own process, and a client."""
    with serving() as server, Client(timeouts) as client:
        yield server, client


def request_turn(server: ReferenceServer, client: Client, model: str, api_key: str | None = None) -> Recording:
    """Record one turn with a behavior of the reference server."""
    url = f"{server.base_url}/chat/completions"
    return record(client, TurnRequest(KEY, 0, 0, url, {"model": model, "stream": True}, api_key))
