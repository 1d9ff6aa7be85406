"""The scorer's benchmark on the real engine, as short as can be: it measures what it says, and only right answers."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.calibration.scorer_rate import (
    BARE,
    BLOCKS,
    OURS,
    PLAIN,
    PROGRAMS,
    Bench,
    Measured,
    Rate,
    aims,
    bench_scorer,
    memory_over,
    rate_table,
)
from harness.errors import EngineError
from harness.sandbox import DockerSandbox, ensure_engine, open_sandbox
from harness.types import Job, Observation


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with open_sandbox("bench-test", print, PROGRAMS) as box:
        yield Bench(box, ensure_engine(print), dict(box.pool.labels), singles=2)


def test_every_way_is_measured_in_turns_for_every_language_and_stands_in_the_table(bench: Bench) -> None:
    said: list[str] = []
    measured = bench_scorer(bench, 5, 2, said.append)
    assert {(rate.language, rate.way) for rate in measured.rates} >= {
        (language, way) for language in PROGRAMS for way in ("lanebench", "bare engine API")
    }
    assert all(rate.n == 5 and rate.per_s > 0 for rate in measured.rates)
    turns = [line.split(": ")[1].split(",")[0] for line in said if line.startswith("python: ") and " of 5" in line]
    ways = turns[: len(turns) // BLOCKS]
    assert turns == [*ways, *ways[::-1], *ways, *ways[::-1]]
    assert {tuple(stages) for stages in measured.stages_ms.values()} == {("create", "start", "run", "remove")}
    text = rate_table(measured)
    for word in ("lanebench", "bare engine API", "of docker run", "pool warm", "memory"):
        assert word in text


def rate_of(way: str, *blocks_per_s: float) -> Rate:
    seconds = sum(10 / per_s for per_s in blocks_per_s)
    return Rate(way, "python", 4, 10 * len(blocks_per_s), seconds, None, list(blocks_per_s))


def test_an_aim_is_met_or_missed_by_what_was_measured_and_the_blocks_show_how_sure_that_is() -> None:
    rates = [rate_of(OURS, 16.0, 16.0), rate_of(BARE, 16.0, 32.0), rate_of(PLAIN, 8.0, 7.0)]
    measured = Measured(rates, {"python": {"create": 1.0}}, {"python": (61.0, 70.0)}, [1])
    assert [line.split()[0] for line in aims(measured)] == ["MISSED", "met", "MISSED"]
    assert "0.75 (0.50-1.00)" in rate_table(measured)
    measured.latency_ms["python"] = (5.0, 70.0)
    assert [line.split()[0] for line in aims(measured)] == ["MISSED", "met", "met"]


def test_memory_is_told_after_each_tenth(bench: Bench) -> None:
    assert len(memory_over(bench, 10, 2, lambda line: None)) == 10


class Lying(DockerSandbox):
    """A sandbox whose answers are all wrong."""

    def run(self, job: Job) -> tuple[Observation, ...]:
        return tuple(replace(one, value=0) for one in super().run(job))


def test_a_wrong_answer_ends_the_measurement(bench: Bench) -> None:
    box = Lying(bench.box.pool, bench.box.images, bench.box.facts, bench.box.outage_retry)
    with pytest.raises(EngineError, match="came back wrong"):
        Bench(box, bench.engine, bench.labels).answer("python", 1)


def test_plain_docker_run_runs_the_same_answers_and_a_wrong_one_ends_the_measurement(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for language in PROGRAMS:
        bench.plain(language, 7)
    monkeypatch.setattr("harness.calibration.scorer_rate.run_docker_cli", lambda *_: [])
    with pytest.raises(EngineError, match="came back wrong"):
        bench.plain("python", 7)


def test_processor_time_that_is_not_told_is_unknown_and_not_nothing() -> None:
    assert Rate("lanebench", "python", 1, 4, 2.0, None).cpu_ms is None
    assert Rate("lanebench", "python", 1, 4, 2.0, 1.0).cpu_ms == 250
