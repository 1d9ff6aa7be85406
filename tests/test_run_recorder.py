"""Recording a whole run against pretended servers: what is skipped, refused, stopped, and what is kept of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter_ns

import pytest

from harness.config import Config
from harness.errors import ConfigError, Problem
from harness.run.folder import RunFolder, open_run
from harness.run.pipeline import start_run
from harness.run.recorder import record_run, remaining_pause_s
from harness.tasks import find_fixtures, load_tasks
from harness.types import Json, Lifecycle, Model, ModelRun, RunSettings, Task
from tests.machine import Machine, make_machine
from tests.pretend import Manners, Route, answers_with, pretending

TASKS = ("speed-small", "speed-large")


def routes(served: int, own: int = 131_072) -> Mapping[str, Route]:
    return {
        "GET /v1/models": answers_with({"data": [{"id": "m", "meta": {"n_ctx": served, "n_ctx_train": own}}]}),
        "GET /props": answers_with({"build_info": "b7", "default_generation_settings": {"n_ctx": served}}),
        "GET /health": answers_with({"status": "ok"}),
    }


@pytest.fixture(scope="module")
def tasks() -> tuple[Task, ...]:
    return tuple(load_tasks([find_fixtures()], names=TASKS))


def a_model(base_url: str, **more: Json) -> Model:
    fields: Mapping[str, Json] = {"label": "a", "server": "llama-server", "base_url": base_url, "model": "m", **more}
    return Model(**fields)


def by_commands(machine: Machine, name: str) -> Lifecycle:
    start, stop, running = (machine.touch(name, verb) for verb in ("start", "stop", "running"))
    return Lifecycle("commands", start=start, stop=stop, running=running, ready_s=30.0, stop_s=2.0)


def recorded(
    here: Path, tasks: Sequence[Task], models: Sequence[Model], told: list[str] | None = None
) -> tuple[RunFolder, list[Problem]]:
    settings = RunSettings(trials=1, warmups=0, idle_s=0.0, connect_timeout_s=2.0)
    folder = start_run(here, Config(settings, tuple(models)), tasks)
    problems = record_run(folder, tasks, models, lambda *_: None, (told if told is not None else []).append)
    return open_run(folder.path), problems


def seen(folder: RunFolder) -> ModelRun:
    return folder.read_model_runs()["a"]


def test_tasks_that_do_not_fit_are_listed_and_never_asked(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    with pretending(Manners(context=16_384), routes(16_384)) as server:
        folder, problems = recorded(tmp_path, tasks, [a_model(server.base_url)])
    assert problems == []
    assert {key.task for key in folder.recorded} == {"speed-small"}
    assert [(one.task, one.available_tokens) for one in seen(folder).skipped] == [("speed-large", 16_384)]
    assert seen(folder).skipped[0].required_tokens > 27_000
    assert (seen(folder).served_context_tokens, seen(folder).own_context_tokens) == (16_384, 131_072)
    assert seen(folder).context_setting == "-c"


def test_everything_is_asked_where_it_fits(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    with pretending(Manners(context=65_536), routes(65_536)) as server:
        folder, _ = recorded(tmp_path, tasks, [a_model(server.base_url)])
    assert {key.task for key in folder.recorded} == set(TASKS)
    assert seen(folder).skipped == ()
    assert seen(folder).server_version == "b7"


def test_the_context_that_was_set_counts_where_the_server_tells_none(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    silent = {"GET /v1/models": answers_with({"data": [{"id": "m"}]})}
    with pretending(Manners(), silent) as server:
        model = a_model(server.base_url, server="openai", context_tokens=8192)
        folder, _ = recorded(tmp_path, tasks, [model])
    assert [one.task for one in seen(folder).skipped] == ["speed-large"]


def test_what_the_replies_showed_of_the_server_is_kept(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    with pretending(Manners(context=16_384, says_done=False), routes(16_384)) as server:
        folder, _ = recorded(tmp_path, tasks, [a_model(server.base_url)])
    found = {one.name: one for one in seen(folder).live}
    assert (found["done"].live, found["done"].agrees) == (False, False)
    assert found["usage"].agrees is True


def test_memory_of_a_server_in_this_process_is_measured(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    with pretending(Manners(context=16_384), routes(16_384)) as server:
        folder, _ = recorded(tmp_path, tasks, [a_model(server.base_url)])
    memory = seen(folder).memory
    assert memory.method == "server process"
    assert (memory.loaded_bytes or 0) > 1_000_000
    assert seen(folder).swap_growth_bytes is not None


def test_a_model_that_does_not_fit_stops_nobody_else(
    tmp_path: Path, tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make_machine(tmp_path / "machine")
    monkeypatch.setenv("LANEBENCH_STATE", str(tmp_path / "state.json"))
    cycle = replace(by_commands(machine, "large"), memory_bytes=2**52)
    machine.let_run("large")
    with pretending(Manners(context=16_384), routes(16_384)) as server:
        large = a_model(server.base_url, label="large", lifecycle=cycle)
        folder, problems = recorded(tmp_path, tasks, [large, a_model(server.base_url)])
    assert len(problems) == 1
    assert "model 'large' does not fit" in problems[0].message
    assert folder.read_model_runs()["large"].stop_reason == problems[0].message
    assert {key.model for key in folder.recorded} == {"a"}
    assert machine.log == []
    assert machine.runs("large")


def test_what_was_stopped_is_told_and_kept_with_the_run(
    tmp_path: Path, tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make_machine(tmp_path / "machine")
    monkeypatch.setenv("LANEBENCH_STATE", str(tmp_path / "state.json"))
    machine.let_run("s")
    told: list[str] = []
    with pretending(Manners(context=16_384), routes(16_384)) as server:
        model = a_model(server.base_url, lifecycle=by_commands(machine, "s"))
        folder, problems = recorded(tmp_path, tasks, [model], told)
    assert problems == []
    assert [(change.service, change.restored) for change in folder.read_changes()] == [
        ("the llama-server server of a", True)
    ]
    assert machine.log == ["stop s", "start s", "stop s", "start s"]
    assert told[0] == "stopping the llama-server server of a"
    assert told[-1] == "restored the llama-server server of a"
    assert (seen(folder).load_s or 0) > 0


def test_a_server_that_is_not_there_is_one_line_and_the_next_model_is_asked(
    tmp_path: Path, tasks: tuple[Task, ...]
) -> None:
    with pretending(Manners(context=16_384), routes(16_384)) as server:
        gone = a_model("http://127.0.0.1:9/v1", label="gone")
        folder, problems = recorded(tmp_path, tasks, [gone, a_model(server.base_url)])
    assert len(problems) == 1
    assert "start the server, or correct base_url" in f"{problems[0].message}; {problems[0].fix}"
    assert {key.model for key in folder.recorded} == {"a"}


def test_why_a_model_stopped_is_kept_without_the_folder_of_its_owner(
    tmp_path: Path, tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LANEBENCH_STATE", str(tmp_path / "state.json"))
    cycle = Lifecycle("process", start=("sh", "-c", f"echo no model at {tmp_path}/models; exit 3"), ready_s=30.0)
    folder, _ = recorded(tmp_path, tasks, [a_model("http://127.0.0.1:9/v1", lifecycle=cycle)])
    reason = seen(folder).stop_reason or ""
    assert "it said: no model at ~/models" in reason
    assert str(tmp_path) not in reason


def test_a_missing_key_is_told_before_anything_is_asked(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    with pretending(Manners(), routes(4096)) as server:
        model = a_model(server.base_url, key_env="LANEBENCH_NO_SUCH_KEY")
        with pytest.raises(ConfigError, match="LANEBENCH_NO_SUCH_KEY: export it"):
            recorded(tmp_path, tasks, [model])
    assert server.asked == []


def test_a_key_is_in_no_file_of_the_run(
    tmp_path: Path, tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEBENCH_TEST_KEY", "very-secret")
    with pretending(Manners(context=16_384, key="very-secret"), routes(16_384)) as server:
        model = a_model(server.base_url, key_env="LANEBENCH_TEST_KEY")
        folder, problems = recorded(tmp_path, tasks, [model])
    assert problems == []
    assert folder.recorded
    assert not any(b"very-secret" in path.read_bytes() for path in folder.path.rglob("*") if path.is_file())


def test_a_run_that_is_gone_on_with_asks_no_skipped_task(tmp_path: Path, tasks: tuple[Task, ...]) -> None:
    with pretending(Manners(context=16_384), routes(16_384)) as server:
        model = a_model(server.base_url)
        folder, _ = recorded(tmp_path, tasks, [model])
        asked = len(server.bodies)
        assert record_run(folder, tasks, [replace(model)], lambda *_: None) == []
        assert len(server.bodies) == asked
    assert [one.task for one in seen(folder).skipped] == ["speed-large"]


def test_what_it_took_to_keep_a_reply_is_part_of_the_pause_and_never_makes_it_longer() -> None:
    second_ago_ns = perf_counter_ns() - 10**9
    assert 8.9 < remaining_pause_s(10.0, second_ago_ns) <= 9.0
    assert remaining_pause_s(0.5, second_ago_ns) == 0.0
    assert remaining_pause_s(0.5, None) == 0.5
