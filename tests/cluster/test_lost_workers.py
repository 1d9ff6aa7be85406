"""What losing workers says about the trial that they had: a scheduler that is started again is no trial's fault."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.cluster.client import MAX_LOST_WORKERS, ClusterScorer
from harness.cluster.worker import ScoringOrder
from harness.errors import EngineError
from harness.files import build
from harness.types import RecordedTrial, Recording, ScoredTrial
from tests.bundle import good_bundle, tasks


@dataclass
class FakeFuture:
    """A trial on the fake cluster: it has its score, or nothing is ever heard of it."""

    key: object
    scored: ScoredTrial | None

    @property
    def status(self) -> str:
        return "finished" if self.scored else "pending"

    def result(self) -> ScoredTrial | None:
        return self.scored

    def add_done_callback(self, notify: Callable[["FakeFuture"], None]) -> None:
        if self.scored:
            notify(self)


@dataclass
class FakeCluster:
    """Three workers, which are all lost and replaced after each of the first `losses` trials that are sent.

    It stands for the registry as well as for the client. `is_restart`: the scheduler is another one then, too.
    """

    losses: int
    is_restart: bool
    scored: ScoredTrial
    status: str = "running"
    id: str = "client"
    sent: list[object] = field(default_factory=list)

    @property
    def fit(self) -> Mapping[str, int]:
        return {f"tcp://worker-{min(len(self.sent), self.losses)}-{number}": 1 for number in range(3)}

    def wait_for_fit(self) -> Mapping[str, int]:
        return self.fit

    @property
    def scheduler_id(self) -> str:
        return f"scheduler-{min(len(self.sent), self.losses) if self.is_restart else 0}"

    def submit(self, *_: Any, key: object, **__: Any) -> FakeFuture:
        self.sent.append(key)
        return FakeFuture(key, self.scored if len(self.sent) > self.losses else None)

    def cancel(self, *_: Any, **__: Any) -> None:
        return


def _trial() -> tuple[RecordedTrial, ScoredTrial]:
    bundle = good_bundle()
    recording, scored = build(Recording, bundle.recordings[0]), build(ScoredTrial, bundle.scores[0])
    return (tasks()[recording.key.task], (recording,)), scored


def _score(losses: int, *, is_restart: bool) -> tuple[FakeCluster, list[ScoredTrial]]:
    trial, scored = _trial()
    cluster: Any = FakeCluster(losses, is_restart, scored)
    scorer = ClusterScorer(cluster, cluster, ScoringOrder("r", ("python",), None))
    return cluster, list(scorer.score_all([trial], "seed"))


def test_a_scheduler_that_is_started_again_counts_against_no_trial() -> None:
    cluster, scores = _score(MAX_LOST_WORKERS, is_restart=True)
    assert scores == [cluster.scored]
    assert len(cluster.sent) == MAX_LOST_WORKERS + 1


def test_all_workers_at_once_are_one_loss() -> None:
    cluster, scores = _score(MAX_LOST_WORKERS - 1, is_restart=False)
    assert scores == [cluster.scored]
    assert len(cluster.sent) == MAX_LOST_WORKERS


def test_a_trial_that_loses_its_workers_each_time_is_set_aside_after_it_ran_alone() -> None:
    with pytest.raises(EngineError, match="the kit's fault") as raised:
        _score(1000, is_restart=False)
    key = _trial()[0][1][0].key
    assert f"{key.model} on {key.task}, trial {key.trial}" in raised.value.message
