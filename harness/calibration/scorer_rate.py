"""How fast this machine scores: the kit's sandbox beside the bare engine and plain `docker run`, in one run.

The ways take turns in blocks, as often forwards as backwards, so that what else the machine does falls on all alike.
All start the same image and have removed what they started when a block ends: the kit's pool is then as full as before.
The kit and `docker run` run the same answers, and what comes back is looked at; the bare engine runs an empty program.
Processor time is the whole machine's, engine and client together; it is unknown where containers run on another kernel.
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
from harness.sandbox import DockerSandbox, Engine, has_docker_cli, run_bare_container, run_docker_cli
from harness.types import Job, Limits, Observation

BLOCKS = 4
CASES = 5
OURS, BARE, PLAIN = "lanebench", "bare engine API", "docker run --rm"
LEAST_OF = {BARE: 0.9, PLAIN: 2.0}
"""The kit's aims: its rate as a share of the other way's."""
MOST_MS = 60.0
"""The kit's aim for one answer whose container is there already: milliseconds from the job to its observations."""
_PAUSE_S = 0.4
_MIB = 1024 * 1024

Way = Callable[[int], None]
Watch = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Program:
    """A short answer in one language, and a program of its interpreter that does nothing."""

    entry: str
    code: str
    nothing: tuple[str, ...]


PROGRAMS = {
    "python": Program("answer.py", "def double(x):\n    return 2 * x\n", ("python3", "-S", "-s", "-P", "-c", "")),
    "javascript": Program("answer.js", "const double = (x) => 2 * x;\n", ("node", "-e", "")),
}


@dataclass(slots=True)
class Rate:
    """One way of running one language's programs: how many, in how long, at what processor time."""

    way: str
    language: str
    threads: int
    n: int = 0
    seconds: float = 0.0
    cpu_s: float | None = 0.0
    blocks_per_s: list[float] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        """Programs a second."""
        return self.n / self.seconds

    @property
    def cpu_ms(self) -> float | None:
        """Milliseconds of processor time a program; None where it is unknown."""
        return None if self.cpu_s is None else self.cpu_s / self.n * 1000


@dataclass(slots=True)
class Measured:
    """Everything that was measured: rates, the engine's stages and single answers in seconds, the kit's memory."""

    rates: list[Rate] = field(default_factory=list)
    stages_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    latency_ms: dict[str, tuple[float, float]] = field(default_factory=dict)
    memory_bytes: list[int] = field(default_factory=list)


def job_of(language: str, first: int) -> Job:
    """A job of a few calls, not the same for any two answers."""
    program = PROGRAMS[language]
    cases = tuple((str(at), {"call": "double", "args": [first + at]}) for at in range(CASES))
    return Job(language, "calls", program.entry, {program.entry: program.code}, cases, Limits())


def busy_s() -> float | None:
    """Seconds that this machine's processors have worked since it started; None where that is not told."""
    if sys.platform != "linux":
        return None
    words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _wait, irq, softirq, steal = (int(word) for word in words)
    return (user + nice + system + irq + softirq + steal) / 100


def memory_bytes() -> int:
    """What this process holds in memory now; at its largest where the present is not told."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _time(rate: Rate, way: Way, numbers: Sequence[int], settle: Callable[[], None]) -> None:
    before, began = busy_s(), time.monotonic()
    with ThreadPoolExecutor(rate.threads) as threads:
        for _ in threads.map(way, numbers):
            pass
    settle()
    took_s = time.monotonic() - began
    rate.seconds += took_s
    rate.n += len(numbers)
    rate.blocks_per_s.append(len(numbers) / took_s)
    after = busy_s()
    rate.cpu_s = None if before is None or after is None or rate.cpu_s is None else rate.cpu_s + after - before


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured on: an open sandbox and its engine; `singles` answers are run one at a time."""

    box: DockerSandbox
    engine: Engine
    labels: dict[str, str]
    singles: int = 20

    def answer(self, language: str, number: int) -> None:
        """Run one answer through the sandbox. Raises EngineError when it does not come back right."""
        _check(language, number, self.box.run(job_of(language, number)))

    def bare(self, language: str) -> None:
        """Run an empty program with the bare engine."""
        kind = self.box.container_kind(job_of(language, 0))
        run_bare_container(self.engine, kind, PROGRAMS[language].nothing, self.labels)

    def plain(self, language: str, number: int) -> None:
        """Run one answer by its driver in plain `docker run`. Raises EngineError when it does not come back right."""
        job = job_of(language, number)
        _check(language, number, run_docker_cli(self.engine.url, self.box.container_kind(job), job))

    def ways(self, language: str) -> dict[str, Way]:
        """The ways to run a program of this language, by name."""
        found: dict[str, Way] = {
            OURS: lambda number: self.answer(language, number),
            BARE: lambda _: self.bare(language),
        }
        if has_docker_cli():
            found[PLAIN] = lambda number: self.plain(language, number)
        return found

    def stages_ms(self, language: str) -> dict[str, float]:
        """The median milliseconds of each of the engine's calls, one container at a time."""
        kind, nothing = self.box.container_kind(job_of(language, 0)), PROGRAMS[language].nothing
        seen = [run_bare_container(self.engine, kind, nothing, self.labels) for _ in range(self.singles)]
        names = ("create_s", "start_s", "run_s", "remove_s")
        return {name[:-2]: 1000 * statistics.median(getattr(one, name) for one in seen) for name in names}

    def latency_ms(self, language: str) -> tuple[float, float]:
        """Median and largest milliseconds from job to observations, of single answers with the pool warm."""
        seen = []
        for number in range(self.singles):
            self.box.pool.wait_idle()
            time.sleep(_PAUSE_S)
            began = time.monotonic()
            self.answer(language, number)
            seen.append(1000 * (time.monotonic() - began))
        return statistics.median(seen), max(seen)


