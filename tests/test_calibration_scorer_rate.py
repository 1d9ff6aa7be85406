"""The benchmark of the scorer on the real engine, as short as possible: what it measures, and wrong values end it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.calibration.scorer_rate import (
    BARE_ENGINE,
    BLOCKS,
    DOCKER_RUN,
    LANEBENCH,
    PROGRAMS,
    ScorerBenchmark,
    ScorerMeasurements,
    ScorerRate,
    measure_memory,
    measure_scorer,
)
from harness.calibration.scorer_report import missed_targets, scorer_table, target_lines
from harness.errors import EngineError
from harness.sandbox import DockerSandbox, ensure_engine, open_sandbox
from harness.types import Job, Observation


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ScorerBenchmark]:
    with open_sandbox("bench-test", print, PROGRAMS) as sandbox:
        yield ScorerBenchmark(sandbox, ensure_engine(print), dict(sandbox.pool.labels), sequential_runs=2)


@pytest.mark.engine
def test_every_way_is_measured_in_turns_for_every_language_and_is_in_the_table(benchmark: ScorerBenchmark) -> None:
    lines: list[str] = []
    measurements = measure_scorer(benchmark, 5, 2, lines.append)
    assert {(rate.language, rate.method) for rate in measurements.rates} >= {
        (language, way) for language in PROGRAMS for way in ("lanebench", "bare engine API")
    }
    assert all(rate.n == 5 and rate.per_s > 0 for rate in measurements.rates)
    turns = [line.split(": ")[1].split(",")[0] for line in lines if line.startswith("python: ") and " of 5" in line]
    ways = turns[: len(turns) // BLOCKS]
    assert turns == [*ways, *ways[::-1], *ways, *ways[::-1]]
    assert {tuple(stages) for stages in measurements.stages_ms.values()} == {("create", "start", "run", "remove")}
    text = scorer_table(measurements)
    for word in ("lanebench", "bare engine API", "of docker run", "pool warm", "memory"):
        assert word in text


def rate_of(way: str, *blocks_per_s: float) -> ScorerRate:
    seconds = sum(10 / per_s for per_s in blocks_per_s)
    return ScorerRate(way, "python", 4, 10 * len(blocks_per_s), seconds, None, list(blocks_per_s))


def test_targets_are_met_or_missed_and_the_blocks_show_how_certain_that_is() -> None:
    rates = [rate_of(LANEBENCH, 16.0, 16.0), rate_of(BARE_ENGINE, 16.0, 32.0), rate_of(DOCKER_RUN, 8.0, 7.0)]
    measurements = ScorerMeasurements(rates, {"python": {"create": 1.0}}, {"python": (61.0, 70.0)}, [1])
    assert [line.split()[0] for line in target_lines(measurements)] == ["MISSED", "met", "MISSED"]
    assert [text.split(",")[0] for text in missed_targets(measurements)] == [
        "python: 0.75 times bare engine API",
        "python: 61 ms for one answer with the pool warm",
    ]
    assert "0.75 (0.50-1.00)" in scorer_table(measurements)
    measurements.latency_ms["python"] = (5.0, 70.0)
    assert [line.split()[0] for line in target_lines(measurements)] == ["MISSED", "met", "met"]


@pytest.mark.engine
def test_memory_is_measured_after_each_tenth(benchmark: ScorerBenchmark) -> None:
    assert len(measure_memory(benchmark, 10, 2, lambda line: None)) == 10


class WrongSandbox(DockerSandbox):
    """A sandbox whose answers are all wrong."""

    def run(self, job: Job) -> tuple[Observation, ...]:
        return tuple(replace(observation, value=0) for observation in super().run(job))


@pytest.mark.engine
def test_wrong_values_end_the_measurement(benchmark: ScorerBenchmark) -> None:
    sandbox = WrongSandbox(
        benchmark.sandbox.pool, benchmark.sandbox.images, benchmark.sandbox.facts, benchmark.sandbox.outage_retry
    )
    with pytest.raises(EngineError, match="returned wrong values"):
        ScorerBenchmark(sandbox, benchmark.engine, benchmark.labels).run_answer("python", 1)


@pytest.mark.engine
def test_docker_run_runs_the_same_answers_and_wrong_values_end_the_measurement(benchmark: ScorerBenchmark) -> None:
    for language in PROGRAMS:
        benchmark.run_docker(language, 7)
    wrong = replace(benchmark, docker=lambda *_: ())
    with pytest.raises(EngineError, match="returned wrong values"):
        wrong.run_docker("python", 7)


def test_missing_cpu_time_is_null_and_not_zero() -> None:
    assert ScorerRate("lanebench", "python", 1, 4, 2.0, None).cpu_ms is None
    assert ScorerRate("lanebench", "python", 1, 4, 2.0, 1.0).cpu_ms == 250
