"""Compares the kit's speeds with those of the server itself: `python -m tests.bench_yardstick [MODEL] [--trials N]`.

It records an embedded model and reads, turn by turn, llama.cpp's own `timings` beside what the kit makes of the stream.
Both come from the same requests, so a busy machine slows both. It is no test, because it downloads weights.

The two define their rates differently, which the table takes into account:

- decode: llama.cpp divides all N tokens by the time since the prompt was done, the kit N - 1 tokens by the time since
  the first one. The table divides the server's N - 1 by its time.
- prefill: llama.cpp divides by the time that it computed, the kit by the time to the first token, which contains the
  request's way, the template and the tokenizer. That is a fixed cost: its share is large for a short prompt only.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from harness.read import read
from harness.run import open_run
from harness.types import Reading

TASKS = ("speed-small", "speed-warm", "speed-canary")
MAX_DIFFERENCE = 0.03
MIN_TOKENS = 200
"""Of a shorter prompt the fixed cost of a request is more than three percent."""


@dataclass(frozen=True)
class Comparison:
    """One quantity of one turn: the tokens that it is about, and both rates in tokens per second."""

    tokens: int
    kit_tps: float
    server_tps: float

    @property
    def difference(self) -> float:
        return self.kit_tps / self.server_tps - 1


def comparisons(reading: Reading) -> Iterator[tuple[str, Comparison]]:
    """The quantities of one turn for which both have a rate."""
    server, times, usage = reading.server_timings, reading.timings, reading.usage
    if server is None or usage is None:
        return
    tokens = server["predicted_n"]
    if times.decode_tps is not None and tokens > 1:
        yield "decode", Comparison(tokens, times.decode_tps, (tokens - 1) / server["predicted_ms"] * 1000)
    if times.ttft_s is not None:
        uncached = (usage.prompt_tokens or 0) - (usage.cached_tokens or 0)
        yield "prefill", Comparison(uncached, uncached / times.ttft_s, server["prompt_n"] / server["prompt_ms"] * 1000)


def record(model: str, trials: int, folder: Path) -> Path:
    """Record the speed tasks of one embedded model; returns the run's folder."""
    words = [word for name in TASKS for word in ("--task", name)]
    command = [sys.executable, "-m", "harness", "record", "--embedded", model, *words]
    numbers = ["--trials", str(trials), "--warmups", "1", "--results", str(folder)]
    subprocess.run([*command, *numbers], check=True, stdout=subprocess.DEVNULL, env=os.environ)
    return next(folder.iterdir())


def rows_of(folder: Path) -> Iterator[list[object]]:
    """One row for each quantity of each turn of each task: medians over the trials."""
    found: dict[tuple[str, str, int], list[Comparison]] = defaultdict(list)
    for turns in open_run(folder).read_trials():
        for recording in turns:
            if not recording.key.warmup:
                for quantity, comparison in comparisons(read(recording)):
                    found[quantity, recording.key.task, recording.turn + 1].append(comparison)
    for (quantity, task, turn), each in sorted(found.items()):
        tokens = round(statistics.median(one.tokens for one in each))
        kit, server = (statistics.median(getattr(one, name) for one in each) for name in ("kit_tps", "server_tps"))
        difference = statistics.median(one.difference for one in each)
        yield [
            quantity,
            task,
            turn,
            tokens,
            len(each),
            kit,
            server,
            100 * difference,
            _verdict(quantity, tokens, difference),
        ]


def _verdict(quantity: str, tokens: int, difference: float) -> str:
    if abs(difference) <= MAX_DIFFERENCE:
        return "within 3 %"
    if quantity == "prefill" and tokens < MIN_TOKENS and difference < 0:
        return "fixed cost of a request"
    return "NOT within 3 %"


def main() -> int:
    """Record, compare, print the table; 1 if a difference is neither small nor explained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="qwen2.5-coder-0.5b")
    parser.add_argument("--trials", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        rows = list(rows_of(record(args.model, args.trials, Path(temporary))))
    headers = ["rate", "task", "turn", "tokens", "n", "kit, tok/s", "server, tok/s", "difference, %", ""]
    print(f"{args.model}, {args.trials} trials, medians\n")
    print(tabulate(rows, headers=headers, floatfmt=".1f"))
    return int(any(str(row[-1]).startswith("NOT") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
