"""What `doctor` says of the servers of a bench.toml: each by itself, and as a run would find it."""

from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.inspection import Item, inspect_servers
from harness.errors import ConfigError, ServerError
from tests.fake_server import FakeBehavior, respond_with, serve_fake

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
