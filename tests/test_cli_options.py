"""The options of a run: each is declared once, in RunSettings, and its flag takes what its schema allows."""

import argparse
import dataclasses
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.options import add_run_options, flags_given, settings_given
from harness.config import load_config
from harness.errors import ConfigError
from harness.schema import load_schema
from harness.types import RunSettings, run_options
from tests.test_config_lanes import MODELS


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_run_options(parser)
    return parser.parse_args(words)


def test_every_field_of_the_settings_is_an_option_with_a_key_a_schema_and_a_default(tmp_path: Path) -> None:
    names = [field.name for field in dataclasses.fields(RunSettings)]
    assert [option.name for option in run_options()] == names
    for form in ("config", "run"):
        assert list(load_schema(form)["$defs"]["settings"]["properties"]) == names
    (tmp_path / "bench.toml").write_text(MODELS)
    assert dataclasses.replace(load_config(tmp_path / "bench.toml").settings, seed=0) == RunSettings(seed=0)


def test_only_what_is_given_on_the_command_line_is_returned() -> None:
    assert settings_given(parsed()) == {}
    args = parsed("--trials", "3", "--task", "a", "--task", "b", "--seed", "0")
    assert settings_given(args) == {"trials": 3, "tasks": ("a", "b"), "seed": 0}
    assert flags_given(args) == ["--task", "--trials", "--seed"]


@pytest.mark.parametrize(
    "words", [("--trials", "0"), ("--trials", "1001"), ("--trials", "many"), ("--warmups", "-1"), ("--seed", "1.5")]
)
def test_a_flag_refuses_what_the_schema_of_its_option_refuses(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(*words)
    assert f"expected integer from {'1 to 1000' if 'trials' in words[0] else '0 to'}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["5m\n", "5", "m", " 5m"])
def test_a_time_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert settings_given(parsed("--budget", "5m")) == {"budget": "5m"}
    with pytest.raises(SystemExit):
        parsed("--budget", text)
    assert "expected TIME, got" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "form"),
    [
        (("--budget", "10"), "expected TIME, got '10'; write it like 10m or 600s"),
        (("--anchor", "foo"), "expected URL, got 'foo'; write it like https://tsa.example.org/tsr"),
    ],
)
def test_a_value_of_another_form_is_refused_with_an_example(
    words: tuple[str, ...], form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(*words)
    assert form in " ".join(capsys.readouterr().err.split())


def test_what_bench_toml_switched_on_can_be_switched_off() -> None:
    assert settings_given(parsed("--until-decided")) == {"until_decided": True}
    assert settings_given(parsed("--no-until-decided")) == {"until_decided": False}


def test_every_run_without_a_seed_gets_a_fresh_one() -> None:
    assert RunSettings().seed != RunSettings().seed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("bench-scorer", "--threads", "-1"), "--threads must be at least 1"),
        (("init", "--only"), "--only needs --base-url"),
        (("tasks", "mine", ".", "mined", "--max", "-3"), "--max must be at least 1"),
        (("tasks", "list", "code-bugfix", "--suite", "no-such-suite"), "leave out either --suite or the names"),
        (("tasks", "check", "real-bugs", "--suite", "v1", "--mutants"), "leave out --suite, --mutants"),
        (("tasks", "check", "real-bugs", "--tasks", "mine", "--first"), "leave out --tasks, --first"),
        (("tasks", "check", "real-bugs", "--every-variant"), "leave out --every-variant"),
        (("init", "--only", "--base-url", "http://[::1:8080/v1"), "invalid URL"),
        (("init", "--only", "--base-url", "http://127.0.0.1:808080/v1"), "invalid URL"),
        (("init", "--only", "--base-url", "http://127.0.0.1:abc/v1"), "invalid URL"),
        (("init", "--only", "--base-url", "http://a..b:1/v1"), "a..b is not the name of a host"),
        (("probe", "--server", "openai", "--base-url", "http://a..b:1/v1"), "a..b is not the name of a host"),
        (("probe", "--server", "openai", "--base-url", "http://[::1]:9/v1", "--context", "-3"), "at least 1, not -3"),
        (("probe", "--server", "openai", "--base-url", "http://[::1]:9/v1", "--long-tokens", "0"), "at least 1, not 0"),
        (("probe", "--server", "openai", "--base-url", "http://[::1]:9/v1", "--api", "chat", "--no-long"), "short"),
    ],
)
def test_a_value_that_no_command_can_use_is_an_error_before_anything_is_done(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == ConfigError.exit_code
    assert message in capsys.readouterr().err
