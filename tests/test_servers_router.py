"""llama-server's router mode: it answers before it has loaded or unloaded a model, so its listing is polled."""

from pathlib import Path

import pytest

from harness.errors import ServerError
from harness.lifecycle import describe_steps, find_oversized_models, model_host, recover, state_path
from harness.lifecycle.unload import unload_model
from harness.servers import (
    ServerHandle,
    get_server_kind,
    look_up,
    query_model_context,
    query_served_context,
    query_version,
)
from harness.types import Json, Lifecycle, Model
from tests.fake_router import CAPTURED, Router, captured
from tests.fake_server import FakeBehavior, respond_with, serve_fake

KIND = get_server_kind("llama-router")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LANEBENCH_STATE", str(tmp_path / "state.json"))
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def a_server(base_url: str, name: str = "m", **more: Json) -> ServerHandle:
    cycle = Lifecycle("api", ready_timeout_s=10.0, stop_timeout_s=2.0)
    return ServerHandle(Model("a", "llama-router", base_url, name, lifecycle=cycle, **more), KIND)


def test_each_model_is_unloaded_before_the_next_is_loaded_and_the_earlier_one_is_restored(run: Path) -> None:
    router = Router("m", "n", "before")
    router.states["before"] = "loaded"
    with serve_fake(FakeBehavior(), router.routes()) as server:
        first, second = a_server(server.base_url), a_server(server.base_url, "n")
        with model_host([first, second], run, print) as host:
            assert router.loaded == set()
            with host.session(first) as session:
                assert router.loaded == {"m"}
                assert session.readiness.context_tokens == 8192
                assert session.readiness.model_context_tokens == 40960
                assert session.readiness.version == "b11669-Debian"
                assert session.load_s is not None
                assert session.load_s > 0.3
            assert router.loaded == set()
            with host.session(second):
                assert router.loaded == {"n"}
        assert router.states == {"m": "unloaded", "n": "unloaded", "before": "loaded"}
    assert [line for line in router.log if line.startswith("load")] == [
        "load m beside []",
        "load n beside []",
        "load before beside []",
    ]
    assert [(change.service, change.restored) for change in host.stopped_services] == [
        ("before loaded in llama-server, router mode", True)
    ]
    assert not state_path().exists()


def test_a_failed_load_is_reported_at_once(run: Path) -> None:
    router = Router("m", damaged="m")
    with serve_fake(FakeBehavior(), router.routes()) as server:
        server_handle = a_server(server.base_url)
        with (
            model_host([server_handle], run, print) as host,
            pytest.raises(ServerError, match="router mode reports that loading m failed"),
            host.session(server_handle),
        ):
            pass
    assert not state_path().exists()


def test_a_model_that_the_router_does_not_know_is_reported_with_its_message(run: Path) -> None:
    with serve_fake(FakeBehavior(), Router("m").routes()) as server:
        server_handle = a_server(server.base_url, "nobody")
        with (
            model_host([server_handle], run, print) as host,
            pytest.raises(ServerError, match=r"load nobody for a: POST .*/models/load answers HTTP 404"),
            host.session(server_handle),
        ):
            pass


def test_a_model_that_cannot_be_unloaded_stays_in_the_state_file_and_is_reported(run: Path) -> None:
    router = Router("m")
    lines: list[str] = []
    broken = {"POST /models/unload": respond_with({"error": {"message": "cannot stop it"}}, 500)}
    mine = "m (loaded in llama-server, router mode by the run)"
    with serve_fake(FakeBehavior(), {**router.routes(), **broken}) as server:
        server_handle = a_server(server.base_url)
        with model_host([server_handle], run, lines.append, restore_timeout_s=0.5) as host, host.session(server_handle):
            assert mine in state_path().read_text()
        assert [(change.service, change.restored) for change in host.stopped_services] == [(mine, False)]
        assert "cannot stop it" in (host.stopped_services[0].note or "")
        assert any(line.startswith(f"NOT stopped: {mine}") for line in lines)
        assert mine in state_path().read_text()
        router.states["m"] = "unloaded"
        assert recover(print) == ()
    assert not state_path().exists()


def test_waiting_for_an_unload_times_out(run: Path) -> None:
    router = Router("m", unloads_s=60.0)
    router.states["m"] = "loaded"
    with (
        serve_fake(FakeBehavior(), router.routes()) as server,
        pytest.raises(ServerError, match="router mode still lists it 0 s after the unload request"),
    ):
        unload_model(a_server(server.base_url), 0.3, print)
    assert router.log == ["unload m"]


def test_a_failed_restore_is_reported_without_waiting(run: Path) -> None:
    router = Router("m", "before", damaged="before")
    router.states["before"] = "loaded"
    with serve_fake(FakeBehavior(), router.routes()) as server:
        with model_host([a_server(server.base_url)], run, print, restore_timeout_s=30.0) as host:
            pass
        assert [change.restored for change in host.stopped_services] == [False]
        assert "loading before failed" in (host.stopped_services[0].note or "")


def test_checks_and_a_dry_run_load_nothing(run: Path) -> None:
    router = Router("m")
    with serve_fake(FakeBehavior(), router.routes()) as server:
        server_handle = a_server(server.base_url)
        assert find_oversized_models([server_handle]) == {}
        assert (query_served_context(server_handle), query_model_context(server_handle)) == (None, 40960)
        steps = "\n".join(describe_steps([server_handle]))
    assert f'load m for a: POST {server.base_url.removesuffix("/v1")}/models/load {{"model":"m"}}' in steps
    assert router.log == []
    assert not [path for path in server.requests if not path.startswith("GET")]


def test_a_listing_row_is_found_by_its_alias() -> None:
    rows = {"data": [{"id": "m", "aliases": ["coder"], "n": 1}, {"id": "n", "aliases": [], "n": 2}]}
    assert look_up(rows, "data[].n", "coder") == 1


def test_captured_replies_of_the_real_router_agree_with_its_kind() -> None:
    replies = {
        f"GET {CAPTURED[name]['request'].split()[1]}": respond_with(captured(name)[1])
        for name in ("the router itself", "once loaded")
    }
    with serve_fake(FakeBehavior(), replies) as server:
        server_handle = a_server(server.base_url, "tiny-a")
        assert query_version(server_handle) == "b11669-Debian"
        assert query_served_context(server_handle) == 8192
    facts = KIND.lifecycle.loaded_models
    assert facts is not None
    states = {
        name: look_up(row, facts.state or "", "")
        for name in CAPTURED
        for row in (captured(name)[1] or {}).get("data", [])
        if row["id"] == "tiny-a"
    }
    assert states["right after the load"] == "loading"
    assert states["asleep"] == states["right after the unload"] == "sleeping"
    assert {name for name, state in states.items() if state in facts.loaded_states} == {
        "right after the load",
        "once loaded",
        "asleep",
        "right after the unload",
    }
    assert look_up(captured("once that failed")[1], KIND.readiness.failed_json_path or "", "broken") is True
