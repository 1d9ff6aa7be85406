"""Measure how many answers per second the sandbox scores, compared with the bare engine API and plain `docker run`.

`measure_scorer` runs the same programs by each method on a `ScorerBenchmark` and returns `ScorerMeasurements`. The
methods take turns in blocks, forwards and backwards equally often, so that other load on the machine affects them
alike. Each starts the same image and has removed its containers when a block ends. The kit and `docker run` run the
same answers and their results are checked; the bare engine runs an empty program.

CPU time is that of the whole machine, engine and client together; it is unknown if containers run on another kernel.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import EngineError
from harness.host import cpu_times
from harness.sandbox import DockerSandbox, Engine, has_docker_cli, run_bare_container, run_docker_cli
from harness.types import Job, Limits, Observation

BLOCKS = 4
CASES = 5
LANEBENCH, BARE_ENGINE, DOCKER_RUN = "lanebench", "bare engine API", "docker run --rm"
_PAUSE_S = 0.4
_MIB = 1024 * 1024

RunProgram = Callable[[int], None]
"""Run one program; the number makes its inputs differ from those of all others."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SampleProgram:
    """A short answer in one language, and the command of an empty program for its interpreter."""

    entry: str
    code: str
    empty_command: tuple[str, ...]


PROGRAMS = {
    "python": SampleProgram("answer.py", "def double(x):\n    return 2 * x\n", ("python3", "-S", "-s", "-P", "-c", "")),
    "javascript": SampleProgram("answer.js", "const double = (x) => 2 * x;\n", ("node", "-e", "")),
}


@dataclass(slots=True)
class ScorerRate:
    """The programs of one language run by one method: how many, in how much time and CPU time."""

    method: str
    language: str
    threads: int
    n: int = 0
    seconds: float = 0.0
    cpu_s: float | None = 0.0
    blocks_per_s: list[float] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        """Programs per second."""
        return self.n / self.seconds

    @property
    def cpu_ms(self) -> float | None:
        """Milliseconds of CPU time per program; None if unknown."""
        return None if self.cpu_s is None else self.cpu_s / self.n * 1000

    def add_block(self, n: int, seconds: float, cpu_s: float | None) -> None:
        """Add one block of programs."""
        self.n += n
        self.seconds += seconds
        self.blocks_per_s.append(n / seconds)
        self.cpu_s = None if self.cpu_s is None or cpu_s is None else self.cpu_s + cpu_s


@dataclass(slots=True)
class ScorerMeasurements:
    """All measurements: rates, the stages of a bare container, latency (median, maximum) and the kit's memory."""

    rates: list[ScorerRate] = field(default_factory=list)
    stages_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    latency_ms: dict[str, tuple[float, float]] = field(default_factory=dict)
    memory_bytes: list[int] = field(default_factory=list)


def _make_job(language: str, number: int) -> Job:
    """Make a job of a few calls whose arguments depend on the number."""
    program = PROGRAMS[language]
    cases = tuple((str(case), {"call": "double", "args": [number + case]}) for case in range(CASES))
    return Job(language, "calls", program.entry, {program.entry: program.code}, cases, Limits())


def _check_values(language: str, number: int, observations: Sequence[Observation]) -> None:
    if [observation.value for observation in observations] != [2 * (number + case) for case in range(CASES)]:
        raise EngineError(f"an answer in {language} returned wrong values: {observations}")


def _machine_cpu_s() -> float | None:
    """Seconds of CPU time of all processes; None off Linux, where containers run in a virtual machine."""
    return cpu_times().busy_s if sys.platform == "linux" else None


