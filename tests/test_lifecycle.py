"""Hosting one model at a time, with real processes and with fake executables that behave as documented."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.embedded import free_port
from harness.errors import DiskError, ServerError
from harness.files import read_lines
from harness.host import process_start_time, terminate_process
from harness.lifecycle import (
    MemorySnapshot,
    ModelHost,
    describe_steps,
    find_oversized_models,
    memory_use,
    model_host,
    recover,
    state_path,
)
from harness.lifecycle.actions import ServerProcess, start_process
from harness.lifecycle.inventory import find_running
from harness.lifecycle.memory import await_memory, model_size, take_snapshot, wait_until_freed
from harness.lifecycle.model_host import tunnel_step
from harness.lifecycle.restore import report_stopped_services
from harness.lifecycle.state import Journal, LifecycleState, save_state
from harness.lifecycle.status import require_free_port, wait_for_service
from harness.lifecycle.steps import Step, SuspendedService, service_of
from harness.lifecycle.unload import unload_model
from harness.servers import ContextNeed, ServerHandle, get_server_kind, skip_oversized_tasks
from harness.types import Json, Lifecycle, Model, SkippedTask
from tests.fake_server import FakeBehavior, Route, respond_with, serve_fake
from tests.machine import Machine, make_machine, server_words

Response = tuple[int, Json]
ROOT = Path(__file__).parent.parent


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = make_machine(tmp_path / "machine")
    monkeypatch.setenv("PATH", f"{made.here / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LANEBENCH_STATE", str(tmp_path / "state" / "lifecycle.json"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return made


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def a_server(lifecycle: Lifecycle | None, *, port: int = 9, **more: Json) -> ServerHandle:
    fields = {"label": "a", "server": "llama-server", "base_url": f"http://127.0.0.1:{port}/v1", "model": "m", **more}
    model = Model(**fields, lifecycle=lifecycle)
    return ServerHandle(model, get_server_kind(model.server))


def process(port: int, *more: str, ready_s: float = 20.0) -> Lifecycle:
    return Lifecycle("process", start=server_words(port, *more), ready_timeout_s=ready_s, stop_timeout_s=5.0)


def a_daemon(name: str = "com.example.ds4") -> Lifecycle:
    return Lifecycle("launchd", service=name, plist=f"/tmp/{name}.plist", ready_timeout_s=30.0, stop_timeout_s=5.0)


def by_commands(machine: Machine, name: str) -> Lifecycle:
    start, stop, running = (machine.touch(name, verb) for verb in ("start", "stop", "running"))
    return Lifecycle("commands", start=start, stop=stop, status=running, ready_timeout_s=30.0, stop_timeout_s=5.0)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def llama(routes: Mapping[str, Route] | None = None) -> Iterator[int]:
    ready = {"GET /health": respond_with({"status": "ok"}), "GET /v1/models": respond_with({"data": [{"id": "m"}]})}
    with serve_fake(FakeBehavior(), {**ready, **(routes or {})}) as server:
        yield int(server.base_url.split(":")[2].removesuffix("/v1"))


# --- by process -------------------------------------------------------------------------------------------------


def test_a_process_runs_until_its_trials_end(machine: Machine, run: Path) -> None:
    model_server = a_server(process(port := free_port(), "--loads", "0.5"), port=port)
    with model_host([model_server], run, print) as host, host.session(model_server) as session:
        assert listens(port)
        assert session.readiness.version == "b7"
        assert session.readiness.context_tokens == 4096
        assert session.readiness.model_context_tokens == 32768
        assert session.load_s is not None
        assert session.load_s > 0.5
        processes = json.loads(state_path().read_text())["processes"]
        assert process_start_time(processes[0]["pid"]) is not None
    assert not listens(port)
    assert process_start_time(processes[0]["pid"]) is None
    assert not state_path().exists()
    assert "listening" in (run / "a.log").read_text()
    memory = memory_use(session.before, session.loaded, session.after)
    assert memory.method == "server process"
    assert (memory.loaded_bytes or 0) > 1_000_000
    assert session.after.machine_bytes is not None


def test_a_process_does_not_outlive_a_state_file_that_cannot_be_written(
    machine: Machine, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run / "file").touch()
    monkeypatch.setenv("LANEBENCH_STATE", str(run / "file" / "state.json"))
    model_server = a_server(process(port := free_port()), port=port)
    before = {child.pid for child in psutil.Process().children()}
    with (
        pytest.raises(DiskError),
        model_host([model_server], run, print) as host,
        host.session(model_server),
    ):
        pytest.fail("the session began")
    assert {child.pid for child in psutil.Process().children()} <= before


def test_a_process_that_ends_early_is_reported_with_its_output(machine: Machine, run: Path) -> None:
    model_server = a_server(process(port := free_port(), "--ends", "3"), port=port)
    with (
        model_host([model_server], run, print) as host,
        pytest.raises(ServerError, match="ended before it was ready; its output: cannot read the model"),
        host.session(model_server),
    ):
        pass
    assert not state_path().exists()


def test_a_missing_command_is_named(machine: Machine, run: Path) -> None:
    model_server = a_server(Lifecycle("process", start=("no-such-server",)), port=free_port())
    with (
        model_host([model_server], run, print) as host,
        pytest.raises(ServerError, match="`no-such-server` cannot be started"),
        host.session(model_server),
    ):
        pass


def test_a_server_that_never_becomes_ready_times_out(machine: Machine, run: Path) -> None:
    model_server = a_server(process(port := free_port(), "--loads", "60", ready_s=1.5), port=port)
    with (
        model_host([model_server], run, print) as host,
        pytest.raises(ServerError, match=r"not ready after 2 s .it does not report that it is ready.") as caught,
        host.session(model_server),
    ):
        pass
    assert "raise lifecycle.ready_timeout_s" in caught.value.fix
    assert not listens(port)


def test_a_taken_port_is_refused(machine: Machine, run: Path) -> None:
    with llama() as port:
        model_server = a_server(process(port), port=port)
        with (
            model_host([model_server], run, print) as host,
            pytest.raises(ServerError, match=f"port {port} is already taken"),
            host.session(model_server),
        ):
            pass
        assert listens(port)


def test_a_final_refusal_ends_the_wait(machine: Machine, run: Path) -> None:
    refuse = {"POST /v1/chat/completions": respond_with({"error": {"message": "no model m here"}}, 404)}
    with llama(refuse) as port:
        model_server = a_server(by_commands(machine, "s"), port=port)
        machine.let_run("s")
        with (
            model_host([model_server], run, print) as host,
            pytest.raises(ServerError, match=r"up and refuses: HTTP 404: .*no model m here") as caught,
            host.session(model_server),
        ):
            pass
    assert "correct model" in caught.value.fix
    assert machine.runs("s")


# --- by launchd and commands ------------------------------------------------------------------------------------


def test_a_daemon_is_stopped_for_another_model_and_runs_again(machine: Machine, run: Path) -> None:
    machine.let_run("com.example.ds4")
    with llama() as port:
        daemon = a_server(a_daemon(), port=port, label="ds4")
        other = a_server(process(port_of_other := free_port()), port=port_of_other, label="other")
        with model_host([daemon, other], run, print) as host:
            assert not machine.runs("com.example.ds4")
            with host.session(other):
                assert not machine.runs("com.example.ds4")
            with host.session(daemon):
                assert machine.runs("com.example.ds4")
            assert not machine.runs("com.example.ds4")
    assert machine.runs("com.example.ds4")
    assert machine.log == [
        "bootout com.example.ds4 state kept",
        "bootstrap com.example.ds4 state kept",
        "bootout com.example.ds4 state kept",
        "bootstrap com.example.ds4 state kept",
    ]
    assert [(change.service, change.restored) for change in host.stopped_services] == [
        ("launchd com.example.ds4", True)
    ]
    assert [line["restored"] for _, line in read_lines(run / "stopped_services.jsonl")] == [True]


def test_a_service_that_did_not_run_before_is_stopped_afterwards(machine: Machine, run: Path) -> None:
    with llama() as port:
        model_server = a_server(by_commands(machine, "s"), port=port)
        with model_host([model_server], run, print) as host, host.session(model_server):
            assert machine.runs("s")
    assert not machine.runs("s")
    assert host.stopped_services == ()
    assert machine.log == ["start s", "stop s"]


def test_a_failing_start_command_is_reported_with_its_exit_code_and_output(machine: Machine, run: Path) -> None:
    failing = replace(
        by_commands(machine, "s"), start=("sh", "-c", "echo no such service >&2; exit 4"), ready_timeout_s=1.0
    )
    with (
        model_host([model_server := a_server(failing)], run, print) as host,
        pytest.raises(ServerError, match="exited with 4: no such service"),
        host.session(model_server),
    ):
        pass
    assert not state_path().exists()


def test_a_system_daemon_is_controlled_by_a_sudo_that_never_asks_for_a_password(machine: Machine) -> None:
    model_server = a_server(replace(a_daemon("com.x"), domain="system"))
    lines = describe_steps([model_server])
    assert "  start launchd com.x: sudo -n launchctl bootstrap system /tmp/com.x.plist" in lines


def test_a_failed_restore_stays_in_the_state_file_and_is_retried(machine: Machine, run: Path) -> None:
    machine.let_run("com.example.ds4")
    (machine.here / "refuse").touch()
    log: list[str] = []
    with model_host([a_server(a_daemon())], run, log.append, restore_timeout_s=2.0) as host:
        pass
    assert [change.restored for change in host.stopped_services] == [False]
    assert "Input/output error" in (host.stopped_services[0].note or "")
    assert any(line.startswith("NOT restored: launchd com.example.ds4") for line in log)
    (machine.here / "refuse").unlink()
    assert [change.restored for change in recover(print)] == [True]
    assert machine.runs("com.example.ds4")
    assert not state_path().exists()


def test_a_service_that_cannot_be_restored_stays_noted_while_another_run_goes_on(machine: Machine, run: Path) -> None:
    machine.let_run("com.example.ds4")
    (machine.here / "refuse").touch()
    with model_host([a_server(a_daemon())], run, print, restore_timeout_s=0.3):
        pass
    model_server = a_server(process(port := free_port()), port=port)
    with (
        model_host([model_server], run, print, restore_timeout_s=0.3) as host,
        host.session(model_server),
    ):
        assert "com.example.ds4" in state_path().read_text()
    assert [(change.service, change.restored) for change in host.stopped_services] == [
        ("launchd com.example.ds4", False)
    ]
    (machine.here / "refuse").unlink()
    with model_host([model_server], run, print) as host:
        assert machine.runs("com.example.ds4")
    assert not state_path().exists()


def test_a_service_that_is_stopped_beside_one_that_could_not_be_restored_removes_it_from_no_note(
    machine: Machine, run: Path
) -> None:
    machine.let_run("com.example.ds4")
    (machine.here / "refuse").touch()
    with model_host([a_server(a_daemon())], run, print, restore_timeout_s=0.3):
        pass
    machine.let_run("s")
    with model_host([a_server(by_commands(machine, "s"), label="b")], run, print, restore_timeout_s=0.3) as host:
        assert not machine.runs("s")
        assert "com.example.ds4" in state_path().read_text()
        (machine.here / "refuse").unlink()
    assert machine.runs("s")
    assert machine.runs("com.example.ds4")
    assert [change.restored for change in host.stopped_services] == [True, True]
    assert not state_path().exists()


def test_a_process_that_cannot_be_ended_stays_in_the_state_file(machine: Machine, run: Path) -> None:
    stuck = ServerProcess("start the stuck server", 2**22 + 1, "an earlier boot 1", str(run / "a.log"))
    save_state(LifecycleState(2**22 + 2, "an earlier boot 2", str(run), processes=(stuck,)))
    lines: list[str] = []
    assert recover(lines.append, terminate=lambda *_: False) == ()
    assert lines[-1] == f"NOT stopped: start the stuck server, process {stuck.pid}"
    assert [process["pid"] for process in json.loads(state_path().read_text())["processes"]] == [stuck.pid]
    recover(print, terminate=lambda *_: True)
    assert not state_path().exists()


@pytest.mark.parametrize(("below", "reason"), [("", "Exec format error"), ("/below", "Not a directory")])
def test_a_start_command_that_cannot_be_executed_keeps_no_other_service_stopped(
    machine: Machine, run: Path, below: str, reason: str
) -> None:
    script = machine.here / "start.sh"
    script.write_text("exit 0\n")
    script.chmod(0o755)
    for name in ("good", "bad"):
        machine.let_run(name)
    bad = replace(by_commands(machine, "bad"), start=(f"{script}{below}",))
    servers = [a_server(by_commands(machine, "good")), a_server(bad, label="b")]
    with model_host(servers, run, print, restore_timeout_s=0.2) as host:
        pass
    assert [change.restored for change in host.stopped_services] == [False, True]
    assert f"cannot be executed: {reason}" in (host.stopped_services[0].note or "")
    assert machine.runs("good")


def test_a_service_that_ends_right_after_its_start_is_not_reported_as_restored(machine: Machine, run: Path) -> None:
    machine.let_run("s")
    dead = replace(by_commands(machine, "s"), start=("true",))
    with model_host([a_server(dead)], run, print, restore_timeout_s=0.5) as host:
        pass
    assert [change.restored for change in host.stopped_services] == [False]
    assert "does not run 0 s after its start command" in (host.stopped_services[0].note or "")
    assert state_path().exists()


def test_a_service_that_does_not_stop_is_an_error(
    machine: Machine,
) -> None:
    machine.let_run("s")
    service = service_of(Model("a", "llama-server", "http://127.0.0.1:9/v1", "m", lifecycle=by_commands(machine, "s")))
    assert service is not None
    assert service.check is not None
    with pytest.raises(ServerError, match="s still runs 0 s after its stop command"):
        wait_for_service("s", service.check, False, 0.3)


# --- by the API of the server ------------------------------------------------------------------------------


class Holder:
    """The models that a server with a load API has loaded, and the bodies of the requests that it got."""

    def __init__(self, *loaded: str) -> None:
        self.loaded = list(loaded)
        self.bodies: list[Json] = []

    def load(self, name: str) -> Route:
        def route(body: Json) -> tuple[int, Json]:
            self.bodies.append(body)
            if name.startswith("by body") and (body or {}).get("keep_alive") == 0:
                self.loaded.remove(body["model"])
            else:
                self.loaded.append((body or {}).get("model", name))
            return 200, {}

        return route

    def unload(self, key: str, suffix: str = "") -> Route:
        def route(body: Json) -> tuple[int, Json]:
            self.bodies.append(body)
            self.loaded.remove((body or {}).get(key, key).removesuffix(suffix))
            return 200, {}

        return route


def ollama(holder: Holder) -> dict[str, Route]:
    return {
        "GET /api/version": respond_with({"version": "0.9"}),
        "GET /api/ps": lambda _: (200, {"models": [{"model": name, "context_length": 4096} for name in holder.loaded]}),
        "GET /api/tags": respond_with({"models": [{"model": "m", "size": 10}]}),
        "POST /api/generate": holder.load("by body"),
    }


def lm_studio(holder: Holder) -> dict[str, Route]:
    def row(name: str) -> Json:
        instances = [{"id": f"{name}:1", "config": {"context_length": 8192}}] if name in holder.loaded else []
        return {"key": name, "size_bytes": 10, "max_context_length": 32768, "loaded_instances": instances}

    return {
        "GET /api/v1/models": lambda _: (200, {"models": [row("m"), row("before")]}),
        "POST /api/v1/models/load": holder.load(""),
        "POST /api/v1/models/unload": holder.unload("instance_id", ":1"),
    }


def omlx(holder: Holder) -> dict[str, Route]:
    return {
        "GET /health": respond_with({"status": "healthy"}),
        "GET /v1/models/status": lambda _: (
            200,
            {"models": [{"id": name, "loaded": name in holder.loaded} for name in ("m", "before")]},
        ),
        "POST /v1/models/m/load": holder.load("m"),
        "POST /v1/models/before/load": holder.load("before"),
        "POST /v1/models/m/unload": holder.unload("m"),
        "POST /v1/models/before/unload": holder.unload("before"),
    }


def llama_swap(holder: Holder) -> dict[str, Route]:
    def release(_: Json) -> tuple[int, Json]:
        # Every request to an upstream's /health loads its model: this call unloads all of them.
        holder.loaded.clear()
        return 200, {}

    return {
        "GET /running": lambda _: (200, {"running": [{"model": name} for name in holder.loaded]}),
        "GET /upstream/m/health": lambda _: (200, {"status": "ok"} if holder.load("m")(None) else {}),
        "GET /upstream/before/health": lambda _: (200, {"status": "ok"} if holder.load("before")(None) else {}),
        "POST /api/models/unload/m": release,
        "POST /api/models/unload/before": holder.unload("before"),
    }


@pytest.mark.parametrize(
    ("server", "routes"), [("ollama", ollama), ("lm-studio", lm_studio), ("omlx", omlx), ("llama-swap", llama_swap)]
)
def test_a_loaded_model_is_unloaded_for_the_run_and_loaded_again(
    machine: Machine, run: Path, server: str, routes: type
) -> None:
    holder = Holder("before")
    cycle = Lifecycle("api", ready_timeout_s=30.0, stop_timeout_s=2.0)
    listed = {"GET /v1/models": respond_with({"data": [{"id": "m"}, {"id": "before"}]})}
    with llama({**listed, **routes(holder)}) as port:
        model_server = a_server(cycle, port=port, server=server)
        with model_host([model_server], run, print) as host:
            assert holder.loaded == []
            with host.session(model_server) as session:
                assert set(holder.loaded) == {"m"}
                assert session.load_s is not None
            assert holder.loaded == []
    assert set(holder.loaded) == {"before"}
    assert [change.restored for change in host.stopped_services] == [True]


def test_a_model_is_loaded_with_its_configured_context_and_restored_with_its_previous_one(
    machine: Machine, run: Path
) -> None:
    holder = Holder("before")
    with llama(lm_studio(holder)) as port:
        cycle = Lifecycle("api", ready_timeout_s=30.0, stop_timeout_s=2.0)
        model_server = a_server(cycle, port=port, server="lm-studio", context_tokens=16384)
        with model_host([model_server], run, print) as host, host.session(model_server):
            pass
    assert holder.bodies == [
        {"instance_id": "before:1"},
        {"model": "m", "context_length": 16384},
        {"instance_id": "m:1"},
        {"model": "before", "context_length": 8192},
    ]


@pytest.mark.parametrize(("loads", "is_restored"), [(2, True), (1, False)])
def test_each_instance_of_a_loaded_model_is_loaded_again(
    machine: Machine, run: Path, loads: int, is_restored: bool
) -> None:
    contexts = {"before": 4096, "before:2": 65536}

    def models(_: Json) -> tuple[int, Json]:
        instances = [{"id": name, "config": {"context_length": tokens}} for name, tokens in contexts.items()]
        return 200, {"models": [{"key": "before", "loaded_instances": instances}]}

    def load(body: Json) -> tuple[int, Json]:
        if len(contexts) < loads:
            contexts[f"before:{len(contexts) + 1}" if contexts else "before"] = body["context_length"]
        return 200, {}

    def unload(body: Json) -> tuple[int, Json]:
        del contexts[body["instance_id"]]
        return 200, {}

    routes = {"POST /api/v1/models/load": load, "POST /api/v1/models/unload": unload}
    with llama({"GET /api/v1/models": models, **routes}) as port:
        cycle = Lifecycle("api", ready_timeout_s=30.0, stop_timeout_s=2.0)
        model_server = a_server(cycle, port=port, server="lm-studio")
        with model_host([model_server], run, print, restore_timeout_s=0.5) as host:
            assert contexts == {}
    assert contexts == dict([("before", 4096), ("before:2", 65536)][:loads])
    assert [(change.service, change.restored) for change in host.stopped_services] == [
        ("before loaded in LM Studio", True),
        ("before loaded in LM Studio, instance 2", is_restored),
    ]


def test_services_of_one_name_have_verdicts_of_their_own() -> None:
    first = SuspendedService("m loaded in LM Studio", (Step("unload m", url="http://a"),), (), stopped_at="1")
    second = replace(first, stop=(Step("unload m", url="http://b"),))
    reported = report_stopped_services((first, second), (replace(first, restore_error="no answer"),))
    assert [(service.restored, service.note) for service in reported] == [(True, None), (False, "no answer")]


def test_a_context_reported_for_loaded_models_only_is_read_after_one_token(machine: Machine, run: Path) -> None:
    holder = Holder()

    def reply(_: Json) -> tuple[int, Json]:
        holder.loaded[:] = ["m"]
        return 200, {"choices": []}

    with llama({**ollama(holder), "POST /v1/chat/completions": reply}) as port:
        model_server = a_server(None, port=port, server="ollama")
        with model_host([model_server], run, print) as host, host.session(model_server) as session:
            assert session.readiness.context_tokens == 4096
            assert session.load_s is None
    assert holder.loaded == ["m"]


def failing(route: Route, *failures: Response) -> Route:
    """A route that answers with these failures first."""
    left = list(failures)
    return lambda body: left.pop(0) if left else route(body)


BUSY: Response = (503, {"error": "busy"})
NO_LISTING: Response = (200, {"error": "unexpected endpoint"})


@pytest.mark.parametrize("failure", [BUSY, NO_LISTING, (404, None)])
def test_a_listing_that_fails_ends_the_run_before_anything_is_unloaded(
    machine: Machine, run: Path, failure: Response
) -> None:
    holder = Holder("before")
    routes = ollama(holder)
    with llama({**routes, "GET /api/ps": failing(routes["GET /api/ps"], failure)}) as port:
        model_server = a_server(Lifecycle("api"), port=port, server="ollama")
        with (
            pytest.raises(ServerError, match="/api/ps does not list what is loaded") as caught,
            model_host([model_server], run, print),
        ):
            pytest.fail("the run began")
    assert f"HTTP {failure[0]}" in caught.value.message
    assert caught.value.fix
    assert (holder.loaded, holder.bodies) == (["before"], [])


def test_an_unload_is_not_over_while_the_listing_fails(machine: Machine, run: Path) -> None:
    holder = Holder("m")
    routes = ollama(holder)
    with llama({**routes, "GET /api/ps": failing(routes["GET /api/ps"], BUSY, BUSY)}) as port:
        unload_model(a_server(Lifecycle("api"), port=port, server="ollama"), 10.0, print)
    assert holder.loaded == []


def test_a_model_whose_unload_no_listing_confirms_stays_in_the_state_file(machine: Machine, run: Path) -> None:
    holder = Holder("m")
    save_state(LifecycleState(2**22 + 1, "an earlier boot 1", str(run), (loaded_by_run(port := free_port()),)))
    with serve_fake(FakeBehavior(), {**ollama(holder), "GET /api/ps": respond_with({}, 500)}, port):
        recover(print, 0.3)
    assert holder.loaded == ["m"]
    assert "does not list what is loaded (HTTP 500)" in state_path().read_text()
    with serve_fake(FakeBehavior(), ollama(holder), port):
        recover(print, 5.0)
    assert holder.loaded == []
    assert not state_path().exists()


def loaded_by_run(port: int, **more: Json) -> SuspendedService:
    model = a_server(Lifecycle("api"), port=port, server="ollama", **more).model
    return SuspendedService("m (loaded by the run)", (), (), loaded_model=model, started_by_run=True)


@pytest.mark.parametrize(
    ("key", "server", "reason"),
    [
        ("se\ncret", "ollama", "API key"),
        (None, "ollama", "LANEBENCH_TEST_KEY is not set"),
        ("", "of a later version", "unknown server kind 'of a later version'"),
    ],
)
def test_what_cannot_be_restored_for_any_reason_keeps_no_other_service_stopped(
    machine: Machine, run: Path, monkeypatch: pytest.MonkeyPatch, key: str | None, server: str, reason: str
) -> None:
    if key is not None:
        monkeypatch.setenv("LANEBENCH_TEST_KEY", key)
    bad = loaded_by_run(port := free_port(), key_env="LANEBENCH_TEST_KEY")
    assert bad.loaded_model is not None
    bad = replace(bad, loaded_model=replace(bad.loaded_model, server=server), started_by_run=False)
    good = SuspendedService("good", (), (Step("start good", machine.touch("good", "start")),))
    save_state(LifecycleState(2**22 + 1, "an earlier boot 1", str(run), (good, bad)))
    lines: list[str] = []
    with serve_fake(FakeBehavior(key="secret"), {}, port):
        assert [change.restored for change in recover(lines.append, 0.2)] == [False, True]
    assert machine.runs("good")
    (line,) = (line for line in lines if line.startswith("NOT restored"))
    assert reason in line
    assert str(state_path()) in lines[-1]
    assert reason in state_path().read_text()


def test_nothing_is_loaded_where_nothing_listens(machine: Machine, run: Path) -> None:
    assert find_running([a_server(Lifecycle("api"), port=free_port(), server="ollama")]) == ()


def test_a_model_that_was_loaded_behind_a_tunnel_is_used_and_left_loaded(machine: Machine, run: Path) -> None:
    ssh = machine.here / "bin" / "ssh"
    ssh.write_text("#!/bin/sh\nexec sleep 60\n")
    ssh.chmod(0o755)
    holder = Holder("m")
    routes = ollama(holder)
    with serve_fake(FakeBehavior(), {**routes, "GET /v1/models": respond_with({"data": [{"id": "m"}]})}) as far:
        port = int(far.base_url.split(":")[2].removesuffix("/v1"))
        cycle = Lifecycle("api", ready_timeout_s=10.0, stop_timeout_s=1.0)
        model_server = a_server(cycle, port=port, server="ollama", tunnel="me@studio")
        host = ModelHost(Journal(run), run, print, 1.0, 1.0)
        with host.session(model_server) as session:
            assert holder.loaded == ["m"]
            assert session.readiness.context_tokens == 4096
        assert (holder.loaded, holder.bodies) == (["m"], [])
        holder.loaded.clear()
        with host.session(model_server):
            assert holder.loaded == ["m"]
        assert holder.loaded == []


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (507, "not enough memory for m", r"HTTP 507: .*not enough memory for m"),
        (200, "Unexpected endpoint or method.", r"load answers HTTP 200: .*Unexpected endpoint"),
    ],
)
def test_a_failed_load_is_reported_with_the_servers_message(
    machine: Machine, run: Path, status: int, error: str, said: str
) -> None:
    holder = Holder()
    failing = {"POST /api/v1/models/load": respond_with({"error": error}, status)}
    with llama({**lm_studio(holder), **failing}) as port:
        model_server = a_server(Lifecycle("api", ready_timeout_s=30.0), port=port, server="lm-studio")
        with (
            model_host([model_server], run, print) as host,
            pytest.raises(ServerError, match=said),
            host.session(model_server),
        ):
            pass


# --- what a dead process leaves ----------------------------------------------------------------------------------

LEAVES_A_CHILD = ("sh", "-c", "sleep 60 & echo $!; sleep 0.2; exit 1")


@contextmanager
def dead_server(run: Path) -> Iterator[tuple[ServerProcess, "subprocess.Popen[bytes]", psutil.Process]]:
    """A server that has ended, unreaped, and its child, which goes on in its group and has its log open."""
    process, child = start_process(Step("start it", LEAVES_A_CHILD), run / "a.log")
    while process.is_running:
        time.sleep(0.02)
    left = psutil.Process(int((run / "a.log").read_text()))
    try:
        yield process, child, left
    finally:
        with suppress(psutil.NoSuchProcess):
            left.kill()
        child.wait()


def test_the_children_of_a_server_that_died_are_ended(machine: Machine, run: Path) -> None:
    with dead_server(run) as (process, _, left):
        assert is_alive(left)
        assert terminate_process(process.pid, process.started_at, 5.0)
        assert not is_alive(left)


def test_the_children_of_a_server_that_died_after_its_run_are_known_by_their_log(machine: Machine, run: Path) -> None:
    with dead_server(run) as (process, child, left):
        # Nobody holds the PID any more: without the log, what is in the group could be anybody's.
        child.wait()
        assert terminate_process(process.pid, process.started_at, 5.0)
        assert terminate_process(process.pid, process.started_at, 5.0, run / "another.log")
        assert is_alive(left)
        save_state(LifecycleState(2**22 + 1, "an earlier boot 1", str(run), processes=(process,)))
        recover(print)
        assert not is_alive(left)


def test_a_process_without_a_group_of_its_own_takes_nobody_with_it() -> None:
    words = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(words) as first, subprocess.Popen(words) as second:
        assert terminate_process(first.pid, process_start_time(first.pid) or 0.0, 5.0)
        assert second.poll() is None
        second.kill()


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


# --- stops and crashes ------------------------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from harness.lifecycle import model_host
from harness.servers import ServerHandle, get_server_kind
from harness.types import Lifecycle, Model
from tests.machine import server_words
port = int(sys.argv[1])
url = f"http://127.0.0.1:{port}/v1"
daemon = Lifecycle("launchd", service="com.example.ds4", plist="com.example.ds4.plist")
models = [
    Model("ds4", "ds4", "http://127.0.0.1:9/v1", "d", lifecycle=daemon),
    Model("started", "llama-server", url, "m", lifecycle=Lifecycle("process", start=server_words(port))),
]
servers = [ServerHandle(model, get_server_kind(model.server)) for model in models]
with model_host(servers, Path(sys.argv[2]), print) as host, host.session(servers[1]):
    print("up", flush=True)
    time.sleep(60)
"""


