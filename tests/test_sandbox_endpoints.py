"""Which engine is looked for: DOCKER_HOST before a docker context before the usual sockets; and what is refused."""

import hashlib
import json
from pathlib import Path

import pytest

from harness.errors import EngineError, Problem
from harness.sandbox.endpoints import EngineEndpoint, candidate_endpoints
from harness.sandbox.engine import connect, find_engine
from harness.types import Json
from tests.fake_server import FakeBehavior, respond_with, serve_fake


def write_context(home: Path, name: str, endpoint: object, folder: str = ".docker") -> Path:
    """Make a docker context, as `docker context create` does; returns the folder for its TLS files."""
    identifier = hashlib.sha256(name.encode()).hexdigest()
    meta = home / folder / "contexts" / "meta" / identifier
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    return home / folder / "contexts" / "tls" / identifier / "docker"


def problem_of(env: dict[str, str], home: Path) -> Problem:
    """The one problem with which the search for an engine ends."""
    with pytest.raises(EngineError) as raised:
        find_engine(env, home)
    (problem,) = raised.value.problems
    return problem


def test_docker_host_wins_over_a_context_and_a_context_over_the_usual_sockets(tmp_path: Path) -> None:
    write_context(tmp_path, "colima", {"Host": "unix:///there/docker.sock"})
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "colima"}')
    assert candidate_endpoints({"DOCKER_HOST": "tcp://box:2376"}, tmp_path) == (
        EngineEndpoint("tcp://box:2376", "DOCKER_HOST"),
    )
    assert candidate_endpoints({}, tmp_path) == (
        EngineEndpoint("unix:///there/docker.sock", "docker context 'colima'"),
    )
    assert candidate_endpoints({"DOCKER_CONTEXT": "default"}, tmp_path)[0] == EngineEndpoint(
        "unix:///var/run/docker.sock"
    )


def test_contexts_are_looked_for_beside_the_config_file_that_docker_config_names(tmp_path: Path) -> None:
    write_context(tmp_path, "far", {"Host": "tcp://far:2376"}, folder="settings")
    (endpoint,) = candidate_endpoints(
        {"DOCKER_CONFIG": str(tmp_path / "settings"), "DOCKER_CONTEXT": "far"}, tmp_path / "home"
    )
    assert endpoint == EngineEndpoint("tcp://far:2376", "docker context 'far'")


def test_a_context_brings_its_tls_files_with_or_without_a_ca(tmp_path: Path) -> None:
    tls = write_context(tmp_path, "far", {"Host": "tcp://far:2376"})
    tls.mkdir(parents=True)
    for name in ("cert.pem", "key.pem"):
        (tls / name).write_text("")
    (endpoint,) = candidate_endpoints({"DOCKER_CONTEXT": "far"}, tmp_path)
    assert endpoint.tls is not None
    assert (endpoint.tls.cert, endpoint.tls.ca_cert) == ((str(tls / "cert.pem"), str(tls / "key.pem")), None)
    (tls / "ca.pem").write_text("")
    assert endpoint.tls.ca_cert == str(tls / "ca.pem")


def test_a_context_that_is_gone_is_named(tmp_path: Path) -> None:
    problem = problem_of({"DOCKER_CONTEXT": "elsewhere"}, tmp_path)
    assert "'elsewhere'" in problem.message
    assert "docker context use" in problem.fix


def test_a_context_without_a_host_is_not_the_local_socket(tmp_path: Path) -> None:
    write_context(tmp_path, "empty", {})
    problem = problem_of({"DOCKER_CONTEXT": "empty"}, tmp_path)
    assert "names no host" in problem.message
    assert "docker context use" in problem.fix


@pytest.mark.parametrize(
    "meta",
    [
        '{"Endpoints": null}',
        '{"Endpoints": []}',
        '{"Endpoints": {"docker": null}}',
        '{"Endpoints": {"docker": {"Host": 5}}}',
    ],
)
def test_a_context_whose_file_is_not_of_its_form_names_no_host(tmp_path: Path, meta: str) -> None:
    write_context(tmp_path, "odd", {})
    (path,) = (tmp_path / ".docker" / "contexts" / "meta").glob("*/meta.json")
    path.write_text(meta)
    problem = problem_of({"DOCKER_CONTEXT": "odd"}, tmp_path)
    assert problem.message == "docker context 'odd' names no host"
    assert "docker context use" in problem.fix