def _resident_bytes() -> int:
    """This process's resident memory now, or its maximum if the current value is not available."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@dataclass(frozen=True, slots=True)
class ScorerBenchmark:
    """What is measured: an open sandbox, its engine and `docker run`.

    `sequential_runs` answers are run one at a time.
    """

    sandbox: DockerSandbox
    engine: Engine
    labels: dict[str, str]
    sequential_runs: int = 20
    docker: Callable[..., Sequence[Observation]] = run_docker_cli

    def run_answer(self, language: str, number: int) -> None:
        """Run one answer in the sandbox. Raises EngineError if it returns wrong values."""
        _check_values(language, number, self.sandbox.run(_make_job(language, number)))

    def run_bare(self, language: str) -> None:
        """Run an empty program through the bare engine API."""
        kind = self.sandbox.container_kind(_make_job(language, 0))
        run_bare_container(self.engine, kind, PROGRAMS[language].empty_command, self.labels)

    def run_docker(self, language: str, number: int) -> None:
        """Run one answer by its driver in plain `docker run`. Raises EngineError if it returns wrong values."""
        job = _make_job(language, number)
        _check_values(language, number, self.docker(self.engine.url, self.sandbox.container_kind(job), job))

    def methods(self, language: str) -> dict[str, RunProgram]:
        """The methods to run a program of this language, by name."""
        methods: dict[str, RunProgram] = {
            LANEBENCH: lambda number: self.run_answer(language, number),
            BARE_ENGINE: lambda _: self.run_bare(language),
        }
        if has_docker_cli():
            methods[DOCKER_RUN] = lambda number: self.run_docker(language, number)
        return methods

    def run_block(self, rate: ScorerRate, run_program: RunProgram, numbers: Sequence[int]) -> None:
        """Run one block of programs and add it to a rate; the pool's own work for them is part of its time."""
        cpu_before_s, start_s = _machine_cpu_s(), time.monotonic()
        with ThreadPoolExecutor(rate.threads) as threads:
            for _ in threads.map(run_program, numbers):
                pass
        self.sandbox.pool.wait_idle()
        seconds, cpu_after_s = time.monotonic() - start_s, _machine_cpu_s()
        cpu_s = None if cpu_before_s is None or cpu_after_s is None else cpu_after_s - cpu_before_s
        rate.add_block(len(numbers), seconds, cpu_s)

    def measure_stages_ms(self, language: str) -> dict[str, float]:
        """The median milliseconds of each of the engine's calls, one container at a time."""
        kind, command = self.sandbox.container_kind(_make_job(language, 0)), PROGRAMS[language].empty_command
        timings = [run_bare_container(self.engine, kind, command, self.labels) for _ in range(self.sequential_runs)]
        return {
            stage: 1000 * statistics.median(getattr(timing, f"{stage}_s") for timing in timings)
            for stage in ("create", "start", "run", "remove")
        }

    def measure_latency_ms(self, language: str) -> tuple[float, float]:
        """Median and maximum milliseconds from job to observations, of single answers with a full pool."""
        latencies_ms = []
        for number in range(self.sequential_runs):
            self.sandbox.pool.wait_idle()
            time.sleep(_PAUSE_S)
            start_s = time.monotonic()
            self.run_answer(language, number)
            latencies_ms.append(1000 * (time.monotonic() - start_s))
        return statistics.median(latencies_ms), max(latencies_ms)


def _block_numbers(n: int, block: int, blocks: int) -> range:
    return range(n * block // blocks, n * (block + 1) // blocks)


def measure_scorer(benchmark: ScorerBenchmark, n: int, threads: int, say: Say) -> ScorerMeasurements:
    """Run `n` programs of each language by each method. Raises EngineError."""
    measurements = ScorerMeasurements()
    for language in PROGRAMS:
        benchmark.run_answer(language, 0)
        benchmark.sandbox.pool.wait_idle()
        methods = benchmark.methods(language)
        rates = {name: ScorerRate(name, language, threads) for name in methods}
        for block in range(BLOCKS):
            numbers = _block_numbers(n, block, BLOCKS)
            for name, run_program in list(methods.items())[:: -1 if block % 2 else 1]:
                say(f"{language}: {name}, {numbers.stop} of {n}")
                benchmark.run_block(rates[name], run_program, numbers)
            measurements.memory_bytes.append(_resident_bytes())
        measurements.rates += rates.values()
        say(f"{language}: one at a time")
        measurements.stages_ms[language] = benchmark.measure_stages_ms(language)
        measurements.latency_ms[language] = benchmark.measure_latency_ms(language)
    return measurements


def measure_memory(benchmark: ScorerBenchmark, n: int, threads: int, say: Say) -> list[int]:
    """The resident memory of lanebench in bytes after each tenth of `n` answers. Raises EngineError."""
    memory_bytes = []
    for tenth in range(10):
        numbers = _block_numbers(n, tenth, 10)
        rate = ScorerRate(LANEBENCH, "python", threads)
        benchmark.run_block(rate, lambda number: benchmark.run_answer("python", number), numbers)
        memory_bytes.append(_resident_bytes())
        say(f"{numbers.stop} of {n} answers: {memory_bytes[-1] / _MIB:.1f} MiB")
    return memory_bytes
