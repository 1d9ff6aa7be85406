"""Recording runs against pretended servers: what is skipped, refused or stopped, and what is stored about it."""

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from pathlib import Path
from time import perf_counter_ns
from types import SimpleNamespace
from typing import cast

import pytest

from harness.cluster import ThreadScorer
from harness.config import Config
from harness.errors import ConfigError, Problem, ServerError
from harness.record import Client, Moment
from harness.run.agent_trial import AgentHost
from harness.run.earlier_runs import find_earlier_run
from harness.run.folder import RunFolder, open_run
from harness.run.model_facts import TIME_USED
from harness.run.pipeline import build_result, score_run, start_run, write_result
from harness.run.progress import RecordingProgress, TimeLeft
from harness.run.recorder import (
    _ModelRecorder,
    open_servers,
    record_run,
    remaining_pause_s,
    timeouts_of,
)
from harness.run.remaining import planned_trials
from harness.run.time_budget import TimeBudget
from harness.servers import get_server_kind
from harness.tasks import find_fixtures, load_tasks
from harness.types import Json, Lifecycle, Model, ModelRun, RunSettings, Task, TrialKey
from tests.fake_server import FakeBehavior, Route, respond_with, serve_fake
from tests.machine import Machine, make_machine
from tests.test_faults import NoSandbox
from tests.wire import make_recording

TASKS = ("speed-small", "speed-large")


def routes(served: int, own: int = 131_072) -> Mapping[str, Route]:
    return {
        "GET /v1/models": respond_with({"data": [{"id": "m", "meta": {"n_ctx": served, "n_ctx_train": own}}]}),
        "GET /props": respond_with({"build_info": "b7", "default_generation_settings": {"n_ctx": served}}),
        "GET /health": respond_with({"status": "ok"}),
    }


@pytest.fixture(scope="module")
def tasks() -> tuple[Task, ...]:
    return tuple(load_tasks([find_fixtures()], names=TASKS))


def make_model(base_url: str, **more: Json) -> Model:
    fields: Mapping[str, Json] = {"label": "a", "server": "llama-server", "base_url": base_url, "model": "m", **more}
    return Model(**fields)


def by_commands(machine: Machine, name: str) -> Lifecycle:
    start, stop, running = (machine.touch(name, verb) for verb in ("start", "stop", "running"))
    return Lifecycle("commands", start=start, stop=stop, status=running, ready_timeout_s=30.0, stop_timeout_s=2.0)


def record_models(
    here: Path, tasks: Sequence[Task], models: Sequence[Model], lines: list[str] | None = None
) -> tuple[RunFolder, list[Problem]]:
    settings = RunSettings(trials=1, warmups=0, idle_s=0.0, connect_timeout_s=2.0)
    folder = start_run(here, Config(settings, tuple(models)), tasks)
    problems = record_run(folder, tasks, models, lambda *_: None, (lines if lines is not None else []).append)
    return open_run(folder.path), problems


def model_run(folder: RunFolder) -> ModelRun:
    return folder.read_model_runs()["a"]


