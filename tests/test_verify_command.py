"""`lanebench verify` as it is typed: exit codes, JSON, strictness, levels by both of their names."""

import argparse
import json
from pathlib import Path

import pytest

from harness.cli.verify import options, run
from harness.errors import ConfigError
from tests.bundle import good_bundle, write_bundle


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("command") / "bundle", good_bundle())


def _verify(*words: str) -> int:
    parser = argparse.ArgumentParser()
    options(parser)
    return run(parser.parse_args(words))


@pytest.mark.parametrize("level", ["consistent", "arithmetic", "reread"])
def test_a_level_is_reached_by_either_of_its_names(good: Path, level: str) -> None:
    assert _verify(str(good), "--level", level) == 0


def test_a_table_for_each_path_and_the_worst_exit_code(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _verify(str(good), str(tmp_path / "nowhere"), "--level", "reread") == 1
    shown = capsys.readouterr().out
    assert "consistent (arithmetic) reached" in shown
    assert "[file-missing]" in shown
    assert "reread                  UNVERIFIED  readable was not reached" in shown


def test_json_holds_every_level_and_finding(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _verify(str(good / "result.json"), "--level", "reread", "--json") == 2
    (verdict,) = json.loads(capsys.readouterr().out)
    assert [(one["level"], one["state"]) for one in verdict["levels"]] == [
        ("readable", "reached"),
        ("schema", "reached"),
        ("consistent", "reached"),
        ("reread", "unverified"),
        ("rescored", "not_requested"),
        ("replicated", "not_requested"),
    ]


def test_strict_counts_doubts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = good_bundle()
    bundle.result["kit"]["version"] = "0.0.9"
    bundle.result["warnings"][0]["text"] = "said otherwise by an older kit"
    path = write_bundle(tmp_path / "bundle", bundle)
    assert _verify(str(path), "--level", "reread") == 0
    assert _verify(str(path), "--level", "reread", "--strict") == 1
    assert "doubt [warnings]" in capsys.readouterr().out


def test_asking_again_needs_to_know_whom(good: Path) -> None:
    with pytest.raises(ConfigError, match="--replicate") as caught:
        _verify(str(good), "--replicate", "7")
    assert "--config" in caught.value.fix


@pytest.mark.parametrize("words", [["--level", "verified"], ["--replicate", "0"], ["--replicate", "many"], []])
def test_words_that_mean_nothing_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        _verify(*([*words, "x"] if words else []))
