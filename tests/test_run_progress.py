"""The time left is estimated from trials that were measured, and told once a minute where there is no terminal."""

import io
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.cli.console import LINE_S, ProgressLines, live_bars
from harness.config import Config
from harness.files import build
from harness.run import start_run
from harness.run.earlier_runs import EarlierRun, find_earlier_run
from harness.run.probed import expect_from_probes, keep_probe
from harness.run.progress import RecordingProgress, TimeLeft, describe_left, describe_trial
from harness.types import ProbeReport, Recording, RunSettings, TrialKey
from tests.bundle import MODELS, good_bundle, tasks, write_run

TASKS = {"code-bugfix": 12.0, "summarize-long": 95.0, "speed-small": 4.0, "write-voice": 30.0}


def recorded_turns() -> list[Recording]:
    """The turns of one trial."""
    turns = [build(Recording, document) for document in good_bundle().recordings]
    return [turn for turn in turns if turn.key == turns[0].key]


def _run(speeds: dict[str, float], trials: int) -> list[tuple[TrialKey, float]]:
    """Durations in a run's order: models one after the other, blocks of tasks, each up to 15 % off its mean."""
    noise = random.Random(7)
    return [
        (TrialKey(model, task, trial), mean * factor * noise.uniform(0.85, 1.15))
        for model, factor in speeds.items()
        for trial in range(trials)
        for task, mean in TASKS.items()
    ]


@pytest.mark.parametrize("speeds", [{"a": 1.0}, {"a": 1.0, "b": 1.6}, {"a": 1.0, "b": 0.7, "c": 1.2, "d": 0.9}])
def test_the_estimate_at_half_time_is_within_a_quarter(speeds: dict[str, float]) -> None:
    run = _run(speeds, 10)
    left, spent, whole = TimeLeft(key for key, _ in run), 0.0, sum(seconds for _, seconds in run)
    for key, seconds in run:
        left.ended(key, seconds)
        spent += seconds
        if spent >= whole / 2:
            break
    estimate = left.left_s()
    assert estimate == pytest.approx(whole - spent, rel=0.25)


def test_a_time_is_named_from_the_second_trial_on() -> None:
    run = _run({"a": 1.0}, 2)
    left = TimeLeft(key for key, _ in run)
    assert left.left_s() is None
    left.ended(*run[0])
    assert left.left_s() is not None


def test_what_an_earlier_run_took_counts_until_a_trial_of_its_own_has_ended() -> None:
    run = _run({"a": 1.0}, 2)
    earlier = EarlierRun(
        "what run 20260101-000000-0001 took", {("a", task): 2 * mean for task, mean in TASKS.items()}, {}
    )
    left = TimeLeft((key for key, _ in run), earlier)
    assert left.forecast == ", about 9 min by what run 20260101-000000-0001 took"
    assert left.left_s() == pytest.approx(2 * 2 * sum(TASKS.values()))
    for key, seconds in run[: len(TASKS)]:
        left.ended(key, seconds)
    assert left.left_s() == pytest.approx(sum(TASKS.values()), rel=0.15)


def test_the_newest_earlier_run_of_the_same_model_tells_how_long_a_trial_takes(tmp_path: Path) -> None:
    write_run(tmp_path / "20260101-000000-0001", good_bundle())
    write_run(tmp_path / "20260102-000000-0002", good_bundle())
    (tmp_path / "20260103-000000-0003").mkdir()
    (tmp_path / "20260103-000000-0003" / "result.json").write_text("{")
    folder = start_run(tmp_path, Config(RunSettings(), MODELS), tuple(tasks().values()))
    earlier = find_earlier_run(folder)
    assert earlier is not None
    assert earlier.source == "what run 20260102-000000-0002 took"
    assert set(earlier.seconds) == {(model.label, task) for model in MODELS for task in tasks()}
    assert all(0 < seconds < 3600 for seconds in earlier.seconds.values())


