"""Honest runs that went oddly verify and are published as what they are; what was recorded cannot be recorded again."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from harness import __version__
from harness.bundle import PublishRequest, publish
from harness.cluster import ThreadScorer
from harness.config import Config
from harness.errors import CheckError, RunError
from harness.files import read_lines
from harness.reference import serving
from harness.report import render_github, render_html, render_text
from harness.run.folder import RunFolder, create_run, open_run
from harness.run.pipeline import build_result, score_run, start_run, write_result
from harness.run.recorder import record_run
from harness.types import Finding, KitInfo, Model, Result, RunSettings, Sandbox
from harness.verify import VerifyOptions, verify
from tests.fake_server import FakeBehavior, serve_fake
from tests.samples import kit_tasks, model_at
from tests.test_faults import NoSandbox, silent
from tests.test_run_recorder import make_model, record_models, routes

NAMES = ("speed-small", "chat-cold-control")
"""One task of one turn, and one of several separate turns; nothing of them is run in a container."""
TASKS = tuple(kit_tasks()[name] for name in NAMES)
LABELS = ("first", "second", "third")


@contextmanager
def no_sandbox(_languages: tuple[str, ...]) -> Iterator[Sandbox]:
    yield NoSandbox()


OPTIONS = VerifyOptions("rescored", tasks=kit_tasks(), open_sandbox=no_sandbox)
FAST = "plain?ttft_ms=2&tps=9000&tokens=12"


@pytest.fixture(scope="module")
def models() -> Iterator[tuple[Model, ...]]:
    with serving() as server:
        yield tuple(replace(model_at(server.base_url, FAST), label=label) for label in LABELS)


def begin(results: Path, models: Sequence[Model], passes: int = 2) -> RunFolder:
    """A run of a released kit, whatever the state of this checkout is."""
    settings = RunSettings(tasks=NAMES, trials=2, warmups=1, seed=7, idle_s=0.0, passes=passes)
    plan = start_run(results / "drafts", Config(settings, tuple(models)), TASKS).plan
    return create_run(results, replace(plan, kit=KitInfo(__version__, "a" * 40, False)))


def finish(path: Path) -> Result:
    """Score what is recorded and write the result."""
    folder = open_run(path)
    score_run(folder, TASKS, ThreadScorer(NoSandbox()), silent)
    result = build_result(folder)
    write_result(folder, result)
    return result


def stop_at(done: int) -> Callable[[str, int, int, str], None]:
    """Press Ctrl-C when so many trials of all models are recorded."""

    def progress(_stage: str, at: int, _total: int, _words: str) -> None:
        if at == done:
            raise KeyboardInterrupt

    return progress


def kill(folder: RunFolder, keep_turns: int, torn: bytes = b"") -> None:
    """Leave the files as a kill after so many turns would."""
    lines = folder.recordings_path.read_bytes().splitlines(keepends=True)
    folder.recordings_path.write_bytes(b"".join(lines[:keep_turns]) + torn)
    folder.log_path.write_bytes(folder.log_path.read_bytes().splitlines(keepends=True)[0])
    models = folder.models_path.read_bytes().splitlines(keepends=True)
    folder.models_path.write_bytes(models[0])


def record(folder: RunFolder, models: Sequence[Model]) -> None:
    assert record_run(folder, TASKS, models, silent) == []


def findings(path: Path) -> list[Finding]:
    verdict = verify(path, OPTIONS)
    assert verdict.exit_code == 0, verdict
    return [finding for report in verdict.levels for finding in report.findings]


def history(path: Path) -> list[str]:
    return [finding.message for finding in findings(path) if finding.check == "chain"]


def publish_run(path: Path) -> Path:
    return publish(PublishRequest(path, path.parent / "out", lambda run: verify(run, OPTIONS)))


def cut_out(path: Path) -> None:
    """Remove the line of a trial of one turn, as if it had never been."""
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[next(at for at, line in enumerate(lines) if b'"speed-small","trial":0,"warmup":false' in line)]
    path.write_bytes(b"".join(lines))


def test_a_run_that_went_as_planned_has_no_history(tmp_path: Path, models: tuple[Model, ...]) -> None:
    folder = begin(tmp_path, models[:1])
    record(folder, models[:1])
    finish(folder.path)
    assert history(folder.path) == []
    assert verify(publish_run(folder.path), OPTIONS).exit_code == 0


@pytest.mark.parametrize("keep_turns", [0, 3])
def test_a_run_that_was_killed_and_resumed_is_published_with_its_history(
    tmp_path: Path, models: tuple[Model, ...], keep_turns: int
) -> None:
    folder = begin(tmp_path, models[:1])
    record(folder, models[:1])
    kill(folder, keep_turns, b'{"chunks":[{"at_ns":')
    record(open_run(folder.path), models[:1])
    finish(folder.path)
    (text,) = history(folder.path)
    lost = ", interrupted in 1 of its trials, whose turns are kept and count for nothing" if keep_turns == 3 else ""
    assert text == f"the run was resumed once, killed once{lost}"
    assert [entry["torn_bytes"] for _, entry in read_lines(folder.log_path) if entry["event"] == "kill"] == [20]
    assert verify(publish_run(folder.path), OPTIONS).exit_code == 0


def test_a_killed_run_that_is_not_resumed_is_published_with_the_trials_that_it_has(
    tmp_path: Path, models: tuple[Model, ...]
) -> None:
    folder = begin(tmp_path, models[:1])
    record(folder, models[:1])
    kill(folder, 1)
    result = finish(folder.path)
    assert [trial.warmup for trial in result.trials] == [True]
    with pytest.raises(CheckError, match="the run has no trials"):
        publish_run(folder.path)
    assert any("0 of 4 planned trials were run" in finding.message for finding in findings(folder.path))


@pytest.fixture
def stopped(tmp_path: Path, models: tuple[Model, ...]) -> RunFolder:
    """A run that its owner stopped when the second of three models had run one of four trials."""
    folder = begin(tmp_path, models, passes=1)
    with pytest.raises(KeyboardInterrupt):
        record_run(folder, TASKS, models, stop_at(9))
    return folder


def test_a_run_that_its_owner_stopped_is_published_as_what_it_is(stopped: RunFolder) -> None:
    result = finish(stopped.path)
    ran = {model.label: model.stop_reason for model in result.models}
    assert ran == {"first": None, "second": "stopped by its owner", "third": None}
    assert [trial.model for trial in result.trials if not trial.warmup].count("second") == 1
    found = [finding for finding in findings(stopped.path) if finding.check == "trials"]
    assert [finding.severity for finding in found] == ["info", "info"]
    assert "second: 1 of 4 planned trials were run (stopped by its owner)" in found[0].message
    assert verify(publish_run(stopped.path), OPTIONS).exit_code == 0


@pytest.mark.parametrize("render", [render_text, render_github, render_html])
def test_models_that_were_not_run_are_named_in_the_first_lines(
    stopped: RunFolder, render: Callable[[Result], str]
) -> None:
    report = " ".join(render(finish(stopped.path)).split())
    head = report[: report.index("Models at a glance")]
    assert "second ran 1 of 4 trials (stopped by its owner)" in head
    assert "third was not run, 0 of 4 trials" in head
    assert "first" not in head[head.index("NOT COMPLETE") :]


def turns_of(result: Result) -> list[tuple[str, int]]:
    """Whose turn it was, and with how many trials of it."""
    return [(label, len(list(trials))) for label, trials in groupby(result.trials, lambda trial: trial.model)]


@pytest.mark.parametrize("stop", [None, 9, 15])
def test_models_take_turns_and_the_second_pass_goes_backwards(
    tmp_path: Path, models: tuple[Model, ...], stop: int | None
) -> None:
    folder = begin(tmp_path, models)
    if stop is not None:
        with pytest.raises(KeyboardInterrupt):
            record_run(folder, TASKS, models, stop_at(stop))
        folder = open_run(folder.path)
    record(folder, models)
    result = finish(folder.path)
    # A pass has two warm-ups and one trial of each task; the last model of the first is the first one of the second.
    assert turns_of(result) == [("first", 4), ("second", 4), ("third", 8), ("second", 4), ("first", 4)]
    assert [trial.warmup for trial in result.trials if trial.model == "first"] == [True, True, False, False] * 2
    overhead = result.models[0].recorder_overhead
    assert overhead is not None
    assert overhead.turns == sum(len(trial.turns) for trial in result.trials if trial.model == "first")
    assert verify(publish_run(folder.path), OPTIONS).exit_code == 0


def test_a_plan_of_one_pass_and_one_that_states_none_are_the_same(tmp_path: Path, models: tuple[Model, ...]) -> None:
    folder = begin(tmp_path, models, passes=1)
    record(folder, models)
    path = folder.path / "run.json"
    document = json.loads(path.read_text())
    del document["settings"]["passes"]
    path.write_text(json.dumps(document))
    result = finish(folder.path)
    assert [label for label, _ in turns_of(result)] == ["first", "second", "third"]
    assert verify(folder.path, OPTIONS).exit_code == 0


def test_a_run_of_one_model_has_one_pass(tmp_path: Path, models: tuple[Model, ...]) -> None:
    assert begin(tmp_path, models[:1]).plan.settings.passes == 1


def test_a_stopped_run_that_is_resumed_is_complete(stopped: RunFolder, models: tuple[Model, ...]) -> None:
    record(open_run(stopped.path), models)
    result = finish(stopped.path)
    assert [model.stop_reason for model in result.models] == [None] * 3
    assert all(cell.pass_rate.is_complete for cell in result.cells)
    assert history(stopped.path) == ["the run was resumed once"]
    assert verify(publish_run(stopped.path), OPTIONS).exit_code == 0


@pytest.mark.parametrize(("done", "again"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 0), (5, 1), (7, 2)])
def test_a_session_within_a_pass_sends_the_warm_ups_of_the_pass_again_and_records_none(
    tmp_path: Path, models: tuple[Model, ...], done: int, again: int
) -> None:
    lines: list[str] = []
    sent: list[str] = []

    def note(_stage: str, _done: int, _total: int, words: str) -> None:
        name = words.partition("\n")[0]
        sent.extend([name] if "warm-up" in name and "tok/s" not in name else [])

    folder = begin(tmp_path, models)
    # A pass of the first model has two warm-ups and one trial of each task.
    with pytest.raises(KeyboardInterrupt):
        record_run(folder, TASKS, models[:1], stop_at(done))
    folder = open_run(folder.path)
    before = sum(key.warmup for key in folder.recorded)
    assert record_run(folder, TASKS, models[:1], note, lines.append) == []
    recorded = sum(key.warmup for key in folder.recorded)
    assert recorded == 4
    assert len(sent) - (recorded - before) == again
    assert sum("resumed within a pass: its warm-ups are sent again, unrecorded" in line for line in lines) == (
        again > 0
    )
    assert all(key.trial < 2 for key in folder.recorded)


def test_a_model_whose_server_is_gone_was_stopped_and_not_failed(tmp_path: Path, models: tuple[Model, ...]) -> None:
    gone = replace(models[0], label="gone", base_url="http://127.0.0.1:9/v1")
    folder = begin(tmp_path, [gone, models[1]])
    assert len(record_run(folder, TASKS, [gone, models[1]], silent)) == 1
    result = finish(folder.path)
    assert [cell.pass_rate.rate for cell in result.cells if cell.model == "gone"] == [None, None]
    assert verify(publish_run(folder.path), OPTIONS).exit_code == 0


def test_best_of_n_ends_at_the_first_resume(tmp_path: Path, models: tuple[Model, ...]) -> None:
    folder = begin(tmp_path, models[:1])
    record(folder, models[:1])
    finish(folder.path)
    cut_out(folder.recordings_path)
    cut_out(folder.scores_path)
    with pytest.raises(RunError, match="a line was removed, added or changed afterwards"):
        open_run(folder.path)
    verdict = verify(folder.path, OPTIONS)
    assert verdict.levels[3].state == "failed"
    assert "chain" in {finding.check for finding in verdict.levels[3].findings}
    with pytest.raises(CheckError, match=r"\[chain\]"):
        publish_run(folder.path)


def test_a_copy_of_the_whole_folder_that_is_put_back_is_found_by_nothing(
    tmp_path: Path, models: tuple[Model, ...]
) -> None:
    """README lists it: "a run chosen from many"."""
    folder = begin(tmp_path, models[:1])
    with pytest.raises(KeyboardInterrupt):
        record_run(folder, TASKS, models[:1], stop_at(3))
    copy = shutil.copytree(folder.path, tmp_path / "copy")
    record(open_run(folder.path), models[:1])
    shutil.rmtree(folder.path)
    copy.rename(folder.path)
    record(open_run(folder.path), models[:1])
    finish(folder.path)
    assert history(folder.path) == ["the run was resumed once"]


def test_a_trial_that_is_missing_in_the_middle_is_not_recorded_later(tmp_path: Path, models: tuple[Model, ...]) -> None:
    """As after a forger linked the lines anew: what is recorded last is then not what the plan has last."""
    folder = begin(tmp_path, models[:1])
    record(folder, models[:1])
    folder.recorded -= {next(key for key in folder.recorded if not key.warmup and key.trial == 0)}
    (problem,) = record_run(folder, TASKS, models[:1], silent)
    assert "takes other tasks than when the run was begun" in problem.message


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize(
    ("behavior", "served"),
    [
        (FakeBehavior(context=16_384), 16_384),
        (FakeBehavior(context=8192, overflow="silent_truncation", repeats=True), 65_536),
    ],
    ids=["as the server says", "less than the server says"],
)
def test_a_task_that_does_not_fit_is_skipped_and_verify_agrees(
    tmp_path: Path, behavior: FakeBehavior, served: int, killed: bool
) -> None:
    tasks = tuple(kit_tasks()[name] for name in ("speed-small", "speed-large"))
    with serve_fake(behavior, routes(served)) as server:
        folder, problems = record_models(tmp_path, tasks, [make_model(server.base_url)])
    assert problems == []
    if killed:
        kill(folder, 0, b"{")
        folder = open_run(folder.path)
    score_run(folder, tasks, ThreadScorer(NoSandbox()), silent)
    result = build_result(folder)
    write_result(folder, result)
    assert [skip.task for skip in result.models[0].skipped] == ["speed-large"]
    # The run says that it is of a suite that has more tasks, which is another check's finding.
    found = [finding for report in verify(folder.path, OPTIONS).levels for finding in report.findings]
    assert [finding for finding in found if finding.severity == "error" and finding.check != "suite"] == []
