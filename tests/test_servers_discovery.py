"""Finding servers by what they show, and the bench.toml that is written for them."""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from harness.cli import init as command
from harness.config import load_config
from harness.errors import ConfigError, ServerError
from harness.record import Client
from harness.servers import get_server_kind
from harness.servers.discovery import FoundModel, FoundServer, default_urls, find_servers, write_config
from tests.pretend import Manners, Route, Told, answers_with, pretending

SIGNS: Mapping[str, Mapping[str, Route]] = {
    "ollama": {
        "GET /api/version": answers_with({"version": "0.13"}),
        "GET /api/tags": answers_with({"models": [{"name": "m", "model": "m", "size": 5_000_000_000}]}),
    },
    "lm-studio": {
        "GET /api/v1/models": answers_with({"models": [{"key": "m", "size_bytes": 7, "loaded_instances": []}]}),
    },
    "omlx": {
        "GET /v1/models/status": answers_with({"models": [{"id": "m", "loaded": False, "estimated_size": 9}]}),
        "GET /api/status": answers_with({"version": "0.6.1"}),
    },
    "llama-swap": {"GET /running": answers_with({"running": []}), "GET /props": answers_with({}, 404)},
    "llama-server": {
        "GET /props": answers_with({"build_info": "b7", "default_generation_settings": {"n_ctx": 16384}}),
    },
    "vllm": {"GET /version": answers_with({"version": "0.20"})},
    "vllm-mlx": {"GET /v1/status": answers_with({"generation_tps": 0.0})},
    "ds4": {"GET /v1/models": answers_with({"data": [{"id": "m", "top_provider": {"context_length": 32768}}]})},
    "openai": {},
}


@contextmanager
def server(kind: str, *models: str, key: str | None = None) -> Iterator[Told]:
    listed = {"GET /v1/models": answers_with({"data": [{"id": name} for name in models or ("m",)]})}
    with pretending(Manners(key=key), {**listed, **SIGNS[kind]}) as told:
        yield told


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.options(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("kind", sorted(SIGNS))
def test_a_server_is_known_by_what_it_shows(kind: str) -> None:
    with server(kind) as told, Client() as client:
        found = find_servers(client, [told.base_url])
    assert [(one.kind.name, one.sure) for one in found] == [(kind, kind != "openai")]
    assert [model.id for model in found[0].models] == ["m"]
    assert not any(asked.startswith("POST") for asked in told.asked)
    assert not any("/upstream/" in asked for asked in told.asked)


def test_nothing_is_found_where_nothing_listens() -> None:
    with Client() as client:
        assert find_servers(client, ["http://127.0.0.1:9/v1"]) == ()


def test_the_usual_ports_are_those_of_the_kinds() -> None:
    assert {"http://127.0.0.1:1234/v1", "http://127.0.0.1:8000/v1", "http://127.0.0.1:11434/v1"} <= set(default_urls())


def test_a_kind_without_a_sign_is_guessed_by_its_port_and_said_to_be_a_guess() -> None:
    text = write_config(
        [FoundServer(get_server_kind("mlx-lm"), "http://127.0.0.1:8080/v1", False, None, (FoundModel("/a/b"),))]
    )
    assert "(a guess by its port: correct `server` where it is wrong)" in text
    assert 'model = "default_model"' in text
    assert "/a/b" not in text


def test_the_file_of_several_servers_validates_and_has_one_label_each(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    with ExitStack() as stack:
        urls = [stack.enter_context(server(kind)).base_url for kind in ("ollama", "omlx", "llama-server")]
        urls.append(stack.enter_context(server("openai", "org/Coder 30B", "text-embedding-3")).base_url)
        words = [word for url in urls for word in ("--base-url", url)]
        assert command.run(parsed("--only", "--output", str(path), *words)) == 0
    models = load_config(path).models
    assert [(one.label, one.server, one.model) for one in models] == [
        ("m", "ollama", "m"),
        ("m-2", "omlx", "m"),
        ("m-3", "llama-server", "m"),
        ("Coder-30B", "openai", "org/Coder 30B"),
    ]
    assert [one.lifecycle.by if one.lifecycle else None for one in models] == ["api", "api", None, None]
    assert [one.facts.get("file_bytes") for one in models] == [5_000_000_000, 9, None, None]
    text = path.read_text()
    assert "# context_tokens = 16384  # what the server was given: -c" in text
    assert "# Ollama 0.13 at" in text
    assert '# model = "text-embedding-3"' in text


def test_every_line_that_is_commented_out_is_right_when_it_is_put_in(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    with server("llama-server") as told:
        command.run(parsed("--only", "--output", str(path), "--base-url", told.base_url))
    wanted = ("# context", "# facts", "# [models", "# by", "# start", "# thinking_tokens", "# tunnel")
    lines = [line.removeprefix("# ") if line.startswith(wanted) else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(line for line in lines if not line.startswith("tunnel")))
    (model,) = load_config(path).models
    assert model.lifecycle is not None
    assert model.context_tokens == 16384
    assert model.facts["quantization"] == "Q4_K_M"


def test_a_server_that_wants_a_key_is_named_with_what_to_do() -> None:
    with server("openai", key="secret") as told, Client() as client:
        found = find_servers(client, [told.base_url])
    assert "name its variable in key_env" in (found[0].fault or "")
    with pytest.raises(ServerError, match="name its variable in key_env"):
        write_config(found)


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
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
