"""The truth server as the tests use it, and what it was asked; see harness/truth."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.calibration.reference import TruthServer, serving
from harness.record import Client, TurnRequest, Waits, record
from harness.types import Recording, TrialKey

LONG = Waits(connect_s=10.0, read_s=30.0, turn_s=60.0)
SHORT = Waits(connect_s=10.0, read_s=0.6, turn_s=10.0)
KEY = TrialKey("model", "task", 0)


@contextmanager
def truth_and_client(waits: Waits = SHORT) -> Iterator[tuple[TruthServer, Client]]:
    """A truth server in a process of its own, and a client."""
    with serving() as server, Client(waits) as client:
        yield server, client


def ask(server: TruthServer, client: Client, model: str, secret: str | None = None) -> Recording:
    """One turn with a behaviour of the truth server."""
    url = f"{server.base_url}/chat/completions"
    return record(client, TurnRequest(KEY, 0, 0, url, {"model": model, "stream": True}, secret))
