"""What the proxy adds: `python -m tests.bench_proxy [--rounds N]`, against the reference server, which logs its writes.

Streams go directly, through a relay that only passes bytes on (tests/bare_relay.py) and through the proxy, in turns. A
chunk's delay is the time from the server's write to the client's read; what either adds is the difference of its
distribution from that of the direct way. Then 8 streams run at once at 500 tokens/s, and the CPU time of each is taken.
Exits with 1 if the proxy misses a limit.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns

import psutil
from tabulate import tabulate

from harness.proxy import read_exchanges
from harness.reference import LoggedReply, ReferenceServer, serving

MAX_TTFT_MS = 1.0
MAX_CHUNK_MS = 0.1
MAX_CPU_SHARE = 0.10
STREAMS = 8
TPS = 500
_EVENT = b"data: "


@dataclass(slots=True)
class Delays:
    """What was measured one way, in milliseconds."""

    ttft: list[float] = field(default_factory=list)
    chunks: list[float] = field(default_factory=list)


def quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def proxy_process(server: ReferenceServer, out: Path) -> Iterator[tuple[int, int]]:
    """Run the proxy as a user does; gives its port and its process id."""
    port, to = free_port(), f"http://127.0.0.1:{server.port}"
    with listening_process("harness", "proxy", "--to", to, "--listen", f"127.0.0.1:{port}", "--out", str(out)) as pid:
        yield port, pid


@contextmanager
def relay_process(server: ReferenceServer) -> Iterator[tuple[int, int]]:
    """Run the bare relay; gives its port and its process id."""
    port = free_port()
    with listening_process("tests.bare_relay", str(port), str(server.port)) as pid:
        yield port, pid


@contextmanager
def listening_process(module: str, *arguments: str) -> Iterator[int]:
    """Run a module that says in a line on standard error that it listens; gives its process id."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    process.stderr.readline()
    try:
        yield process.pid
    finally:
        process.terminate()
        process.communicate(timeout=30)


def stream(port: int, model: str) -> tuple[int, list[int]]:
    """Send one request; returns when it left and when each event was read."""
    body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    reads: list[tuple[int, bytes]] = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent_ns = perf_counter_ns()
        connection.sendall(head + body)
        tail = b""
        while not tail.endswith(b"\r\n0\r\n\r\n"):
            data = connection.recv(65536)
            assert data, "the stream is not whole"
            reads.append((perf_counter_ns(), data))
            tail = (tail + data)[-16:]
    return sent_ns, [at_ns for at_ns, data in reads for _ in range(data.count(_EVENT))]


def add_delays(delays: Delays, sent_ns: int, events_ns: Sequence[int], logged: LoggedReply) -> None:
    """Compare what the client read with what the server wrote."""
    writes = logged.token_writes
    # The events before the first token (role) and after the last one (usage, [DONE]) are no tokens.
    first = next(at for at, at_ns in enumerate(events_ns) if at_ns >= writes[0].before_ns)
    tokens_ns = events_ns[first : first + len(writes)]
    delays.ttft.append((tokens_ns[0] - sent_ns) / 1e6 - 1e3 * logged.ttft_s)
    delays.chunks += [(at_ns - write.before_ns) / 1e6 for at_ns, write in zip(tokens_ns, writes, strict=True)]


def measure_delays(server: ReferenceServer, ports: Sequence[int], rounds: int) -> list[Delays]:
    """The delays of each way to the server, by the port that a client connects to."""
    found = [Delays() for _ in ports]
    for _ in range(rounds):
        for port, delays in zip(ports, found, strict=True):
            sent_ns, events_ns = stream(port, "plain?ttft_ms=50&tps=200&tokens=100")
            add_delays(delays, sent_ns, events_ns, server.take_log()[0])
    return found


def process_of_lines(pid: int) -> psutil.Process:
    """The process that makes the lines which the proxy prints."""
    (child,) = [child for child in psutil.Process(pid).children() if "spawn_main" in " ".join(child.cmdline())]
    return child


def measure_cpu(port: int, processes: Sequence[psutil.Process], seconds: float) -> list[float]:
    """The share of a core that each process takes while all streams run."""
    model = f"plain?ttft_ms=50&tps={TPS}&tokens={int(TPS * seconds)}"
    threads = [threading.Thread(target=stream, args=(port, model)) for _ in range(STREAMS)]
    before, began = [sum(process.cpu_times()[:2]) for process in processes], time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall_s = time.monotonic() - began
    # What the proxy still has to write and to print belongs to it.
    time.sleep(2)
    after = [sum(process.cpu_times()[:2]) for process in processes]
    return [(end - start) / wall_s for start, end in zip(before, after, strict=True)]


def print_delays(direct: Delays, relayed: Delays, proxied: Delays) -> list[float]:
    """Print the table; returns what the proxy added to TTFT, and to a chunk at p50 and p99."""
    rows, added = [], []
    for name, share in (("TTFT", 0.5), ("chunk", 0.5), ("chunk", 0.99)):
        at = [
            quantile(delays.ttft if name == "TTFT" else delays.chunks, share) for delays in (direct, relayed, proxied)
        ]
        added.append(at[2] - at[0])
        rows.append((name, f"p{100 * share:g}", *at, at[1] - at[0], added[-1]))
    headers = ("delay, ms", "", "direct", "bare relay", "proxy", "relay adds", "proxy adds")
    print(tabulate(rows, headers, floatfmt=".3f"))
    return added


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table and compare with the limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=6.0)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, serving() as server, relay_process(server) as (relay, relay_pid):
        out = Path(folder) / "session"
        with proxy_process(server, out) as (port, pid):
            for way in (relay, port):
                stream(way, "plain?ttft_ms=1&tps=1000&tokens=5")
            time.sleep(1)
            server.take_log()
            delays = measure_delays(server, (server.port, relay, port), options.rounds)
            (bare,) = measure_cpu(relay, [psutil.Process(relay_pid)], options.seconds)
            cpu, lines = measure_cpu(port, [psutil.Process(pid), process_of_lines(pid)], options.seconds)
        exchanges = read_exchanges(out)
    added = print_delays(*delays)
    print(f"{STREAMS} streams at {TPS} tokens/s: {100 * cpu:.1f} % of a core, and {100 * lines:.1f} % for the lines;")
    print(f"the bare relay takes {100 * bare:.1f} %")
    # On a busy machine several tokens come in one read, which makes the share of a core look small.
    reads = sum(len(exchange.recording.chunks) for exchange in exchanges[-STREAMS:])
    print(f"{reads} reads of {int(STREAMS * TPS * options.seconds)} tokens")
    whole = sum(exchange.end_reason == "complete" for exchange in exchanges)
    print(f"{whole} of {len(exchanges)} exchanges are recorded whole")
    met = added[0] < MAX_TTFT_MS and added[2] < MAX_CHUNK_MS and cpu < MAX_CPU_SHARE and whole == len(exchanges)
    print("limits met" if met else "LIMIT MISSED")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
