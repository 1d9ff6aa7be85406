"""`lanebench lanes`: the lanes of a finished run, other lanes, and the user's choice."""

from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import ConfigError
from harness.files import build, read_json
from harness.run.folder import open_run
from harness.schema import validate
from harness.summarize import summarize
from harness.types import Result
from tests.bundle import good_bundle, write_bundle
from tests.bundle import write_run as write_bundle_run

CONFIG = """
[[models]]
label = "alpha"
server = "llama-server"
base_url = "http://127.0.0.1:8080/v1"
model = "alpha-14b"

[[lanes]]
name = "quick fixes"
tasks = ["code-bugfix"]
rank_by = ["decode_tps"]
"""


def write_run(path: Path) -> Path:
    return write_bundle_run(path, good_bundle())


def _result(run: Path) -> Result:
    document = read_json(run / "result.json")
    assert validate("result", document) == []
    return build(Result, document)


def test_lanes_of_a_run_are_printed_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "run")
    before = (run / "result.json").read_bytes()
    assert main(["lanes", str(run)]) == 0
    assert "my coding" in capsys.readouterr().out
    assert (run / "result.json").read_bytes() == before


def test_the_lanes_of_a_finished_run_can_be_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, config = write_run(tmp_path / "run"), tmp_path / "bench.toml"
    # No model is asked: neither its key nor its file has to be on this machine.
    away = 'key_env = "A_KEY_THAT_IS_NOT_SET"\nfacts = { file = "/no/such/file" }\n'
    config.write_text(CONFIG.replace("\n[[lanes]]", f"{away}\n[[lanes]]"), encoding="utf-8")
    ended = _result(run).run.ended_at
    assert main(["lanes", str(run), "--config", str(config)]) == 0
    assert "Quick fixes" in capsys.readouterr().out
    result = _result(run)
    assert [recommendation.lane for recommendation in result.recommendations] == [
        "quick fixes",
        "daily coding",
        "agent work",
        "writing",
        "long context",
    ]
    assert result == summarize(result)
    assert result.run.ended_at == ended
    assert open_run(run).plan.lanes == result.lanes


def test_the_users_choice_is_stored_with_its_reason_and_changes_no_recommendation(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    before = _result(run)
    assert main(["lanes", str(run), "--choose", "my coding=alpha", "--reason", "it asks first"]) == 0
    after = _result(run)
    override = after.lanes[0].override
    assert override
    assert (override.model, override.reason, len(override.date)) == ("alpha", "it asks first", 10)
    assert after.recommendations == before.recommendations
    assert "it asks first" in (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--choose", "my coding=alpha"], "needs --reason"),
        (["--reason", "it asks first"], "needs --choose"),
        (["--choose", "writing=steady", "--reason", "x"], "no lane is called 'writing'; the run has my coding"),
        (
            ["--choose", "my coding=gone", "--reason", "x"],
            "no model has the label 'gone'; the run has alpha, beta",
        ),
    ],
)
def test_a_choice_without_reason_lane_or_model_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert main(["lanes", str(write_run(tmp_path / "run")), *arguments]) == 7
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    ("choice", "fix"), [("my codng=alpha", "my coding"), ("my coding=aplha", "alpha"), ("x=alpha", None)]
)
def test_a_misspelled_choice_gets_the_nearest_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], choice: str, fix: str | None
) -> None:
    assert main(["lanes", str(write_run(tmp_path / "run")), "--choose", choice, "--reason", "x"]) == 7
    expected = f"did you mean {fix!r}?" if fix else "name one of the run's lanes"
    assert capsys.readouterr().err.endswith(f"\nfix   {expected}\n")


def test_the_lanes_of_a_bundle_are_printed_and_cannot_be_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = write_bundle(tmp_path / "bundle", good_bundle())
    assert main(["lanes", str(bundle)]) == 0
    assert "my coding" in capsys.readouterr().out
    assert main(["lanes", str(bundle), "--choose", "my coding=alpha", "--reason", "it asks first"]) == 7
    assert "not a run folder" in capsys.readouterr().err


def test_a_lanes_misspelled_task_is_refused_and_the_lanes_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, config = write_run(tmp_path / "run"), tmp_path / "bench.toml"
    before = (run / "result.json").read_bytes()
    config.write_text(CONFIG.replace('"code-bugfix"', '"code-bugfx"'), encoding="utf-8")
    assert main(["lanes", str(run), "--config", str(config)]) == ConfigError.exit_code
    errors = capsys.readouterr().err
    assert "lane 'quick fixes': unknown task 'code-bugfx'" in errors
    assert "did you mean 'code-bugfix'?" in errors
    assert (run / "result.json").read_bytes() == before
