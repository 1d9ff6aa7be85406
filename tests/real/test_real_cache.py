"""The cache doctor on a session of a real server: what broke its cache, and how the server writes the prompts."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from harness.cli import main
from harness.embedded import free_port
from harness.types import Model

RULES = " ".join(f"Rule {number}: say {number} when you are asked for it." for number in range(40))
QUESTION = {"role": "user", "content": "What is a good name for a function that counts lines?"}


@contextmanager
def proxied(model: Model, folder: Path) -> Iterator[str]:
    """The proxy before a model's server, as a user starts it; gives its URL."""
    port = free_port()
    target = model.base_url.removesuffix("/v1")
    words = ["proxy", "--to", target, "--listen", f"127.0.0.1:{port}", "--out", str(folder)]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    process.stderr.readline()  # it says where it listens
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def ask(url: str, model: Model, version: str, *later: dict[str, str]) -> str:
    """One request of an agent whose system prompt begins with a version; gives the reply's text."""
    system = {"role": "system", "content": f"Version {version}. {RULES}"}
    body = {"model": model.model, "messages": [system, QUESTION, *later], "max_tokens": 8, "temperature": 0}
    reply = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=120).raise_for_status().json()
    return str(reply["choices"][0]["message"]["content"])


def test_a_changed_system_prompt_is_named_and_the_servers_own_prompts_are_compared(
    llama_server: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "session"
    with proxied(llama_server, folder) as url:
        later: list[dict[str, str]] = []
        for version, question in (("2.1.36", "And for words?"), ("2.1.36", "And for bytes?"), ("2.1.37", "")):
            answer = ask(url, llama_server, version, *later)
            later += [{"role": "assistant", "content": answer}, {"role": "user", "content": question}]
    assert main(["cache", str(folder), "--server", llama_server.base_url]) == 0
    said = capsys.readouterr().out
    assert "2.1.36" in said
    assert "2.1.37" in said
    assert "messages[0]" in said
    assert "prompt  differs after" in said
