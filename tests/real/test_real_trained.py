"""Real servers that give passing code: a tiny model that knows three tasks by heart, thinking or not, with tools.

Its answers are right only where the whole path is: the prompt as it was meant, the template with and without a
thought, the tool calls sent back as they were made, the nonces of the run's seed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.types import Json
from tests.real.conftest import HERE, llama_of, mlx_of
from tests.real.test_real_bench import lanebench

SEED = 7
TASKS = ("code-bugfix", "code-tooluse", "chat-cold-warm")
TRAIN_S = 3600


@pytest.fixture(scope="module")
def trained(workshop: Path) -> Path:
    """The trained model's folder: minutes on two processors that have nothing else to do."""
    out = workshop / "trained"
    tasks = [word for name in TASKS for word in ("--task", name)]
    words = [sys.executable, str(HERE / "train_tiny_model.py"), str(out), "--seed", str(SEED), *tasks]
    subprocess.run(words, check=True, timeout=TRAIN_S)
    return out


def _models(base_urls: dict[str, tuple[str, str]]) -> Iterator[str]:
    for server, (base_url, model) in base_urls.items():
        for thinking in ("off", "on"):
            yield f"""
[[models]]
label = "{server}-{thinking}"
server = "{server}"
base_url = "{base_url}"
model = "{model}"
thinking = "{thinking}"
sampling = {{ temperature = 0, top_p = 1, top_k = 0, min_p = 0 }}
"""


@pytest.fixture(scope="module")
def run_folder(workshop: Path, trained: Path) -> Path:
    config, results = workshop / "trained.toml", workshop / "trained-results"
    with llama_of(trained, workshop) as llama, mlx_of(trained, workshop) as mlx:
        urls = {model.server: (model.base_url, model.model) for model in (llama, mlx)}
        settings = (
            f"[run]\ntasks = {json.dumps(TASKS)}\ntrials = 1\nwarmups = 0\nseed = {SEED}\nthinking_tokens = 500\n"
        )
        config.write_text(settings + "".join(_models(urls)))
        done = lanebench("bench", "--config", str(config), "--results", str(results))
    assert done.returncode == 0, done.stderr
    return next(results.iterdir())


@pytest.fixture(scope="module")
def trials(run_folder: Path) -> list[Json]:
    return list(json.loads((run_folder / "result.json").read_text())["trials"])


def test_every_answer_that_was_learned_passes(trials: list[Json]) -> None:
    ended = {(trial["model"], trial["task"]): trial["outcome"] for trial in trials}
    assert len(ended) == 12
    assert set(ended.values()) == {"passed"}, ended


def test_thoughts_come_where_they_were_asked_for_and_nowhere_else(trials: list[Json]) -> None:
    for trial in trials:
        thought = [turn["reasoning_chars"] > 0 for turn in trial["turns"]]
        assert all(thought) if trial["model"].endswith("-on") else not any(thought), trial["model"]


def test_tools_are_called_one_turn_after_the_other(trials: list[Json]) -> None:
    for trial in (trial for trial in trials if trial["task"] == "code-tooluse"):
        names = [[call["name"] for call in turn["tool_calls"]] for turn in trial["turns"]]
        assert names[0] == ["grep"], trial["model"]
        assert any("edit_file" in called for called in names)
        assert names[-1] == []


def test_later_turns_find_the_conversation_in_the_cache(trials: list[Json]) -> None:
    for trial in (trial for trial in trials if trial["task"] == "chat-cold-warm"):
        cached = [turn["usage"]["cached_tokens"] or 0 for turn in trial["turns"]]
        # The same process was asked the same task before, without thoughts: each contender has nonces of its own.
        assert cached[0] < 32, trial["model"]
        assert min(cached[1:]) > 0, trial["model"]


def test_what_passed_passes_again_when_it_is_verified(run_folder: Path) -> None:
    done = lanebench("verify", str(run_folder))
    assert done.returncode == 0, done.stderr
    assert "UNVERIFIED" not in done.stdout
