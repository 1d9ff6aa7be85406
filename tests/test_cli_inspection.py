"""What `doctor` says of the servers of a bench.toml: each by itself, and as a run would find it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.inspection import Item, inspect_servers
from harness.errors import ConfigError, ServerError
from tests.fake_server import FakeBehavior, Route, respond_with, serve_fake

LISTED = {"GET /v1/models": respond_with({"data": [{"id": "m"}]})}


def a_table(label: str, base_url: str, more: str = "") -> str:
    return f'[[models]]\nlabel = "{label}"\nserver = "openai"\nbase_url = "{base_url}"\nmodel = "m"\n{more}\n'


def inspected(tmp_path: Path, *tables: str) -> list[Item]:
    config = tmp_path / "bench.toml"
    config.write_text("".join(tables))
    return list(inspect_servers(config))


def test_a_server_that_the_run_starts_need_not_answer_and_must_not_hold_its_port(tmp_path: Path) -> None:
    process = 'lifecycle = { method = "process", start = ["serve"] }'
    commands = 'lifecycle = { method = "commands", start = ["serve"], stop = ["end"], status = ["false"] }'
    is_up = commands.replace("false", "true")
    locked = {"GET /v1/models": respond_with({"error": "no key"}, 401)}
    with serve_fake(FakeBehavior(), LISTED) as fake, serve_fake(FakeBehavior(), locked) as refusing:
        taken, running, refused, free, stopped = inspected(
            tmp_path,
            a_table("taken", fake.base_url, process),
            a_table("running", fake.base_url, is_up),
            a_table("refused", refusing.base_url, is_up),
            a_table("free", "http://127.0.0.1:9/v1", process),
            a_table("stopped", "http://127.0.0.1:9/v1", commands),
        )
    assert (taken.works, taken.error) == (False, ServerError)
    assert "is already taken by another program. Fix: stop it" in taken.text
    assert running.works is True
    assert (refused.works, "rejects the API key" in refused.text) == (False, True)
    for item in (free, stopped):
        assert (item.works, item.text) == (None, "openai at http://127.0.0.1:9/v1 is started by the run")


def test_what_a_model_lacks_here_hides_no_other_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEY_UNSET", raising=False)
    monkeypatch.setenv("KEY_SPACED", "secret ")
    with serve_fake(FakeBehavior(), LISTED) as fake:
        items = inspected(
            tmp_path,
            a_table("unset", fake.base_url, 'key_env = "KEY_UNSET"'),
            a_table("spaced", fake.base_url, 'key_env = "KEY_SPACED"'),
            a_table("away", fake.base_url, 'facts = { file = "/no/such/file" }'),
            a_table("fine", fake.base_url),
        )
    assert [(item.name, item.works, item.error) for item in items[:3]] == [
        (name, False, ConfigError) for name in ("unset", "spaced", "away")
    ]
    assert [item.text.split(".")[0] for item in items[:3]] == [
        "the environment variable KEY_UNSET is not set",
        "the API key contains surrounding whitespace, a control character or a non-ASCII character",
        "no such file: /no/such/file",
    ]
    assert items[3].works is True


def test_a_configuration_that_cannot_be_used_hides_nothing_of_the_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--config", str(tmp_path / "none.toml")]) == ConfigError.exit_code
    assert capsys.readouterr().out.startswith("    kit ")


UNKNOWN_MODEL = {"POST /v1/chat/completions": respond_with({"error": {"message": "no such model"}}, 404)}
LISTS_STEADY = {"GET /v1/models": respond_with({"data": [{"id": "steady"}, {"id": "other"}]})}


@pytest.mark.parametrize(
    ("routes", "path", "model", "lack", "fix"),
    [
        (LISTS_STEADY | UNKNOWN_MODEL, "/v1", "stedy", "does not list 'stedy'", "did you mean 'steady'?"),
        (
            LISTS_STEADY | UNKNOWN_MODEL,
            "/v1",
            "llama",
            "does not list 'llama'",
            "correct model: it lists steady, other",
        ),
        ({"GET /v1/models": respond_with({"data": []})} | UNKNOWN_MODEL, "/v1", "m", "does not list", "load a model"),
        (UNKNOWN_MODEL, "/v1", "m", "{url} has no list of models", "correct base_url, which ends in /v1"),
        (LISTS_STEADY, "", "steady", "{url} has no list of models", "correct base_url: {root}/v1"),
        (LISTS_STEADY, "/api", "steady", "{url} has no list of models", "correct base_url: {root}/v1"),
        (LISTS_STEADY, "/v1/chat/completions", "steady", "{url} has no list of models", "correct base_url: {root}/v1"),
    ],
)
def test_a_model_that_the_server_refuses_does_not_work(
    tmp_path: Path, routes: Mapping[str, Route], path: str, model: str, lack: str, fix: str
) -> None:
    with serve_fake(FakeBehavior(), routes) as fake:
        root = fake.base_url.removesuffix("/v1")
        table = a_table("x", f"{root}{path}").replace('model = "m"', f'model = "{model}"')
        (item,) = inspected(tmp_path, table)
    assert (item.works, item.error) == (False, ServerError)
    assert lack.format(url=f"{root}{path}") in item.text
    assert "refuses a request for one token: HTTP 404" in item.text
    assert f"Fix: {fix.format(root=root)}" in item.text


@pytest.mark.parametrize("routes", [{}, LISTS_STEADY])
def test_a_model_that_is_answered_and_not_listed_works_and_is_called_so(
    tmp_path: Path, routes: Mapping[str, Route]
) -> None:
    with serve_fake(FakeBehavior(), routes) as fake:
        (item,) = inspected(tmp_path, a_table("x", fake.base_url))
    assert item.works is True
    assert item.text.endswith("; it does not list 'm', and answered a request for one token")


def test_a_listed_model_is_asked_for_nothing(tmp_path: Path) -> None:
    with serve_fake(FakeBehavior(), LISTED) as fake:
        (item,) = inspected(tmp_path, a_table("x", fake.base_url))
    assert item.text.endswith(f"answers at {fake.base_url}")
    assert not any(request.startswith("POST") for request in fake.requests)


def test_a_wrong_key_is_corrected_where_the_model_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "wrong")
    with serve_fake(FakeBehavior(key="right"), LISTED) as fake:
        without, wrong = inspected(
            tmp_path, a_table("without", fake.base_url), a_table("wrong", fake.base_url, 'key_env = "MY_KEY"')
        )
    assert without.text.endswith("rejects the API key (HTTP 401). Fix: name its variable in key_env")
    assert wrong.text.endswith("rejects the API key (HTTP 401). Fix: correct the value of MY_KEY")


def test_a_key_that_only_chat_rejects_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "wrong")
    locked = {"POST /v1/chat/completions": respond_with({"error": "no key"}, 401)}
    with serve_fake(FakeBehavior(), locked) as fake:
        (item,) = inspected(tmp_path, a_table("x", fake.base_url, 'key_env = "MY_KEY"'))
    assert (item.works, item.text.endswith("Fix: correct the value of MY_KEY")) == (False, True)


def test_an_https_address_of_a_server_that_speaks_http_is_called_so(tmp_path: Path) -> None:
    with serve_fake(FakeBehavior(), LISTED) as fake:
        url = fake.base_url.replace("http://", "https://")
        (item,) = inspected(tmp_path, a_table("x", url))
    assert item.works is False
    assert item.text.endswith(f"{url}/models: the server speaks http, not https. Fix: write its address with http://")
