"""`lanebench bench-scorer`: how fast this machine scores, beside the bare engine and plain `docker run`."""

from __future__ import annotations

import argparse

from harness.calibration import PROGRAMS, Bench, bench_scorer, memory_over, rate_table
from harness.cli.console import say, show
from harness.errors import ConfigError
from harness.sandbox import ensure_engine, open_sandbox
from harness.score import scoring_threads

NAME = "bench-scorer"
HELP = "Measure how many answers a second the sandbox scores on this machine, and what a container costs."


def options(parser: argparse.ArgumentParser) -> None:
    """How many, how many at once, and on what."""
    parser.add_argument("--answers", type=int, default=200, metavar="N", help="answers of each language each way")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="at once; default: as `score` does")
    parser.add_argument("--runtime", help="a container runtime that the engine knows, such as runsc")
    parser.add_argument("--memory", type=int, metavar="N", help="only watch the kit's memory over N answers")


def run(args: argparse.Namespace) -> int:
    """Measure and print. Raises EngineError."""
    if args.answers < 5 or (args.memory is not None and args.memory < 10):
        raise ConfigError("bench-scorer: --answers is at least 5 and --memory at least 10")
    engine = ensure_engine(say)
    threads = args.threads or scoring_threads()
    with open_sandbox("bench-scorer", say, PROGRAMS, runtime=args.runtime) as box:
        facts = box.facts
        bench = Bench(box, engine, dict(box.pool.labels))
        show(
            f"{facts.engine} {facts.engine_version}, runtime {facts.runtime}, cgroup v{facts.cgroup_version}, "
            f"{'rootless, ' if facts.rootless else ''}{engine.cpus} processors, {engine.architecture}\n"
        )
        if args.memory is not None:
            sizes = memory_over(bench, args.memory, threads, say)
            show("the kit's memory after each tenth: " + ", ".join(f"{size / 2**20:.1f}" for size in sizes) + " MiB")
            return 0
        show(rate_table(bench_scorer(bench, args.answers, threads, say)))
    return 0
