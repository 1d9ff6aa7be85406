"""A Docker engine of a test's own that may be killed, stopped and started again, beside the one that others use."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
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

_ANSWER_S = 60.0


class PrivateEngine:
    """`dockerd` with its own socket, containerd, images and containers below one folder, in a network of its own.

    Without that it would take the bridge of the engine that others use away.
    """

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self._folder, self._options = folder, tuple(options)
        self.url = f"unix://{folder}/engine.sock"
        folder.mkdir(parents=True, exist_ok=True)
        # As a system's service manager has it: containerd on its own, which outlives a daemon that is killed.
        self._containerd = self._run("containerd", "--root", "root", "--state", "state", "--address", "containerd.sock")
        self._daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop(signal.SIGTERM)
        self._containerd.terminate()
        self._containerd.wait()
        self._end_what_is_left()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, *words: str) -> subprocess.Popen[bytes]:
        """A daemon whose words without a dash name files below the folder, in which it also notes what it says."""
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
        where = ("--data-root", "data", "--exec-root", "exec", "--pidfile", "pid", "--containerd", "containerd.sock")
        self._daemon = self._run("dockerd", f"--host={self.url}", "--bridge=none", "--iptables=false", *where)
        until = time.monotonic() + _ANSWER_S
        while True:
            try:
                return connect(EngineEndpoint(self.url), {})
            except EngineError:
                if time.monotonic() > until or self._daemon.poll() is not None:
                    raise
            time.sleep(0.1)

    def signal(self, number: int) -> None:
        """Send the daemon a signal."""
        assert self._daemon is not None
        self._daemon.send_signal(number)

    def stop(self, number: int) -> None:
        """End the daemon by this signal and wait for that."""
        self.signal(number)
        assert self._daemon is not None
        self._daemon.wait()

    def adopt(self, other: Engine, tags: Sequence[str]) -> None:
        """Take these images over from another engine."""
        here = connect(EngineEndpoint(self.url), {})
        with engine_errors("copying images"):
            for tag in tags:
                here.api.load_image(other.api.get_image(tag))
        here.close()

    def _end_what_is_left(self) -> None:
        """What held the containers that were left: it names this folder in its command."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes()
                if b"containerd-shim" in words and f"{self._folder}/".encode() in words:
                    os.kill(int(path.parent.name), signal.SIGKILL)
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()[::-1]:
            place = line.split()[1]
            if place.startswith(f"{self._folder}/"):
                subprocess.run(["umount", "-l", place], check=False)
