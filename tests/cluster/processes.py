"""A Dask cluster of separate processes, as a user starts it on machines: each can be killed, stopped and replaced."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

REPOSITORY = Path(__file__).resolve().parents[2]
_START_S = 120.0


class ClusterProcesses:
    """A scheduler at a fixed port and its workers, each in a process group of its own."""

    def __init__(self, folder: Path, scheme: str = "tcp", environment: Mapping[str, str] | None = None) -> None:
        """Logs go into the folder; `environment` is added to that of each process."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.address = f"{scheme}://127.0.0.1:{self._port}"
        self._folder, self._environment = folder, dict(environment or {})
        self._scheme = scheme
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        self.start_scheduler()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in [*self.workers, self.scheduler]:
            if process is not None:
                end(process, signal.SIGKILL)

    def start_scheduler(self) -> None:
        """Start the scheduler and wait until it listens."""
        words = ["--host", "127.0.0.1", "--port", str(self._port), "--protocol", self._scheme, "--no-dashboard"]
        self.scheduler = self._start("scheduler", words, {})
        deadline = time.monotonic() + _START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1.0).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def start_worker(
        self, options: Sequence[str] = ("--no-nanny",), environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a worker with one thread."""
        words = [self.address, "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard", *options]
        self.workers.append(self._start("worker", words, environment or {}))
        return self.workers[-1]

    def _start(self, kind: str, words: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        # Three workers may be lost with a trial, as README says.
        settings = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "2", "PYTHONPATH": str(REPOSITORY)}
        with (self._folder / f"{kind}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *words],
                env={**os.environ, **settings, **self._environment, **environment},
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def end(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a process and those that it started a signal, and wait for it."""
    if process.poll() is None:
        os.killpg(process.pid, number)
    process.wait()
