"""Two real model servers on a tiny model that is made on the spot: llama.cpp's own inside xllamacpp, mlx_lm.server.

Collected by `pytest tests/real` only: the servers' wheels come with the extra `real`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.embedded import free_port
from harness.files import cache_folder
from harness.types import Model, Sampling

HERE = Path(__file__).parent
READY_S = 120.0
CACHE = cache_folder()
"""The user's own, read before the tests get another one: weights are downloaded once."""
# mlx_lm.server pays for a long prompt with the square of its length, for each head of all layers but the last: it
# never computes what only the next layer would read. One layer would make any prompt free there, four heads dear.
SHAPE = ("--layers", "2", "--heads", "1")


def environment() -> dict[str, str]:
    """The environment of a process that may download pretrained models."""
    inherited = {name: value for name, value in os.environ.items() if name != "LANEBENCH_NO_DOWNLOAD"}
    return {**inherited, "LANEBENCH_CACHE": str(CACHE)}


def _answers(base_url: str, model: str) -> bool:
    """Whether a request of one token is answered; a health check comes too early for mlx_lm.server."""
    body = f'{{"model": "{model}", "max_tokens": 1, "messages": [{{"role": "user", "content": "hi"}}]}}'.encode()
    request = urllib.request.Request(f"{base_url}/chat/completions", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=READY_S) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


@contextmanager
def served(words: Sequence[str], model: Model, log: Path, env: dict[str, str]) -> Iterator[Model]:
    """A server's process from its start until it answers, and its end. Fails with the end of its log."""
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out, env=os.environ | env, start_new_session=True)
    try:
        until = time.monotonic() + READY_S
        while not _answers(model.base_url, model.model):
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"{model.server} did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        yield model
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the model, the logs and the runs stand."""
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="session")
def tiny_model(workshop: Path) -> Path:
    """The model with random weights: a Hugging Face folder that holds model.gguf too."""
    out = workshop / "tiny"
    subprocess.run([sys.executable, str(HERE / "make_tiny_model.py"), str(out), *SHAPE], check=True)
    return out


def _model(label: str, server: str, port: int, name: str) -> Model:
    return Model(
        label=label,
        server=server,
        base_url=f"http://127.0.0.1:{port}/v1",
        model=name,
        thinking="off",
        sampling=Sampling(temperature=0.0, top_p=1.0, top_k=0, min_p=0.0),
    )


@contextmanager
def llama_of(folder: Path, workshop: Path) -> Iterator[Model]:
    """llama.cpp's server on the GGUF in a model's folder."""
    model = _model("tiny-gguf", "llama-server", port := free_port(), "tiny")
    serve = ["-m", "harness.embedded.serve", str(folder / "model.gguf"), "--port", str(port), "--context", "40960"]
    words = [sys.executable, *serve]
    with served(words, model, workshop / "llama.log", {}) as ready:
        yield ready


@contextmanager
def mlx_of(folder: Path, workshop: Path) -> Iterator[Model]:
    """mlx_lm.server on a model's folder; it must find a hub's folder and is kept from asking the real one."""
    model = _model("tiny-mlx", "mlx-lm", port := free_port(), "default_model")
    home = workshop / "hub-home"
    (home / "hub").mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "mlx_lm", "server", "--model", str(folder), "--port", str(port)]
    env = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    with served(words, model, workshop / "mlx.log", env) as ready:
        yield ready


@contextmanager
def transformers_of(folder: Path, workshop: Path) -> Iterator[Model]:
    """`transformers serve` on a model's folder, kept from asking a hub; it knows the model by that folder only."""
    model = _model("tiny-hf", "transformers", port := free_port(), str(folder))
    model = replace(model, sampling=Sampling(temperature=0.0, top_p=1.0))
    program = Path(sys.executable).parent / "transformers"
    words = [str(program), "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", str(folder)]
    with served(words, model, workshop / "transformers.log", {"HF_HUB_OFFLINE": "1"}) as ready:
        yield ready


@pytest.fixture(scope="session")
def llama_server(workshop: Path, tiny_model: Path) -> Iterator[Model]:
    """llama.cpp's server on random weights."""
    with llama_of(tiny_model, workshop) as ready:
        yield ready


@pytest.fixture(scope="session")
def mlx_server(workshop: Path, tiny_model: Path) -> Iterator[Model]:
    """mlx_lm.server on the same."""
    with mlx_of(tiny_model, workshop) as ready:
        yield ready


@pytest.fixture(scope="session")
def both(llama_server: Model, mlx_server: Model) -> tuple[Model, Model]:
    """Both servers at once."""
    return llama_server, mlx_server