@pytest.mark.parametrize("name", ["5", '["a"]', "true"])
def test_a_context_in_use_that_is_no_name_is_an_engine_error(tmp_path: Path, name: str) -> None:
    config = tmp_path / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text(f'{{"currentContext": {name}}}')
    problem = problem_of({}, tmp_path)
    assert problem.message == f"{config}: currentContext is no name"
    assert problem.fix.startswith(f"correct {config}")


@pytest.mark.parametrize(
    "info",
    [
        {},
        [],
        {"Architecture": 5},
        {"Architecture": "amd64", "NCPU": "x"},
        {"Architecture": "amd64", "SecurityOptions": [1]},
        {"Architecture": "amd64", "Runtimes": 5},
    ],
)
def test_a_server_that_is_no_engine_is_an_engine_error(info: Json) -> None:
    routes = {
        "GET /version": respond_with({"ApiVersion": "1.41", "Version": "1"}),
        "GET /v1.41/version": respond_with({"ApiVersion": "1.41", "Version": "1"}),
        "GET /v1.41/info": respond_with(info),
    }
    with serve_fake(FakeBehavior(), routes) as fake:
        url = fake.base_url.replace("http", "tcp").removesuffix("/v1")
        with pytest.raises(EngineError, match="does not describe itself as a container engine") as raised:
            connect(EngineEndpoint(url, "docker context 'x'"), {})
    assert raised.value.fix == "start this engine, or choose another context with `docker context use NAME`"


@pytest.mark.parametrize("components", [[1], 5, [None]])
def test_a_version_that_is_no_engines_is_an_engine_error(components: Json) -> None:
    version = respond_with({"ApiVersion": "1.41", "Version": "1", "Components": components})
    info = respond_with({"Architecture": "amd64"})
    routes = {"GET /version": version, "GET /v1.41/version": version, "GET /v1.41/info": info}
    with serve_fake(FakeBehavior(), routes) as fake:
        url = fake.base_url.replace("http", "tcp").removesuffix("/v1")
        with pytest.raises(EngineError, match="does not describe itself as a container engine"):
            connect(EngineEndpoint(url, "docker context 'x'"), {})


@pytest.mark.parametrize("content", ["{broken", "[]", "\x00"])
def test_a_broken_docker_config_is_an_engine_error_with_one_fix(tmp_path: Path, content: str) -> None:
    config = tmp_path / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text(content)
    problem = problem_of({}, tmp_path)
    assert str(config) in problem.message
    assert problem.fix.startswith(f"correct {config}")


def test_an_engine_behind_ssh_is_refused_with_one_message_and_one_fix(tmp_path: Path) -> None:
    write_context(tmp_path, "box", {"Host": "ssh://box"})
    for env in ({"DOCKER_HOST": "ssh://box"}, {"DOCKER_CONTEXT": "box"}):
        problem = problem_of(env, tmp_path)
        assert "ssh://box: engines behind ssh are not supported" in problem.message
        assert problem.fix.startswith("forward the engine's socket with `ssh -N -L")
        assert "docker info" not in problem.fix


def test_podmans_socket_is_among_the_usual_ones(tmp_path: Path) -> None:
    found = [endpoint.url for endpoint in candidate_endpoints({"XDG_RUNTIME_DIR": "/run/user/7"}, tmp_path)]
    assert "unix:///run/user/7/podman/podman.sock" in found


def test_an_engine_that_was_named_and_does_not_answer_is_an_error_and_nothing_is_installed(tmp_path: Path) -> None:
    problem = problem_of({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}, tmp_path)
    assert "DOCKER_HOST names an engine that does not answer" in problem.message
    assert problem.fix == "start this engine, or unset DOCKER_HOST"


def test_an_endpoint_without_an_engine_is_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="does not exist"):
        connect(EngineEndpoint(f"unix://{tmp_path}/none.sock"), {})
