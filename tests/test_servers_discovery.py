"""Servers are found by their fingerprints, and the bench.toml that is written for them is valid."""

import argparse
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.cli import init as command
from harness.config import load_config
from harness.errors import ConfigError, Problem, ServerError
from harness.lifecycle.status import is_listening
from harness.servers import ServerHandle, find_refusal, get_server_kind, list_models
from harness.servers.discovery import FoundModel, FoundServer, default_urls, find_servers, inspect_url
from harness.servers.starter_config import write_config
from harness.types import Json, Model
from tests.fake_server import FakeBehavior, FakeServer, Route, respond_with, running, serve_fake

SIGNS: Mapping[str, Mapping[str, Route]] = {
    "ollama": {
        "GET /api/version": respond_with({"version": "0.13"}),
        "GET /api/tags": respond_with({"models": [{"name": "m", "model": "m", "size": 5_000_000_000}]}),
    },
    "lm-studio": {
        "GET /api/v1/models": respond_with({"models": [{"key": "m", "size_bytes": 7, "loaded_instances": []}]}),
    },
    "omlx": {
        "GET /v1/models/status": respond_with({"models": [{"id": "m", "loaded": False, "estimated_size": 9}]}),
        "GET /api/status": respond_with({"version": "0.6.1"}),
    },
    "llama-swap": {"GET /running": respond_with({"running": []}), "GET /props": respond_with({}, 404)},
    "llama-server": {
        "GET /props": respond_with({"build_info": "b7", "default_generation_settings": {"n_ctx": 16384}}),
    },
    "vllm": {"GET /version": respond_with({"version": "0.20"})},
    "vllm-mlx": {"GET /v1/status": respond_with({"generation_tps": 0.0})},
    "ds4": {"GET /v1/models": respond_with({"data": [{"id": "m", "top_provider": {"context_length": 32768}}]})},
    "openai": {},
}


