"""The command `lanebench verify`: exit codes, JSON, strict mode, levels by name and by alias."""

import argparse
import json
import shutil
from pathlib import Path

import pytest

from harness.cli.verify import options, run
from harness.errors import ConfigError
from harness.tasks import find_fixtures, load_tasks
from tests.bundle import good_bundle, summarized, write_bundle


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("command") / "bundle", good_bundle())


def run_verify(*words: str) -> int:
    """Run the command with these arguments."""
    parser = argparse.ArgumentParser()
    options(parser)
    return run(parser.parse_args(words))


@pytest.mark.parametrize("level", ["consistent", "arithmetic", "reread"])
def test_a_level_is_requested_by_name_or_alias(good: Path, level: str) -> None:
    assert run_verify(str(good), "--level", level) == 0


def test_each_path_gets_a_report_and_the_worst_exit_code_counts(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verify(str(good), str(tmp_path / "nowhere"), "--level", "reread") == 1
    shown = capsys.readouterr().out
    assert "consistent (arithmetic) reached" in shown
    assert "[file-missing]" in shown
    assert "reread                  UNVERIFIED  readable was not reached" in shown


def test_json_has_every_level_and_finding(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verify(str(good / "result.json"), "--level", "reread", "--json") == 2
    (verdict,) = json.loads(capsys.readouterr().out)
    assert [(report["level"], report["state"]) for report in verdict["levels"]] == [
        ("readable", "reached"),
        ("schema", "reached"),
        ("consistent", "reached"),
        ("reread", "unverified"),
        ("rescored", "not_requested"),
        ("replicated", "not_requested"),
    ]


def test_warnings_fail_in_strict_mode(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = good_bundle()
    bundle.result["host"]["chip"] = "Apple M1"
    bundle.result["models"][1]["facts"] = {"parameters_b": 70.0, "bits_per_weight": 16.0}
    path = write_bundle(tmp_path / "bundle", summarized(bundle))
    assert run_verify(str(path), "--level", "reread") == 0
    assert run_verify(str(path), "--level", "reread", "--strict") == 1
    assert "warning [roofline]" in capsys.readouterr().out


def test_another_version_of_the_kit_leaves_consistent_unverified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = good_bundle()
    bundle.result["kit"]["version"] = "0.0.9"
    del bundle.result["warnings"][0]
    path = write_bundle(tmp_path / "bundle", bundle)
    assert run_verify(str(path), "--level", "reread") == 2
    shown = capsys.readouterr().out
    assert "consistent (arithmetic) UNVERIFIED" in shown
    assert "inconclusive [kit]" in shown
    assert "its warnings cannot be computed again" in shown


def test_a_task_of_the_kit_with_other_cases_is_refused_even_with_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "tasks" / "code-bugfix"
    shutil.copytree(find_fixtures() / "code-bugfix", copy)
    prompt = copy / "prompt.md"
    prompt.write_text(prompt.read_text(encoding="utf-8") + "\nAny answer is right.\n", encoding="utf-8")
    (easier,) = load_tasks([copy])
    bundle = good_bundle()
    next(task for task in bundle.result["tasks"] if task["name"] == "code-bugfix")["sha256"] = easier.sha256
    path = write_bundle(tmp_path / "bundle", bundle)
    assert run_verify(str(path), "--level", "reread", "--tasks", str(copy)) == 1
    shown = capsys.readouterr().out
    assert "error [tasks]" in shown
    assert "code-bugfix is the name of a task of lanebench" in shown


def test_without_an_engine_the_advice_is_to_start_one(
    good: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert run_verify(str(good)) == 2
    shown = capsys.readouterr().out
    (line,) = [line for line in shown.splitlines() if "rescored (rescore)" in line]
    assert "DOCKER_HOST names an engine that does not answer" in line
    assert line.endswith("unset DOCKER_HOST") or "start" in line.split(";")[-1]
    assert "resume" not in shown


def test_replication_needs_a_configuration(good: Path) -> None:
    with pytest.raises(ConfigError, match="--replicate") as caught:
        run_verify(str(good), "--replicate", "7")
    assert "--config" in caught.value.fix


@pytest.mark.parametrize("words", [["--level", "verified"], ["--replicate", "0"], ["--replicate", "many"], []])
def test_invalid_arguments_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        run_verify(*([*words, "x"] if words else []))


@pytest.mark.parametrize("option", ["--signers", "--tsa-roots"])
def test_keys_that_cannot_be_read_are_an_error_of_the_option(good: Path, tmp_path: Path, option: str) -> None:
    with pytest.raises(ConfigError, match=rf"{option} .*missing: cannot be read: No such file"):
        run_verify(str(good), "--level", "schema", option, str(tmp_path / "missing"))


def test_a_suite_of_tasks_that_are_not_known_is_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An imported set is known where its folder is: without it a run of it is unverified and not refused."""
    bundle = good_bundle()
    bundle.result["run"]["suite"] = "mbpp"
    path = write_bundle(tmp_path / "known", bundle)
    run_verify(str(path), "--level", "consistent")
    bundle.result["tasks"][0] |= {"name": "mbpp-1", "sha256": "0" * 64}
    run_verify(str(write_bundle(tmp_path / "unknown", bundle)), "--level", "consistent")
    known, unknown = (line for line in capsys.readouterr().out.splitlines() if "[suite]" in line)
    assert known.lstrip().startswith("error")
    assert unknown.lstrip().startswith("inconclusive")
    assert unknown.endswith("pass the folder of its tasks with --tasks")


def test_a_forged_title_of_a_task_has_no_option_that_mends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = good_bundle()
    bundle.result["tasks"][0]["title"] = "An easier title"
    run_verify(str(write_bundle(tmp_path / "forged", bundle)), "--level", "consistent")
    bundle.result["tasks"][0] |= {"name": "unknown", "sha256": "0" * 64}
    run_verify(str(write_bundle(tmp_path / "unknown", bundle)), "--level", "consistent")
    forged, unknown = (
        line for line in capsys.readouterr().out.splitlines() if "tasks[0]" in line and "[tasks]" in line
    )
    assert "--tasks" not in forged
    assert unknown.endswith("pass the task's folder with --tasks")
