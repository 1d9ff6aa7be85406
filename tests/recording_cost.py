"""Measure what recording costs, in CPU and memory: `python -m tests.recording_cost`, about four minutes.

A stream of 10,000 chunks at 100 per second must take under 2 % of a core, and memory must stay flat over 5,000 turns.
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from harness.config import Config
from harness.host import peak_rss_bytes
from harness.record import Client, Timeouts, TurnRequest, record
from harness.reference import ReferenceServer, serving
from harness.run.pipeline import start_run
from harness.run.recorder import record_run
from harness.types import RunSettings
from tests.reference import KEY
from tests.samples import model_at, task_of

MAX_CPU_SHARE = 0.02
MAX_GROWTH_BYTES = 8 * 1024 * 1024
TURNS = 5000


def stream_share(server: ReferenceServer, chunks: int = 10_000, rate: float = 100.0) -> float:
    """Measure the share of a core that recording one long stream takes."""
    url = f"{server.base_url}/chat/completions"
    body = {"model": f"plain?ttft_ms=100&tps={rate}&tokens={chunks}", "stream": True}
    with Client(Timeouts(turn_s=600.0)) as client:
        wall, cpu = time.monotonic(), time.process_time()
        recording = record(client, TurnRequest(KEY, 0, 0, url, body))
        share = (time.process_time() - cpu) / (time.monotonic() - wall)
    assert len(recording.chunks) > chunks
    return share


def memory_growth_bytes(server: ReferenceServer, path: Path, turns: int = TURNS) -> int:
    """Measure by how much peak memory grows between the first tenth of a long run and its end."""
    tasks = [task_of(f"task-{number}") for number in range(10)]
    settings = RunSettings(
        tasks=tuple(task.name for task in tasks), trials=turns // 10, warmups=0, seed=7, idle_s=0.0, turn_timeout_s=30.0
    )
    models = (replace(model_at(server.base_url, "plain?ttft_ms=1&tps=9000&tokens=30"), label="m"),)
    folder = start_run(path, Config(settings, models), tasks)
    peaks: list[int] = []
    record_run(folder, tasks, models, lambda _stage, _done, _total, _name: peaks.append(peak_rss_bytes()))
    return peaks[-1] - peaks[len(peaks) // 10]


def main() -> int:
    """Print both figures; return 1 if one exceeds its limit."""
    with serving() as server, tempfile.TemporaryDirectory() as results:
        growth = memory_growth_bytes(server, Path(results))
        print(f"{TURNS} turns: memory grew by {growth / 2**20:.1f} MiB after the first tenth, the limit is 8")
        share = stream_share(server)
        print(f"10,000 chunks at 100 per second: {100 * share:.2f} % of a core, the limit is {100 * MAX_CPU_SHARE:.0f}")
    return 0 if growth <= MAX_GROWTH_BYTES and share <= MAX_CPU_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
