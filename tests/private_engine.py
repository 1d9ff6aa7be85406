"""A separate Docker engine that a test may kill, stop and start again without touching the machine's own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import EngineError
from harness.sandbox import Engine
from harness.sandbox.endpoints import EngineEndpoint
from harness.sandbox.engine import connect, engine_errors

_START_S = 60.0


class PrivateEngine:
    """`dockerd` with its socket, containerd, images and containers below one folder, in its own network namespace.

    In the machine's namespace it would remove the network bridge of the machine's own engine.
    """

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self._folder, self._options = folder, tuple(options)
        self.url = f"unix://{folder}/engine.sock"
        folder.mkdir(parents=True, exist_ok=True)
        # As under a service manager: containerd runs separately and outlives a daemon that is killed.
        self._containerd = self._run("containerd", "--root", "root", "--state", "state", "--address", "containerd.sock")
        self._daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop(signal.SIGTERM)
        self._containerd.terminate()
        self._containerd.wait()
        self._clean_up()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a daemon, with its log in the folder; arguments without a dash are files below the folder."""
        program, *rest = words
        paths = [word if word.startswith("-") else f"{self._folder}/{word}" for word in rest]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                ["unshare", "--net", program, *paths, *(self._options if program == "dockerd" else ())],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self) -> Engine:
        """Start it and wait until it answers."""
        paths = ("--data-root", "data", "--exec-root", "exec", "--pidfile", "pid", "--containerd", "containerd.sock")
        self._daemon = self._run("dockerd", f"--host={self.url}", "--bridge=none", "--iptables=false", *paths)
        deadline = time.monotonic() + _START_S
        while not self._listens():
            if time.monotonic() > deadline or self._daemon.poll() is not None:
                raise EngineError(f"the engine in {self._folder} does not start: see its log")
            time.sleep(0.1)
        return connect(EngineEndpoint(self.url), {})

    def _listens(self) -> bool:
        """Whether the daemon takes connections. Docker's client would leak the socket of an attempt that is refused."""
        with socket.socket(socket.AF_UNIX) as attempt:
            return attempt.connect_ex(self.url.removeprefix("unix://")) == 0

    def signal(self, number: int) -> None:
        """Send the daemon a signal."""
        assert self._daemon is not None
        self._daemon.send_signal(number)

    def stop(self, number: int) -> None:
        """Send the daemon this signal and wait until it has ended."""
        self.signal(number)
        assert self._daemon is not None
        self._daemon.wait()

    def copy_images(self, other: Engine, tags: Sequence[str]) -> None:
        """Copy these images from another engine."""
        here = connect(EngineEndpoint(self.url), {})
        with engine_errors("copying images"):
            for tag in tags:
                here.api.load_image(other.api.get_image(tag))
        here.close()

    def _clean_up(self) -> None:
        """Kill the shims that are left, whose command lines name this folder, and unmount what they mounted."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes()
                if b"containerd-shim" in words and f"{self._folder}/".encode() in words:
                    os.kill(int(path.parent.name), signal.SIGKILL)
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()[::-1]:
            mount_point = line.split()[1]
            if mount_point.startswith(f"{self._folder}/"):
                subprocess.run(["umount", "-l", mount_point], check=False)