def test_without_an_earlier_run_the_rates_of_a_probe_tell_how_long_trials_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEBENCH_CACHE", str(tmp_path))
    model, known = MODELS[0], tuple(tasks().values())
    assert expect_from_probes(MODELS, known) is None
    report = ProbeReport(model.server, model.model, (), None, None, None, None, None, (), 3, 0, 1000.0, 20.0)
    keep_probe(f"{model.base_url}/", report)
    expected = expect_from_probes((model,), known)
    assert expected is not None
    left = TimeLeft((TrialKey(model.label, task.name, trial) for task in known for trial in range(2)), expected)
    assert left.forecast.endswith(" by the rates of its probe")
    keep_probe(model.base_url, replace(report, prefill_tps=500.0, decode_tps=10.0))
    twice = expect_from_probes((model,), known)
    assert twice is not None
    assert twice.seconds == pytest.approx({pair: 2 * seconds for pair, seconds in expected.seconds.items()})


def test_runs_of_other_models_tell_nothing(tmp_path: Path) -> None:
    write_run(tmp_path / "20260101-000000-0001", good_bundle())
    other = replace(MODELS[0], model="another")
    assert find_earlier_run(start_run(tmp_path, Config(RunSettings(), (other,)), tuple(tasks().values()))) is None


def test_a_skipped_trial_takes_no_time() -> None:
    run = _run({"a": 1.0}, 2)
    left = TimeLeft(key for key, _ in run)
    left.ended(*run[0])
    left.drop(key for key, _ in run)
    assert (left.left_s(), left.open_trials) == (0, 0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (45, "about 45 s left"), (840, "about 14 min left"), (9000, "about 2.5 h left")],
)
def test_a_time_is_told_in_words(seconds: float | None, words: str) -> None:
    assert describe_left(seconds) == words


def test_without_a_terminal_a_line_is_told_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    lines = ProgressLines(lambda: now)
    for done in range(21):
        lines("record", done, 20, "model task")
        now += LINE_S / 4
    told = [int(line.split()[1]) for line in capsys.readouterr().err.splitlines()]
    assert told == [0, 4, 8, 12, 16, 20]


def test_the_rate_of_a_long_first_trial_is_told_once_a_minute_too(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    lines = ProgressLines(lambda: now)
    for second in range(150):
        now = float(second)
        lines("record", 0, 20, f"model task, {second} tok/s now")
    told = [line.split(", ")[1] for line in capsys.readouterr().err.splitlines()]
    assert told == ["0 tok/s now", "60 tok/s now", "120 tok/s now"]


def test_each_fact_of_a_step_has_its_line_in_a_terminal_of_60_columns() -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=60, force_terminal=True, soft_wrap=True)
    with live_bars(console) as show:
        show(
            "record",
            3,
            90,
            "a-model-with-a-long-name code-new-interval-merge 3, 41 tok/s now\nabout 14 min left\nlast: x",
        )
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue()).splitlines()
    assert max(map(len, lines)) <= 60
    assert [line.strip()[:16] for line in lines[-3:]] == ["a-model-with-a-l", "about 14 min lef", "last: x"]
    assert any("3/90" in line for line in lines)


def test_a_recording_tells_the_rate_while_a_trial_runs_and_then_how_it_ended() -> None:
    told: list[str] = []
    run, turns = _run({"a": 1.0}, 1), recorded_turns()
    progress = RecordingProgress(lambda *step: told.append(step[3]), TimeLeft(key for key, _ in run), set())
    progress.begin("a code-bugfix 1")
    progress.rate(41.3)
    progress.end(run[0][0], turns, run[0][1])
    progress.begin("a summarize-long 1")
    assert told[:2] == ["a code-bugfix 1", "a code-bugfix 1, 41 tok/s now"]
    assert told[2].splitlines()[-1] == f"last: {turns[0].key.task} complete"


def test_the_turns_of_a_trial_that_ended_alike_are_counted() -> None:
    (turn, *_) = recorded_turns()
    turns = [turn, turn, replace(turn, end_reason="read_timeout")]
    assert describe_trial(turns) == f"{turn.key.task}: 2 complete, then read_timeout"
