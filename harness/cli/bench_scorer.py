"""`lanebench bench-scorer`: measures how fast this machine scores, compared with the bare engine and `docker run`."""

from __future__ import annotations

import argparse

from harness.cli.console import log, show
from harness.errors import CheckError, ConfigError

NAME = "bench-scorer"
HELP = "Measure how many answers per second the sandbox scores on this machine, and what a container costs."

_MIN_ANSWERS = 5
_MIN_MEMORY_ANSWERS = 10


def options(parser: argparse.ArgumentParser) -> None:
    """How many answers, how many threads, and which runtime."""
    parser.add_argument("--answers", type=int, default=200, metavar="N", help="answers of each language by each method")
    parser.add_argument(
        "--threads", type=int, default=0, metavar="N", help="answers scored concurrently; default: same as `score`"
    )
    parser.add_argument("--runtime", help="a container runtime that the engine knows, such as runsc")
    parser.add_argument(
        "--memory", type=int, metavar="N", help="measure only the memory of lanebench while it scores N answers"
    )


def run(args: argparse.Namespace) -> int:
    """Measure and print. Raises CheckError for every target that was missed, EngineError, ConfigError."""
    from harness.calibration import (
        PROGRAMS,
        ScorerBenchmark,
        measure_memory,
        measure_scorer,
        missed_targets,
        scorer_table,
    )
    from harness.sandbox import ensure_engine, open_sandbox
    from harness.score import scoring_threads

    if args.answers < _MIN_ANSWERS:
        raise ConfigError(f"--answers must be at least {_MIN_ANSWERS}, got {args.answers}")
    if args.threads < 0:
        raise ConfigError(f"--threads must be at least 1, or 0 for as many as `score` uses, got {args.threads}")
    if args.memory is not None and args.memory < _MIN_MEMORY_ANSWERS:
        raise ConfigError(f"--memory must be at least {_MIN_MEMORY_ANSWERS}, got {args.memory}")
    engine = ensure_engine(log)
    threads = args.threads or scoring_threads()
    with open_sandbox("bench-scorer", log, PROGRAMS, runtime=args.runtime) as sandbox:
        facts = sandbox.facts
        benchmark = ScorerBenchmark(sandbox, engine, dict(sandbox.pool.labels))
        show(
            f"{facts.engine} {facts.engine_version}, runtime {facts.runtime}, cgroup v{facts.cgroup_version}, "
            f"{'rootless, ' if facts.rootless else ''}{engine.cpus} CPUs, {engine.architecture}\n"
        )
        if args.memory is not None:
            sizes = measure_memory(benchmark, args.memory, threads, log)
            show("lanebench's memory after each tenth:  " + ", ".join(f"{size / 2**20:.1f}" for size in sizes) + " MiB")
            return 0
        measurements = measure_scorer(benchmark, args.answers, threads, log)
    show(scorer_table(measurements))
    missed = missed_targets(measurements)
    if missed:
        raise CheckError(*missed)
    return 0
