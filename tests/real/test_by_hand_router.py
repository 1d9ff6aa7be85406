"""llama-server's router mode on the real program: LLAMA_SERVER names it, else it is the one on PATH.

xllamacpp's wheel leaves that mode out. Homebrew's llama.cpp and Debian's llama.cpp-tools have it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import ServerError
from harness.lifecycle import memory_use, model_host, recover, state_path
from harness.servers import get_server_kind
from harness.servers.query import ServerHandle
from harness.types import Json, Lifecycle, Model
from tests.real.conftest import READY_S, free_port

pytestmark = pytest.mark.by_hand


class Router:
    """A running router: what it lists, and every state that was observed."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.observed: list[dict[str, str]] = []

    def states(self) -> dict[str, str]:
        """Name -> status of each model."""
        with urllib.request.urlopen(f"{self.root}/models", timeout=READY_S) as reply:
            rows: list[Json] = json.load(reply)["data"]
        return {row["id"]: row["status"]["value"] for row in rows}

    def load(self, name: str) -> None:
        """Load a model as its user would, and wait."""
        body = json.dumps({"model": name}).encode()
        request = urllib.request.Request(f"{self.root}/models/load", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=READY_S).close()
        while self.states()[name] != "loaded":
            time.sleep(0.05)

    def watch(self, until: threading.Event) -> None:
        """Note the states until `stop` is set."""
        while not until.is_set():
            self.observed.append(self.states())
            time.sleep(0.02)


@pytest.fixture(scope="module")
def router(workshop: Path, tiny_model: Path) -> Iterator[Router]:
    program = os.environ.get("LLAMA_SERVER") or shutil.which("llama-server")
    assert program is not None, "there is no llama-server on PATH: install llama.cpp, or name it in LLAMA_SERVER"
    models = workshop / "models"
    models.mkdir()
    whole = (tiny_model / "model.gguf").read_bytes()
    for name in ("before", "one", "two"):
        (models / f"{name}.gguf").write_bytes(whole)
    (models / "damaged.gguf").write_bytes(whole[: len(whole) // 2])
    running = Router(port := free_port())
    words = [program, "--models-dir", str(models), "--host", "127.0.0.1", "--port", str(port), "-c", "8192"]
    with (workshop / "router.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
    try:
        until = time.monotonic() + READY_S
        while True:
            try:
                running.states()
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, (workshop / "router.log").read_text()[-2000:]
                assert time.monotonic() < until
                time.sleep(0.1)
        yield running
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LANEBENCH_STATE", str(tmp_path / "state.json"))
    return tmp_path


def a_server(router: Router, name: str) -> ServerHandle:
    cycle = Lifecycle("api", ready_timeout_s=60.0, stop_timeout_s=20.0)
    return ServerHandle(
        Model(name, "llama-router", f"{router.root}/v1", name, lifecycle=cycle), get_server_kind("llama-router")
    )


def test_one_model_is_loaded_at_a_time_and_everything_is_restored(router: Router, run: Path) -> None:
    router.load("before")
    stop = threading.Event()
    watching = threading.Thread(target=router.watch, args=(stop,))
    watching.start()
    memory = []
    try:
        both = [a_server(router, name) for name in ("one", "two")]
        with model_host(both, run, print) as host:
            for server_handle in both:
                with host.session(server_handle) as session:
                    assert router.states()[server_handle.model.model] == "loaded"
                    assert session.readiness.context_tokens == 8192
                    assert session.readiness.model_context_tokens is not None
                memory.append(memory_use(session.before, session.loaded, session.after))
    finally:
        stop.set()
        watching.join()
    assert max(sum(state != "unloaded" for state in states.values()) for states in router.observed) == 1
    assert router.states() == {"before": "loaded", "one": "unloaded", "two": "unloaded", "damaged": "unloaded"}
    for use in memory:
        assert use.method == "server process"
        assert (use.loaded_bytes or 0) > (use.before_bytes or 0) + 8 * 2**20
        assert (use.after_bytes or 0) < (use.before_bytes or 0) + 2 * 2**20
    assert not state_path().exists()


def test_a_damaged_model_file_is_reported_and_the_earlier_model_is_restored(router: Router, run: Path) -> None:
    server_handle = a_server(router, "damaged")
    with (
        pytest.raises(ServerError, match="reports that loading damaged failed"),
        model_host([server_handle], run, print) as host,
        host.session(server_handle),
    ):
        pass
    assert router.states()["before"] == "loaded"
    assert recover(print) == ()
