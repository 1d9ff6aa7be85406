"""A server that fails during a run: the trial's outcome, the bytes that are kept, and how the run goes on."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli.fixes import resumable
from harness.cluster import ThreadScorer
from harness.config import Config
from harness.errors import DiskError, Problem
from harness.reference import FAULTS, ReferenceServer, serving, start
from harness.run.folder import RunFolder, open_run
from harness.run.pipeline import build_result, score_run, start_run
from harness.run.recorder import record_run
from harness.types import Job, Model, Observation, Outcome, Result, RunSettings, SandboxFacts, Task, TurnResult
from tests.deep import deep
from tests.samples import model_at, task_of

SETTINGS = RunSettings(
    tasks=("one", "two"),
    trials=2,
    warmups=0,
    seed=7,
    idle_s=0.0,
    connect_timeout_s=10.0,
    read_timeout_s=0.5,
    turn_timeout_s=4.0,
)
TASKS = (task_of("one"), task_of("two"))
PACE = "ttft_ms=5&tps=2000&tokens=40"
STOPS = ("http-401", "http-404")
LONG = ("huge-event", "endless", "die", "die-during-prefill")
BROKEN = (
    "error-body",
    "no-reply",
    "http-429",
    "http-500",
    "http-503",
    "malformed-event",
    "unfinished",
    "reset",
    "hang",
    "silent",
    "not-http",
)
OUTCOMES = {
    **{name: Outcome.TRUNCATED_IN for name in FAULTS if name.startswith("overflow")},
    **dict.fromkeys(BROKEN, Outcome.SERVER_ERROR),
    "empty-stream": Outcome.NO_ANSWER,
}


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    """The server of all tests in which it does not die."""
    with serving() as running:
        yield running


class NoSandbox:
    """A sandbox for tasks that are only timed, which run no code."""

    @property
    def facts(self) -> SandboxFacts:
        return SandboxFacts("none", "0", "none", "none", "none", False, "2")

    def run(self, job: Job) -> tuple[Observation, ...]:
        raise AssertionError(f"a task that is only timed ran {job}")


def silent(_stage: str, _done: int, _total: int, _name: str) -> None:
    return


def models_of(server: ReferenceServer, names: Sequence[str]) -> tuple[Model, ...]:
    return tuple(replace(model_at(server.base_url, f"{name}?{PACE}"), label=name) for name in names)


def begin(path: Path, models: Sequence[Model], tasks: Sequence[Task] = TASKS, **changes: float) -> RunFolder:
    settings = replace(SETTINGS, tasks=tuple(task.name for task in tasks), **changes)  # type: ignore[arg-type]
    return start_run(path, Config(settings, tuple(models)), tasks)


def finish(folder: RunFolder, models: Sequence[Model], tasks: Sequence[Task] = TASKS) -> tuple[Result, list[Problem]]:
    """Record and score what is left; return the result and why models stopped."""
    stopped = record_run(folder, tasks, models, silent)
    score_run(folder, tasks, ThreadScorer(NoSandbox()), silent)
    return build_result(folder), stopped


def outcomes(result: Result, model: str) -> list[Outcome]:
    return [trial.outcome for trial in result.trials if trial.model == model]


def test_every_fault_has_an_expectation() -> None:
    assert {*OUTCOMES, *STOPS, *LONG} == set(FAULTS)


def test_a_fault_is_the_outcome_of_its_trials_and_the_run_goes_on(server: ReferenceServer, tmp_path: Path) -> None:
    models = models_of(server, [*OUTCOMES, "plain"])
    folder = begin(tmp_path, models)
    result, stopped = finish(folder, models)
    assert stopped == []
    assert {name: set(outcomes(result, name)) for name in OUTCOMES} == {
        name: {outcome} for name, outcome in OUTCOMES.items()
    }
    assert outcomes(result, "plain") == [Outcome.PASSED] * 4
    assert all(len(outcomes(result, model.label)) == 4 for model in models)


@pytest.mark.parametrize("name", ["reset", "hang", "unfinished", "malformed-event"])
def test_the_bytes_of_a_broken_reply_are_kept_and_give_no_rate(
    server: ReferenceServer, tmp_path: Path, name: str
) -> None:
    models = models_of(server, [name])
    result, _ = finish(begin(tmp_path, models), models)
    turns = [turn for trial in result.trials for turn in trial.turns]
    assert all(turn.content.startswith("w0 w1 w2 ") for turn in turns)
    assert all(turn.error is not None and turn.timings.decode_tps is None for turn in turns)


@pytest.mark.parametrize("name", STOPS)
def test_a_permanent_error_response_stops_its_model_and_not_the_run(
    server: ReferenceServer, tmp_path: Path, name: str
) -> None:
    models = models_of(server, [name, "plain"])
    result, stopped = finish(begin(tmp_path, models), models)
    # It was never asked, so it has no trial that would count as its failure.
    assert outcomes(result, name) == []
    assert outcomes(result, "plain") == [Outcome.PASSED] * 4
    assert len(stopped) == 1
    assert name[-3:] in stopped[0].message
    assert ("key_env" if name == "http-401" else "base_url") in stopped[0].fix


def run_one(server: ReferenceServer, path: Path, name: str, **timeouts: float) -> TurnResult:
    """Run one trial of one fault with these timeouts and return its turn."""
    models = models_of(server, [name])
    folder = begin(path, models, TASKS[:1], trials=1, **timeouts)
    result, stopped = finish(folder, models, TASKS[:1])
    assert stopped == []
    return result.trials[0].turns[0]


def test_an_endless_stream_is_cut_off_at_the_turn_timeout(server: ReferenceServer, tmp_path: Path) -> None:
    endless = run_one(server, tmp_path, "endless", read_timeout_s=30.0, turn_timeout_s=1.0)
    assert endless.error is not None
    assert endless.error.kind == "limit_exceeded"
    assert endless.content.startswith("w0 w1 ")


@deep
def test_an_event_of_50_mb_is_kept_completely(server: ReferenceServer, tmp_path: Path) -> None:
    huge = run_one(server, tmp_path, "huge-event", read_timeout_s=300.0, turn_timeout_s=300.0)
    assert huge.error is None
    assert len(huge.content) == 50 * 1024 * 1024


@pytest.mark.parametrize(
    ("name", "kept"),
    [("die", b"w0 "), pytest.param("die-during-prefill", b": keepalive 1024/4096", marks=deep)],
)
def test_a_dead_server_stops_its_model_and_resume_finishes_the_run_once_it_is_back(
    tmp_path: Path, name: str, kept: bytes
) -> None:
    with serving() as server:
        models = models_of(server, [name])
        folder = begin(tmp_path, models)
        port = server.port
        result, stopped = finish(folder, models)
    # The dying server may still accept the next connection and drop it: that trial is its failure, too.
    died = outcomes(result, name)
    assert set(died) == {Outcome.SERVER_ERROR}
    assert 1 <= len(died) < 4
    first = next(folder.read_trials())[0]
    assert kept in b"".join(chunk.data for chunk in first.chunks)
    assert len(stopped) == 1
    restarted = start(port)
    try:
        resumed = open_run(folder.path)
        alive = tuple(replace(model, model=f"plain?{PACE}") for model in models)
        result, stopped = finish(resumed, alive)
    finally:
        restarted.end()
    assert stopped == []
    assert outcomes(result, name) == [*died, *[Outcome.PASSED] * (4 - len(died))]


def test_a_missing_server_stops_all_its_models_and_counts_no_trial_against_them(tmp_path: Path) -> None:
    with serving() as server:
        models = models_of(server, ["plain", "crlf"])
    result, stopped = finish(begin(tmp_path, models), models)
    assert len(stopped) == 2
    assert result.trials == ()
    assert [cell.pass_rate.n for cell in result.cells] == [0, 0, 0, 0]


def test_a_full_disk_stops_the_run_and_keeps_what_was_recorded(server: ReferenceServer, tmp_path: Path) -> None:
    models = models_of(server, ["plain"])
    folder = begin(tmp_path, models)
    folder.recordings_path.mkdir()
    with (
        pytest.raises(DiskError, match="cannot be written") as raised,
        resumable(folder, "record --resume run"),
    ):
        record_run(folder, TASKS, models, silent)
    assert "--resume" in raised.value.__notes__[0]
    folder.recordings_path.rmdir()
    result, _ = finish(open_run(folder.path), models)
    assert outcomes(result, "plain") == [Outcome.PASSED] * 4
