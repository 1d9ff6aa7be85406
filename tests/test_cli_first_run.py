"""A run without a configuration: embedded models where they can be had, else the demo with one line that says why."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.first_run import fetch_each, log_servers, planned_models
from harness.cli.options import add_run_options
from harness.embedded import EmbeddedModel, PackagePart, check_server, load_catalog
from harness.errors import DownloadError
from tests.fake_server import FakeBehavior, respond_with, serve_fake
from tests.test_embedded import a_model, digest

DEMO = "the demo's simulated models answer, so that you see every stage; nothing is measured: "
SHORT = ("--task", "speed-canary", "--trials", "1", "--warmups", "0")


Record = Callable[..., tuple[int, str]]


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Record:
    """`record` without a configuration, a package in place of the server's wheel: its exit code and messages."""
    (tmp_path / "xllamacpp").mkdir()
    (tmp_path / "xllamacpp" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")

    def run(*words: str) -> tuple[int, str]:
        code = main(["record", "--results", str(tmp_path / "results"), *words, *SHORT])
        return code, capsys.readouterr().err

    return run


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[EmbeddedModel]:
    """A model whose file is in the cache of this test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANEBENCH_CACHE", str(tmp_path))
        patch.setenv("LANEBENCH_NO_DOWNLOAD", "1")
        model = a_model([PackagePart("piece", "1.0", "piece/data", 4, digest(b"GGUF"))], b"GGUF")
        (tmp_path / f"tiny-{model.sha256[:12]}.gguf").write_bytes(b"GGUF")
        yield model


def test_the_demo_answers_where_downloads_are_forbidden_and_one_line_says_why(record: Record) -> None:
    code, errors = record()
    assert code == 0, errors
    reasons = [line for line in errors.splitlines() if line.startswith(DEMO)]
    assert reasons == [f"{DEMO}smollm2-135m is not on this machine, and LANEBENCH_NO_DOWNLOAD=1 forbids to download it"]
    assert "not on this machine yet: smollm2-135m 98 MB, qwen2.5-coder-0.5b 491 MB" in errors


def test_the_demo_answers_where_it_is_asked_for(record: Record) -> None:
    code, errors = record("--simulated")
    assert code == 0, errors
    assert errors.startswith(f"{DEMO}--simulated\n")


def test_a_model_that_was_asked_for_by_name_is_never_replaced_by_the_demo(record: Record, tmp_path: Path) -> None:
    code, errors = record("--embedded", "smollm2-135m")
    assert code == 9
    assert "smollm2-135m is not on this machine, and LANEBENCH_NO_DOWNLOAD=1 forbids" in errors
    assert not (tmp_path / "results").exists()


def test_a_missing_wheel_is_one_line_with_the_platform_and_the_way_to_ones_own_server() -> None:
    with pytest.raises(
        DownloadError, match=r"no_such_wheel, is not installed on this machine \(\w+ \w+ with Python"
    ) as caught:
        check_server("no_such_wheel")
    assert "llama-server of your own" in caught.value.fix


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["--config", "a.toml", "--simulated"], 3, "leave out all but one of --config, --simulated"),
        (["--embedded", "all", "--simulated"], 3, "leave out all but one of --embedded, --simulated"),
        (["--resume", "a", "--embedded", "all"], 3, "leave out --embedded"),
        (["--embedded", "smollm"], 3, "known: smollm2-135m"),
        (["--embedded", "smollm", "--embedded", "all"], 3, "known: smollm2-135m"),
        (["--suite", "no-such-suite", "--task", "speed-canary"], 3, "leave out either --suite or --task"),
        (["--suite", "no-such-suite"], 4, "no-such-suite"),
    ],
)
def test_options_that_contradict_each_other_are_one_error(
    words: list[str], code: int, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for dry_run in ([], ["--dry-run"]):
        assert main(["record", *words, *dry_run]) == code
        assert expected in capsys.readouterr().err.replace("\n", " ")


def test_all_names_every_embedded_model_and_a_name_only_itself() -> None:
    def names(*words: str) -> list[str]:
        parser = argparse.ArgumentParser()
        add_run_options(parser)
        return [model.name for model in planned_models(parser.parse_args(words))]

    assert names() == ["smollm2-135m", "qwen2.5-coder-0.5b"]
    assert names("--embedded", "all") == [model.name for model in load_catalog()]
    assert names("--embedded", "gemma-3-270m", "--embedded", "gemma-3-270m") == ["gemma-3-270m"]


def test_a_model_whose_source_is_gone_is_left_out(cached: EmbeddedModel, capsys: pytest.CaptureFixture[str]) -> None:
    gone = replace(cached, name="gone")
    assert fetch_each([gone, cached], required=False) == [cached]
    assert capsys.readouterr().err == (
        "left out: gone is not on this machine, and LANEBENCH_NO_DOWNLOAD=1 forbids to download it\n"
    )
    assert fetch_each([gone], required=False) == []
    assert capsys.readouterr().err.startswith(DEMO)
    with pytest.raises(DownloadError):
        fetch_each([gone, cached], required=True)


def test_a_server_of_the_users_own_is_named_with_the_lines_that_measure_it(capsys: pytest.CaptureFixture[str]) -> None:
    listed = {"GET /v1/models": respond_with({"data": [{"id": "m"}]})}
    with serve_fake(FakeBehavior(), listed) as fake:
        log_servers([fake.base_url, "http://127.0.0.1:9/v1"])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith(f"answers at {fake.base_url} and lists m")
    assert [line.split()[-1] for line in lines[1:]] == ["instead:", "init", "bench.toml"]
    log_servers(["http://127.0.0.1:9/v1"])
    assert capsys.readouterr().err == ""
