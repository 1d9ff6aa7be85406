"""llama-server's router mode: it answers before it has loaded or let go, so that its listing must be waited for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import ServerError
from harness.lifecycle import describe_steps, find_oversized_models, model_host, recover, state_path
from harness.lifecycle.unload import let_go
from harness.record import Client, Timeouts
from harness.servers import get_server_kind, look_up
from harness.servers.query import ServerHandle, query_model_context, query_served_context, query_version
from harness.types import Json, Lifecycle, Model
from tests.pretend import Manners, answers_with, pretending
from tests.router import CAUGHT, Router, caught

KIND = get_server_kind("llama-router")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LANEBENCH_STATE", str(tmp_path / "state.json"))
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(Timeouts(connect_s=2.0, request_s=10.0)) as one:
        yield one


def asked(client: Client, base_url: str, name: str = "m", **more: Json) -> ServerHandle:
    cycle = Lifecycle("api", ready_s=10.0, stop_s=2.0)
    return ServerHandle(client, Model("a", "llama-router", base_url, name, lifecycle=cycle, **more), KIND)


def test_each_model_is_gone_before_the_next_is_loaded_and_what_was_loaded_is_back(run: Path, client: Client) -> None:
    router = Router("m", "n", "before")
    router.states["before"] = "loaded"
    with pretending(Manners(), router.routes()) as server:
        one, other = asked(client, server.base_url), asked(client, server.base_url, "n")
        with model_host([one, other], run, print) as stage:
            assert router.loaded == set()
            with stage.up(one) as visit:
                assert router.loaded == {"m"}
                assert visit.readiness.context_tokens == 8192
                assert visit.readiness.own_context_tokens == 40960
                assert visit.readiness.version == "b11669-Debian"
                assert visit.load_s is not None
                assert visit.load_s > 0.3
            assert router.loaded == set()
            with stage.up(other):
                assert router.loaded == {"n"}
        assert router.states == {"m": "unloaded", "n": "unloaded", "before": "loaded"}
    assert [line for line in router.log if line.startswith("load")] == [
        "load m beside []",
        "load n beside []",
        "load before beside []",
    ]
    assert [(change.service, change.restored) for change in stage.changes] == [
        ("before loaded in llama-server, router mode", True)
    ]
    assert not state_path().exists()


def test_a_load_that_fails_is_told_at_once(run: Path, client: Client) -> None:
    router = Router("m", damaged="m")
    with pretending(Manners(), router.routes()) as server:
        one = asked(client, server.base_url)
        with (
            model_host([one], run, print) as stage,
            pytest.raises(ServerError, match="router mode says that loading m failed: see its log"),
            stage.up(one),
        ):
            pass
    assert not state_path().exists()


def test_a_model_that_the_router_does_not_know_is_told_in_its_words(run: Path, client: Client) -> None:
    with pretending(Manners(), Router("m").routes()) as server:
        one = asked(client, server.base_url, "nobody")
        with (
            model_host([one], run, print) as stage,
            pytest.raises(ServerError, match=r"load nobody for a: POST .*/models/load answers HTTP 404"),
            stage.up(one),
        ):
            pass


def test_a_model_that_cannot_be_let_go_stays_written_down_and_is_told(run: Path, client: Client) -> None:
    router = Router("m")
    told: list[str] = []
    broken = {"POST /models/unload": answers_with({"error": {"message": "cannot stop it"}}, 500)}
    mine = "m (loaded in llama-server, router mode by the run)"
    with pretending(Manners(), {**router.routes(), **broken}) as server:
        one = asked(client, server.base_url)
        with model_host([one], run, told.append, restore_s=0.5) as stage, stage.up(one):
            assert mine in state_path().read_text()
        assert [(change.service, change.restored) for change in stage.changes] == [(mine, False)]
        assert "cannot stop it" in (stage.changes[0].note or "")
        assert any(line.startswith(f"NOT ended: {mine}") for line in told)
        assert mine in state_path().read_text()
        router.states["m"] = "unloaded"
        assert recover(print) == ()
    assert not state_path().exists()


def test_a_server_that_goes_on_listing_what_it_let_go_is_waited_for_so_long_only(run: Path, client: Client) -> None:
    router = Router("m", goes_s=60.0)
    router.states["m"] = "loaded"
    with (
        pretending(Manners(), router.routes()) as server,
        pytest.raises(ServerError, match="router mode still holds it 0 s after its unload"),
    ):
        let_go(asked(client, server.base_url), 0.3, print)
    assert router.log == ["unload m"]


def test_what_cannot_be_loaded_again_is_told_without_waiting(run: Path, client: Client) -> None:
    router = Router("m", "before", damaged="before")
    router.states["before"] = "loaded"
    with pretending(Manners(), router.routes()) as server:
        with model_host([asked(client, server.base_url)], run, print, restore_s=30.0) as stage:
            pass
        assert [change.restored for change in stage.changes] == [False]
        assert "loading before failed" in (stage.changes[0].note or "")


def test_looking_loads_nothing(run: Path, client: Client) -> None:
    router = Router("m")
    with pretending(Manners(), router.routes()) as server:
        one = asked(client, server.base_url)
        assert find_oversized_models([one]) == {}
        assert (query_served_context(one), query_model_context(one)) == (None, 40960)
        lines = "\n".join(describe_steps([one]))
    assert f'load m for a: POST {server.base_url.removesuffix("/v1")}/models/load {{"model":"m"}}' in lines
    assert router.log == []
    assert not [path for path in server.asked if not path.startswith("GET")]


def test_an_alias_names_its_model() -> None:
    rows = {"data": [{"id": "m", "aliases": ["coder"], "n": 1}, {"id": "n", "aliases": [], "n": 2}]}
    assert look_up(rows, "data[].n", "coder") == 1


def test_the_real_one_was_caught_saying_what_its_kind_states(client: Client) -> None:
    replies = {
        f"GET {CAUGHT[name]['asked'].split()[1]}": answers_with(caught(name)[1])
        for name in ("the router itself", "once loaded")
    }
    with pretending(Manners(), replies) as server:
        one = asked(client, server.base_url, "tiny-a")
        assert query_version(one) == "b11669-Debian"
        assert query_served_context(one) == 8192
    facts = KIND.lifecycle.loaded_models
    assert facts is not None
    states = {
        name: look_up(row, facts.state or "", "")
        for name in CAUGHT
        for row in (caught(name)[1] or {}).get("data", [])
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
    assert look_up(caught("once that failed")[1], KIND.readiness.failed_json_path or "", "broken") is True
