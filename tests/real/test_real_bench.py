"""The main job on real input: `bench` asks both servers all five tasks of the spine, `verify` checks the result."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.schema import validate
from harness.types import Json, Model

TASKS = ("speed-small", "speed-large", "code-bugfix", "code-bugfix-js", "code-refactor")
# A model that knows nothing may end like this; it cannot pass, and its server did nothing wrong.
HONEST = {"no_answer", "repetitive", "truncated_out", "crashed", "failed", "declined", "timed_out"}


def lanebench(*words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words], capture_output=True, text=True, check=False, timeout=1800
    )
    print(done.stdout, done.stderr, sep="\n")
    return done


def bench_toml(models: tuple[Model, ...]) -> str:
    lines = ["[run]", f"tasks = {json.dumps(TASKS)}", "trials = 1", "warmups = 1", "idle_s = 0.1"]
    for model in models:
        lines += ["", "[[models]]"]
        lines += [f"{name} = {json.dumps(getattr(model, name))}" for name in ("label", "server", "base_url", "model")]
        lines += ['thinking = "off"', "sampling = { temperature = 0, top_p = 1, top_k = 0, min_p = 0 }"]
        lines += ['facts = { parameters_b = 0.0003, quantization = "f32", note = "random weights" }']
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def run_folder(workshop: Path, both: tuple[Model, Model]) -> Path:
    """One run of the whole path against both servers."""
    config = workshop / "bench.toml"
    config.write_text(bench_toml(both))
    done = lanebench("bench", "--config", str(config), "--results", str(workshop / "results"))
    assert done.returncode == 0, done.stderr
    for model in both:
        assert model.label in done.stdout
    return next((workshop / "results").iterdir())


@pytest.fixture(scope="module")
def result(run_folder: Path) -> Json:
    return json.loads((run_folder / "result.json").read_text())


def test_the_result_validates_and_is_no_simulation(result: Json) -> None:
    assert validate("result", result) == []
    assert result["run"]["simulated"] is False
    assert [model["simulated"] for model in result["models"]] == [False, False]


def test_every_task_was_asked_of_every_model(result: Json, both: tuple[Model, Model]) -> None:
    recorded = {(trial["model"], trial["task"]) for trial in result["trials"] if not trial["warmup"]}
    assert recorded == {(model.label, task) for model in both for task in TASKS}


def test_a_model_that_knows_nothing_gets_honest_outcomes(result: Json) -> None:
    code = [trial for trial in result["trials"] if trial["task"].startswith("code-") and not trial["warmup"]]
    assert len(code) == 6
    assert {trial["outcome"] for trial in code} <= HONEST


def ended(result: Json) -> list[Json]:
    """The trials that the server ended: what the kit stops as a loop has no usage. It stops no task of speed."""
    return [trial for trial in result["trials"] if trial["outcome"] != "repetitive"]


def test_the_timings_are_real(result: Json) -> None:
    for trial in ended(result):
        for turn in trial["turns"]:
            assert turn["error"] is None, (trial["model"], trial["task"])
            assert turn["usage"]["completion_tokens"] > 0
            times = turn["timings"]
            assert times["tokens_source"] == "usage"
            assert 0 < times["ttfb_s"] <= times["ttft_s"] <= times["e2e_s"]
    large = [trial for trial in result["trials"] if trial["task"] == "speed-large" and not trial["warmup"]]
    small = [trial for trial in result["trials"] if trial["task"] == "speed-small" and not trial["warmup"]]
    for long, short in zip(large, small, strict=True):
        assert long["turns"][0]["usage"]["prompt_tokens"] > 20_000
        assert short["turns"][0]["usage"]["prompt_tokens"] < 400
        assert long["turns"][0]["timings"]["ttft_s"] > 5 * short["turns"][0]["timings"]["ttft_s"]


def test_cold_means_cold(result: Json) -> None:
    for trial in ended(result):
        usage = trial["turns"][0]["usage"]
        assert (usage["cached_tokens"] or 0) < 64, (trial["model"], trial["task"])


def test_verify_reaches_rescore(run_folder: Path) -> None:
    done = lanebench("verify", str(run_folder))
    assert done.returncode == 0, done.stderr
    for level in ("schema", "consistent", "reread", "rescored"):
        assert level in done.stdout
    assert "UNVERIFIED" not in done.stdout