@contextmanager
def server(kind: str, *models: str, key: str | None = None) -> Iterator[FakeServer]:
    listed = {"GET /v1/models": respond_with({"data": [{"id": name} for name in models or ("m",)]})}
    with serve_fake(FakeBehavior(key=key), {**listed, **SIGNS[kind]}) as fake:
        yield fake


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.options(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("kind", sorted(SIGNS))
def test_a_server_is_identified_by_its_fingerprint(kind: str) -> None:
    with server(kind) as fake:
        found = find_servers([fake.base_url])
    assert [(server.kind.name, server.is_identified) for server in found] == [(kind, kind != "openai")]
    assert [model.id for model in found[0].models] == ["m"]
    assert not any(request.startswith("POST") for request in fake.requests)
    assert not any("/upstream/" in request for request in fake.requests)


def test_nothing_is_found_where_nothing_listens() -> None:
    assert find_servers(["http://127.0.0.1:9/v1"]) == ()


def test_the_default_urls_have_the_default_ports_of_the_kinds() -> None:
    assert {"http://127.0.0.1:1234/v1", "http://127.0.0.1:8000/v1", "http://127.0.0.1:11434/v1"} <= set(default_urls())


def test_a_kind_without_a_fingerprint_is_guessed_from_its_port_and_marked_as_a_guess() -> None:
    text = write_config(
        [FoundServer(get_server_kind("mlx-lm"), "http://127.0.0.1:8080/v1", False, None, (FoundModel("/a/b"),))]
    )
    assert "(guessed from its port: correct `server` if it is wrong)" in text
    assert 'model = "default_model"' in text
    assert "/a/b" not in text


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\x85", "\u2028", "\x00\n\x7f"])
def test_what_a_server_answers_is_no_setting_of_the_file(newline: str) -> None:
    text = newline.join(("b1", "[[models]]", "[models.lifecycle]", 'start = ["touch", "x"]', "#"))
    kind, url, models = get_server_kind("llama-server"), "http://127.0.0.1:8080/v1", (FoundModel("m"),)
    found = [
        FoundServer(kind, url, True, text, models),
        FoundServer(kind, url, True, None, (), Problem(f"HTTP 500: {text}", text)),
    ]
    written = write_config(found)
    assert [model["label"] for model in tomllib.loads(written)["models"]] == ["m"]
    assert all(line.startswith("#") for line in written.splitlines() if "touch" in line)


@pytest.mark.parametrize(("url", "port"), [("http://box/v1", 80), ("https://box/v1", 443), ("http://box:9/v1", 9)])
def test_the_suggested_start_command_has_the_port_of_the_url(url: str, port: int) -> None:
    text = write_config([FoundServer(get_server_kind("llama-server"), url, True, None, (FoundModel("m"),))])
    assert f'"--port", "{port}"]' in text


@pytest.mark.parametrize("url", ["127.0.0.1:1/v1", "http://127.0.0.1:99999/v1"])
def test_an_invalid_url_is_named_as_it_was_given(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        inspect_url(url)
    assert caught.value.message.startswith(f"{url}: invalid URL")


def test_the_file_of_several_servers_validates_and_has_one_label_each(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    with ExitStack() as stack:
        urls = [stack.enter_context(server(kind)).base_url for kind in ("ollama", "omlx", "llama-server")]
        urls.append(stack.enter_context(server("openai", "org/Coder 30B", "text-embedding-3")).base_url)
        words = [word for url in urls for word in ("--base-url", url)]
        assert command.run(parsed("--only", "--output", str(path), *words)) == 0
    models = load_config(path).models
    assert [(model.label, model.server, model.model) for model in models] == [
        ("m", "ollama", "m"),
        ("m-2", "omlx", "m"),
        ("m-3", "llama-server", "m"),
        ("Coder-30B", "openai", "org/Coder 30B"),
    ]
    assert [model.lifecycle.method if model.lifecycle else None for model in models] == ["api", "api", None, None]
    assert [model.facts.get("file_bytes") for model in models] == [5_000_000_000, 9, None, None]
    text = path.read_text()
    assert "# context_tokens = 16384  # as set at the server: -c" in text
    assert "# Ollama 0.13 at" in text
    assert '# model = "text-embedding-3"' in text


def test_every_commented_line_is_valid_when_it_is_uncommented(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    with server("llama-server") as fake:
        command.run(parsed("--only", "--output", str(path), "--base-url", fake.base_url))
    wanted = ("# context", "# facts", "# [models", "# method", "# start", "# thinking_tokens", "# tunnel")
    lines = [line.removeprefix("# ") if line.startswith(wanted) else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(line for line in lines if not line.startswith("tunnel")))
    (model,) = load_config(path).models
    assert model.lifecycle is not None
    assert model.context_tokens == 16384
    assert model.facts["quantization"] == "Q4_K_M"


def test_a_server_that_wants_an_api_key_is_named_with_the_fix() -> None:
    with server("openai", key="secret") as fake:
        found = find_servers([fake.base_url])
    problem = found[0].problem
    assert problem is not None
    assert problem.fix == "name its variable in key_env"
    with pytest.raises(ServerError, match="rejects the API key") as caught:
        write_config(found)
    # There is no bench.toml yet.
    assert caught.value.fix.startswith("name its variable in key_env; or write bench.toml by hand: [[models]] with")
    for key in ('server = "openai"', f'base_url = "{fake.base_url}"', "model", "key_env"):
        assert key in caught.value.fix


HUGE = 10**400


def test_ids_that_no_request_can_have_are_left_out_and_others_are_written_as_toml(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    ids = ["\ud800x", "", "a\x7fb", "\x00", "é\u2028"]
    with server("openai", *ids) as fake:
        path.write_text(write_config(find_servers([fake.base_url])), encoding="utf-8")
    assert [model.model for model in load_config(path).models] == ["a\x7fb", "\x00", "é\u2028"]


@pytest.mark.parametrize("value", [True, HUGE, -1, 0, "7", 7.0])
def test_a_size_or_a_context_that_is_no_number_of_bytes_or_tokens_is_unknown(value: Json) -> None:
    listed = {"GET /v1/models": respond_with({"data": [{"id": "m"}]})}
    routes = {
        "ollama": {"GET /api/tags": respond_with({"models": [{"name": "m", "size": value}]})},
        "llama-server": {"GET /props": respond_with({"default_generation_settings": {"n_ctx": value}})},
    }
    for kind in routes:
        with serve_fake(FakeBehavior(), {**SIGNS[kind], **listed, **routes[kind]}) as fake:
            (found,) = find_servers([fake.base_url])
        assert (found.kind.name, found.models) == (kind, (FoundModel("m"),))


def test_a_version_that_is_no_version_is_unknown() -> None:
    routes = {"GET /v1/models": respond_with({"data": [{"id": "m"}]}), "GET /version": respond_with({"version": True})}
    with serve_fake(FakeBehavior(), routes) as fake:
        (found,) = find_servers([fake.base_url])
    assert (found.kind.name, found.version) == ("vllm", None)


def test_a_version_that_is_a_number_is_one() -> None:
    routes = {"GET /v1/models": respond_with({"data": [{"id": "m"}]}), "GET /version": respond_with({"version": 1})}
    with serve_fake(FakeBehavior(), routes) as fake:
        (found,) = find_servers([fake.base_url])
    assert found.version == "1"


@contextmanager
def dropping(*paths: str, answers: int = 100) -> Iterator[str]:
    """A vLLM server that drops the connection at any path but these, and at its version after so many answers."""
    left = [answers]

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

        def do_GET(self) -> None:
            if self.path == "/version":
                left[0] -= 1
            if self.path not in paths or left[0] < 0:
                return
            data = b'{"data": [{"id": "m"}], "version": "1"}'
            self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with running(server):
        yield f"http://127.0.0.1:{server.server_port}/v1"


def test_a_server_that_drops_unknown_paths_is_found_by_its_models() -> None:
    with dropping("/v1/models") as url:
        (found,) = find_servers([url])
    assert (found.kind.name, found.is_identified, found.models) == ("openai", False, (FoundModel("m"),))


def test_a_server_that_ends_before_its_version_is_read_hides_no_other() -> None:
    with dropping("/v1/models", "/version", answers=1) as dying, server("vllm") as fake:
        found = find_servers([dying, fake.base_url])
    assert [(each.kind.name, each.version) for each in found] == [("vllm", None), ("vllm", "0.20")]


@pytest.mark.parametrize(
    ("status", "document", "message", "fix"),
    [
        (301, {}, "redirects (HTTP 301)", "correct base_url: redirects are not followed"),
        (502, "<html>", "fails (HTTP 502)", "look into the log of the server, or of a proxy in front of it"),
        (200, "<html>", "lists no models (HTTP 200)", "correct base_url"),
        (200, {"error": "unexpected endpoint"}, "lists no models (HTTP 200)", "correct base_url"),
    ],
)
def test_an_answer_that_is_no_list_of_models_is_named_with_the_fix(
    status: int, document: Json, message: str, fix: str
) -> None:
    with serve_fake(FakeBehavior(), {"GET /v1/models": respond_with(document, status)}) as fake:
        (found,) = find_servers([fake.base_url])
        handle = ServerHandle(Model("m", "vllm", fake.base_url, "m"), get_server_kind("vllm"))
        assert not is_listening(handle)
    assert found.problem == Problem(f"{fake.base_url}/models {message}", fix)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_that_has_chat_and_no_list_of_models_is_one_that_listens(status: int) -> None:
    with serve_fake(FakeBehavior(), {"GET /v1/models": respond_with({}, status)}) as fake:
        handle = ServerHandle(Model("m", "vllm", fake.base_url, "m"), get_server_kind("vllm"))
        assert is_listening(handle)
        assert list_models(handle) == ()


@pytest.mark.parametrize(
    ("document", "refusal"),
    [
        ("<html>login", 'HTTP 200: "<html>login"'),
        ({"error": "no such endpoint"}, 'HTTP 200: {"error": "no such endpoint"}'),
        ({"error": None, "output": []}, None),
    ],
)
def test_a_page_or_an_error_in_an_answer_with_status_200_is_a_refusal(document: Json, refusal: str | None) -> None:
    with serve_fake(FakeBehavior(), {"POST /v1/chat/completions": respond_with(document)}) as fake:
        handle = ServerHandle(Model("m", "vllm", fake.base_url, "m"), get_server_kind("vllm"))
        assert find_refusal(handle) == refusal


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        command.run(parsed("--output", str(path)))
    assert path.read_text() == "mine"


def test_no_server_at_all_is_one_line_with_the_fix(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    with pytest.raises(ServerError, match="nothing answers at") as caught:
        command.run(parsed("--only", "--output", str(path), "--base-url", "http://127.0.0.1:9/v1"))
    assert caught.value.fix == "start a server, or give a server's address with --base-url"
    assert not path.exists()


@pytest.mark.parametrize("path", ["", "/", "/api", "/v1/models", "/v1/chat/completions"])
def test_a_url_that_lacks_its_v1_stands_for_the_one_with_it(path: str) -> None:
    with server("ollama") as fake:
        found = find_servers([fake.base_url.removesuffix("/v1") + path, fake.base_url])
    assert [(each.kind.name, each.base_url, each.models) for each in found] == [
        ("ollama", fake.base_url, (FoundModel("m", None, 5_000_000_000),))
    ]


def test_a_server_without_a_list_of_models_is_named_with_the_address_that_was_tried(tmp_path: Path) -> None:
    with serve_fake(FakeBehavior()) as fake, pytest.raises(ServerError) as caught:
        command.run(parsed("--only", "--output", str(tmp_path / "b.toml"), "--base-url", f"{fake.base_url}/x"))
    assert caught.value.message == f"{fake.base_url}/x: there is no {fake.base_url}/x/models"
    assert caught.value.fix.startswith("correct the address, which ends in /v1 at most servers; or write bench.toml")
    assert fake.base_url not in caught.value.fix


def test_an_https_url_of_a_server_that_speaks_http_is_not_called_silent(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    with server("openai") as fake, pytest.raises(ServerError) as caught:
        command.run(parsed("--only", "--output", str(path), "--base-url", fake.base_url.replace("http", "https", 1)))
    assert caught.value.message.endswith("the server speaks http, not https")
    assert caught.value.fix == "write its address with http://"
    assert not path.exists()


def test_more_models_than_a_run_takes_are_commented_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bench.toml"
    with server("openai", "embed-0", *(f"m{number}" for number in range(53))) as fake, server("vllm") as second:
        words = ["--base-url", fake.base_url, "--base-url", second.base_url]
        assert command.run(parsed("--only", "--output", str(path), *words)) == 0
    assert [model.model for model in load_config(path).models] == [f"m{number}" for number in range(50)]
    text = path.read_text()
    assert text.count("# a run takes at most 50 models:\n# [[models]]") == 4
    assert '# model = "m52"' in text
    assert "4 of them are commented out: a run has no room for more" in capsys.readouterr().err


def test_what_is_no_url_is_corrected_where_it_was_given() -> None:
    with pytest.raises(ConfigError, match=r"^--base-url localhost: invalid URL") as caught:
        command.run(parsed("--base-url", "localhost"))
    assert caught.value.fix == "write it as http://HOST:PORT/v1"
