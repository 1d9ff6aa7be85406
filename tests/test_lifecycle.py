"""One model at a time with real processes and executables that behave as the real ones are documented to."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import ServerError
from harness.files import read_lines
from harness.host import process_start_time
from harness.lifecycle import (
    MemorySnapshot,
    describe_steps,
    find_oversized_models,
    memory_use,
    model_host,
    recover,
    state_path,
)
from harness.lifecycle.memory import wait_until_back
from harness.lifecycle.model_host import tunnel_step
from harness.lifecycle.status import wait_runs
from harness.lifecycle.steps import service_of
from harness.record import Client, Timeouts
from harness.servers import ContextNeed, get_server_kind, skip_oversized_tasks
from harness.servers.query import ServerHandle
from harness.types import Json, Lifecycle, Model, SkippedTask
from tests.machine import Machine, make_machine, server_words
from tests.pretend import Manners, Route, answers_with, pretending

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(Timeouts(connect_s=2.0, request_s=30.0)) as one:
        yield one


def asked(client: Client, lifecycle: Lifecycle | None, *, port: int = 9, **more: Json) -> ServerHandle:
    fields = {"label": "a", "server": "llama-server", "base_url": f"http://127.0.0.1:{port}/v1", "model": "m", **more}
    model = Model(**fields, lifecycle=lifecycle)
    return ServerHandle(client, model, get_server_kind(model.server))


def process(port: int, *more: str, ready_s: float = 20.0) -> Lifecycle:
    return Lifecycle("process", start=server_words(port, *more), ready_s=ready_s, stop_s=5.0)


def a_daemon(name: str = "com.example.ds4") -> Lifecycle:
    return Lifecycle("launchd", service=name, plist=f"/tmp/{name}.plist", ready_s=30.0, stop_s=5.0)


def by_commands(machine: Machine, name: str) -> Lifecycle:
    start, stop, running = (machine.touch(name, verb) for verb in ("start", "stop", "running"))
    return Lifecycle("commands", start=start, stop=stop, running=running, ready_s=30.0, stop_s=5.0)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def llama(routes: Mapping[str, Route] | None = None) -> Iterator[int]:
    ready = {"GET /health": answers_with({"status": "ok"}), "GET /v1/models": answers_with({"data": [{"id": "m"}]})}
    with pretending(Manners(), {**ready, **(routes or {})}) as server:
        yield int(server.base_url.split(":")[2].removesuffix("/v1"))


# --- by process -------------------------------------------------------------------------------------------------


def test_a_process_is_up_until_its_trials_end(machine: Machine, run: Path, client: Client) -> None:
    one = asked(client, process(port := free_port(), "--loads", "0.5"), port=port)
    with model_host([one], run, print) as stage, stage.up(one) as visit:
        assert listens(port)
        assert visit.readiness.version == "b7"
        assert visit.readiness.context_tokens == 4096
        assert visit.readiness.own_context_tokens == 32768
        assert visit.load_s is not None
        assert visit.load_s > 0.5
        spawned = json.loads(state_path().read_text())["spawned"]
        assert process_start_time(spawned[0]["pid"]) is not None
    assert not listens(port)
    assert process_start_time(spawned[0]["pid"]) is None
    assert not state_path().exists()
    assert "listening" in (run / "a.log").read_text()
    memory = memory_use(visit.before, visit.loaded, visit.after)
    assert memory.method == "server process"
    assert (memory.loaded_bytes or 0) > 1_000_000
    assert visit.after.machine_bytes is not None


def test_a_process_that_ends_is_told_with_its_last_words(machine: Machine, run: Path, client: Client) -> None:
    one = asked(client, process(port := free_port(), "--ends", "3"), port=port)
    with (
        model_host([one], run, print) as stage,
        pytest.raises(ServerError, match="ended before it was ready; it said: cannot read the model"),
        stage.up(one),
    ):
        pass
    assert not state_path().exists()


def test_a_command_that_is_missing_is_named(machine: Machine, run: Path, client: Client) -> None:
    one = asked(client, Lifecycle("process", start=("no-such-server",)), port=free_port())
    with (
        model_host([one], run, print) as stage,
        pytest.raises(ServerError, match="`no-such-server` cannot be started"),
        stage.up(one),
    ):
        pass


def test_a_server_that_never_becomes_ready_is_given_up(machine: Machine, run: Path, client: Client) -> None:
    one = asked(client, process(port := free_port(), "--loads", "60", ready_s=1.5), port=port)
    with (
        model_host([one], run, print) as stage,
        pytest.raises(
            ServerError, match=r"not ready after 2 s .it does not say that it is ready.: raise lifecycle.ready_s"
        ),
        stage.up(one),
    ):
        pass
    assert not listens(port)


def test_a_port_that_is_taken_is_no_servers_own(machine: Machine, run: Path, client: Client) -> None:
    with llama() as port:
        one = asked(client, process(port), port=port)
        with (
            model_host([one], run, print) as stage,
            pytest.raises(ServerError, match=f"port {port} is already taken"),
            stage.up(one),
        ):
            pass
        assert listens(port)


def test_a_server_that_is_up_and_refuses_is_not_waited_for(machine: Machine, run: Path, client: Client) -> None:
    refuse = {"POST /v1/chat/completions": answers_with({"error": {"message": "no model m here"}}, 404)}
    with llama(refuse) as port:
        one = asked(client, by_commands(machine, "s"), port=port)
        machine.let_run("s")
        with (
            model_host([one], run, print) as stage,
            pytest.raises(ServerError, match=r"up and refuses: HTTP 404: .*no model m here.*correct model"),
            stage.up(one),
        ):
            pass
    assert machine.runs("s")


# --- by launchd and commands ------------------------------------------------------------------------------------


def test_a_daemon_is_stopped_for_another_model_and_runs_again(machine: Machine, run: Path, client: Client) -> None:
    machine.let_run("com.example.ds4")
    with llama() as port:
        daemon = asked(client, a_daemon(), port=port, label="ds4")
        other = asked(client, process(own := free_port()), port=own, label="other")
        with model_host([daemon, other], run, print) as stage:
            assert not machine.runs("com.example.ds4")
            with stage.up(other):
                assert not machine.runs("com.example.ds4")
            with stage.up(daemon):
                assert machine.runs("com.example.ds4")
            assert not machine.runs("com.example.ds4")
    assert machine.runs("com.example.ds4")
    assert machine.log == [
        "bootout com.example.ds4 state kept",
        "bootstrap com.example.ds4 state kept",
        "bootout com.example.ds4 state kept",
        "bootstrap com.example.ds4 state kept",
    ]
    assert [(change.service, change.restored) for change in stage.changes] == [("launchd com.example.ds4", True)]
    assert [line["restored"] for _, line in read_lines(run / "changes.jsonl")] == [True]


def test_what_did_not_run_before_does_not_run_afterwards(machine: Machine, run: Path, client: Client) -> None:
    with llama() as port:
        one = asked(client, by_commands(machine, "s"), port=port)
        with model_host([one], run, print) as stage, stage.up(one):
            assert machine.runs("s")
    assert not machine.runs("s")
    assert stage.changes == ()
    assert machine.log == ["start s", "stop s"]


def test_a_start_command_that_fails_is_told_with_its_words_and_its_end(
    machine: Machine, run: Path, client: Client
) -> None:
    failing = replace(by_commands(machine, "s"), start=("sh", "-c", "echo no such service >&2; exit 4"))
    with (
        model_host([one := asked(client, failing)], run, print) as stage,
        pytest.raises(ServerError, match="ended with 4: no such service"),
        stage.up(one),
    ):
        pass
    assert not state_path().exists()


def test_a_daemon_of_the_system_is_asked_for_without_a_password(machine: Machine, client: Client) -> None:
    one = asked(client, replace(a_daemon("com.x"), domain="system"))
    lines = describe_steps([one])
    assert "  start launchd com.x: sudo -n launchctl bootstrap system /tmp/com.x.plist" in lines


def test_what_cannot_be_restored_stays_written_down_and_is_tried_again(
    machine: Machine, run: Path, client: Client
) -> None:
    machine.let_run("com.example.ds4")
    (machine.here / "refuse").touch()
    told: list[str] = []
    with model_host([asked(client, a_daemon())], run, told.append, restore_s=8.0) as stage:
        pass
    assert [change.restored for change in stage.changes] == [False]
    assert "Input/output error" in (stage.changes[0].note or "")
    assert any(line.startswith("NOT restored: launchd com.example.ds4") for line in told)
    (machine.here / "refuse").unlink()
    assert [change.restored for change in recover(print)] == [True]
    assert machine.runs("com.example.ds4")
    assert not state_path().exists()


def test_a_service_that_ends_right_after_its_start_is_not_called_restored(
    machine: Machine, run: Path, client: Client
) -> None:
    machine.let_run("s")
    dead = replace(by_commands(machine, "s"), start=("true",))
    with model_host([asked(client, dead)], run, print, restore_s=0.5) as stage:
        pass
    assert [change.restored for change in stage.changes] == [False]
    assert "does not run 0 s after it was told to" in (stage.changes[0].note or "")
    assert state_path().exists()


def test_a_service_that_does_not_stop_is_told_before_anything_else_is_loaded(
    machine: Machine,
) -> None:
    machine.let_run("s")
    service = service_of(Model("a", "llama-server", "http://127.0.0.1:9/v1", "m", lifecycle=by_commands(machine, "s")))
    assert service is not None
    assert service.running is not None
    with pytest.raises(ServerError, match="s still runs 0 s after it was told to"):
        wait_runs("s", service.running, False, 0.3)


# --- by the server's own interface ------------------------------------------------------------------------------


class Holder:
    """What a server with an interface of its own has loaded, and what it was told."""

    def __init__(self, *loaded: str) -> None:
        self.loaded = list(loaded)
        self.told: list[Json] = []

    def load(self, name: str) -> Route:
        def route(body: Json) -> tuple[int, Json]:
            self.told.append(body)
            if name.startswith("by body") and (body or {}).get("keep_alive") == 0:
                self.loaded.remove(body["model"])
            else:
                self.loaded.append((body or {}).get("model", name))
            return 200, {}

        return route

    def unload(self, key: str, suffix: str = "") -> Route:
        def route(body: Json) -> tuple[int, Json]:
            self.told.append(body)
            self.loaded.remove((body or {}).get(key, key).removesuffix(suffix))
            return 200, {}

        return route


def ollama(holder: Holder) -> dict[str, Route]:
    return {
        "GET /api/version": answers_with({"version": "0.9"}),
        "GET /api/ps": lambda _: (200, {"models": [{"model": name, "context_length": 4096} for name in holder.loaded]}),
        "GET /api/tags": answers_with({"models": [{"model": "m", "size": 10}]}),
        "POST /api/generate": holder.load("by body"),
    }


def lm_studio(holder: Holder) -> dict[str, Route]:
    def row(name: str) -> Json:
        own = [{"id": f"{name}:1", "config": {"context_length": 8192}}] if name in holder.loaded else []
        return {"key": name, "size_bytes": 10, "max_context_length": 32768, "loaded_instances": own}

    return {
        "GET /api/v1/models": lambda _: (200, {"models": [row("m"), row("before")]}),
        "POST /api/v1/models/load": holder.load(""),
        "POST /api/v1/models/unload": holder.unload("instance_id", ":1"),
    }


def omlx(holder: Holder) -> dict[str, Route]:
    return {
        "GET /health": answers_with({"status": "healthy"}),
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
        # Every look at an upstream's health loads it: one call lets go of all of them.
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
def test_a_loaded_model_makes_room_and_is_loaded_again(
    machine: Machine, run: Path, client: Client, server: str, routes: type
) -> None:
    holder = Holder("before")
    cycle = Lifecycle("api", ready_s=30.0, stop_s=2.0)
    listed = {"GET /v1/models": answers_with({"data": [{"id": "m"}, {"id": "before"}]})}
    with llama({**listed, **routes(holder)}) as port:
        one = asked(client, cycle, port=port, server=server)
        with model_host([one], run, print) as stage:
            assert holder.loaded == []
            with stage.up(one) as visit:
                assert set(holder.loaded) == {"m"}
                assert visit.load_s is not None
            assert holder.loaded == []
    assert set(holder.loaded) == {"before"}
    assert [change.restored for change in stage.changes] == [True]


def test_a_model_is_loaded_with_the_context_that_was_asked_for_and_restored_with_its_own(
    machine: Machine, run: Path, client: Client
) -> None:
    holder = Holder("before")
    with llama(lm_studio(holder)) as port:
        cycle = Lifecycle("api", ready_s=30.0, stop_s=2.0)
        one = asked(client, cycle, port=port, server="lm-studio", context_tokens=16384)
        with model_host([one], run, print) as stage, stage.up(one):
            pass
    assert holder.told == [
        {"instance_id": "before:1"},
        {"model": "m", "context_length": 16384},
        {"instance_id": "m:1"},
        {"model": "before", "context_length": 8192},
    ]


def test_a_context_that_is_told_of_loaded_models_only_is_read_after_one_token(
    machine: Machine, run: Path, client: Client
) -> None:
    holder = Holder()

    def reply(_: Json) -> tuple[int, Json]:
        holder.loaded[:] = ["m"]
        return 200, {"choices": []}

    with llama({**ollama(holder), "POST /v1/chat/completions": reply}) as port:
        one = asked(client, None, port=port, server="ollama")
        with model_host([one], run, print) as stage, stage.up(one) as visit:
            assert visit.readiness.context_tokens == 4096
            assert visit.load_s is None
    assert holder.loaded == ["m"]


def test_a_load_that_fails_is_told_in_the_servers_words(machine: Machine, run: Path, client: Client) -> None:
    holder = Holder()
    full = {"POST /api/v1/models/load": answers_with({"error": "not enough memory for m"}, 507)}
    with llama({**lm_studio(holder), **full}) as port:
        one = asked(client, Lifecycle("api", ready_s=30.0), port=port, server="lm-studio")
        with (
            model_host([one], run, print) as stage,
            pytest.raises(ServerError, match=r"HTTP 507: .*not enough memory for m"),
            stage.up(one),
        ):
            pass


# --- stops and crashes ------------------------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from harness.servers.query import ServerHandle
from harness.lifecycle import model_host
from harness.record import Client
from harness.servers import get_server_kind
from harness.types import Lifecycle, Model
from tests.machine import server_words
port = int(sys.argv[1])
url = f"http://127.0.0.1:{port}/v1"
daemon = Lifecycle("launchd", service="com.example.ds4", plist="com.example.ds4.plist")
with Client() as client:
    models = [
        Model("ds4", "ds4", "http://127.0.0.1:9/v1", "d", lifecycle=daemon),
        Model("own", "llama-server", url, "m", lifecycle=Lifecycle("process", start=server_words(port))),
    ]
    asked = [ServerHandle(client, model, get_server_kind(model.server)) for model in models]
    with model_host(asked, Path(sys.argv[2]), print) as stage, stage.up(asked[1]):
        print("up", flush=True)
        time.sleep(60)
"""