def test_tasks_that_do_not_fit_are_skipped_and_listed(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    with serve_fake(FakeBehavior(context=16_384), routes(16_384)) as server:
        folder, problems = record_models(tmp_path, tasks, [make_model(server.base_url)])
    assert problems == []
    assert {key.task for key in folder.recorded} == {"speed-small"}
    assert [(item.task, item.available_tokens) for item in model_run(folder).skipped] == [("speed-large", 16_384)]
    assert model_run(folder).skipped[0].required_tokens > 27_000
    assert (model_run(folder).served_context_tokens, model_run(folder).model_context_tokens) == (16_384, 131_072)
    assert model_run(folder).context_setting == "-c"


def test_every_task_that_fits_is_recorded(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    with serve_fake(FakeBehavior(context=65_536), routes(65_536)) as server:
        folder, _ = record_models(tmp_path, tasks, [make_model(server.base_url)])
    assert {key.task for key in folder.recorded} == set(TASKS)
    assert model_run(folder).skipped == ()
    assert model_run(folder).server_version == "b7"


def test_the_configured_context_counts_where_the_server_reports_none(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    silent = {"GET /v1/models": respond_with({"data": [{"id": "m"}]})}
    with serve_fake(FakeBehavior(), silent) as server:
        model = make_model(server.base_url, server="openai", context_tokens=8192)
        folder, _ = record_models(tmp_path, tasks, [model])
    assert [item.task for item in model_run(folder).skipped] == ["speed-large"]


def test_what_the_replies_show_of_the_server_is_stored(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    with serve_fake(FakeBehavior(context=16_384, says_done=False), routes(16_384)) as server:
        folder, _ = record_models(tmp_path, tasks, [make_model(server.base_url)])
    found = {item.name: item for item in model_run(folder).probe_findings}
    assert (found["sends_done"].observed, found["sends_done"].agrees) == (False, False)
    assert found["usage"].agrees is True


def test_memory_of_a_server_in_this_process_is_measured(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    with serve_fake(FakeBehavior(context=16_384), routes(16_384)) as server:
        folder, _ = record_models(tmp_path, tasks, [make_model(server.base_url)])
    memory = model_run(folder).memory
    assert memory.method == "server process"
    assert (memory.loaded_bytes or 0) > 1_000_000
    assert model_run(folder).swap_growth_bytes is not None


def test_a_model_that_does_not_fit_into_memory_stops_alone(
    tmp_path: Path, tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make_machine(tmp_path / "machine")
    monkeypatch.setenv("LANEBENCH_STATE", str(tmp_path / "state.json"))
    lifecycle = replace(by_commands(machine, "large"), memory_bytes=2**52)
    machine.let_run("large")
    with serve_fake(FakeBehavior(context=16_384), routes(16_384)) as server:
        large = make_model(server.base_url, label="large", lifecycle=lifecycle)
        folder, problems = record_models(tmp_path, tasks, [large, make_model(server.base_url)])
    assert len(problems) == 1
    assert "model 'large' does not fit" in problems[0].message
    assert folder.read_model_runs()["large"].stop_reason == problems[0].message
    assert {key.model for key in folder.recorded} == {"a"}
    assert machine.log == []
    assert machine.runs("large")


def test_a_stopped_service_is_logged_and_stored_with_the_run(
    tmp_path: Path, tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make_machine(tmp_path / "machine")
    monkeypatch.setenv("LANEBENCH_STATE", str(tmp_path / "state.json"))
    machine.let_run("s")
    lines: list[str] = []
    with serve_fake(FakeBehavior(context=16_384), routes(16_384)) as server:
        model = make_model(server.base_url, lifecycle=by_commands(machine, "s"))
        folder, problems = record_models(tmp_path, tasks, [model], lines)
    assert problems == []
    assert [(change.service, change.restored) for change in folder.read_stopped_services()] == [
        ("the llama-server server of a", True)
    ]
    assert machine.log == ["stop s", "start s", "stop s", "start s"]
    assert lines[:2] == [
        "to record: 2 trials of 1 model, at least 2 requests",
        "stopping the llama-server server of a",
    ]
    assert lines[-1] == "restored the llama-server server of a"
    assert (model_run(folder).load_s or 0) > 0


def test_an_unreachable_server_is_one_problem_and_the_next_model_is_recorded(
    tmp_path: Path, tasks: tuple[Task, ...]
) -> None:
    with serve_fake(FakeBehavior(context=16_384), routes(16_384)) as server:
        gone = make_model("http://127.0.0.1:9/v1", label="gone")
        folder, problems = record_models(tmp_path, tasks, [gone, make_model(server.base_url)])
    assert len(problems) == 1
    assert "start the server, or correct base_url" in f"{problems[0].message}; {problems[0].fix}"
    assert {key.model for key in folder.recorded} == {"a"}


def test_a_stop_reason_is_stored_without_the_users_home_folder(
    tmp_path: Path, tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LANEBENCH_STATE", str(tmp_path / "state.json"))
    lifecycle = Lifecycle(
        "process", start=("sh", "-c", f"echo no model at {tmp_path}/models; exit 3"), ready_timeout_s=30.0
    )
    folder, _ = record_models(tmp_path, tasks, [make_model("http://127.0.0.1:9/v1", lifecycle=lifecycle)])
    reason = model_run(folder).stop_reason or ""
    assert "its output: no model at ~/models" in reason
    assert str(tmp_path) not in reason


def test_a_missing_key_is_an_error_before_any_request(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    with serve_fake(FakeBehavior(), routes(4096)) as server:
        model = make_model(server.base_url, key_env="LANEBENCH_NO_SUCH_KEY")
        with pytest.raises(ConfigError, match="the environment variable LANEBENCH_NO_SUCH_KEY is not set") as caught:
            record_models(tmp_path, tasks, [model])
    assert caught.value.fix == "export it before the run"
    assert server.requests == []


def test_a_key_is_in_no_file_of_the_run(
    tmp_path: Path, tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEBENCH_TEST_KEY", "very-secret")
    with serve_fake(FakeBehavior(context=16_384, key="very-secret"), routes(16_384)) as server:
        model = make_model(server.base_url, key_env="LANEBENCH_TEST_KEY")
        folder, problems = record_models(tmp_path, tasks, [model])
    assert problems == []
    assert folder.recorded
    assert not any(b"very-secret" in path.read_bytes() for path in folder.path.rglob("*") if path.is_file())


def test_a_resumed_run_sends_no_request_for_a_skipped_task(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    with serve_fake(FakeBehavior(context=16_384), routes(16_384)) as server:
        model = make_model(server.base_url)
        folder, _ = record_models(tmp_path, tasks, [model])
        asked = len(server.bodies)
        assert record_run(folder, tasks, [replace(model)], lambda *_: None) == []
        assert len(server.bodies) == asked
    assert [item.task for item in model_run(folder).skipped] == ["speed-large"]


def test_a_finished_run_with_skipped_tasks_is_left_as_it_is(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    with serve_fake(FakeBehavior(context=16_384), routes(16_384)) as server:
        models = [make_model(server.base_url)]
        folder, _ = record_models(tmp_path, tasks, models)
        log, requests = folder.log_path.read_bytes(), len(server.requests)
        assert model_run(folder).skipped
        assert record_run(folder, tasks, models, lambda *_: None) == []
        assert len(server.requests) == requests
    assert folder.log_path.read_bytes() == log


def test_storing_a_reply_is_part_of_the_pause_and_never_makes_it_longer() -> None:
    second_ago_ns = perf_counter_ns() - 10**9
    assert 8.9 < remaining_pause_s(10.0, second_ago_ns) <= 9.0
    assert remaining_pause_s(0.5, second_ago_ns) == 0.0
    assert remaining_pause_s(0.5, None) == 0.5


def test_what_was_skipped_stays_known_where_the_server_is_gone_on_resume(
    tmp_path: Path, tasks: tuple[Task, ...]
) -> None:
    with serve_fake(FakeBehavior(context=16_384), routes(16_384)) as server:
        model = make_model(server.base_url)
        folder, _ = record_models(tmp_path, tasks, [model])
    folder.recorded.clear()
    (problem,) = record_run(folder, tasks, [model], lambda *_: None)
    assert model_run(folder).stop_reason == problem.message
    assert [item.task for item in model_run(folder).skipped] == ["speed-large"]
    assert model_run(folder).served_context_tokens == 16_384


def test_a_model_whose_tasks_are_all_skipped_is_an_error_at_the_start(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    large = tuple(task for task in tasks if task.name == "speed-large")
    with serve_fake(FakeBehavior(context=16_384), routes(16_384)) as server:
        models = [make_model(server.base_url, label="first", context_tokens=65_536), make_model(server.base_url)]
        with pytest.raises(ServerError) as caught:
            record_models(tmp_path, large, models)
        assert server.bodies == []
    assert "model 'first': every task needs more context than the server has (16,384 tokens)" in caught.value.message
    assert (caught.value.fix or "").startswith("serve it with at least ")


def test_a_model_whose_context_takes_no_task_stops_alone(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    lines: list[str] = []
    with serve_fake(FakeBehavior()) as server:
        models = [
            make_model(server.base_url, label="small", server="openai", context_tokens=256),
            make_model(server.base_url, server="openai"),
        ]
        folder, (problem,) = record_models(tmp_path, tasks, models, lines)
        assert problem.message.startswith(
            "model 'small': every task needs more context than the server has (256 tokens)"
        )
        assert problem.fix.endswith("state them as context_tokens, which is 256, and begin a new run")
        assert f"left out: {problem.message}" in lines
        assert folder.read_model_runs()["small"].stop_reason == problem.message
        assert {key.model for key in folder.recorded} == {"a"}
        # Resumed, the model is alone, and nothing is left to be run.
        with pytest.raises(ServerError, match="every task needs more context"):
            record_run(folder, tasks, models, lambda *_: None)


def test_ctrl_c_keeps_what_the_kit_used_until_then(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    def press_ctrl_c(_stage: str, done: int, _total: int, _words: str) -> None:
        if done:
            raise KeyboardInterrupt

    with serve_fake(FakeBehavior(context=65_536), routes(65_536)) as server:
        model = make_model(server.base_url)
        folder = start_run(tmp_path, Config(RunSettings(trials=1, warmups=0, idle_s=0.0), (model,)), tasks)
        for turns in (1, 2):
            progress = press_ctrl_c if turns == 1 else lambda *_: None
            with pytest.raises(KeyboardInterrupt) if turns == 1 else nullcontext():
                record_run(folder, tasks, [model], progress)
            overhead = model_run(folder).recorder_overhead
            assert overhead is not None
            assert overhead.turns == turns


def test_an_earlier_result_with_a_time_that_no_float_holds_says_nothing(
    tmp_path: Path, tasks: tuple[Task, ...]
) -> None:
    with serve_fake(FakeBehavior(context=65_536), routes(65_536)) as server:
        models = [make_model(server.base_url)]
        earlier, _ = record_models(tmp_path, tasks, models)
        score_run(earlier, tasks, ThreadScorer(NoSandbox()), lambda *_: None)
        write_result(earlier, build_result(earlier))
        folder = start_run(tmp_path, Config(RunSettings(trials=1, warmups=0), tuple(models)), tasks)
        assert find_earlier_run(folder) is not None
        text = earlier.result_path.read_text()
        document = json.loads(text)
        document["trials"][0]["ended_ns"] = 10**400
        earlier.result_path.write_text(json.dumps(document))
        assert find_earlier_run(folder) is None


def test_what_a_model_will_skip_is_told_before_the_first_request(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    lines: list[str] = []
    with serve_fake(FakeBehavior(context=16_384), routes(16_384)) as server:
        record_models(tmp_path, tasks, [make_model(server.base_url)], lines)
    (line,) = [line for line in lines if "will skip" in line]
    assert line.startswith("a will skip 1 of ")
    assert "tasks (speed-large): its context has 16,384 tokens; " in line
    assert line.endswith(f"would do: {get_server_kind('llama-server').context.setting}")


def test_each_request_of_a_trial_gets_what_the_time_of_the_run_then_leaves(
    tmp_path: Path, tasks: tuple[Task, ...]
) -> None:
    now_ns = count(0, 10**9)
    settings = RunSettings(trials=1, warmups=0, idle_s=0.0, budget="1000s")
    with serve_fake(FakeBehavior(context=65_536), routes(65_536)) as server, Client(timeouts_of(settings)) as client:
        model = make_model(server.base_url)
        folder = start_run(tmp_path, Config(settings, (model,)), tasks)
        folder.clock = lambda: Moment(0, next(now_ns))
        (handle,) = open_servers([model], 2.0)
        (key, *_) = planned_trials(folder, tasks, model)
        shown = RecordingProgress(lambda *_: None, TimeLeft((key,), None), folder.recorded)
        with folder.session("record"):
            budget = TimeBudget(folder, client)
            budget.limit_turn()
            before_s = client.timeouts.turn_s
            _ModelRecorder(folder, handle, client, {task.name: task for task in tasks}, shown, budget).record_trial(key)
    assert client.timeouts.turn_s < before_s


@pytest.mark.parametrize(
    ("not_found", "recorded", "is_stopped"),
    [((1,), 0, True), ((2,), 4, False), ((2, 4), 4, False), ((2, 3), 2, True)],
    ids=["the first", "a later one", "every other one", "two in a row"],
)
def test_a_refusal_stops_a_model_unless_an_answer_came_before_it(
    tmp_path: Path, tasks: tuple[Task, ...], not_found: tuple[int, ...], recorded: int, is_stopped: bool
) -> None:
    small = tuple(task for task in tasks if task.name == "speed-small")
    settings = RunSettings(trials=4, warmups=0, idle_s=0.0, connect_timeout_s=2.0)
    with serve_fake(FakeBehavior(context=16_384, not_found=not_found), routes(16_384)) as server:
        models = [make_model(server.base_url)]
        folder = start_run(tmp_path, Config(settings, tuple(models)), small)
        problems = record_run(folder, small, models, lambda *_: None)
    assert (len(folder.recorded), bool(problems)) == (recorded, is_stopped)
    assert all("the server knows no such model or address" in problem.message for problem in problems)
    assert all(problem.fix == "correct model or base_url and begin a new run" for problem in problems)
    assert len(list(folder.read_trials())) == recorded


def test_a_run_whose_key_was_refused_is_recorded_whole_with_the_right_one(
    tmp_path: Path, tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_TEST_KEY", "some")
    refuses = {"POST /v1/chat/completions": respond_with({"error": {"message": "wrong key"}}, 401)}
    with (
        serve_fake(FakeBehavior(context=65_536), {**routes(65_536), **refuses}) as refusing,
        serve_fake(FakeBehavior(context=65_536), routes(65_536)) as server,
    ):
        model = make_model(refusing.base_url, key_env="KIT_TEST_KEY")
        folder, (problem,) = record_models(tmp_path, tasks, [model])
        assert problem.fix == "export a key that the server takes as KIT_TEST_KEY and continue, or begin a new run"
        assert folder.recorded == set()
        assert record_run(folder, tasks, [replace(model, base_url=server.base_url)], lambda *_: None) == []
    assert len(folder.recorded) == len(tasks)


@pytest.mark.parametrize(
    ("statuses", "is_refused"),
    [((404, 404), True), ((200, 404, 404), False), ((404, 200), False), ((500, 404), True), ((200, 401), False)],
)
def test_an_agent_that_was_answered_once_is_not_stopped_by_a_refusal(
    tmp_path: Path, tasks: tuple[Task, ...], statuses: tuple[int, ...], is_refused: bool
) -> None:
    model = make_model("http://127.0.0.1:9/v1", agent="pi")
    settings = RunSettings(trials=1, warmups=0, idle_s=0.0)
    key = TrialKey("a", "speed-small", 0)
    turns = [replace(make_recording((), status), key=key, turn=at) for at, status in enumerate(statuses)]
    agents = cast("AgentHost", SimpleNamespace(run=lambda *_: tuple(turns)))
    with Client(timeouts_of(settings)) as client:
        folder = start_run(tmp_path, Config(settings, (model,)), tasks)
        shown = RecordingProgress(lambda *_: None, TimeLeft((key,), None), folder.recorded)
        by_name = {task.name: task for task in tasks}
        (handle,) = open_servers([model], 2.0)
        recorder = _ModelRecorder(folder, handle, client, by_name, shown, TimeBudget(folder, client), agents)
        expected = pytest.raises(ServerError, match="HTTP 404") if is_refused else nullcontext()
        with folder.session("record"), expected:
            assert len(recorder.record_trial(key)) == len(statuses)


def test_the_requests_before_the_first_trial_end_with_the_time_of_the_run(tmp_path: Path) -> None:
    tasks = tuple(load_tasks([find_fixtures()], names=("speed-large", "code-bugfix-easy")))
    settings = RunSettings(trials=1, warmups=0, idle_s=0.0, connect_timeout_s=2.0, budget="1000s")
    lines: list[str] = []
    with serve_fake(FakeBehavior(context=65_536), routes(65_536)) as server:
        models = [make_model(server.base_url)]
        folder = start_run(tmp_path, Config(settings, tuple(models)), tasks)
        # Each reply takes ten minutes of the run's time.
        folder.clock = lambda: Moment(0, len(server.bodies) * 600 * 10**9)
        assert record_run(folder, tasks, models, lambda *_: None, lines.append) == []
        assert len(server.bodies) == 2
    assert folder.recorded == set()
    assert TIME_USED in model_run(folder).probe_findings
    assert model_run(folder).skipped == ()
    assert lines[-1] == f"a: {TIME_USED.note}"


def test_a_run_with_time_enough_says_nothing_of_it(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    lines: list[str] = []
    with serve_fake(FakeBehavior(context=65_536), routes(65_536)) as server:
        folder, _ = record_models(tmp_path, tasks, [make_model(server.base_url)], lines)
    assert TIME_USED not in model_run(folder).probe_findings
    assert not any("the time of the run" in line for line in lines)
