"""The truth server as the tests use it, and what it was asked; see harness/truth."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.calibration.reference import ReferenceServer, serving
from harness.record import Client, Timeouts, TurnRequest, record
from harness.types import Recording, TrialKey

LONG = Timeouts(connect_s=10.0, read_s=30.0, turn_s=60.0)
SHORT = Timeouts(connect_s=10.0, read_s=0.6, turn_s=10.0)
KEY = TrialKey("model", "task", 0)


@contextmanager
def reference_server_and_client(timeouts: Timeouts = SHORT) -> Iterator[tuple[ReferenceServer, Client]]:
    """A truth server in a process of its own, and a client."""
    with serving() as server, Client(timeouts) as client:
        yield server, client


def ask(server: ReferenceServer, client: Client, model: str, api_key: str | None = None) -> Recording:
    """One turn with a behaviour of the truth server."""
    url = f"{server.base_url}/chat/completions"
    return record(client, TurnRequest(KEY, 0, 0, url, {"model": model, "stream": True}, api_key))