def _check(language: str, number: int, seen: Sequence[Observation]) -> None:
    if [one.value for one in seen] != [2 * (number + at) for at in range(CASES)]:
        raise EngineError(f"an answer in {language} came back wrong: {seen}")


def bench_scorer(bench: Bench, n: int, threads: int, watch: Watch) -> Measured:
    """Measure `n` programs of each language each way. Raises EngineError."""
    measured = Measured()
    for language in PROGRAMS:
        bench.answer(language, 0)
        bench.box.pool.wait_idle()
        ways = bench.ways(language)
        rates = {name: Rate(name, language, threads) for name in ways}
        for block in range(BLOCKS):
            numbers = range(n * block // BLOCKS, n * (block + 1) // BLOCKS)
            for name, way in list(ways.items())[:: -1 if block % 2 else 1]:
                watch(f"{language}: {name}, {numbers.stop} of {n}")
                _time(rates[name], way, numbers, bench.box.pool.wait_idle)
            measured.memory_bytes.append(memory_bytes())
        measured.rates += rates.values()
        watch(f"{language}: one at a time")
        measured.stages_ms[language] = bench.stages_ms(language)
        measured.latency_ms[language] = bench.latency_ms(language)
    return measured


def memory_over(bench: Bench, n: int, threads: int, watch: Watch) -> list[int]:
    """The kit's memory in bytes after each tenth of `n` answers."""
    seen = []
    for tenth in range(10):
        numbers = range(n * tenth // 10, n * (tenth + 1) // 10)
        _time(
            Rate("lanebench", "python", threads),
            lambda number: bench.answer("python", number),
            numbers,
            bench.box.pool.wait_idle,
        )
        seen.append(memory_bytes())
        watch(f"{numbers.stop} of {n} answers: {seen[-1] / _MIB:.1f} MiB")
    return seen


def _against(rate: Rate, other: Rate | None) -> str:
    """A rate as a share of another's, with the least and the largest of any block."""
    if other is None:
        return "-"
    if other is rate:
        return "1"
    shares = [mine / theirs for mine, theirs in zip(rate.blocks_per_s, other.blocks_per_s, strict=True)]
    return f"{rate.per_s / other.per_s:.2f} ({min(shares):.2f}-{max(shares):.2f})"


def _rows(measured: Measured) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("language", "way", "threads", "n", "programs/s", "CPU ms each", "of bare", "of docker run")
    ]
    for rate in measured.rates:
        others = {one.way: one for one in measured.rates if one.language == rate.language}
        cpu = "unknown" if rate.cpu_ms is None else f"{rate.cpu_ms:.0f}"
        rows.append(
            (
                rate.language,
                rate.way,
                str(rate.threads),
                str(rate.n),
                f"{rate.per_s:.1f}",
                cpu,
                _against(rate, others.get(BARE)),
                _against(rate, others.get(PLAIN)),
            )
        )
    return rows


def aims(measured: Measured) -> list[str]:
    """A line for each aim and language: met or missed, and by what."""
    rates = {(rate.language, rate.way): rate.per_s for rate in measured.rates}
    lines = []
    for language, (median_ms, _) in measured.latency_ms.items():
        for way, least in LEAST_OF.items():
            if (language, way) in rates:
                share = rates[language, OURS] / rates[language, way]
                lines.append(f"{_met(share >= least)} {language}: {share:.2f} of {way}, the aim is at least {least:g}")
        lines.append(
            f"{_met(median_ms <= MOST_MS)} {language}: {median_ms:.0f} ms for one answer with the pool warm, "
            f"the aim is at most {MOST_MS:g} ms"
        )
    return lines


def _met(is_met: bool) -> str:
    return "met   " if is_met else "MISSED"


def rate_table(measured: Measured) -> str:
    """The rates side by side, the engine's stages, single answers and the kit's memory, as text."""
    rows = _rows(measured)
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.append("")
    for language, stages in measured.stages_ms.items():
        total = sum(stages.values())
        shares = ", ".join(f"{name} {ms:.0f} ms ({ms / total:.0%})" for name, ms in stages.items())
        lines.append(f"{language}: bare container, one at a time: {shares}")
        median, largest = measured.latency_ms[language]
        lines.append(f"{language}: one answer with the pool warm: median {median:.0f} ms, largest {largest:.0f} ms")
    held = ", ".join(f"{size / _MIB:.0f}" for size in measured.memory_bytes)
    lines.append(f"the kit's memory after each block: {held} MiB")
    lines += ["", *aims(measured)]
    return "\n".join(lines)