@contextmanager
def holding_process(machine: Machine, run: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    machine.let_run("com.example.ds4")
    port = free_port()
    words = [sys.executable, "-c", HOLD, str(port), str(run)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process_of_run:
        assert process_of_run.stdout is not None
        try:
            assert any(line == "up\n" for line in process_of_run.stdout)
            yield process_of_run, port
        finally:
            process_of_run.kill()
            process_of_run.stdout.close()


def test_ctrl_c_restores_everything(machine: Machine, run: Path) -> None:
    with holding_process(machine, run) as (process_of_run, port):
        assert not machine.runs("com.example.ds4")
        process_of_run.send_signal(signal.SIGINT)
        process_of_run.wait(30)
    assert machine.runs("com.example.ds4")
    assert not listens(port)
    assert not state_path().exists()


def test_the_next_start_after_a_kill_restores_everything(machine: Machine, run: Path) -> None:
    with holding_process(machine, run) as (process_of_run, port):
        process_of_run.kill()
        process_of_run.wait(30)
    assert not machine.runs("com.example.ds4")
    assert listens(port)
    log: list[str] = []
    assert [change.restored for change in recover(log.append)] == [True]
    assert machine.runs("com.example.ds4")
    assert not listens(port)
    assert not state_path().exists()
    assert "an earlier run was killed" in log[0]
    assert [line["service"] for _, line in read_lines(run / "stopped_services.jsonl")] == ["launchd com.example.ds4"]
    assert recover(log.append) == ()


def test_what_a_killed_run_wrote_half_is_dropped_before_more_is_written(machine: Machine, run: Path) -> None:
    with holding_process(machine, run) as (process_of_run, _):
        process_of_run.kill()
        process_of_run.wait(30)
    (run / "stopped_services.jsonl").write_text('{"service": "the ')
    recover(print)
    assert [line["service"] for _, line in read_lines(run / "stopped_services.jsonl")] == ["launchd com.example.ds4"]


def test_the_servers_of_a_live_run_are_left_alone(machine: Machine, run: Path) -> None:
    with holding_process(machine, run) as (process_of_run, port):
        with (
            pytest.raises(ServerError, match=f"another run .process {process_of_run.pid}. uses the model servers"),
            model_host([a_server(a_daemon())], run, print),
        ):
            pass
        simulated = a_server(None)
        simulated = replace(simulated, model=replace(simulated.model, simulated=True))
        with model_host([simulated], run, print):
            assert listens(port)
        assert not machine.runs("com.example.ds4")
        assert process_of_run.poll() is None
    # The run is killed here; the next start stops what it had started.
    recover(print)
    assert not listens(port)


def test_a_second_run_is_refused_even_while_the_first_one_has_nothing_to_undo(machine: Machine, run: Path) -> None:
    machine.let_run("com.example.ds4")
    with llama() as port:
        users = a_server(None, port=port)
        with model_host([users], run, print):
            assert not state_path().exists()
            with (
                pytest.raises(
                    ServerError, match=f"another run .process {os.getpid()}. uses the model servers"
                ) as caught,
                model_host([a_server(a_daemon())], run, print),
            ):
                pass
            assert caught.value.fix == "wait for it, or stop it with Ctrl-C"
            simulated = replace(users, model=replace(users.model, simulated=True))
            with model_host([simulated], run, print):
                pass
        assert machine.log == []
        with model_host([a_server(a_daemon())], run, print):
            assert not machine.runs("com.example.ds4")
    assert machine.runs("com.example.ds4")


def test_a_run_that_was_killed_keeps_no_other_out(machine: Machine, run: Path) -> None:
    with holding_process(machine, run) as (process_of_run, port):
        process_of_run.kill()
        process_of_run.wait(30)
    # The server that it started still runs, and must not hold its lock.
    assert listens(port)
    with llama() as other, model_host([a_server(None, port=other)], run, print):
        assert not listens(port)
        assert machine.runs("com.example.ds4")


def test_where_no_lock_can_be_written_a_run_that_changes_nothing_goes_on(
    machine: Machine, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run / "file").touch()
    monkeypatch.setenv("LANEBENCH_STATE", str(run / "file" / "state.json"))
    log: list[str] = []
    with llama() as port, model_host([a_server(None, port=port)], run, log.append):
        assert len(log) == 1
    assert "a second run at the same time would not be noticed: " in log[0]


def test_a_host_that_changes_nothing_leaves_the_state_file_of_others_alone(machine: Machine, run: Path) -> None:
    with llama() as port, model_host([a_server(None, port=port)], run, print):
        state_path().parent.mkdir(exist_ok=True)
        state_path().write_text("another's")
    assert state_path().read_text() == "another's"


def test_a_damaged_state_file_is_never_removed(machine: Machine) -> None:
    state_path().parent.mkdir()
    state_path().write_text("{")
    with pytest.raises(ServerError, match="what an earlier run stopped is unknown"):
        recover(print)
    assert state_path().exists()


def test_an_api_key_is_never_written_into_the_state_file(
    machine: Machine, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEBENCH_TEST_KEY", "very-secret")
    holder = Holder("before")
    with serve_fake(FakeBehavior(key="very-secret"), omlx(holder)) as server:
        port = int(server.base_url.split(":")[2].removesuffix("/v1"))
        base = a_server(Lifecycle("api"), port=port, server="omlx", key_env="LANEBENCH_TEST_KEY")
        with model_host([replace(base, api_key="very-secret")], run, print):
            assert holder.loaded == []
            assert "very-secret" not in state_path().read_text()
    assert holder.loaded == ["before"]


# --- what fits, and what would be done --------------------------------------------------------------------------


def test_a_model_that_does_not_fit_is_refused_before_anything_is_stopped(machine: Machine) -> None:
    machine.let_run("com.example.ds4")
    large = a_server(replace(a_daemon(), memory_bytes=2**60))
    assert "1073741824.0 GiB by lifecycle.memory_bytes" in find_oversized_models([large])["a"].message
    assert machine.log == []


def test_a_size_that_the_server_reports_counts_too(machine: Machine) -> None:
    routes = {"GET /api/tags": respond_with({"models": [{"model": "m", "size": 2**50}]})}
    with llama(routes) as port:
        oversized = find_oversized_models([a_server(Lifecycle("api"), port=port, server="ollama")])
    assert "by its server" in oversized["a"].message


@pytest.mark.parametrize("size", [True, 10**400])
def test_a_size_that_is_no_number_of_bytes_is_unknown(machine: Machine, size: Json) -> None:
    routes = {"GET /api/tags": respond_with({"models": [{"model": "m", "size": size}]})}
    with llama(routes) as port:
        reported = a_server(Lifecycle("api"), port=port, server="ollama")
        declared = a_server(Lifecycle("api"), port=port, facts={"file_bytes": size})
        assert (model_size(reported), model_size(declared)) == (None, None)
        assert find_oversized_models([reported, declared]) == {}


@pytest.mark.parametrize("address", ["0.0.0.0", "[::]", "127.0.0.2", "[::1]", "localhost"])
def test_every_address_of_this_machine_has_memory_and_ports_that_are_checked(machine: Machine, address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = a_server(Lifecycle("process", memory_bytes=2**60), base_url=f"http://{address}:{port}/v1")
        assert "does not fit" in find_oversized_models([server])["a"].message
        assert take_snapshot(server.model).machine_bytes is not None
        with pytest.raises(ServerError, match=f"port {port} is already taken by another program"):
            require_free_port(server)


@pytest.mark.parametrize("more", [{"base_url": "http://10.0.0.7:9/v1"}, {"tunnel": "me@studio"}])
def test_the_memory_of_another_machine_is_unknown(machine: Machine, more: Mapping[str, Json]) -> None:
    server = a_server(Lifecycle("api", memory_bytes=2**60), **more)
    assert find_oversized_models([server]) == {}
    assert take_snapshot(server.model) == MemorySnapshot()


def test_a_model_that_fits_or_has_no_known_size_is_accepted(machine: Machine) -> None:
    small = a_server(replace(a_daemon(), memory_bytes=1))
    assert find_oversized_models([small, a_server(a_daemon(), label="b")]) == {}


def test_a_dry_run_lists_every_step_and_changes_nothing(machine: Machine) -> None:
    machine.let_run("com.example.ds4")
    port = free_port()
    daemon = a_server(a_daemon(), label="ds4")
    started = a_server(process(port), port=port, label="started")
    large = a_server(replace(process(port), memory_bytes=2**60), port=port, label="large")
    users = a_server(None, label="users")
    lines = describe_steps([daemon, started, large, users])
    target = f"gui/{os.getuid()}"
    assert lines[0] == (
        f"stop launchd com.example.ds4: stop launchd com.example.ds4: launchctl bootout {target}/com.example.ds4"
    )
    assert lines[-1].endswith(f"launchctl bootstrap {target} /tmp/com.example.ds4.plist")
    text = "\n".join(lines)
    assert f"tests.machine {port}" in text
    assert "model large\n  refused: " in text
    assert "model users\n  query http://127.0.0.1:9/v1, which must answer" in text
    assert machine.log == []
    assert machine.runs("com.example.ds4")


def test_a_tunnel_is_opened_without_a_password_and_to_the_same_port() -> None:
    step = tunnel_step(a_server(None, port=8000, tunnel="me@studio").model)
    assert step is not None
    assert step.command[-3:] == ("-L", "127.0.0.1:8000:127.0.0.1:8000", "me@studio")
    assert "BatchMode=yes" in step.command


def test_a_tunnel_that_ends_is_reported_with_the_output_of_ssh(machine: Machine, run: Path) -> None:
    ssh = machine.here / "bin" / "ssh"
    ssh.write_text("#!/bin/sh\necho Permission denied\nexit 255\n")
    ssh.chmod(0o755)
    model_server = a_server(None, port=free_port(), tunnel="me@studio")
    with (
        model_host([model_server], run, print) as host,
        pytest.raises(ServerError, match="ssh ended; its output: Permission denied"),
        host.session(model_server),
    ):
        pass


# --- small rules ------------------------------------------------------------------------------------------------


def test_tasks_that_need_more_context_than_is_served_are_skipped() -> None:
    needs = [ContextNeed("short", 400, 300), ContextNeed("long", 100_000, 300)]
    assert skip_oversized_tasks(needs, 8192) == (SkippedTask("long", 27_800, 8192),)
    assert skip_oversized_tasks(needs, 27_800) == ()
    assert skip_oversized_tasks(needs, None) == ()


def test_memory_measured_by_two_methods_is_not_combined() -> None:
    before, loaded = MemorySnapshot("machine in use", 5, 5, 1, 2), MemorySnapshot("server process", 3, 9, 4, 6)
    use = memory_use(before, loaded)
    assert (use.method, use.before_bytes, use.loaded_bytes, use.after_bytes) == ("server process", None, 3, None)
    assert (use.wired_before_bytes, use.wired_loaded_bytes, use.gpu_loaded_bytes) == (1, 4, 6)


def test_memory_that_is_not_freed_is_noticed() -> None:
    began = time.monotonic()
    assert wait_until_freed(MemorySnapshot(machine_bytes=2**60), 5.0) is True
    assert wait_until_freed(MemorySnapshot(machine_bytes=-(2**40)), 0.0) is False
    assert wait_until_freed(MemorySnapshot(), 5.0) is None
    lines: list[str] = []
    await_memory("coder", MemorySnapshot(machine_bytes=2**60), 5.0, lines.append)
    assert lines == []
    await_memory("coder", MemorySnapshot(machine_bytes=-(2**40)), 0.0, lines.append)
    assert lines == [
        "waiting until the memory of coder is given back, for 0 s at most; Ctrl-C ends the wait",
        "the memory of coder was not freed within 0 s",
    ]
    assert time.monotonic() - began < 5.0
