"""A pretrained model writes passing code: fetched, served and stopped by the kit, scored in containers, verified.

SmolLM2-135M on code-bugfix of suite `quick`, on speed-warm (cold and warm), and on a task of these tests that is
easy enough for it. Which trials it passes depends on the machine's arithmetic, so the tests demand that some pass.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from harness.embedded import get_embedded_model
from harness.schema import validate
from harness.types import Json
from tests.real.conftest import environment
from tests.real.test_real_bench import HONEST

MODEL = "smollm2-135m"
CODE = ("code-bugfix", "sum-divisible")
TASKS = Path(__file__).parent / "tasks"
TRIALS = 3
ADDRESS = re.compile(r"at http://127\.0\.0\.1:(\d+)")


def lanebench(*words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    print(done.stdout, done.stderr, sep="\n")
    return done


@pytest.fixture(scope="module")
def run_folder(workshop: Path) -> Path:
    """One run of `bench` without a configuration, as a newcomer starts it."""
    tasks = [word for name in (*CODE, "speed-warm") for word in ("--task", name)]
    results = workshop / "pretrained"
    numbers = ("--trials", str(TRIALS), "--warmups", "0", "--seed", "16")
    where = ("--tasks", str(TASKS), "--results", str(results))
    done = lanebench("bench", "--embedded", MODEL, *tasks, *numbers, *where)
    assert done.returncode == 0, done.stderr
    return next(results.iterdir())


@pytest.fixture(scope="module")
def result(run_folder: Path) -> Json:
    return json.loads((run_folder / "result.json").read_text())


def test_the_result_is_a_measurement_with_the_models_digest_and_the_wheels_version(result: Json) -> None:
    assert validate("result", result) == []
    assert result["run"]["simulated"] is False
    (model,) = result["models"]
    assert model["server_version"] == version("xllamacpp")
    assert model["facts"]["file_sha256"] == get_embedded_model(MODEL).sha256
    assert model["stop_reason"] is None
    assert model["memory"]["loaded_bytes"] > 0


def test_a_pretrained_model_writes_code_that_passes(result: Json) -> None:
    outcomes = [trial["outcome"] for trial in result["trials"] if trial["task"] in CODE]
    assert len(outcomes) == TRIALS * len(CODE)
    assert "passed" in outcomes
    assert set(outcomes) <= HONEST | {"passed", "repetitive"}


def test_a_cold_turn_reads_the_whole_prompt_and_a_warm_one_only_what_is_new(result: Json) -> None:
    for trial in (trial for trial in result["trials"] if trial["task"] == "speed-warm"):
        cold, *warm = trial["turns"]
        assert (cold["usage"]["cached_tokens"] or 0) < 64
        assert cold["usage"]["prompt_tokens"] > 900
        for turn in warm:
            assert turn["usage"]["cached_tokens"] > 900
            assert turn["timings"]["ttft_s"] < cold["timings"]["ttft_s"] / 2


def test_nothing_of_the_server_is_left(run_folder: Path) -> None:
    log = (run_folder / f"{MODEL}.log").read_text(errors="replace")
    (address,) = ADDRESS.findall(log)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(address))) != 0


def test_what_was_measured_verifies_to_rescored(run_folder: Path) -> None:
    done = lanebench("verify", str(run_folder), "--tasks", str(TASKS))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rescored" in done.stdout
    assert "UNVERIFIED" not in done.stdout


def test_a_stopped_run_goes_on_at_another_port(workshop: Path) -> None:
    results = workshop / "stopped"
    words = ("record", "--embedded", MODEL, "--task", "speed-canary", "--warmups", "0", "--results")
    command = [sys.executable, "-m", "harness", *words, str(results), "--trials", "200"]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
    while not any(path.stat().st_size for path in results.glob("*/recordings.jsonl")):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    folder = next(results.iterdir())
    log = folder / f"{MODEL}.log"
    first = log.read_text(errors="replace")
    process = subprocess.Popen([*command[:4], "--resume", str(folder)], env=environment(), stderr=subprocess.PIPE)
    before = (folder / "recordings.jsonl").stat().st_size
    while (folder / "recordings.jsonl").stat().st_size == before:
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert ADDRESS.findall(log.read_text(errors="replace")) != ADDRESS.findall(first)
