"""What a run reports about a server's timing, from the socket to the report, against the reference server.

It processes a prompt at a known rate, truncates it to a known length and caches it, as its model's name says.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from harness.files import read_lines
from harness.reference import ReferenceServer, serving
from harness.report import render_html
from harness.run.folder import RunFolder, open_run
from harness.run.pipeline import write_result
from harness.summarize import summarize
from harness.types import Json, Model, Outcome, Result, Task
from tests.samples import model_at, task_of
from tests.test_faults import begin, finish

PREFILL_TPS = 20_000.0
SIZES_TOKENS = (250, 500, 1000, 2000, 4000)
SIZE_TRIALS = 5
"""The median of five times is the server's own even where a busy machine holds up two of them."""
SIZES = task_of("sizes", *("word " * (tokens * 4 // 5) for tokens in SIZES_TOKENS), separate=True)
READS = f"ttft_ms=20&prefill_tps={PREFILL_TPS:g}"
PACE = f"{READS}&tps=2000&tokens=24"


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    with serving() as running:
        yield running


def model_of(server: ReferenceServer, name: str, kind: str = "openai", **changes: Json) -> Model:
    return replace(model_at(server.base_url, name, kind), label=name.partition("?")[0], **changes)


def run(path: Path, models: Sequence[Model], tasks: Sequence[Task], **settings: float) -> tuple[RunFolder, Result]:
    folder = begin(path, models, tasks, **settings)
    result, stopped = finish(folder, models, tasks)
    assert stopped == []
    write_result(folder, result)
    return folder, result


def warning_texts(result: Result, code: str, model: str | None = None) -> list[str]:
    return [warning.text for warning in result.warnings if warning.code == code and model in (None, warning.model)]


# --- a TTFT that an early event cannot falsify ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def size_run(server: ReferenceServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, Result]:
    """A run of three models with the same true rate: plain, with an early role chunk, with an early first token."""
    names = ("plain", "role-early", "early-token")
    models = [model_of(server, f"{name}?{PACE}") for name in names]
    return run(tmp_path_factory.mktemp("sized"), models, [SIZES], trials=SIZE_TRIALS)


@pytest.mark.parametrize("name", ["plain", "role-early"])
def test_the_regression_finds_the_servers_rate_despite_an_early_role_chunk(
    size_run: tuple[RunFolder, Result], name: str
) -> None:
    _, result = size_run
    line = next(summary.prefill for summary in result.summaries if summary.model == name)
    assert line is not None
    # A busy machine's own delays may bend the line; that a straight one is called so, test_summarize_prefill shows.
    assert line.valid_rate != "none"
    assert line.tps == pytest.approx(PREFILL_TPS, rel=0.1)
    assert line.tps is not None
    assert line.apparent_tps is not None
    assert line.apparent_tps < line.tps
    assert warning_texts(result, "first_token_early", name) == []


def test_a_first_token_before_the_prefill_is_reported_with_its_lead_and_the_trusted_number(
    size_run: tuple[RunFolder, Result],
) -> None:
    folder, result = size_run
    line = next(summary.prefill for summary in result.summaries if summary.model == "early-token")
    assert line is not None
    assert (line.valid_rate, line.tps) == ("none", None)
    assert line.early_first_token_s == pytest.approx((SIZES_TOKENS[-1] - SIZES_TOKENS[0]) / PREFILL_TPS, rel=0.1)
    (text,) = warning_texts(result, "first_token_early", "early-token")
    assert f"by about {line.early_first_token_s:.2f} s" in text
    assert "are invalid, E2E is valid" in text
    assert text in [warning["text"] for warning in json.loads(folder.result_path.read_text())["warnings"]]
    assert "first token comes before the prefill is done" in render_html(result)


def test_first_byte_role_chunk_first_token_and_first_usable_token_have_their_own_times(
    server: ReferenceServer, tmp_path: Path
) -> None:
    models = [model_of(server, "as-omlx?ttft_ms=120&tps=200&tokens=30")]
    folder, result = run(tmp_path, models, [task_of("one")], trials=1)
    times = result.trials[0].turns[0].timings
    assert times.ttfb_s is not None
    assert times.role_s is not None
    assert times.ttft_s is not None
    assert times.ttfc_s is not None
    assert times.ttfb_s < times.role_s < times.ttft_s < times.ttfc_s
    assert times.ttfb_s < 0.05
    assert times.ttft_s > 0.12
    on_file = json.loads(folder.result_path.read_text())["trials"][0]["turns"][0]
    assert on_file["timings"]["role_s"] == times.role_s
    assert (on_file["counts"]["keepalives"], on_file["counts"]["role_only"]) == (2, 1)
    (line,) = [document for _, document in read_lines(folder.recordings_path)]
    assert line["headers_ns"] <= line["chunks"][0]["at_ns"] == round(times.ttfb_s * 1e9)


def test_a_model_loaded_by_a_proxy_during_a_request_is_reported(server: ReferenceServer, tmp_path: Path) -> None:
    models = [model_of(server, f"{name}?ttft_ms=250&tps=2000&tokens=24") for name in ("loading-message", "comments")]
    _, result = run(tmp_path, models, [task_of("one")], trials=1)
    assert [warning.model for warning in result.warnings if warning.code == "loaded_in_request"] == ["loading-message"]
    (turn,) = (trial.turns[0] for trial in result.trials if trial.model == "loading-message")
    assert (turn.reasoning_chars, turn.content[:3]) == (0, "w0 ")


# --- cold trials ---------------------------------------------------------------------------------------------------


def test_a_cold_trial_served_from_a_cache_is_flagged_counted_and_excluded(
    server: ReferenceServer, tmp_path: Path
) -> None:
    models = [model_of(server, f"plain?{READS}&tps=200&tokens=24&cache=1")]
    tasks = [task_of("one", "word " * 4000)]
    _, first = run(tmp_path / "first", models, tasks, trials=2, seed=11)
    _, again = run(tmp_path / "again", models, tasks, trials=4, seed=11)
    assert first.cells[0].cache_hits == 0
    (cell,) = again.cells
    assert (cell.cache_hits, cell.pass_rate.n) == (2, 4)
    speeds = cell.turns[0]
    assert speeds.ttft_s is not None
    assert speeds.decode_tps is not None
    assert (speeds.ttft_s.n, speeds.decode_tps.n) == (2, 4)
    assert speeds.ttft_s.minimum > 4000 / PREFILL_TPS
    assert "2 of 4 cold trials were served from the cache" in warning_texts(again, "cache_hit")[0]


def test_a_warm_conversation_is_compared_with_its_cold_control(server: ReferenceServer, tmp_path: Path) -> None:
    models = [model_of(server, f"plain?{PACE}&cache=1")]
    turns = ["word " * 2400, "and then", "and last"]
    tasks = [task_of("talk", *turns), task_of("apart", *("word " * 2400 + turn for turn in turns), separate=True)]
    _, result = run(tmp_path, models, tasks, trials=2)
    talk, apart = (next(cell for cell in result.cells if cell.task == name) for name in ("talk", "apart"))
    assert (talk.cache_hits, apart.cache_hits) == (0, 0)
    warm, cold = talk.turns[1].ttft_s, apart.turns[1].ttft_s
    assert warm is not None
    assert cold is not None
    assert warm.maximum < 0.5 * cold.minimum
    assert talk.turns[1].apparent_prefill_tps is None
    assert apart.turns[1].apparent_prefill_tps is not None


# --- truncated prompts -----------------------------------------------------------------------------------------------


def test_a_server_that_truncates_prompts_is_found_before_the_run(server: ReferenceServer, tmp_path: Path) -> None:
    models = [model_of(server, f"plain?{PACE}&cap=2000"), model_of(server, "cached-unreported?cap=2000")]
    tasks = [task_of("long", "word " * 4000), task_of("short", "word " * 200)]
    _, result = run(tmp_path, models, tasks, trials=2)
    assert {trial.task for trial in result.trials} == {"short"}
    for model in result.models:
        assert [skipped.task for skipped in model.skipped] == ["long"]
        assert "2000 tokens counted of about" in warning_texts(result, "long_prompt", model.label)[0]


def test_a_prompt_truncated_in_the_middle_of_a_conversation_is_truncated_in(
    server: ReferenceServer, tmp_path: Path
) -> None:
    models = [model_of(server, f"{name}?{PACE}&cap=600") for name in ("plain", "cached-unreported")]
    tasks = [task_of("talk", *["word " * 360] * 4)]
    _, result = run(tmp_path, models, tasks, trials=1)
    outcomes = {trial.model: (trial.outcome, len(trial.turns)) for trial in result.trials}
    # Without cached tokens in the usage, the missing tokens may be cached: a warning instead of a verdict.
    assert outcomes == {"plain": (Outcome.TRUNCATED_IN, 3), "cached-unreported": (Outcome.PASSED, 4)}
    assert "turn 3: 600 tokens, 600 before" in warning_texts(result, "prompt_shrank", "cached-unreported")[0]


# --- comparability -------------------------------------------------------------------------------------------------


def gaps_s(lines: Sequence[Mapping[str, Json]]) -> list[float]:
    """Seconds between the end of each turn and the first byte of the next."""
    return [(after["sent_ns"] - before["sent_ns"] - before["ended_ns"]) / 1e9 for before, after in pairwise(lines)]


def test_trials_are_interleaved_with_their_own_seeds_and_pauses(server: ReferenceServer, tmp_path: Path) -> None:
    model = model_of(server, "plain?ttft_ms=5&tps=2000&tokens=24")
    model = replace(model, sampling=replace(model.sampling, seed=40))
    tasks = [task_of("canary", tags=("canary",)), task_of("one"), task_of("two")]
    folder, result = run(tmp_path, [model], tasks, trials=2, idle_s=0.3)
    lines = [document for _, document in read_lines(folder.recordings_path)]
    names = [line["key"]["task"] for line in lines]
    assert names[::3] == ["canary"] * 2
    assert [sorted(names[at : at + 3]) for at in (0, 3)] == [["canary", "one", "two"]] * 2
    assert [line["request"]["seed"] for line in lines] == [40 + line["key"]["trial"] for line in lines]
    assert all(line["request"]["temperature"] == 0.0 and line["request"]["top_p"] == 1.0 for line in lines)
    assert min(gaps_s(lines)) >= 0.3
    assert [cell.distinct_answers for cell in result.cells] == [1, 1, 1]
    assert len(warning_texts(result, "identical_answers")) == 3


def test_a_machine_that_slows_down_is_reported_by_the_canary_in_every_cell(
    server: ReferenceServer, tmp_path: Path
) -> None:
    models = [model_of(server, "plain?ttft_ms=5&tps=120&tokens=30&slow_from=7")]
    _, result = run(tmp_path, models, [task_of("canary", tags=("canary",)), task_of("one")], trials=4)
    (text,) = warning_texts(result, "canary_drifted")
    assert "4 of 4" in text
    assert [3 in cell.drifted_trials for cell in result.cells] == [True, True]
    assert " ~" in render_html(result)


def test_a_rate_above_the_machines_roofline_is_reported_with_the_bound(size_run: tuple[RunFolder, Result]) -> None:
    _, result = size_run
    heavy = {"parameters_b": 70.0, "bits_per_weight": 8.0}
    host = replace(result.host, chip="Apple M1", gpu_cores=8)
    models = tuple(replace(model, facts=heavy) for model in result.models)
    again = summarize(replace(result, host=host, models=models))
    assert "is above 69, the peak-FLOPs limit" in warning_texts(again, "implausible_prefill", "plain")[0]
    assert warning_texts(result, "implausible_prefill") == []


def test_thinking_is_believed_only_if_the_reply_shows_it(server: ReferenceServer, tmp_path: Path) -> None:
    pace = "ttft_ms=5&tps=2000&tokens=24"
    models = [
        model_of(server, f"plain?{pace}", kind="vllm", thinking="on"),
        model_of(server, f"reasoning?{pace}", kind="vllm", thinking="off"),
        model_of(server, f"reasoning-content?{pace}", kind="vllm", thinking="on"),
    ]
    _, result = run(tmp_path, models, [task_of("one")], trials=1)
    found = {(warning.code, warning.model) for warning in result.warnings if warning.code.startswith("thinking")}
    assert found == {("thinking_not_on", "plain"), ("thinking_not_off", "reasoning")}


def test_the_kits_own_resource_use_is_in_the_result(size_run: tuple[RunFolder, Result]) -> None:
    _, result = size_run
    for model in result.models:
        assert model.recorder_overhead is not None
        assert 0 < model.recorder_overhead.cpu_s < model.recorder_overhead.wall_s
        turns = SIZE_TRIALS * len(SIZES_TOKENS)
        assert (model.recorder_overhead.turns, model.recorder_overhead.peak_rss_bytes > 10**6) == (turns, True)
    assert open_run(size_run[0].path).recorded
