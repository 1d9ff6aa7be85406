"""A worker that does not get its images is left out with the reason, and holds up neither the others nor the end."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from queue import Queue
from threading import Event
from typing import Any

import pytest

from harness.cluster.registry import WorkerRegistry
from harness.cluster.worker import Admission, ScoringOrder, kit_identity
from harness.types import Json
from tests.example import SANDBOX

FIRST, SLOW = "tcp://127.0.0.1:1", "tcp://127.0.0.1:2"
MAX_WAIT_S = 10.0


@dataclass
class FakeTransfer:
    """Images on their way: each answer is what one wait for them gives."""

    answers: Iterator[Exception | None]

    def exception(self, timeout: float) -> Exception | None:
        del timeout
        answer = next(self.answers)
        if isinstance(answer, TimeoutError):
            raise answer
        return answer


@dataclass
class FakeClient:
    """Two workers, of which the second lacks an image until its transfer has ended without an error."""

    transfers: Iterator[FakeTransfer]
    has_image: set[str] = field(default_factory=lambda: {FIRST})
    status: str = "running"

    def nthreads(self) -> Mapping[str, int]:
        return {FIRST: 1, SLOW: 1}

    def scheduler_info(self) -> Mapping[str, Json]:
        return {"id": "scheduler"}

    def run(self, function: Callable[..., Json], *_: Json, workers: list[str], **__: Json) -> dict[str, Json]:
        (address, *_more) = workers
        if function is kit_identity:
            return {address: kit_identity()}
        return {address: Admission(SANDBOX) if address in self.has_image else Admission(missing=("scorer:python",))}

    def submit(self, *_: Json, workers: list[str], **__: Json) -> FakeTransfer | None:
        if workers != [SLOW]:
            return None
        return next(self.transfers)


def _never() -> Iterator[Exception | None]:
    while True:
        yield TimeoutError()


def _logged(transfer: Iterator[Exception | None], phrase: str) -> str:
    """The first line of the registry's log with a phrase."""
    lines: Queue[str] = Queue()
    client: Any = FakeClient(iter([FakeTransfer(transfer)]))
    with WorkerRegistry(client, ScoringOrder("r", ("python",), None), lines.put) as registry:
        while phrase not in (line := lines.get(timeout=MAX_WAIT_S)):
            pass
        assert FIRST in registry.fit
    return line


@pytest.mark.parametrize(
    ("transfer", "reason"),
    [
        (_never(), "its images had not arrived after 900 s"),
        (iter([TimeoutError(), ValueError("no space")]), "its images cannot be loaded: no space"),
    ],
)
def test_a_worker_without_its_images_is_left_out_with_the_reason(
    transfer: Iterator[Exception | None], reason: str
) -> None:
    assert _logged(transfer, "left out") == f"Worker {SLOW} is left out: {reason}"


def test_the_end_of_the_scoring_does_not_wait_for_images() -> None:
    lines: Queue[str] = Queue()
    is_waiting = Event()

    def until_the_end() -> Iterator[Exception | None]:
        is_waiting.set()
        registry._stop.wait(MAX_WAIT_S)
        yield TimeoutError()
        raise AssertionError("the registry waits after the end")

    client: Any = FakeClient(iter([FakeTransfer(until_the_end())]))
    registry = WorkerRegistry(client, ScoringOrder("r", ("python",), None), lines.put)
    with registry:
        assert is_waiting.wait(MAX_WAIT_S)
    assert list(lines.queue)[-1].endswith("left out: its images had not arrived when the scoring ended")