@contextmanager
def held(machine: Machine, run: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    machine.let_run("com.example.ds4")
    port = free_port()
    words = [sys.executable, "-c", HOLD, str(port), str(run)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holding:
        assert holding.stdout is not None
        try:
            assert any(line == "up\n" for line in holding.stdout)
            yield holding, port
        finally:
            holding.kill()
            holding.stdout.close()


def test_ctrl_c_puts_everything_back(machine: Machine, run: Path) -> None:
    with held(machine, run) as (holding, port):
        assert not machine.runs("com.example.ds4")
        holding.send_signal(signal.SIGINT)
        holding.wait(30)
    assert machine.runs("com.example.ds4")
    assert not listens(port)
    assert not state_path().exists()


def test_the_next_start_after_a_kill_puts_everything_back(machine: Machine, run: Path) -> None:
    with held(machine, run) as (holding, port):
        holding.kill()
        holding.wait(30)
    assert not machine.runs("com.example.ds4")
    assert listens(port)
    told: list[str] = []
    assert [change.restored for change in recover(told.append)] == [True]
    assert machine.runs("com.example.ds4")
    assert not listens(port)
    assert not state_path().exists()
    assert "an earlier run was killed" in told[0]
    assert [line["service"] for _, line in read_lines(run / "changes.jsonl")] == ["launchd com.example.ds4"]
    assert recover(told.append) == ()


def test_a_run_that_goes_on_is_not_disturbed(machine: Machine, run: Path, client: Client) -> None:
    with held(machine, run) as (holding, port):
        with (
            pytest.raises(ServerError, match=f"another run .process {holding.pid}. has stopped servers"),
            model_host([asked(client, a_daemon())], run, print),
        ):
            pass
        assert not machine.runs("com.example.ds4")
        assert holding.poll() is None
    # The holder is killed here, and its server with what it had started is the next start's to end.
    recover(print)
    assert not listens(port)


def test_a_stage_that_changes_nothing_leaves_the_state_of_others_alone(
    machine: Machine, run: Path, client: Client
) -> None:
    with llama() as port, model_host([asked(client, None, port=port)], run, print):
        state_path().parent.mkdir()
        state_path().write_text("another's")
    assert state_path().read_text() == "another's"


def test_a_state_that_cannot_be_read_is_never_thrown_away(machine: Machine) -> None:
    state_path().parent.mkdir()
    state_path().write_text("{")
    with pytest.raises(ServerError, match="what an earlier run stopped is not known"):
        recover(print)
    assert state_path().exists()


def test_a_key_is_never_written_into_the_state(
    machine: Machine, run: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEBENCH_TEST_KEY", "very-secret")
    holder = Holder("before")
    with pretending(Manners(key="very-secret"), omlx(holder)) as server:
        port = int(server.base_url.split(":")[2].removesuffix("/v1"))
        base = asked(client, Lifecycle("api"), port=port, server="omlx", key_env="LANEBENCH_TEST_KEY")
        with model_host([replace(base, secret="very-secret")], run, print):
            assert holder.loaded == []
            assert "very-secret" not in state_path().read_text()
    assert holder.loaded == ["before"]


# --- what fits, and what would be done --------------------------------------------------------------------------


def test_a_model_that_does_not_fit_is_refused_before_anything_is_stopped(machine: Machine, client: Client) -> None:
    machine.let_run("com.example.ds4")
    large = asked(client, replace(a_daemon(), memory_bytes=2**60))
    assert "1073741824.0 GiB by lifecycle.memory_bytes" in find_oversized_models([large])["a"]
    assert machine.log == []


def test_a_size_that_the_server_tells_counts_too(machine: Machine, client: Client) -> None:
    routes = {"GET /api/tags": answers_with({"models": [{"model": "m", "size": 2**60}]})}
    with llama(routes) as port:
        told = find_oversized_models([asked(client, Lifecycle("api"), port=port, server="ollama")])
    assert "by its server" in told["a"]


def test_a_model_of_a_known_or_unknown_size_that_fits_is_not_refused(machine: Machine, client: Client) -> None:
    small = asked(client, replace(a_daemon(), memory_bytes=1))
    assert find_oversized_models([small, asked(client, a_daemon(), label="b")]) == {}


def test_a_dry_run_names_every_step_and_does_none(machine: Machine, client: Client) -> None:
    machine.let_run("com.example.ds4")
    port = free_port()
    daemon = asked(client, a_daemon(), label="ds4")
    own = asked(client, process(port), port=port, label="own")
    large = asked(client, replace(process(port), memory_bytes=2**60), port=port, label="large")
    theirs = asked(client, None, label="theirs")
    lines = describe_steps([daemon, own, large, theirs])
    target = f"gui/{os.getuid()}"
    assert lines[0] == (
        f"stop launchd com.example.ds4: stop launchd com.example.ds4: launchctl bootout {target}/com.example.ds4"
    )
    assert lines[-1].endswith(f"launchctl bootstrap {target} /tmp/com.example.ds4.plist")
    text = "\n".join(lines)
    assert f"tests.machine {port}" in text
    assert "model large\n  refused: " in text
    assert "model theirs\n  ask http://127.0.0.1:9/v1, which must answer" in text
    assert machine.log == []
    assert machine.runs("com.example.ds4")


def test_a_tunnel_is_opened_without_a_password_and_to_the_same_port(client: Client) -> None:
    step = tunnel_step(asked(client, None, port=8000, tunnel="me@studio").model)
    assert step is not None
    assert step.words[-3:] == ("-L", "127.0.0.1:8000:127.0.0.1:8000", "me@studio")
    assert "BatchMode=yes" in step.words


def test_a_tunnel_that_ends_is_told_with_what_ssh_said(machine: Machine, run: Path, client: Client) -> None:
    ssh = machine.here / "bin" / "ssh"
    ssh.write_text("#!/bin/sh\necho Permission denied\nexit 255\n")
    ssh.chmod(0o755)
    one = asked(client, None, port=free_port(), tunnel="me@studio")
    with (
        model_host([one], run, print) as stage,
        pytest.raises(ServerError, match="ssh ended and said: Permission denied"),
        stage.up(one),
    ):
        pass


# --- small rules ------------------------------------------------------------------------------------------------


def test_tasks_that_need_more_context_than_is_served_are_skipped() -> None:
    needs = [ContextNeed("short", 400, 300), ContextNeed("long", 100_000, 300)]
    assert skip_oversized_tasks(needs, 8192) == (SkippedTask("long", 27_800, 8192),)
    assert skip_oversized_tasks(needs, 27_800) == ()
    assert skip_oversized_tasks(needs, None) == ()


def test_memory_that_was_measured_in_two_ways_is_not_put_together() -> None:
    before, loaded = MemorySnapshot("machine in use", 5, 5, 1, 2), MemorySnapshot("server process", 3, 9, 4, 6)
    use = memory_use(before, loaded)
    assert (use.method, use.before_bytes, use.loaded_bytes, use.after_bytes) == ("server process", None, 3, None)
    assert (use.wired_before_bytes, use.wired_loaded_bytes, use.gpu_loaded_bytes) == (1, 4, 6)


def test_memory_that_is_not_given_back_is_noticed() -> None:
    began = time.monotonic()
    assert wait_until_back(MemorySnapshot(machine_bytes=2**60), 5.0) is True
    assert wait_until_back(MemorySnapshot(machine_bytes=-(2**40)), 0.0) is False
    assert wait_until_back(MemorySnapshot(), 5.0) is None
    assert time.monotonic() - began < 5.0
